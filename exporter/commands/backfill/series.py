"""Characterizations as OpenMetrics with timestamps, which promtool turns into blocks for Prometheus.

A characterization is in force from its date until that of the next one. A query finds a sample for only a few
minutes, so each value is repeated at regular steps. Samples are at multiples of the step, where queries with
that step look for them.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self, TextIO

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from exporter.metrics.definitions import RECORD_METRICS, BackendMetric
from exporter.records.characterizations import Characterization, CharacterizedBackend

_ZERO = " 0.0"
_LINES_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Timeline:
    """The times of a backend's samples, in Unix seconds, and the characterization in force then."""

    backend: str
    location: str
    spans: tuple[tuple[range, Characterization], ...]

    @classmethod
    def of(
        cls,
        backend: str,
        location: str,
        characterizations: Iterable[Characterization],
        *,
        start: float | None,
        end: float,
        step: int,
    ) -> Self:
        """Arrange characterizations, given in any order, from ``start`` to before ``end``.

        Of two with the same date the first is used, as in a scrape. One without a date is left out.
        """
        by_date: dict[float | None, Characterization] = {}
        for one in characterizations:
            by_date.setdefault(one.timestamp_seconds, one)
        dates = sorted(date for date in by_date if date is not None)
        in_force = (
            (_multiples(step, max(since, start or 0.0), min(until, end)), by_date[since])
            for since, until in pairwise((*dates, math.inf))
        )
        return cls(backend, location, tuple((times, one) for times, one in in_force if times))


def write_history(
    file: TextIO,
    timelines: Sequence[Timeline],
    labels: Mapping[str, str],
    check: Callable[[], None] = lambda: None,
) -> int:
    """Write all metrics of all backends with additional labels. Return the number of samples.

    ``check`` is called every few milliseconds. It may raise an error to stop the writing.
    """
    written = 0
    for metric in RECORD_METRICS:
        series = _series(metric, timelines)
        if not series:
            continue
        head, names = _head_and_names(metric, series, labels)
        file.write(head)
        for name, values in zip(names, series.values(), strict=True):
            for times, value in values:
                sample = f"{name} {floatToGoString(value)}"  # type: ignore[no-untyped-call]
                for first in range(0, len(times), _LINES_AT_ONCE):
                    check()
                    piece = times[first : first + _LINES_AT_ONCE]
                    file.writelines(f"{sample} {time}\n" for time in piece)
                written += len(times)
    file.write("# EOF\n")
    return written


_Values = list[tuple[range, float]]


def _series(
    metric: BackendMetric[CharacterizedBackend], timelines: Iterable[Timeline]
) -> dict[tuple[str, ...], _Values]:
    """Return the times and values of a metric by the values of its labels."""
    series: dict[tuple[str, ...], _Values] = {}
    for timeline in timelines:
        labels = (timeline.backend, timeline.location)
        for times, one in timeline.spans:
            for further_values, value in metric.samples(CharacterizedBackend(*labels, one.id, one)):
                series.setdefault((*labels, *further_values), []).append((times, value))
    return series


def _head_and_names(
    metric: BackendMetric[CharacterizedBackend],
    series: Iterable[tuple[str, ...]],
    labels: Mapping[str, str],
) -> tuple[str, list[str]]:
    """Return the comment lines of a metric, and the text before the value of each of its series.

    prometheus_client knows how to order and escape labels, but would need minutes for all samples. So it
    writes each series once, with a value that is cut off.
    """
    family = GaugeMetricFamily(
        metric.name, metric.help, labels=(*labels, *metric.label_names), unit=metric.unit
    )
    for label_values in series:
        family.add_metric((*labels.values(), *label_values), 0)
    text: bytes = generate_latest(_Single(family))  # type: ignore[no-untyped-call]
    *lines, _eof, _nothing = text.decode().split("\n")
    head = [line for line in lines if line.startswith("#")]
    names = [line.removesuffix(_ZERO) for line in lines[len(head) :]]
    return "".join(f"{line}\n" for line in head), names


class _Single(Collector):
    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterator[Metric]:
        yield self._family


def _multiples(step: int, since: float, until: float) -> range:
    """Return the multiples of a step from one time to before another."""
    # In integers, which are not rounded.
    first, end = (-(-math.ceil(time) // step) * step for time in (since, until))
    return range(first, end, step)
