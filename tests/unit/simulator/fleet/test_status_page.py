import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from exporter.simulator import Fleet
from exporter.simulator.fleet.incidents import Incident, Maintenance
from exporter.simulator.fleet.status_page import StatusPage
from tests.support.simulator import NOW

PAGE = StatusPage(1)
BEGIN = NOW.timestamp()
COMPONENT = {"qpu.forte-1": "IonQ Forte", "qpu.tempo-1": "IonQ Tempo"} | {
    f"qpu.forte-enterprise-{number}": f"IonQ Forte Enterprise {number}" for number in (1, 2, 3)
}
INCIDENT = Incident(
    id="1234",
    name="Laser fault",
    impact="critical",
    status="investigating",
    start=BEGIN,
    updated=BEGIN,
    backends=("qpu.forte-1",),
)
MAINTENANCE = Maintenance(
    id="5678",
    name="Cooling",
    announced=BEGIN - 86400,
    start=BEGIN - 3600,
    planned_end=BEGIN - 600,
    end=BEGIN + 3600,
    backends=("qpu.forte-1",),
)


def statuses(summary: dict[str, Any]) -> dict[str, str]:
    return {component["name"]: component["status"] for component in summary["components"]}


def test_the_page_lists_the_api_the_simulator_and_the_qpus_in_service() -> None:
    summary = PAGE.summary(NOW)
    assert list(statuses(summary)) == ["API", "Quantum Simulator", *sorted(COMPONENT.values())]
    assert len({component["id"] for component in summary["components"]}) == 7
    assert summary["page"]["name"] == "IonQ"
    assert summary["page"]["updated_at"] == "2026-11-22T12:00:30Z"
    json.dumps(summary, allow_nan=False)


def test_an_incident_has_the_format_of_statuspage() -> None:
    summary = PAGE.summary(NOW, [INCIDENT])
    (incident,) = summary["incidents"]
    assert incident == {
        "id": "1234",
        "name": "Laser fault",
        "status": "investigating",
        "impact": "critical",
        "created_at": "2026-11-22T12:00:30Z",
        "started_at": "2026-11-22T12:00:30Z",
        "updated_at": "2026-11-22T12:00:30Z",
        "shortlink": "https://status.ionq.invalid/incidents/1234",
        "components": [one for one in summary["components"] if one["name"] == "IonQ Forte"],
    }
    assert incident["components"][0]["status"] == "major_outage"
    assert incident["components"][0]["updated_at"] == "2026-11-22T12:00:30Z"
    assert summary["status"] == {"indicator": "major", "description": "Partial System Outage"}


def test_a_maintenance_that_ends_late_is_still_in_progress_after_its_end() -> None:
    summary = PAGE.summary(NOW, (), [MAINTENANCE])
    maintenance = next(one for one in summary["scheduled_maintenances"] if one["id"] == "5678")
    assert maintenance == {
        "id": "5678",
        "name": "Cooling",
        "status": "in_progress",
        "impact": "maintenance",
        "created_at": "2026-11-21T12:00:30Z",
        "started_at": "2026-11-21T12:00:30Z",
        "updated_at": "2026-11-22T11:00:30Z",
        "shortlink": "https://status.ionq.invalid/incidents/5678",
        "scheduled_for": "2026-11-22T11:00:30Z",
        "scheduled_until": "2026-11-22T11:50:30Z",
        "components": [one for one in summary["components"] if one["name"] == "IonQ Forte"],
    }
    assert statuses(summary)["IonQ Forte"] == "under_maintenance"
    assert summary["status"]["indicator"] == "maintenance"


def test_an_announced_maintenance_changes_no_component() -> None:
    announced = replace(MAINTENANCE, start=BEGIN + 60, planned_end=BEGIN + 120)
    assert statuses(PAGE.summary(NOW, (), [announced])) == statuses(PAGE.summary(NOW))


@pytest.mark.parametrize(
    ("impact", "status", "indicator"),
    [
        ("none", "operational", "none"),
        ("minor", "degraded_performance", "minor"),
        ("major", "partial_outage", "major"),
        ("critical", "major_outage", "major"),
    ],
)
def test_the_impact_of_an_incident_decides_component_and_indicator(
    impact: str, status: str, indicator: str
) -> None:
    summary = PAGE.summary(NOW, [replace(INCIDENT, impact=impact)])
    assert statuses(summary)["IonQ Forte"] == status
    assert summary["status"]["indicator"] == indicator


def test_while_an_incident_is_monitored_its_component_is_operational() -> None:
    assert (
        statuses(PAGE.summary(NOW, [replace(INCIDENT, status="monitoring")]))["IonQ Forte"] == "operational"
    )


def test_an_incident_without_backends_affects_the_api_and_one_of_a_retired_backend_no_component() -> None:
    assert statuses(PAGE.summary(NOW, [replace(INCIDENT, backends=())]))["API"] == "major_outage"
    summary = PAGE.summary(NOW, [replace(INCIDENT, backends=("qpu.harmony",))])
    assert summary["incidents"][0]["components"] == []
    assert statuses(summary) == statuses(PAGE.summary(NOW))


def test_the_worst_of_several_causes_counts() -> None:
    summary = PAGE.summary(NOW, [INCIDENT, replace(INCIDENT, impact="minor")], [MAINTENANCE])
    assert statuses(summary)["IonQ Forte"] == "major_outage"


def test_the_indicator_is_critical_if_everything_is_down() -> None:
    everything = replace(INCIDENT, backends=("simulator", *COMPONENT))
    summary = PAGE.summary(NOW, [everything, replace(INCIDENT, backends=())])
    assert summary["status"] == {"indicator": "critical", "description": "Major Service Outage"}


def test_the_page_agrees_with_the_backends_but_for_some_minutes_of_an_outage() -> None:
    states: dict[tuple[str, bool], set[str]] = {}
    for index in range(10 * 288):
        moment = NOW + timedelta(minutes=5 * index)
        shown = statuses(PAGE.summary(moment))
        for backend in Fleet(1).backends(moment, with_key=True):
            if backend["backend"] in COMPONENT:
                state = (backend["status"], backend["degraded"])
                states.setdefault(state, set()).add(shown[COMPONENT[backend["backend"]]])
    outages = {"major_outage", "partial_outage"}
    assert states["available", False] == {"operational"}
    assert states["available", True] == {"degraded_performance"}
    assert states["unavailable", False] == {"operational", "under_maintenance", *outages}
    assert states["calibrating", False] == {"under_maintenance"}
