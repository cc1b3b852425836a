"""Past characterizations as OpenMetrics with timestamps, which promtool turns into Prometheus's blocks.

A record counts from its date until the next one's. Prometheus looks no further back for a sample than a
few minutes, so each value is repeated at a step, at whole multiples of it: there, queries find it.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self, TextIO

from exporter.commands.backfill.plan import Machine, Plan
from exporter.metrics.characterizations import HISTORY_FAMILIES
from exporter.metrics.encoding import (
    END_OF_OPENMETRICS,
    BackendFamily,
    Format,
    encode_labels,
    encode_number,
    escape_label,
)
from exporter.records.characterizations import Characterization, CharacterizedBackend

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
    for family in HISTORY_FAMILIES:
        series = _series(family, timelines)
        if series:
            file.write(family.heads[Format.OPENMETRICS])
        for name, values in series.items():
            labelled = _with_labels(name, labels)
            for moments, value in values:
                sample = f"{labelled} {encode_number(value)}"
                for first in range(0, len(moments), _LINES_AT_ONCE):
                    check()
                    piece = moments[first : first + _LINES_AT_ONCE]
                    file.writelines(f"{sample} {moment}\n" for moment in piece)
                written += len(moments)
    file.write(END_OF_OPENMETRICS)
    return written


_Values = list[tuple[range, float]]


def _series(family: BackendFamily[CharacterizedBackend], timelines: Iterable[Timeline]) -> dict[str, _Values]:
    """Return the values of a family and when they held, by series: name and labels as text."""
    series: dict[str, _Values] = {}
    for timeline in timelines:
        machine = timeline.machine
        for moments, record in timeline.spans:
            backend = CharacterizedBackend(machine.name, machine.location, record.id, record)
            for name, value in family.samples([backend], [encode_labels(backend)]):
                series.setdefault(name, []).append((moments, value))
    return series


def _with_labels(series: str, labels: Mapping[str, str]) -> str:
    """Add labels to a series."""
    name, _, own = series.partition("{")
    further = "".join(f'{label}="{escape_label(value)}",' for label, value in labels.items())
    return f"{name}{{{further}{own}"


def _multiples(step: int, since: float, until: float) -> range:
    """Return the multiples of a step from one time on, and before another."""
    # In integers, where nothing is rounded.
    first, end = (-(-math.ceil(moment) // step) * step for moment in (since, until))
    return range(first, end, step)
