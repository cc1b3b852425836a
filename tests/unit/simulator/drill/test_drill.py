from datetime import timedelta
from typing import Any

import pytest

from exporter.simulator import Fleet
from exporter.simulator.drill.drill import Drill
from exporter.simulator.drill.requests import (
    DrillError,
    InjectFault,
    OverrideBackend,
    RemoveBackend,
    ReportIncident,
    ScheduleMaintenance,
)
from exporter.simulator.fleet.incidents import Incident, Maintenance
from tests.support.clock import Clock
from tests.support.simulator import NOW

BACKENDS = Fleet().backends(NOW)


def statuses(drill: Drill) -> dict[str, str | None]:
    return {backend["backend"]: backend.get("status") for backend in drill.apply(BACKENDS)}


@pytest.fixture
def drill(clock: Clock) -> Drill:
    return Drill(clock, lambda: NOW)


def test_without_requests_nothing_changes(drill: Drill) -> None:
    assert drill.apply(BACKENDS) == BACKENDS
    assert drill.fault("backends") is None
    assert drill.active() == []


def test_an_override_changes_one_backend_and_not_the_fleet(drill: Drill) -> None:
    drill.begin(OverrideBackend("qpu.forte-1", {"status": "on fire"}))
    before = {backend["backend"]: backend["status"] for backend in BACKENDS}
    assert statuses(drill) == before | {"qpu.forte-1": "on fire"}
    assert {backend["backend"]: backend["status"] for backend in BACKENDS} == before


def test_a_pattern_matches_several_backends(drill: Drill) -> None:
    drill.begin(OverrideBackend("qpu.*", {"status": "unavailable"}))
    changed = statuses(drill)
    assert changed.pop("simulator") == "available"
    assert set(changed.values()) == {"unavailable"}


def test_a_null_removes_a_field_and_a_new_field_keeps_the_order(drill: Drill) -> None:
    drill.begin(OverrideBackend("simulator", {"status": None, "location": "Nowhere", "kw": 1.5}))
    fields = list(drill.apply(BACKENDS)[0])
    assert fields == sorted({*BACKENDS[0], "location", "kw"} - {"status"})


def test_a_removed_backend_is_gone(drill: Drill) -> None:
    drill.begin(RemoveBackend("qpu.forte-*"))
    assert set(statuses(drill)) == {"simulator", "qpu.harmony", "qpu.aria-1", "qpu.aria-2"}


def test_the_newest_request_wins_even_if_it_replaces_an_older_one(drill: Drill) -> None:
    drill.begin(OverrideBackend("qpu.forte-1", {"status": "first"}))
    drill.begin(OverrideBackend("qpu.*", {"status": "second"}))
    assert statuses(drill)["qpu.forte-1"] == "second"
    drill.begin(OverrideBackend("qpu.forte-1", {"status": "third"}))
    assert statuses(drill)["qpu.forte-1"] == "third"
    assert [request["status"] for request in drill.active()] == ["second", "third"]


def test_a_request_ends_when_its_time_is_over_and_not_before(drill: Drill, clock: Clock) -> None:
    drill.begin(InjectFault("hang"), 60)
    drill.begin(OverrideBackend("qpu.forte-1", {"status": "on fire"}))
    clock.now += 59.5
    assert drill.fault("backends") == "hang"
    assert drill.active() == [
        {"fault": "hang", "remaining_seconds": 0.5},
        {"backend": "qpu.forte-1", "status": "on fire", "remaining_seconds": None},
    ]
    clock.now += 0.5
    assert drill.fault("backends") is None
    assert len(drill.active()) == 1


def test_a_fault_can_be_limited_to_one_endpoint(drill: Drill) -> None:
    drill.begin(InjectFault("hang", "characterizations"))
    assert drill.fault("characterizations") == "hang"
    assert drill.fault("backends") is None
    drill.begin(InjectFault("http_500"))
    assert drill.fault("characterizations") == "http_500"
    assert drill.active()[0] == {
        "fault": "hang",
        "endpoint": "characterizations",
        "remaining_seconds": None,
    }


