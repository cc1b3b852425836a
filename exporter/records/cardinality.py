"""Limits how many new series IonQ's responses can create over time.

Prometheus keeps each series that it has seen in memory for hours. Names that change at each response would
fill that memory, however few are in each.
"""

import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from typing import TypeVar

from exporter.records.backends import KNOWN_STATUSES, Backend, BackendList
from exporter.records.json_values import Rejection
from exporter.records.status_page import REJECTED_FIELDS, Component, Incident, Maintenance, StatusPage

Entry = TypeVar("Entry", Component, Incident, Maintenance)

WINDOW_SECONDS = 3600.0
_CHANGES_PER_BACKEND = 2
"""How many values of a label a backend may have within the window, on average."""


class CardinalityLimit:
    """Admits at most ``max_backends`` backends in an hour, and twice as many values of their other labels.

    An admitted backend, status or characterization stays admitted until it has not been seen for an hour.
    What is beyond the limit is left out and counted as a rejected value.
    """

    def __init__(self, max_backends: int, clock: Callable[[], float] = time.monotonic) -> None:
        changes = _CHANGES_PER_BACKEND * max_backends
        self._backends = _Known(max_backends, clock)
        self._statuses = _Known(changes, clock)
        self._characterizations = _Known(changes, clock)

    def admit(self, listed: BackendList) -> BackendList:
        """Return the list without what is beyond the limit."""
        backends: list[Backend] = []
        dropped = dict.fromkeys(("row", "status", "characterization_id"), 0)
        for backend in listed.backends:
            identity = (backend.name, backend.location)
            if not self._backends.admits(identity):
                dropped["row"] += 1
                continue
            admitted = backend
            status, characterization = backend.status, backend.characterization_id
            if status not in (None, *KNOWN_STATUSES) and not self._statuses.admits((*identity, status)):
                dropped["status"] += 1
                admitted = admitted._replace(status=None)
            if characterization and not self._characterizations.admits((*identity, characterization)):
                dropped["characterization_id"] += 1
                admitted = admitted._replace(characterization_id=None)
            backends.append(admitted)
        surplus = tuple(
            Rejection(field, "many rows", "is new more often than --ionq.max-backends allows", count)
            for field, count in dropped.items()
            if count
        )
        return BackendList(tuple(backends), listed.rejections + surplus) if surplus else listed


MAX_STATUS_PAGE_LABELS = 300
"""IonQ's page has four components, and months may pass without an incident."""


class StatusPageLimit:
    """Admits at most 300 components, incidents and maintenances in an hour.

    One whose labels change counts again, one whose times change does not. What is beyond the limit is left
    out and counted as a rejected value.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._known = _Known(MAX_STATUS_PAGE_LABELS, clock)

    def admit(self, page: StatusPage) -> StatusPage:
        """Return the page without what is beyond the limit."""
        admitted = replace(
            page,
            indicator=page.indicator if self._known.admits(page.indicator) else None,
            components=self._admit(page.components),
            incidents=None if page.incidents is None else self._admit(page.incidents),
            maintenances=self._admit(page.maintenances),
        )
        problem = f"is new, and more than {MAX_STATUS_PAGE_LABELS} were within an hour"
        surplus = tuple(
            Rejection(field, "status page", problem, before - after)
            for field, before, after in zip(REJECTED_FIELDS, _sizes(page), _sizes(admitted), strict=True)
            if before > after
        )
        return replace(admitted, rejections=page.rejections + surplus) if surplus else page

    def _admit(self, entries: Iterable[Entry]) -> tuple[Entry, ...]:
        return tuple(entry for entry in entries if self._known.admits(entry.labels))


def _sizes(page: StatusPage) -> tuple[int, ...]:
    """Return how many there are of each of ``REJECTED_FIELDS``."""
    return (
        int(page.indicator is not None),
        len(page.components),
        len(page.incidents or ()),
        len(page.maintenances),
    )


class _Known:
    """A set of bounded size that drops a key which has not been seen for an hour."""

    def __init__(self, capacity: int, clock: Callable[[], float]) -> None:
        self._capacity = capacity
        self._clock = clock
        self._last_seen: dict[Hashable, float] = {}
        self._next_purge = 0.0

    def admits(self, key: Hashable) -> bool:
        """Record that a key was seen, and return whether it is known or there was room for it."""
        now = self._clock()
        if key not in self._last_seen:
            if len(self._last_seen) >= self._capacity and now >= self._next_purge:
                self._purge(now)
            if len(self._last_seen) >= self._capacity:
                return False
        self._last_seen[key] = now
        return True

    def _purge(self, now: float) -> None:
        horizon = now - WINDOW_SECONDS
        self._last_seen = {key: seen for key, seen in self._last_seen.items() if seen > horizon}
        oldest = min(self._last_seen.values(), default=now)
        self._next_purge = oldest + WINDOW_SECONDS
