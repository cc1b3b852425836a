"""Characterizations as OpenMetrics with timestamps, which promtool turns into blocks for Prometheus.

A characterization is in force from its date until that of the next one. A query finds a sample for only a few
minutes, so each value is repeated at regular steps. Samples are at multiples of the step, where queries with
that step look for them.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self, TextIO

from exporter.metrics.characterizations import HISTORY_FAMILIES
from exporter.metrics.encoding import (
    END_OF_OPENMETRICS,
    BackendFamily,
    Format,
    encode_label,
    encode_labels,
    encode_number,
)
from exporter.records.characterizations import Characterization, CharacterizedBackend

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
    for family in HISTORY_FAMILIES:
        series = _series(family, timelines)
        if series:
            file.write(family.heads[Format.OPENMETRICS])
        for name, values in series.items():
            labelled = _with_labels(name, labels)
            for times, value in values:
                sample = f"{labelled} {encode_number(value)}"
                for first in range(0, len(times), _LINES_AT_ONCE):
                    check()
                    piece = times[first : first + _LINES_AT_ONCE]
                    file.writelines(f"{sample} {time}\n" for time in piece)
                written += len(times)
    file.write(END_OF_OPENMETRICS)
    return written


_Values = list[tuple[range, float]]


def _series(family: BackendFamily[CharacterizedBackend], timelines: Iterable[Timeline]) -> dict[str, _Values]:
    """Return the times and values of a family by series, which is name and labels as text."""
    series: dict[str, _Values] = {}
    for timeline in timelines:
        for times, one in timeline.spans:
            backend = CharacterizedBackend(timeline.backend, timeline.location, one.id, one)
            for name, value in family.samples([backend], [encode_labels(backend)]):
                series.setdefault(name, []).append((times, value))
    return series


def _with_labels(series: str, labels: Mapping[str, str]) -> str:
    """Add labels to a series."""
    name, _, own = series.partition("{")
    further = "".join(f"{encode_label(label, value)}," for label, value in labels.items())
    return f"{name}{{{further}{own}"


def _multiples(step: int, since: float, until: float) -> range:
    """Return the multiples of a step from one time to before another."""
    # In integers, which are not rounded.
    first, end = (-(-math.ceil(time) // step) * step for time in (since, until))
    return range(first, end, step)