def test_ending_ends_everything_and_returns_how_much(drill: Drill, clock: Clock) -> None:
    drill.begin(InjectFault("hang"))
    drill.begin(RemoveBackend("qpu.forte-1"), 5)
    drill.begin(OverrideBackend("qpu.forte-1", {"kw": None}), 1)
    clock.now += 2
    assert drill.end() == 2
    assert drill.end() == 0
    assert drill.apply(BACKENDS) == BACKENDS


def test_the_number_of_requests_is_bounded(drill: Drill) -> None:
    for index in range(200):
        drill.begin(RemoveBackend(f"qpu.{index}"))
    with pytest.raises(DrillError, match="200 requests"):
        drill.begin(RemoveBackend("qpu.one-too-many"))
    drill.begin(RemoveBackend("qpu.7"), 5)
    assert len(drill.active()) == 200


def test_a_fault_of_the_api_does_not_affect_the_status_page_and_the_reverse(drill: Drill) -> None:
    drill.begin(InjectFault("hang"))
    assert drill.fault("status") is None
    drill.begin(InjectFault("http_500", "status"))
    assert drill.fault("status") == "http_500"
    assert drill.fault("backends") == drill.fault("characterizations") == "hang"


def incident(**fields: Any) -> Incident:
    values: dict[str, Any] = {
        "id": "1",
        "name": "Laser fault",
        "impact": "major",
        "status": "investigating",
        "start": NOW.timestamp(),
        "updated": NOW.timestamp(),
        "backends": ("qpu.forte-1",),
    }
    return Incident(**values | fields)


@pytest.mark.parametrize(
    ("impact", "status", "expected"),
    [
        ("critical", "investigating", "unavailable"),
        ("major", "identified", "unavailable"),
        ("major", "monitoring", "available"),
        ("minor", "investigating", "available"),
    ],
)
def test_an_outage_makes_its_backends_unavailable(
    drill: Drill, impact: str, status: str, expected: str
) -> None:
    drill.begin(OverrideBackend("qpu.forte-*", {"status": "available"}))
    drill.begin(ReportIncident(incident(impact=impact, status=status)))
    assert statuses(drill)["qpu.forte-1"] == expected
    assert statuses(drill)["qpu.forte-enterprise-1"] == "available"
    assert drill.incidents() == [incident(impact=impact, status=status)]


def test_a_newer_override_wins_over_an_incident(drill: Drill) -> None:
    drill.begin(ReportIncident(incident()))
    drill.begin(OverrideBackend("qpu.forte-1", {"status": "available"}))
    assert statuses(drill)["qpu.forte-1"] == "available"


def test_an_incident_with_the_same_id_replaces_the_older_one(drill: Drill) -> None:
    drill.begin(ReportIncident(incident()))
    drill.begin(ReportIncident(incident(status="monitoring")))
    drill.begin(ReportIncident(incident(id="2")))
    assert [one.status for one in drill.incidents()] == ["monitoring", "investigating"]


def test_a_maintenance_begins_and_ends_in_simulated_time(clock: Clock) -> None:
    now = NOW
    drill = Drill(clock, lambda: now)
    drill.begin(OverrideBackend("qpu.forte-1", {"status": "available"}))
    begin = NOW.timestamp()
    maintenance = Maintenance(
        id="1",
        name="Cooling",
        announced=begin,
        start=begin + 60,
        planned_end=begin + 120,
        end=begin + 180,
        backends=("qpu.forte-1",),
    )
    drill.begin(ScheduleMaintenance(maintenance))
    seen = []
    for after in (0, 59, 60, 120, 179, 180):
        now = NOW + timedelta(seconds=after)
        seen.append((statuses(drill)["qpu.forte-1"], drill.maintenances()))
    assert [status for status, _ in seen] == ["available"] * 2 + ["unavailable"] * 3 + ["available"]
    assert [listed for _, listed in seen] == [[maintenance]] * 5 + [[]]
