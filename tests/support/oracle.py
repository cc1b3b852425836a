"""prometheus_client's own encoding of the same families, to compare the exporter's with."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import generate_latest as generate_text
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from exporter.metrics.encoding import END_OF_OPENMETRICS, BackendFamily, Family, Format
from exporter.metrics.status_page import STATUS_PAGE_FAMILIES
from exporter.records.status_page import StatusPage


class _Families(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterator[Metric]:
        return iter(self._families)


def encode(families: Iterable[Metric], form: Format) -> str:
    """Return what prometheus_client writes, without OpenMetrics' end."""
    generate = generate_openmetrics if form is Format.OPENMETRICS else generate_text
    return generate(_Families(families)).decode().removesuffix(END_OF_OPENMETRICS)


def library_family(family: Family, values: Mapping[str, float] | float, label: str = "") -> Metric:
    """Return one of the exporter's own families as the library's."""
    kind: Any = CounterMetricFamily if family.type == "counter" else GaugeMetricFamily
    metric: Metric = kind(family.name, family.help, labels=[label] if label else [], unit=family.unit)
    for value, number in values.items() if isinstance(values, Mapping) else [("", values)]:
        metric.add_metric([value] if label else [], number)  # type: ignore[attr-defined]
    return metric


def library_families(families: Iterable[BackendFamily[Any]], sources: Sequence[Any]) -> Iterator[Metric]:
    """Return families of backends as the library's, those without a sample left out."""
    for family in families:
        metric = GaugeMetricFamily(family.name, family.help, labels=family.label_names, unit=family.unit)
        for source in sources:
            values = family.read(source)
            if values is None:
                continue
            further = values.items() if isinstance(values, Mapping) else [(None, values)]
            for value, number in further:
                extra = () if value is None else (value,)
                metric.add_metric((source.name, source.location, *extra), number)
        if metric.samples:
            yield metric


def library_status_page(page: StatusPage) -> Iterator[Metric]:
    """Return the families of the status page as the library's, those without a sample left out."""
    for family in STATUS_PAGE_FAMILIES:
        metric = GaugeMetricFamily(family.name, family.help, labels=family.label_names, unit=family.unit)
        for labels, value in family.read(page):
            if value is not None:
                metric.add_metric(labels, value)
        if metric.samples:
            yield metric
