"""Bounds how many series IonQ's answers can create over time.

A Prometheus keeps each series that it ever saw in memory for hours, so names that change at each call
would fill it, however few there are in each.
"""

import time
from collections.abc import Callable, Hashable
from dataclasses import replace

from exporter.records.backends import KNOWN_STATUSES, Backend, BackendList
from exporter.records.json_values import Rejection

WINDOW_SECONDS = 3600.0
_CHANGES_PER_BACKEND = 2
"""How often a backend may change what is a label of its own, within the window."""


class CardinalityLimit:
    """Lets so many backends through within an hour, and twice as many of the labels that change.

    A backend, status or characterization that was let through stays so until it has not been seen for
    an hour. What is beyond the limit is left out and counted, as is any other value that is not valid.
    """

    def __init__(self, max_backends: int, clock: Callable[[], float] = time.monotonic) -> None:
        changes = _CHANGES_PER_BACKEND * max_backends
        self._backends = _Known(max_backends, clock)
        self._statuses = _Known(changes, clock)
        self._characterizations = _Known(changes, clock)
        self._last: tuple[BackendList, BackendList] | None = None

    def admit(self, answer: BackendList) -> BackendList:
        """Return what an answer may show: itself, where it brings not too much that is new."""
        backends: list[Backend] = []
        dropped = dict.fromkeys(("row", "status", "characterization_id"), 0)
        for backend in answer.backends:
            identity = (backend.name, backend.location)
            if not self._backends.admits(identity):
                dropped["row"] += 1
                continue
            admitted = backend
            status, characterization = backend.status, backend.characterization_id
            if status not in (None, *KNOWN_STATUSES) and not self._statuses.admits((*identity, status)):
                dropped["status"] += 1
                admitted = replace(admitted, status=None)
            if characterization and not self._characterizations.admits((*identity, characterization)):
                dropped["characterization_id"] += 1
                admitted = replace(admitted, characterization_id=None)
            backends.append(admitted)
        if not any(dropped.values()):
            self._last = None
            return answer
        return self._without(answer, tuple(backends), dropped)

    def _without(
        self, answer: BackendList, backends: tuple[Backend, ...], dropped: dict[str, int]
    ) -> BackendList:
        # The same object again for the same answer, since what was written of it is kept.
        if self._last and self._last[0] is answer and self._last[1].backends == backends:
            return self._last[1]
        surplus = tuple(
            Rejection(field, "many rows", "is new more often than --ionq.max-backends allows", count)
            for field, count in dropped.items()
            if count
        )
        admitted = BackendList(backends, answer.rejections + surplus)
        self._last = answer, admitted
        return admitted


class _Known:
    """A set of bounded size that forgets what it has not been asked about for an hour."""

    def __init__(self, capacity: int, clock: Callable[[], float]) -> None:
        self._capacity = capacity
        self._clock = clock
        self._last_seen: dict[Hashable, float] = {}
        self._next_purge = 0.0

    def admits(self, key: Hashable) -> bool:
        """Note a key, and return whether it is known or there was room for it."""
        now = self._clock()
        if key not in self._last_seen and len(self._last_seen) >= self._capacity and now >= self._next_purge:
            self._purge(now)
        if key not in self._last_seen and len(self._last_seen) >= self._capacity:
            return False
        self._last_seen[key] = now
        return True

    def _purge(self, now: float) -> None:
        horizon = now - WINDOW_SECONDS
        self._last_seen = {key: seen for key, seen in self._last_seen.items() if seen > horizon}
        oldest = min(self._last_seen.values(), default=now)
        self._next_purge = oldest + WINDOW_SECONDS
