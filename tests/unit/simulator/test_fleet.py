import json
import statistics
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.simulator import Fleet, Row
from tests.support.simulator import NOW

LIVE = (
    "qpu.forte-1",
    "qpu.forte-enterprise-1",
    "qpu.forte-enterprise-2",
    "qpu.forte-enterprise-3",
    "qpu.tempo-1",
)
REQUIRED = {"backend", "status", "qubits", "average_queue_time", "last_updated"}

seeds = st.integers(0, 2**32)
moments = st.datetimes(datetime(2019, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis adds it


def row_of(backend: str, moment: datetime, seed: int = 1) -> Row:
    return next(row for row in Fleet(seed).rows(moment, with_key=True) if row["backend"] == backend)


def series(backend: str, *, days: float, step: timedelta, seed: int = 1) -> list[Row]:
    count = int(timedelta(days=days) / step)
    return [row_of(backend, NOW + index * step, seed) for index in range(count)]


@given(seeds, st.lists(moments, min_size=2, max_size=6))
def test_any_moment_can_be_asked_for_in_any_order(seed: int, some: list[datetime]) -> None:
    forwards = {moment: Fleet(seed).rows(moment, with_key=True) for moment in sorted(some)}
    for moment in some:
        assert Fleet(seed).rows(moment, with_key=True) == forwards[moment]


def test_another_seed_is_another_fleet() -> None:
    assert Fleet(1).rows(NOW) != Fleet(2).rows(NOW)


@given(seeds, moments)
def test_every_row_is_what_the_documented_schema_allows(seed: int, moment: datetime) -> None:
    rows = Fleet(seed).rows(moment, with_key=True)
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    assert len({row["backend"] for row in rows}) == len(rows)
    for row in rows:
        assert row.keys() >= REQUIRED
        assert list(row) == sorted(row)
        assert None not in row.values()
        assert type(row["average_queue_time"]) is int
        assert row["average_queue_time"] >= 0
        assert row["status"] in {"available", "unavailable", "retired", "calibrating"}
        assert row["last_updated"].endswith("Z")
        assert datetime.fromisoformat(row["last_updated"]) <= moment


def test_todays_fleet_has_the_real_names_and_qubit_counts() -> None:
    assert {row["backend"]: row["qubits"] for row in Fleet().rows(NOW)} == {
        "simulator": 29,
        "qpu.harmony": 11,
        "qpu.aria-1": 25,
        "qpu.aria-2": 25,
        "qpu.forte-1": 36,
        "qpu.forte-enterprise-1": 36,
        "qpu.forte-enterprise-2": 36,
        "qpu.forte-enterprise-3": 36,
    }


def test_a_key_shows_one_machine_more() -> None:
    public = {row["backend"] for row in Fleet().rows(NOW)}
    assert {row["backend"] for row in Fleet().rows(NOW, with_key=True)} - public == {"qpu.tempo-1"}


def test_the_simulator_never_waits_and_has_no_hardware() -> None:
    assert row_of("simulator", NOW) == {
        "average_queue_time": 0,
        "backend": "simulator",
        "degraded": False,
        "last_updated": "2026-11-19T00:00:00Z",
        "qubits": 29,
        "status": "available",
    }


def test_one_machine_has_no_location_as_at_ionq() -> None:
    assert "location" not in row_of("qpu.forte-enterprise-1", NOW)
    assert row_of("qpu.forte-1", NOW)["location"] == "College Park, MD, USA"


@pytest.mark.parametrize("backend", ["qpu.harmony", "qpu.aria-1", "qpu.aria-2"])
def test_a_retired_machine_stands_still(backend: str) -> None:
    now, later = row_of(backend, NOW), row_of(backend, NOW + timedelta(days=100))
    assert now["status"] == "retired"
    assert now == later


def test_a_machine_is_alive_before_it_retires_and_absent_before_it_enters_service() -> None:
    assert row_of("qpu.harmony", datetime(2023, 3, 1, tzinfo=UTC))["status"] != "retired"
    assert [row["backend"] for row in Fleet().rows(datetime(2019, 3, 1, tzinfo=UTC))] == ["simulator"]


@pytest.mark.parametrize("backend", LIVE)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_weeks_bring_every_live_machine_a_few_maintenances_and_degradations(
    backend: str, seed: int
) -> None:
    rows = series(backend, days=14, step=timedelta(minutes=15), seed=seed)
    down = [row["status"] != "available" for row in rows]
    degraded = [row["degraded"] for row in rows]
    for states, longest_share in ((down, 0.15), (degraded, 0.4)):
        assert 2 <= sum(after and not before for before, after in pairwise(states)) <= 8
        assert 0 < sum(states) / len(states) < longest_share


def test_undocumented_states_are_rare_and_brief() -> None:
    states = [row["status"] for row in series("qpu.forte-enterprise-2", days=60, step=timedelta(minutes=15))]
    assert 0 < states.count("calibrating") < 0.01 * len(states)


def test_each_queue_has_its_own_level_from_minutes_to_weeks() -> None:
    minutes = {
        backend: statistics.median(
            row["average_queue_time"] / 60_000 for row in series(backend, days=14, step=timedelta(hours=1))
        )
        for backend in LIVE
    }
    assert 5 < minutes["qpu.forte-enterprise-3"] < 60
    assert 3 * 60 < minutes["qpu.forte-enterprise-2"] < 16 * 60
    assert 1 * 1440 < minutes["qpu.tempo-1"] < 5 * 1440
    assert 15 * 1440 < minutes["qpu.forte-1"] < 20 * 1440
    assert 24 * 1440 < minutes["qpu.forte-enterprise-1"] < 31 * 1440


@pytest.mark.parametrize("backend", LIVE)
def test_a_queue_is_longer_in_the_american_afternoon_than_at_night(backend: str) -> None:
    by_hour: dict[int, list[int]] = {}
    for index, row in enumerate(series(backend, days=28, step=timedelta(hours=1))):
        by_hour.setdefault((NOW.hour + index) % 24, []).append(row["average_queue_time"])
    assert statistics.median(by_hour[19]) > statistics.median(by_hour[7])


def test_a_maintenance_lets_the_queue_grow_and_it_drains_afterwards() -> None:
    rows = series("qpu.forte-enterprise-3", days=14, step=timedelta(minutes=5))
    start = next(index for index, row in enumerate(rows) if row["status"] == "unavailable")
    end = next(index for index in range(start, len(rows)) if rows[index]["status"] == "available")
    lost_milliseconds = (end - start) * 300_000
    grown = rows[end]["average_queue_time"] - rows[start]["average_queue_time"]
    assert grown > 0.5 * lost_milliseconds
    assert rows[end + 24 * 12]["average_queue_time"] < rows[end]["average_queue_time"]


@settings(max_examples=30)
@given(seeds, st.sampled_from(LIVE), st.integers(0, 1000))
def test_energy_grows_but_for_rare_corrections(seed: int, backend: str, first_day: int) -> None:
    begin = NOW + timedelta(days=first_day)
    readings = [row_of(backend, begin + timedelta(hours=12 * index), seed)["kw"] for index in range(20)]
    assert sum(after <= before for before, after in pairwise(readings)) <= 1
    assert readings == [round(reading, 2) for reading in readings]


def test_energy_is_corrected_downwards_some_day() -> None:
    readings = [row["kw"] for row in series("qpu.forte-1", days=300, step=timedelta(hours=3))]
    assert any(after < before for before, after in pairwise(readings))


def test_last_updated_moves_with_the_characterization_and_only_then() -> None:
    rows = series("qpu.forte-1", days=40, step=timedelta(hours=1))
    changes = 0
    for before, after in pairwise(rows):
        same = before["characterization_id"] == after["characterization_id"]
        assert same == (before["last_updated"] == after["last_updated"])
        changes += not same
    assert 6 <= changes <= 14


def test_numbers_are_renewed_once_a_minute() -> None:
    begin = NOW.replace(second=0)
    assert Fleet().rows(begin) == Fleet().rows(begin + timedelta(seconds=59))
    assert Fleet().rows(begin) != Fleet().rows(begin + timedelta(seconds=60))


def test_a_caller_may_change_its_rows() -> None:
    Fleet().rows(NOW)[0]["status"] = "mine"
    assert Fleet().rows(NOW)[0]["status"] == "available"
