import functools
import json
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.simulator import BackendFields, Fleet
from tests.support.simulator import NOW

IN_SERVICE = (
    "qpu.forte-1",
    "qpu.forte-enterprise-1",
    "qpu.forte-enterprise-2",
    "qpu.forte-enterprise-3",
    "qpu.tempo-1",
)
REQUIRED = {"backend", "status", "qubits", "average_queue_time", "last_updated"}

seeds = st.integers(0, 2**32)
moments = st.datetimes(datetime(2019, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis adds it


def backend_at(name: str, moment: datetime, seed: int = 1) -> BackendFields:
    return next(backend for backend in fleet_at(seed, moment) if backend["backend"] == name)


@functools.cache
def fleet_at(seed: int, moment: datetime) -> Sequence[BackendFields]:
    """Return the whole fleet, once for all tests: each looks at another backend of the same weeks."""
    return Fleet(seed).backends(moment, with_key=True)


def series(name: str, *, days: float, step: timedelta, seed: int = 1) -> list[BackendFields]:
    count = int(timedelta(days=days) / step)
    return [backend_at(name, NOW + index * step, seed) for index in range(count)]


@given(seeds, st.lists(moments, min_size=2, max_size=6))
def test_any_moment_can_be_asked_for_in_any_order(seed: int, some: list[datetime]) -> None:
    forwards = {moment: Fleet(seed).backends(moment, with_key=True) for moment in sorted(some)}
    for moment in some:
        assert Fleet(seed).backends(moment, with_key=True) == forwards[moment]


def test_another_seed_is_another_fleet() -> None:
    assert Fleet(1).backends(NOW) != Fleet(2).backends(NOW)


@given(seeds, moments)
def test_every_backend_has_the_documented_fields(seed: int, moment: datetime) -> None:
    backends = Fleet(seed).backends(moment, with_key=True)
    assert json.loads(json.dumps(backends, allow_nan=False)) == backends
    assert len({backend["backend"] for backend in backends}) == len(backends)
    for backend in backends:
        assert backend.keys() >= REQUIRED
        assert None not in backend.values()
        assert type(backend["average_queue_time"]) is int
        assert backend["average_queue_time"] >= 0
        assert backend["status"] in {"available", "unavailable", "retired", "calibrating"}
        assert backend["last_updated"].endswith("Z")
        assert datetime.fromisoformat(backend["last_updated"]) <= moment


def test_todays_fleet_has_the_real_names_and_qubit_counts() -> None:
    assert {backend["backend"]: backend["qubits"] for backend in Fleet().backends(NOW)} == {
        "simulator": 29,
        "qpu.harmony": 11,
        "qpu.aria-1": 25,
        "qpu.aria-2": 25,
        "qpu.forte-1": 36,
        "qpu.forte-enterprise-1": 36,
        "qpu.forte-enterprise-2": 36,
        "qpu.forte-enterprise-3": 36,
    }


def test_a_key_shows_one_backend_more() -> None:
    public = {backend["backend"] for backend in Fleet().backends(NOW)}
    assert {backend["backend"] for backend in Fleet().backends(NOW, with_key=True)} - public == {
        "qpu.tempo-1"
    }


SUPPORTED = {"supported_gates", "supported_native_gates", "supported_error_mitigations"}


def test_the_simulator_has_no_queue_and_no_hardware() -> None:
    simulator = backend_at("simulator", NOW)
    assert {field: value for field, value in simulator.items() if field not in SUPPORTED} == {
        "average_queue_time": 0,
        "backend": "simulator",
        "degraded": False,
        "has_access": True,
        "last_updated": "2026-11-22T12:00:30Z",
        "noise_models": ["ideal", "harmony", "aria-1", "aria-2", "forte-1", "forte-enterprise-1"],
        "qubits": 29,
        "status": "available",
    }


def test_one_backend_lacks_location_and_all_list_what_they_support() -> None:
    assert "location" not in backend_at("qpu.forte-enterprise-1", NOW)
    assert backend_at("qpu.forte-1", NOW)["location"] == "College Park, MD, USA"
    for backend in Fleet().backends(NOW, with_key=True):
        assert backend.keys() >= SUPPORTED
        assert ("noise_models" in backend) == (backend["backend"] == "simulator")


@pytest.mark.parametrize("name", ["qpu.harmony", "qpu.aria-1", "qpu.aria-2"])
def test_of_a_retired_backend_only_last_updated_changes(name: str) -> None:
    now, later = backend_at(name, NOW), backend_at(name, NOW + timedelta(days=100))
    assert now["status"] == "retired"
    assert now["average_queue_time"] == 0
    assert now["degraded"] is False
    assert {*now} & {"kw", "location"} == set()
    assert now | {"last_updated": later["last_updated"]} == later


def test_a_backend_is_listed_from_its_first_day_and_retires() -> None:
    assert backend_at("qpu.harmony", datetime(2023, 3, 1, tzinfo=UTC))["status"] != "retired"
    assert [backend["backend"] for backend in Fleet().backends(datetime(2019, 3, 1, tzinfo=UTC))] == [
        "simulator"
    ]


@pytest.mark.parametrize("name", IN_SERVICE)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_weeks_bring_every_backend_a_few_maintenances_and_degradations(name: str, seed: int) -> None:
    backends = series(name, days=14, step=timedelta(minutes=15), seed=seed)
    down = [backend["status"] != "available" for backend in backends]
    degraded = [backend["degraded"] for backend in backends]
    for states, longest_share in ((down, 0.15), (degraded, 0.4)):
        assert 2 <= sum(after and not before for before, after in pairwise(states)) <= 8
        assert 0 < sum(states) / len(states) < longest_share


def test_undocumented_states_are_rare_and_brief() -> None:
    states = [
        backend["status"] for backend in series("qpu.forte-enterprise-2", days=60, step=timedelta(minutes=15))
    ]
    assert 0 < states.count("calibrating") < 0.01 * len(states)


def test_each_queue_has_its_own_level_from_minutes_to_weeks() -> None:
    minutes = {
        name: statistics.median(
            backend["average_queue_time"] / 60_000
            for backend in series(name, days=14, step=timedelta(hours=1))
        )
        for name in IN_SERVICE
    }
    assert 5 < minutes["qpu.forte-enterprise-3"] < 60
    assert 3 * 60 < minutes["qpu.forte-enterprise-2"] < 16 * 60
    assert 1 * 1440 < minutes["qpu.tempo-1"] < 5 * 1440
    assert 15 * 1440 < minutes["qpu.forte-1"] < 20 * 1440
    assert 24 * 1440 < minutes["qpu.forte-enterprise-1"] < 31 * 1440


@pytest.mark.parametrize("name", IN_SERVICE)
def test_a_queue_is_longer_in_the_american_afternoon_than_at_night(name: str) -> None:
    by_hour: dict[int, list[int]] = {}
    for index, backend in enumerate(series(name, days=28, step=timedelta(hours=1))):
        by_hour.setdefault((NOW.hour + index) % 24, []).append(backend["average_queue_time"])
    assert statistics.median(by_hour[19]) > statistics.median(by_hour[7])


def test_a_queue_grows_during_a_maintenance_and_shrinks_afterwards() -> None:
    backends = series("qpu.forte-enterprise-3", days=14, step=timedelta(minutes=5))
    start = next(index for index, backend in enumerate(backends) if backend["status"] == "unavailable")
    end = next(index for index in range(start, len(backends)) if backends[index]["status"] == "available")
    lost_milliseconds = (end - start) * 300_000
    grown = backends[end]["average_queue_time"] - backends[start - 1]["average_queue_time"]
    assert grown > 0.5 * lost_milliseconds
    assert backends[end + 24 * 12]["average_queue_time"] < backends[end]["average_queue_time"]


def test_an_unavailable_backend_sometimes_has_a_queue_time_of_zero_and_an_available_one_never() -> None:
    zeros: dict[str, list[bool]] = {}
    for backend in series("qpu.forte-enterprise-3", days=60, step=timedelta(minutes=30)):
        zeros.setdefault(backend["status"], []).append(backend["average_queue_time"] == 0)
    assert {*zeros["unavailable"]} == {True, False}
    assert not any(zeros["available"])


def test_the_shortest_queue_moves_within_minutes() -> None:
    queue = [
        backend["average_queue_time"] / 60_000
        for backend in series("qpu.forte-enterprise-3", days=1 / 48, step=timedelta(minutes=1))
    ]
    assert len(set(queue)) == len(queue) == 30
    assert max(queue) - min(queue) > 1


def test_kw_is_a_power_of_some_kilowatts_and_missing_while_unavailable() -> None:
    backends = series("qpu.forte-enterprise-1", days=30, step=timedelta(hours=3))
    assert all(("kw" in backend) == (backend["status"] != "unavailable") for backend in backends)
    readings = [backend["kw"] for backend in backends if "kw" in backend]
    assert 4 < min(readings) < max(readings) < 5
    assert any(after < before for before, after in pairwise(readings))


def test_last_updated_is_at_most_some_minutes_ago() -> None:
    ages = [
        NOW + index * timedelta(minutes=1) - datetime.fromisoformat(backend["last_updated"])
        for index, backend in enumerate(series("qpu.forte-1", days=1, step=timedelta(minutes=1)))
    ]
    assert timedelta(0) <= min(ages) < timedelta(minutes=2)
    assert timedelta(minutes=10) < max(ages) <= timedelta(minutes=12)


def test_no_two_responses_are_equal_but_most_values_change_once_a_minute() -> None:
    begin = NOW.replace(second=0)
    first, second, third = (Fleet().backends(begin + timedelta(seconds=after)) for after in (0, 1, 60))
    assert first != second
    without_time = [
        [{**backend, "last_updated": None} for backend in backends] for backends in (first, second, third)
    ]
    assert without_time[0] == without_time[1] != without_time[2]


def test_a_caller_may_change_what_it_gets() -> None:
    Fleet().backends(NOW)[0]["status"] = "mine"
    assert Fleet().backends(NOW)[0]["status"] == "available"
