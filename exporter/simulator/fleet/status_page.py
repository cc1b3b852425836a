"""IonQ's status page in the format of Atlassian Statuspage."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from exporter.common.times import format_time
from exporter.simulator.fleet import episodes
from exporter.simulator.fleet.incidents import Incident, Maintenance, incidents, maintenances
from exporter.simulator.fleet.qpus import QPUS
from exporter.simulator.fleet.random_draws import token

_URL = "https://status.ionq.invalid"  # not the real one, so that nobody looks for a simulated outage there
_API = "API"
_DAY = 86400
_COMPONENTS = MappingProxyType(
    {"simulator": "Quantum Simulator"} | {qpu.name: qpu.component for qpu in QPUS.values() if qpu.component}
)
"""The component of each backend that is on the page."""

_STATUSES = (
    "operational",
    "degraded_performance",
    "under_maintenance",
    "partial_outage",
    "major_outage",
)
"""From best to worst."""

_STATUS_BY_IMPACT = MappingProxyType(
    {
        "none": "operational",
        "minor": "degraded_performance",
        "major": "partial_outage",
        "critical": "major_outage",
    }
)

_OVERALL = MappingProxyType(
    {
        "operational": ("none", "All Systems Operational"),
        "degraded_performance": ("minor", "Partially Degraded Service"),
        "under_maintenance": ("maintenance", "Service Under Maintenance"),
        "partial_outage": ("major", "Partial System Outage"),
        "major_outage": ("major", "Partial System Outage"),
    }
)
"""Indicator and description of the page by the worst status of a component."""


_Cause = tuple[str, str, float]  # the name of a component, its status, and since when


@dataclass(frozen=True, slots=True)
class StatusPage:
    """The status page of the `Fleet` with the same seed."""

    seed: int = 1

    def summary(
        self,
        moment: datetime,
        more_incidents: Iterable[Incident] = (),
        more_maintenances: Iterable[Maintenance] = (),
    ) -> dict[str, Any]:
        """Return ``/api/v2/summary.json`` at an aware moment."""
        now = moment.timestamp()
        unresolved = [*incidents(self.seed, now), *more_incidents]
        scheduled = [*maintenances(self.seed, now), *more_maintenances]
        components = self._components(now, unresolved, scheduled)
        return {
            "page": {"id": token("page"), "name": "IonQ", "url": _URL, "updated_at": format_time(now)},
            "components": list(components.values()),
            "incidents": [_incident(one, components) for one in unresolved],
            "scheduled_maintenances": [_maintenance(one, now, components) for one in scheduled],
            "status": _overall([component["status"] for component in components.values()]),
        }

    def _components(
        self, now: float, unresolved: Iterable[Incident], scheduled: Iterable[Maintenance]
    ) -> dict[str, dict[str, Any]]:
        """Return the components by name, each with its worst status and since when."""
        causes: list[_Cause] = [
            (qpu.component, "degraded_performance", degradation.start)
            for qpu in QPUS.values()
            if qpu.component
            and (degradation := episodes.current(self.seed, qpu.name, episodes.DEGRADATION, now))
        ]
        for incident in unresolved:
            status = "operational" if incident.status == "monitoring" else _STATUS_BY_IMPACT[incident.impact]
            causes += [(name, status, incident.updated) for name in _affected(incident)]
        for maintenance in scheduled:
            if maintenance.start <= now:
                causes += [(name, "under_maintenance", maintenance.start) for name in _affected(maintenance)]
        return {name: _component(name, now, causes) for name in (_API, *_COMPONENTS.values())}


def _affected(event: Incident | Maintenance) -> list[str]:
    """Return the names of the affected components; retired backends have none."""
    if not event.backends:
        return [_API]
    return [_COMPONENTS[backend] for backend in event.backends if backend in _COMPONENTS]


def _overall(statuses: list[str]) -> dict[str, str]:
    indicator, description = _OVERALL[max(statuses, key=_STATUSES.index)]
    if set(statuses) == {"major_outage"}:
        indicator, description = "critical", "Major Service Outage"
    return {"indicator": indicator, "description": description}


def _component(name: str, now: float, causes: Iterable[_Cause]) -> dict[str, Any]:
    statuses = [(status, since) for affected, status, since in causes if affected == name]
    midnight = now - now % _DAY
    status, since = max([("operational", midnight), *statuses], key=lambda one: _STATUSES.index(one[0]))
    return {
        "id": token("component", name),
        "name": name,
        "status": status,
        "updated_at": format_time(since),
        "group": False,
        "group_id": None,
        "only_show_if_degraded": False,
    }


def _incident(incident: Incident, components: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": incident.id,
        "name": incident.name,
        "status": incident.status,
        "impact": incident.impact,
        "created_at": format_time(incident.start),
        "started_at": format_time(incident.start),
        "updated_at": format_time(incident.updated),
        "shortlink": f"{_URL}/incidents/{incident.id}",
        "components": [components[name] for name in _affected(incident)],
    }


def _maintenance(maintenance: Maintenance, now: float, components: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": maintenance.id,
        "name": maintenance.name,
        "status": maintenance.status(now),
        "impact": "maintenance",
        "created_at": format_time(maintenance.announced),
        "started_at": format_time(maintenance.announced),
        "updated_at": format_time(maintenance.start if maintenance.start <= now else maintenance.announced),
        "shortlink": f"{_URL}/incidents/{maintenance.id}",
        "scheduled_for": format_time(maintenance.start),
        "scheduled_until": format_time(maintenance.planned_end),
        "components": [components[name] for name in _affected(maintenance)],
    }
