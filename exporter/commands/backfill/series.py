"""Past characterizations as OpenMetrics with timestamps, which promtool turns into Prometheus's blocks.

A record counts from its date until the next one's. Prometheus looks no further back for a sample than a
few minutes, so each value is repeated at a step, at whole multiples of it: there, queries find it.
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

from exporter.commands.backfill.plan import Machine, Plan
from exporter.metrics.definitions import RECORD_METRICS, BackendMetric
from exporter.records.characterizations import Characterization, CharacterizedBackend

_ZERO = " 0.0"
_LINES_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Timeline:
    """At which moments, in Unix seconds, which record of a machine was in force."""

    machine: Machine
    spans: tuple[tuple[range, Characterization], ...]

    @classmethod
    def of(cls, plan: Plan, machine: Machine, records: Iterable[Characterization], step: int) -> Self:
        """Lay out records in any order, each until the next one, and the last until the plan's end.

        Of two with one date the first counts, as the newest does in a scrape; what has no date has no place.
        """
        by_date: dict[float | None, Characterization] = {}
        for record in records:
            by_date.setdefault(record.timestamp_seconds, record)
        dates = sorted(date for date in by_date if date is not None)
        start = 0.0 if plan.start is None else plan.start
        in_force = (
            (_multiples(step, max(since, start), min(until, plan.end)), by_date[since])
            for since, until in pairwise((*dates, math.inf))
        )
        return cls(machine, tuple((moments, record) for moments, record in in_force if moments))


def write_history(
    file: TextIO,
    timelines: Sequence[Timeline],
    labels: Mapping[str, str],
    check: Callable[[], None] = lambda: None,
) -> int:
    """Write all metrics of all machines, with further labels on each series; return how many samples.

    ``check`` is called every few milliseconds; what it raises ends the writing.
    """
    written = 0
    for metric in RECORD_METRICS:
        series = _series(metric, timelines)
        if not series:
            continue
        head, names = _head_and_names(metric, series, labels)
        file.write(head)
        for name, values in zip(names, series.values(), strict=True):
            for moments, value in values:
                sample = f"{name} {floatToGoString(value)}"  # type: ignore[no-untyped-call]
                for first in range(0, len(moments), _LINES_AT_ONCE):
                    check()
                    piece = moments[first : first + _LINES_AT_ONCE]
                    file.writelines(f"{sample} {moment}\n" for moment in piece)
                written += len(moments)
    file.write("# EOF\n")
    return written


_Values = list[tuple[range, float]]


def _series(
    metric: BackendMetric[CharacterizedBackend], timelines: Iterable[Timeline]
) -> dict[tuple[str, ...], _Values]:
    """Return what a metric was and when, by the values of its labels."""
    series: dict[tuple[str, ...], _Values] = {}
    for timeline in timelines:
        machine = timeline.machine
        for moments, record in timeline.spans:
            backend = CharacterizedBackend(machine.name, machine.location, record.id, record)
            for further_values, value in metric.samples(backend):
                label_values = (machine.name, machine.location, *further_values)
                series.setdefault(label_values, []).append((moments, value))
    return series


def _head_and_names(
    metric: BackendMetric[CharacterizedBackend],
    series: Iterable[tuple[str, ...]],
    labels: Mapping[str, str],
) -> tuple[str, list[str]]:
    """Return the lines that introduce a metric, and how each of its series is written before the value.

    The library knows the order and the escapes of labels, but writes no series without a value, and would
    take minutes to write each for all moments. So each is written once, with a value that is cut off.
    """
    family = GaugeMetricFamily(
        metric.name, metric.help, labels=(*labels, *metric.label_names), unit=metric.unit
    )
    for label_values in series:
        family.add_metric((*labels.values(), *label_values), 0)
    text: bytes = generate_latest(_Single(family))  # type: ignore[no-untyped-call]
    *lines, _end, _nothing = text.decode().split("\n")
    head = [line for line in lines if line.startswith("#")]
    names = [line.removesuffix(_ZERO) for line in lines[len(head) :]]
    return "".join(f"{line}\n" for line in head), names


class _Single(Collector):
    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterator[Metric]:
        yield self._family


def _multiples(step: int, since: float, until: float) -> range:
    """Return the multiples of a step from one time on, and before another."""
    # In integers, where nothing is rounded.
    first, end = (-(-math.ceil(moment) // step) * step for moment in (since, until))
    return range(first, end, step)
