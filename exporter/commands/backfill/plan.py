"""What a backfill is asked to read."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from exporter.common.times import format_time
from exporter.records.characterizations import Characterization

SETTLED = timedelta(hours=3)
"""How long Prometheus may still write a time itself: a block that overlaps it would be refused or lost."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A backend, and where it is today: IonQ keeps no history of that."""

    name: str
    location: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which machines, and what time, in Unix seconds; without a start, as far back as IonQ goes.

    ``backends`` are the names that were asked for, none for all.
    """

    api_url: str
    backends: tuple[str, ...]
    machines: tuple[Machine, ...]
    start: float | None
    end: float


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a machine's history, numbered from 1, newest first.

    ``remaining_pages`` is how many follow, None where IonQ does not say; ``received`` how many records it
    held, and ``rejected`` how often what was wrong in them, by field.
    """

    backend: str
    number: int
    remaining_pages: int | None
    records: tuple[Characterization, ...] = ()
    received: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)


def check_span(start: float | None, end: float | None, now: float) -> float:
    """Return the end to read to, a whole second. Raises ValueError, with a message for the user."""
    latest = now - SETTLED.total_seconds()
    if end is not None and end > latest:
        raise ValueError(
            f"--end must be three hours ago or earlier, {format_time(latest)} now: Prometheus is still "
            "writing what came after, and scrapes bring it"
        )
    # IonQ is asked for whole seconds.
    end = float(math.floor(latest if end is None else end))
    if start is not None and start >= end:
        raise ValueError(f"--start, {format_time(start)}, must be before the end, {format_time(end)}")
    return end


def pages_to_read(plan: Plan, page: Page) -> int:
    """Return how many older pages of its machine are to be read after a page, as far as is known."""
    dates = [record.timestamp_seconds for record in page.records if record.timestamp_seconds is not None]
    # One that is older than the start was in force then.
    if plan.start is not None and dates and min(dates) <= plan.start:
        return 0
    return bool(page.records) if page.remaining_pages is None else page.remaining_pages
