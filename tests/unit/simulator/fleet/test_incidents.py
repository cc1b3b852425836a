from datetime import timedelta
from functools import cache

from exporter.simulator import Fleet
from exporter.simulator.fleet.incidents import Incident, Maintenance, incidents, maintenances
from tests.support.simulator import NOW

MINUTE = 60
HOUR = 3600
DAYS = 60
MOMENTS = [NOW.timestamp() + index * 5 * MINUTE for index in range(DAYS * 288)]


@cache
def observed_incidents() -> list[list[tuple[float, Incident]]]:
    """Return what is seen of each incident."""
    seen: dict[str, list[tuple[float, Incident]]] = {}
    for now in MOMENTS:
        for incident in incidents(1, now):
            seen.setdefault(incident.id, []).append((now, incident))
    return list(seen.values())


@cache
def observed_maintenances() -> list[list[tuple[float, Maintenance]]]:
    """Return what is seen of each maintenance that begins and ends in these days."""
    seen: dict[str, list[tuple[float, Maintenance]]] = {}
    for now in MOMENTS:
        for maintenance in maintenances(1, now):
            seen.setdefault(maintenance.id, []).append((now, maintenance))
    return [
        observed
        for observed in seen.values()
        if observed[0][0] > MOMENTS[0] and observed[-1][0] < MOMENTS[-1]
    ]


def status_of(backend: str, now: float) -> str:
    moment = NOW + timedelta(seconds=now - NOW.timestamp())
    fields = {one["backend"]: one for one in Fleet(1).backends(moment, with_key=True)}
    return str(fields[backend]["status"])


def test_an_incident_is_published_and_resolved_some_minutes_late() -> None:
    observed = observed_incidents()
    assert len(observed) > 10
    for seen in observed:
        (backend,) = seen[0][1].backends
        for now, incident in seen:
            assert incident.start <= incident.updated <= now
            if status_of(backend, now) == "available":
                assert incident.status == "monitoring"
        assert seen[-1][1].status == "monitoring"
        before = seen[0][1].start - 15 * MINUTE
        assert any(status_of(backend, before + minute * MINUTE) != "available" for minute in range(15))


def test_an_incident_has_one_start_and_advances_through_its_statuses() -> None:
    statuses = set()
    for seen in observed_incidents():
        assert len({incident.start for _, incident in seen}) == 1
        progress = [incident.status for _, incident in seen]
        assert progress == sorted(progress, key=["investigating", "identified", "monitoring"].index)
        statuses.update(progress)
    assert statuses == {"investigating", "identified", "monitoring"}


def test_impacts_are_major_or_critical() -> None:
    assert {seen[0][1].impact for seen in observed_incidents()} == {"major", "critical"}


def test_a_maintenance_is_announced_days_ahead_and_ends_when_the_backend_is_available_again() -> None:
    for seen in observed_maintenances():
        (first_seen, first), (last_seen, last) = seen[0], seen[-1]
        (backend,) = first.backends
        assert 36 * HOUR - 300 <= first.start - first_seen <= 72 * HOUR
        assert {maintenance.start for _, maintenance in seen} == {first.start}
        assert last_seen < last.end <= last_seen + 5 * MINUTE
        assert status_of(backend, first.start) in {"unavailable", "calibrating"}
        progress = [maintenance.status(now) for now, maintenance in seen]
        assert progress == sorted(progress, key=["scheduled", "in_progress", "verifying"].index)
        assert set(progress) == {"scheduled", "in_progress", "verifying"}


def test_some_maintenances_end_as_announced_some_are_prolonged_and_some_end_late() -> None:
    kinds = set()
    for seen in observed_maintenances():
        (_, first), (_, last) = seen[0], seen[-1]
        if first.planned_end == last.end:
            kinds.add("as announced")
        elif last.planned_end == last.end:
            kinds.add("prolonged")
        else:
            assert last.planned_end < last.end
            kinds.add("late")
    assert kinds == {"as announced", "prolonged", "late"}
