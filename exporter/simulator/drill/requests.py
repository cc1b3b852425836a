"""What a drill can be asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from exporter.common.times import format_time
from exporter.simulator.fleet.incidents import Incident, Maintenance

STATUS_ENDPOINT = "status"
ENDPOINTS = ("backends", "characterizations", STATUS_ENDPOINT)


class DrillError(Exception):
    """A drill request that is not valid; the message is for the person who sent it."""


@dataclass(frozen=True, slots=True)
class OverrideBackend:
    """Override fields of the backends that match a pattern; None removes a field."""

    pattern: str
    fields: Mapping[str, Any]

    @property
    def key(self) -> tuple[object, ...]:
        """Identify the request: a newer one with the same key replaces it."""
        return ("backend", self.pattern, frozenset(self.fields))

    def as_json(self) -> dict[str, Any]:
        """Return the request as JSON."""
        return {"backend": self.pattern, **self.fields}


@dataclass(frozen=True, slots=True)
class RemoveBackend:
    """Remove the backends that match a pattern."""

    pattern: str

    @property
    def key(self) -> tuple[object, ...]:
        """Identify the request: a newer one with the same key replaces it."""
        return ("gone", self.pattern)

    def as_json(self) -> dict[str, Any]:
        """Return the request as JSON."""
        return {"backend": self.pattern, "gone": True}


@dataclass(frozen=True, slots=True)
class InjectFault:
    """Inject a fault into one endpoint, or into the API: all endpoints but the status page."""

    fault: str
    endpoint: str | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """Identify the request: a newer one with the same key replaces it."""
        return ("fault", self.endpoint)

    def as_json(self) -> dict[str, Any]:
        """Return the request as JSON."""
        return {"fault": self.fault} | ({"endpoint": self.endpoint} if self.endpoint else {})


@dataclass(frozen=True, slots=True)
class ReportIncident:
    """Report an incident on the status page; if it is an outage, its backends become unavailable."""

    incident: Incident

    @property
    def key(self) -> tuple[object, ...]:
        """Identify the request: a newer one with the same key replaces it."""
        return ("incident", self.incident.id)

    def as_json(self) -> dict[str, Any]:
        """Return the request as JSON."""
        return {
            "incident": self.incident.name,
            "id": self.incident.id,
            "impact": self.incident.impact,
            "status": self.incident.status,
            "backends": self.incident.backends,
        }


@dataclass(frozen=True, slots=True)
class ScheduleMaintenance:
    """Announce a maintenance on the status page, and make its backends unavailable while it lasts."""

    maintenance: Maintenance

    @property
    def key(self) -> tuple[object, ...]:
        """Identify the request: a newer one with the same key replaces it."""
        return ("maintenance", self.maintenance.id)

    def as_json(self) -> dict[str, Any]:
        """Return the request as JSON."""
        return {
            "maintenance": self.maintenance.name,
            "id": self.maintenance.id,
            "scheduled_for": format_time(self.maintenance.start),
            "scheduled_until": format_time(self.maintenance.planned_end),
            "ends": format_time(self.maintenance.end),
            "backends": self.maintenance.backends,
        }


DrillRequest = OverrideBackend | RemoveBackend | InjectFault | ReportIncident | ScheduleMaintenance
