"""However names change, the series of an hour are bounded."""

from dataclasses import dataclass

import pytest

from exporter.records.backends import Backend, BackendList
from exporter.records.cardinality import WINDOW_SECONDS, CardinalityLimit
from exporter.records.json_values import Rejection


@dataclass
class Clock:
    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limit(clock: Clock) -> CardinalityLimit:
    return CardinalityLimit(3, clock)


def answer(*names: str, status: str | None = None, characterization: str | None = None) -> BackendList:
    return BackendList(
        tuple(Backend(name, status=status, characterization_id=characterization) for name in names)
    )


def names(backends: BackendList) -> list[str]:
    return [backend.name for backend in backends.backends]


def counts(backends: BackendList) -> dict[str, int]:
    return {rejection.field: rejection.count for rejection in backends.rejections}


def test_an_answer_within_the_limit_is_let_through_as_it_is(limit: CardinalityLimit) -> None:
    first = answer("a", "b", "c", status="available", characterization="x")
    assert limit.admit(first) is first
    assert limit.admit(first) is first


def test_names_that_change_at_each_call_are_cut_off_and_counted(limit: CardinalityLimit) -> None:
    shown = [names(limit.admit(answer(f"a{call}", f"b{call}"))) for call in range(100)]
    assert shown[:2] == [["a0", "b0"], ["a1"]]
    assert not any(shown[2:])
    assert counts(limit.admit(answer("x", "y"))) == {"row": 2}


def test_a_backend_that_is_known_stays_when_strangers_join_it(limit: CardinalityLimit) -> None:
    limit.admit(answer("known"))
    for call in range(10):
        limit.admit(answer(f"stranger-{call}"))
    assert names(limit.admit(answer("stranger", "known"))) == ["known"]


def test_the_same_name_elsewhere_is_another_backend() -> None:
    limit = CardinalityLimit(1)
    limit.admit(BackendList((Backend("a", "Basel"),)))
    assert names(limit.admit(BackendList((Backend("a", "Bothell"),)))) == []


def test_what_was_not_seen_for_an_hour_makes_room(limit: CardinalityLimit, clock: Clock) -> None:
    limit.admit(answer("a", "b", "c"))
    clock.seconds = WINDOW_SECONDS / 2
    limit.admit(answer("a"))
    assert names(limit.admit(answer("d"))) == []
    clock.seconds = WINDOW_SECONDS + 1
    assert names(limit.admit(answer("d", "e", "f"))) == ["d", "e"]
    assert names(limit.admit(answer("a"))) == ["a"]


def test_characterizations_that_change_at_each_call_cost_only_themselves(limit: CardinalityLimit) -> None:
    shown = [limit.admit(answer("a", characterization=str(call))) for call in range(8)]
    assert [backends.backends[0].characterization_id for backends in shown] == [*"012345", None, None]
    assert counts(shown[-1]) == {"characterization_id": 1}


def test_statuses_that_change_at_each_call_cost_only_themselves(limit: CardinalityLimit) -> None:
    shown = [limit.admit(answer("a", status=f"odd {call}")) for call in range(8)]
    assert [backends.backends[0].status for backends in shown[5:]] == ["odd 5", None, None]
    assert limit.admit(answer("a", status="retired")).backends[0].status == "retired"


def test_the_same_answer_yields_the_same_object_when_it_is_cut_too(limit: CardinalityLimit) -> None:
    full = answer("a", "b", "c", "d")
    assert limit.admit(full) is limit.admit(full)


def test_what_was_wrong_already_is_kept(limit: CardinalityLimit) -> None:
    wrong = Rejection("qubits", "a", "is not a number")
    admitted = limit.admit(BackendList(answer(*"abcd").backends, (wrong,)))
    assert admitted.rejections[0] is wrong
    assert "--ionq.max-backends" in admitted.rejections[1].problem
