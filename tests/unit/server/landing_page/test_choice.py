from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.records.backends import Backend
from exporter.server.landing_page.choice import groups_by_choice, summarize
from tests.support.samples import qpu


def in_order(*backends: Backend) -> dict[str, list[str]]:
    return {
        group.title: [backend.name.removeprefix("qpu.") for backend in group.backends]
        for group in groups_by_choice(backends)
    }


def test_backends_come_in_the_order_in_which_one_would_choose() -> None:
    simulator = Backend("simulator", status="available", average_queue_time_seconds=0)
    assert in_order(
        qpu("harmony", "retired"),
        simulator,
        qpu("down", "unavailable", 60),
        qpu("busy", wait=7000),
        qpu("free", wait=60),
        qpu("calibrating", "calibrating", 30),
    ) == {
        "Available": ["free", "busy"],
        "Not available": ["calibrating", "down"],
        "Simulators": ["simulator"],
        "Retired": ["harmony"],
    }


def test_a_wait_of_0_is_short_for_an_available_backend_alone() -> None:
    backends = [qpu(name, name, wait) for name, wait in (("unavailable", 0), ("calibrating", 9))]
    assert in_order(*backends, qpu("b", wait=9), qpu("a", wait=0)) == {
        "Available": ["a", "b"],
        "Not available": ["calibrating", "unavailable"],
    }


def test_an_unknown_wait_comes_last_and_names_decide_between_equals() -> None:
    assert in_order(qpu("a"), qpu("c", wait=1), qpu("b", wait=1)) == {"Available": ["b", "c", "a"]}


def test_a_backend_without_access_is_no_choice() -> None:
    without, best = qpu("a", wait=1, has_access=False), qpu("b", wait=9, has_access=True)
    assert in_order(without, best, qpu("c")) == {"Available": ["b", "c", "a"]}
    assert summarize([without, best]).best == best
    assert summarize([without]).best is None


@pytest.mark.parametrize("status", [None, "unavailable", "calibrating"])
def test_a_qpu_that_is_not_said_to_be_available_is_not(status: str | None) -> None:
    assert in_order(qpu("a", status)) == {"Not available": ["a"]}


def test_the_summary_counts_qpus_in_service_and_names_the_shortest_wait() -> None:
    summary = summarize(
        [qpu("a", wait=1681), qpu("b", wait=9000), qpu("c", "unavailable", 1), qpu("d", "retired", 0)]
    )
    assert str(summary) == "2 of 3 QPUs available"
    assert summary.best == qpu("a", wait=1681)


@pytest.mark.parametrize(
    ("backends", "text"),
    [
        ([qpu("a")], "1 of 1 QPU available"),
        ([qpu("a", "unavailable"), qpu("b", None)], "0 of 2 QPUs available"),
        ([qpu("a", "retired"), Backend("simulator", status="available")], "No QPU is listed"),
        ([], "No QPU is listed"),
    ],
)
def test_without_a_known_wait_the_summary_counts_alone(backends: list[Backend], text: str) -> None:
    assert str(summarize(backends)) == text
    assert summarize(backends).best is None


@given(
    st.lists(
        st.builds(
            Backend,
            name=st.sampled_from(["qpu.a", "qpu.b", "simulator"]),
            status=st.none() | st.sampled_from(["available", "unavailable", "retired"]),
            average_queue_time_seconds=st.none() | st.floats(0, allow_infinity=False),
        )
    )
)
def test_each_backend_is_in_one_group_and_the_order_does_not_depend_on_ionqs(
    backends: Sequence[Backend],
) -> None:
    groups = groups_by_choice(backends)
    shown = [backend for group in groups for backend in group.backends]
    assert sorted(map(repr, shown)) == sorted(map(repr, backends))
    names = [(group.title, [backend.name for backend in group.backends]) for group in groups]
    turned = [
        (group.title, [backend.name for backend in group.backends])
        for group in groups_by_choice(backends[::-1])
    ]
    assert names == turned
