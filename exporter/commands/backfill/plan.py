"""What a backfill reads: backends, a span of time, and pages of characterizations."""

import math
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import click

from exporter.common.times import format_time
from exporter.records.characterizations import Characterization

SETTLED = timedelta(hours=3)
"""Prometheus may still write younger samples. A block that overlaps them would be refused or lost."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which backends to read, and from when to when in Unix seconds.

    ``names`` are the values of --backend; none means all backends. Without a start, reading goes back as far
    as IonQ does. ``locations`` has the present location of each backend to read, once IonQ was asked for
    them. IonQ keeps no history of locations.
    """

    api_url: str
    names: tuple[str, ...]
    start: float | None
    end: float
    page_size: int
    locations: Mapping[str, str] = field(default_factory=dict)

    def flags(self) -> tuple[str, ...]:
        """Return the flags that lead to this plan, always in the same order."""
        return (
            f"--ionq.api-url={shlex.quote(self.api_url)}",
            " ".join(f"--backend={shlex.quote(name)}" for name in sorted(self.names)) or "no --backend",
            "no --start" if self.start is None else f"--start={format_time(self.start)}",
            f"--end={format_time(self.end)}",
            "--one-by-one" if self.page_size == 1 else "no --one-by-one",
        )


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a backend's characterizations, newest first. The first page has number 1.

    ``remaining_pages`` is the number of older pages, or None if IonQ does not say. ``received`` is the number
    of characterizations that IonQ sent, and ``rejected`` counts what was wrong in them by field.
    """

    backend: str
    number: int
    remaining_pages: int | None
    characterizations: tuple[Characterization, ...] = ()
    received: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)


def check_span(start: float | None, end: float | None, now: float) -> float:
    """Return the end, by default the latest possible one. Raises BadParameter."""
    latest = now - SETTLED.total_seconds()
    if end is not None and end > latest:
        raise click.BadParameter(
            f"must be three hours ago or earlier, {format_time(latest)} now: Prometheus still writes the "
            "samples since then",
            param_hint="--end",
        )
    # IonQ's times are whole seconds.
    end = float(math.floor(latest if end is None else end))
    if start is not None and start >= end:
        raise click.BadParameter(
            f"{format_time(start)} must be before the end, {format_time(end)}", param_hint="--start"
        )
    return end


def pages_to_read(plan: Plan, page: Page) -> int:
    """Return how many older pages of the same backend to read, as far as is known."""
    dates = [one.timestamp_seconds for one in page.characterizations if one.timestamp_seconds is not None]
    # A characterization that is older than the start was in force at the start.
    if plan.start is not None and dates and min(dates) <= plan.start:
        return 0
    return bool(page.characterizations) if page.remaining_pages is None else page.remaining_pages


def progress(plan: Plan, pages: Iterable[Page]) -> tuple[int, int]:
    """Return how many pages were read, and how many there are as far as is known."""
    last = {page.backend: page for page in pages}
    done = sum(page.number for page in last.values())
    not_begun = len(plan.locations) - len(last)
    return done, done + not_begun + sum(pages_to_read(plan, page) for page in last.values())
