"""However names change, the series of an hour are bounded."""

from dataclasses import replace

import pytest

from exporter.records.backends import Backend, BackendList
from exporter.records.cardinality import (
    MAX_STATUS_PAGE_LABELS,
    WINDOW_SECONDS,
    CardinalityLimit,
    StatusPageLimit,
)
from exporter.records.json_values import Rejection
from exporter.records.status_page import Component, Incident, Maintenance, StatusPage
from tests.support.clock import Clock


@pytest.fixture
def limit(clock: Clock) -> CardinalityLimit:
    return CardinalityLimit(3, clock)


def listed(*names: str, status: str | None = None, characterization: str | None = None) -> BackendList:
    return BackendList(
        tuple(Backend(name, status=status, characterization_id=characterization) for name in names)
    )


def names(backends: BackendList) -> list[str]:
    return [backend.name for backend in backends.backends]


def counts(backends: BackendList) -> dict[str, int]:
    return {rejection.field: rejection.count for rejection in backends.rejections}


def test_a_list_within_the_limit_is_admitted_as_it_is(limit: CardinalityLimit) -> None:
    first = listed("a", "b", "c", status="available", characterization="x")
    assert limit.admit(first) == first
    assert limit.admit(first) == first


def test_names_that_change_at_each_response_are_left_out_and_counted(limit: CardinalityLimit) -> None:
    shown = [names(limit.admit(listed(f"a{call}", f"b{call}"))) for call in range(100)]
    assert shown[:2] == [["a0", "b0"], ["a1"]]
    assert not any(shown[2:])
    assert counts(limit.admit(listed("x", "y"))) == {"row": 2}


def test_a_known_backend_stays_when_new_ones_join_it(limit: CardinalityLimit) -> None:
    limit.admit(listed("known"))
    for call in range(10):
        limit.admit(listed(f"stranger-{call}"))
    assert names(limit.admit(listed("stranger", "known"))) == ["known"]


def test_the_same_name_elsewhere_is_another_backend() -> None:
    limit = CardinalityLimit(1)
    limit.admit(BackendList((Backend("a", "Basel"),)))
    assert names(limit.admit(BackendList((Backend("a", "Bothell"),)))) == []


def test_a_backend_that_was_not_seen_for_an_hour_makes_room(limit: CardinalityLimit, clock: Clock) -> None:
    limit.admit(listed("a", "b", "c"))
    clock.now += WINDOW_SECONDS / 2
    limit.admit(listed("a"))
    assert names(limit.admit(listed("d"))) == []
    clock.now += WINDOW_SECONDS / 2 + 1
    assert names(limit.admit(listed("d", "e", "f"))) == ["d", "e"]
    assert names(limit.admit(listed("a"))) == ["a"]


def test_characterizations_that_change_at_each_response_cost_only_themselves(limit: CardinalityLimit) -> None:
    shown = [limit.admit(listed("a", characterization=str(call))) for call in range(8)]
    assert [backends.backends[0].characterization_id for backends in shown] == [*"012345", None, None]
    assert counts(shown[-1]) == {"characterization_id": 1}


def test_statuses_that_change_at_each_response_cost_only_themselves(limit: CardinalityLimit) -> None:
    shown = [limit.admit(listed("a", status=f"odd {call}")) for call in range(8)]
    assert [backends.backends[0].status for backends in shown[5:]] == ["odd 5", None, None]
    assert limit.admit(listed("a", status="retired")).backends[0].status == "retired"


def test_earlier_rejections_are_kept(limit: CardinalityLimit) -> None:
    wrong = Rejection("qubits", "a", "is not a number")
    admitted = limit.admit(BackendList(listed(*"abcd").backends, (wrong,)))
    assert admitted.rejections[0] == wrong
    assert "--ionq.max-backends" in admitted.rejections[1].problem


# The status page


PAGE = StatusPage(
    indicator="major",
    components=(Component("IonQ Forte", "qpu.forte-1", "operational"),),
    incidents=(Incident("a", start_timestamp_seconds=1.0),),
    maintenances=(Maintenance("b"),),
)


def with_incident(identity: str) -> StatusPage:
    return replace(PAGE, incidents=(Incident(identity),))


def test_a_page_within_the_limit_is_admitted_as_it_is() -> None:
    limit = StatusPageLimit()
    assert limit.admit(PAGE) == PAGE
    assert limit.admit(StatusPage()) == StatusPage()


def test_incidents_that_change_at_each_read_are_left_out_and_counted_and_the_rest_stays() -> None:
    limit = StatusPageLimit()
    limit.admit(PAGE)
    shown = sum(len(limit.admit(with_incident(str(number))).incidents or ()) for number in range(1_000))
    assert 0 < shown < MAX_STATUS_PAGE_LABELS
    last = limit.admit(with_incident("one more"))
    assert last.incidents == ()
    assert (last.indicator, last.components, last.maintenances) == (
        PAGE.indicator,
        PAGE.components,
        PAGE.maintenances,
    )
    problem = f"is new, and more than {MAX_STATUS_PAGE_LABELS} were within an hour"
    assert last.rejections == (Rejection("status_page.incident", "status page", problem),)


def test_components_indicators_and_maintenances_are_limited_too() -> None:
    limit = StatusPageLimit()
    for number in range(MAX_STATUS_PAGE_LABELS):
        limit.admit(with_incident(str(number)))
    page = limit.admit(
        StatusPage("cosmic", (Component("new"),), None, (Maintenance("new"),), (Rejection("x", "y", "z"),))
    )
    assert page.indicator is None
    assert page.incidents is None
    assert (*page.components, *page.maintenances) == ()
    assert [rejection.field for rejection in page.rejections] == [
        "x",
        "status_page.indicator",
        "status_page.component",
        "status_page.maintenance",
    ]


def test_a_change_of_time_makes_no_new_series() -> None:
    limit = StatusPageLimit()
    for number in range(1_000):
        moved = replace(
            PAGE,
            incidents=(Incident("a", start_timestamp_seconds=float(number)),),
            maintenances=(Maintenance("b", end_timestamp_seconds=float(number)),),
        )
        assert limit.admit(moved) == moved


def test_after_an_hour_there_is_room_again(clock: Clock) -> None:
    limit = StatusPageLimit(clock)
    for number in range(1_000):
        limit.admit(with_incident(str(number)))
    clock.now += WINDOW_SECONDS
    assert limit.admit(with_incident("new")) == with_incident("new")
