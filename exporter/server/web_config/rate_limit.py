"""A limit on requests: one token bucket for all clients, as in exporter-toolkit."""

import time
from collections.abc import Callable

from exporter.server.web_config.settings import RateLimit


class RateLimiter:
    """A bucket that gains a token at each interval, and loses one at each request."""

    def __init__(self, limit: RateLimit, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._tokens = float(limit.burst)
        self._counted_at = clock()

    def wait_seconds(self) -> float:
        """Take a token and return 0, or return the seconds until there is one."""
        now = self._clock()
        gained = (now - self._counted_at) / self._limit.interval_seconds
        self._tokens = min(self._tokens + gained, self._limit.burst)
        self._counted_at = now
        if self._tokens < 1:
            return (1 - self._tokens) * self._limit.interval_seconds
        self._tokens -= 1
        return 0.0
