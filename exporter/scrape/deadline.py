"""How long a scrape may take, and how its time is shared."""

import math
import time
from collections.abc import Callable

_SHARE_FOR_CHARACTERIZATIONS = 0.5


class Deadline:
    """The moment at which a scrape must end. It bounds that scrape's waiting, not the read it waits for."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        """The time that the scrape has in all."""
        self._clock = clock
        self._started = clock()

    @classmethod
    def from_header(
        cls,
        header: str | None,
        *,
        offset_seconds: float,
        timeout_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> "Deadline":
        """Return the deadline for Prometheus's header X-Prometheus-Scrape-Timeout-Seconds.

        The offset leaves time for the response to arrive before Prometheus gives up. A scrape with no more
        time than the offset keeps half of its time: with none it would always fail. The timeout is the upper
        limit, and the deadline where the header is missing or not a positive number.
        """
        try:
            granted = float(header or "nan")
        except ValueError:
            granted = math.nan
        half = granted / 2
        if not math.isfinite(half) or half <= 0:
            return cls(timeout_seconds, clock)
        return cls(
            min(granted - offset_seconds if granted > offset_seconds else half, timeout_seconds), clock
        )

    @property
    def elapsed_seconds(self) -> float:
        """The time that the scrape has taken so far."""
        return self._clock() - self._started

    @property
    def remaining_seconds(self) -> float:
        """The time that the scrape has left."""
        return self.seconds - self.elapsed_seconds

    @property
    def seconds_for_characterizations(self) -> float:
        """How long the scrape may wait for new characterizations: half of what ``/backends`` left."""
        return _SHARE_FOR_CHARACTERIZATIONS * self.remaining_seconds
