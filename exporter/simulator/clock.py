"""Simulated time."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]

_MAX_SPEED = 1_000_000.0


def utc_now() -> datetime:
    """Return the real time."""
    return datetime.now(UTC)


def simulated_clock(
    speed: float = 1.0, *, start: datetime | None = None, monotonic: Callable[[], float] = time.monotonic
) -> Clock:
    """Return a clock that runs at `speed` simulated seconds per real second, from `start` (default: now).

    Raises ValueError when `speed` is not above 0 and at most 1,000,000.
    """
    if not 0 < speed <= _MAX_SPEED:
        raise ValueError(f"speed must be above 0 and at most {_MAX_SPEED:,.0f}, not {speed}")
    begin = utc_now() if start is None else start
    origin = monotonic()
    return lambda: begin + timedelta(seconds=speed * (monotonic() - origin))
