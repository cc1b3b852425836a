"""A rate limit for log lines about events that repeat: the first at once, then ever fewer."""

import time
from collections.abc import Callable, Hashable

MAX_KINDS = 50
"""The number of kinds that are distinguished. Without a limit a server could fill the memory with kinds."""

_FIRST_INTERVAL_SECONDS = 60.0
_LAST_INTERVAL_SECONDS = 3600.0
_REST_SECONDS = 300.0


class FallingRate:
    """Decides which of many similar events to log.

    The first event of each kind is logged. After that the interval between log lines doubles from a minute
    to an hour. It starts again after an hour without events, or after five minutes of ``rest``.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kinds: set[Hashable] = set()
        self._interval = _FIRST_INTERVAL_SECONDS
        self._last_event = self._last_logged = -float("inf")
        self._resting_since: float | None = None

    def should_log(self, kind: Hashable) -> bool:
        """Note an event, and return whether to log it."""
        now = self._clock()
        if now - self._last_event > _LAST_INTERVAL_SECONDS:
            self._reset()
        self._last_event = now
        self._resting_since = None
        if kind not in self._kinds and len(self._kinds) < MAX_KINDS:
            self._kinds.add(kind)
        elif now - self._last_logged >= self._interval:
            self._interval = min(2 * self._interval, _LAST_INTERVAL_SECONDS)
        else:
            return False
        self._last_logged = now
        return True

    def rest(self) -> None:
        """Note that nothing is wrong at the moment."""
        now = self._clock()
        if self._resting_since is None:
            self._resting_since = now
        elif now - self._resting_since >= _REST_SECONDS:
            self._reset()

    def _reset(self) -> None:
        self._kinds.clear()
        self._interval = _FIRST_INTERVAL_SECONDS
