import pytest

from exporter.simulator import Drill, Fleet
from exporter.simulator.drill import Break, DrillError, Force, Remove
from tests.support.simulator import NOW, Stopwatch

ROWS = Fleet().rows(NOW)


def statuses(drill: Drill) -> dict[str, str | None]:
    return {row["backend"]: row.get("status") for row in drill.rows(ROWS)}


@pytest.fixture
def drill(stopwatch: Stopwatch) -> Drill:
    return Drill(stopwatch)


def test_without_orders_nothing_changes(drill: Drill) -> None:
    assert drill.rows(ROWS) == ROWS
    assert drill.fault("backends") is None
    assert drill.describe() == []


def test_a_forced_value_changes_one_backend_and_leaves_the_fleet_alone(drill: Drill) -> None:
    drill.begin(Force("qpu.forte-1", {"status": "on fire"}))
    before = {row["backend"]: row["status"] for row in ROWS}
    assert statuses(drill) == before | {"qpu.forte-1": "on fire"}
    assert {row["backend"]: row["status"] for row in ROWS} == before


def test_a_pattern_takes_all_machines_at_once(drill: Drill) -> None:
    drill.begin(Force("qpu.*", {"status": "unavailable"}))
    changed = statuses(drill)
    assert changed.pop("simulator") == "available"
    assert set(changed.values()) == {"unavailable"}


def test_a_null_leaves_the_field_out_and_a_new_field_takes_its_place_in_the_order(drill: Drill) -> None:
    drill.begin(Force("simulator", {"status": None, "location": "Nowhere", "kw": 1.5}))
    assert list(drill.rows(ROWS)[0]) == [
        "average_queue_time",
        "backend",
        "degraded",
        "kw",
        "last_updated",
        "location",
        "qubits",
    ]


def test_a_removed_backend_is_gone(drill: Drill) -> None:
    drill.begin(Remove("qpu.forte-*"))
    assert set(statuses(drill)) == {"simulator", "qpu.harmony", "qpu.aria-1", "qpu.aria-2"}


def test_the_newest_order_wins_even_when_it_renews_an_older_one(drill: Drill) -> None:
    drill.begin(Force("qpu.forte-1", {"status": "first"}))
    drill.begin(Force("qpu.*", {"status": "second"}))
    assert statuses(drill)["qpu.forte-1"] == "second"
    drill.begin(Force("qpu.forte-1", {"status": "third"}))
    assert statuses(drill)["qpu.forte-1"] == "third"
    assert [order["status"] for order in drill.describe()] == ["second", "third"]


def test_an_order_ends_when_its_time_is_over_and_not_before(drill: Drill, stopwatch: Stopwatch) -> None:
    drill.begin(Break("hang"), 60)
    drill.begin(Force("qpu.forte-1", {"status": "on fire"}))
    stopwatch.seconds += 59.5
    assert drill.fault("backends") == "hang"
    assert drill.describe() == [
        {"fault": "hang", "remaining_seconds": 0.5},
        {"backend": "qpu.forte-1", "status": "on fire", "remaining_seconds": None},
    ]
    stopwatch.seconds += 0.5
    assert drill.fault("backends") is None
    assert len(drill.describe()) == 1


def test_a_fault_may_hit_one_endpoint_only(drill: Drill) -> None:
    drill.begin(Break("hang", "characterizations"))
    assert drill.fault("characterizations") == "hang"
    assert drill.fault("backends") is None
    drill.begin(Break("http_500"))
    assert drill.fault("characterizations") == "http_500"
    assert drill.describe()[0] == {
        "fault": "hang",
        "endpoint": "characterizations",
        "remaining_seconds": None,
    }


def test_ending_ends_everything_and_tells_how_much(drill: Drill, stopwatch: Stopwatch) -> None:
    drill.begin(Break("hang"))
    drill.begin(Remove("qpu.forte-1"), 5)
    drill.begin(Force("qpu.forte-1", {"kw": None}), 1)
    stopwatch.seconds += 2
    assert drill.end() == 2
    assert drill.end() == 0
    assert drill.rows(ROWS) == ROWS


def test_the_number_of_orders_is_bounded(drill: Drill) -> None:
    for index in range(200):
        drill.begin(Remove(f"qpu.{index}"))
    with pytest.raises(DrillError, match="200 orders"):
        drill.begin(Remove("qpu.one-too-many"))
    drill.begin(Remove("qpu.7"), 5)
    assert len(drill.describe()) == 200
