"""Simulated time."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]

_FASTEST = 1_000_000.0


def utc_now() -> datetime:
    """Tell the real time."""
    return datetime.now(UTC)


def simulated_clock(
    speed: float = 1.0, *, start: datetime | None = None, monotonic: Callable[[], float] = time.monotonic
) -> Clock:
    """Make a clock that lives `speed` seconds per real second, from `start` (by default: now).

    Raises ValueError when `speed` is not above 0 and at most 1,000,000.
    """
    if not 0 < speed <= _FASTEST:
        raise ValueError(f"speed must be above 0 and at most {_FASTEST:,.0f}, not {speed}")
    begin = utc_now() if start is None else start
    origin = monotonic()
    return lambda: begin + timedelta(seconds=speed * (monotonic() - origin))
