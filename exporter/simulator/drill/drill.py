"""The drill requests that are active, and their effects."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any

from exporter.simulator.clock import Clock
from exporter.simulator.drill.requests import (
    STATUS_ENDPOINT,
    DrillError,
    DrillRequest,
    InjectFault,
    OverrideBackend,
    RemoveBackend,
    ReportIncident,
    ScheduleMaintenance,
)
from exporter.simulator.fleet.backends import BackendFields
from exporter.simulator.fleet.incidents import Incident, Maintenance

_MAX_ACTIVE = 200


@dataclass(frozen=True, slots=True)
class _Active:
    request: DrillRequest
    until: float | None

    def as_json(self, now: float) -> dict[str, Any]:
        remaining = None if self.until is None else round(self.until - now, 3)
        return self.request.as_json() | {"remaining_seconds": remaining}


class Drill:
    """The active drill requests.

    `monotonic` returns real seconds, in which requests last. `clock` returns the simulated time, in which
    maintenance is scheduled.
    """

    def __init__(self, monotonic: Callable[[], float], clock: Clock) -> None:
        self._monotonic = monotonic
        self._clock = clock
        self._active: Mapping[tuple[object, ...], _Active] = MappingProxyType({})

    def begin(self, request: DrillRequest, seconds: float | None = None) -> dict[str, Any]:
        """Activate a request for some seconds, or until it is ended; return how it is listed.

        It replaces an active request with the same key. Raises DrillError if too many are active.
        """
        others = {key: active for key, active in self._current().items() if key != request.key}
        if len(others) >= _MAX_ACTIVE:
            raise DrillError(f"{_MAX_ACTIVE} requests are active: DELETE /drill ends them")
        now = self._monotonic()
        active = _Active(request, None if seconds is None else now + seconds)
        self._active = {**others, request.key: active}
        return active.as_json(now)

    def end(self) -> int:
        """End all requests; return how many were active."""
        ended = len(self._current())
        self._active = {}
        return ended

    def active(self) -> list[dict[str, Any]]:
        """List the active requests, oldest first, with the seconds that remain (None: until ended)."""
        now = self._monotonic()
        return [active.as_json(now) for active in self._current().values()]

    def apply(self, backends: Iterable[BackendFields]) -> list[BackendFields]:
        """Return the backends with the changes of all requests, the newest last."""
        changed = list(backends)
        for request in self._requests():
            match request:
                case OverrideBackend(pattern, fields):
                    changed = [_overridden(backend, pattern, fields) for backend in changed]
                case RemoveBackend(pattern):
                    changed = [backend for backend in changed if not fnmatchcase(backend["backend"], pattern)]
                case ReportIncident(incident) if incident.is_outage:
                    changed = _unavailable(changed, incident.backends)
                case ScheduleMaintenance(maintenance) if maintenance.start <= self._clock().timestamp():
                    changed = _unavailable(changed, maintenance.backends)
                case _:
                    continue
        return changed

    def fault(self, endpoint: str) -> str | None:
        """Return the name of the newest active fault of an endpoint."""
        # The status page is on another host: a fault of the API does not affect it.
        endpoints = {endpoint} if endpoint == STATUS_ENDPOINT else {endpoint, None}
        faults = [
            request.fault
            for request in self._requests()
            if isinstance(request, InjectFault) and request.endpoint in endpoints
        ]
        return faults[-1] if faults else None

    def incidents(self) -> list[Incident]:
        """Return the incidents to show on the status page."""
        return [request.incident for request in self._requests() if isinstance(request, ReportIncident)]

    def maintenances(self) -> list[Maintenance]:
        """Return the maintenances to show on the status page."""
        return [
            request.maintenance for request in self._requests() if isinstance(request, ScheduleMaintenance)
        ]

    def _requests(self) -> Iterable[DrillRequest]:
        return (active.request for active in self._current().values())

    def _current(self) -> Mapping[tuple[object, ...], _Active]:
        self._active = {key: active for key, active in self._active.items() if not self._is_over(active)}
        return self._active

    def _is_over(self, active: _Active) -> bool:
        if active.until is not None and active.until <= self._monotonic():
            return True
        match active.request:
            case ScheduleMaintenance(maintenance):
                return maintenance.end <= self._clock().timestamp()
            case _:
                return False


def _overridden(backend: BackendFields, pattern: str, fields: Mapping[str, Any]) -> BackendFields:
    if not fnmatchcase(backend["backend"], pattern):
        return backend
    # Sorted, which is the order of IonQ's schema: an override may add a field.
    return {field: value for field, value in sorted({**backend, **fields}.items()) if value is not None}


def _unavailable(backends: Iterable[BackendFields], names: Iterable[str]) -> list[BackendFields]:
    return [
        {**backend, "status": "unavailable"} if backend["backend"] in names else backend
        for backend in backends
    ]
