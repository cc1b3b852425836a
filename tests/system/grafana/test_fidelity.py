import pytest

from grafana.demo_data.history import DAY_SECONDS
from grafana.demo_data.story import CHARACTERIZATIONS_LOST
from grafana.generator.states import NO_QPU
from tests.support.dashboards import FIDELITY, QUERIES
from tests.system.grafana.prometheus import END, Prometheus, filled_in, text_of
from tests.system.grafana.scenes import moment_of

TABLE = "Success against time to result"
CHANGES = "Two-qubit error now, and its change"
IN_SERVICE = {"qpu.forte-1", *(f"qpu.forte-enterprise-{number}" for number in (1, 2, 3))}
TWO_QUBIT_FIDELITIES = {"qpu.forte-1": 0.995, "qpu.forte-enterprise-1": 0.99, "qpu.forte-enterprise-2": 0.98}


def history(title: str) -> str:
    (expression,) = (one.expression for one in QUERIES if str(one) == f"ionq-fidelity: {title} A")
    return expression


def tile(prometheus: Prometheus, title: str, scene: str, **values: str) -> list[tuple[str, float | str]]:
    panel = FIDELITY.panel(title)
    found = prometheus.stat(FIDELITY, title, moment_of(scene), **values)
    return [(name, text_of(panel, "", value)) for name, value in found]


def test_success_and_time_to_result_stand_side_by_side_the_likeliest_success_first(
    scenes: Prometheus,
) -> None:
    rows = scenes.table(FIDELITY, TABLE, moment_of("usual"))
    assert [row["Backend"] for row in rows] == list(TWO_QUBIT_FIDELITIES)
    waits = {"qpu.forte-1": 1000, "qpu.forte-enterprise-1": 500, "qpu.forte-enterprise-2": 700}
    for row in rows:
        fidelity = TWO_QUBIT_FIDELITIES[row["Backend"]]
        assert row["Success"] == pytest.approx(fidelity**100 * 0.99**10)
        # A thousand runs of a hundred gates of a millisecond.
        assert row["Time to result"] == pytest.approx(1000 * (waits[row["Backend"]] + 100))


def test_two_tiles_name_the_likeliest_success_and_the_soonest_result(scenes: Prometheus) -> None:
    ((likeliest, success),) = scenes.stat(FIDELITY, "Likeliest success now", moment_of("usual"))
    ((soonest, milliseconds),) = scenes.stat(FIDELITY, "Soonest result now", moment_of("usual"))
    assert likeliest == "qpu.forte-1"
    assert success == pytest.approx(0.995**100 * 0.99**10)
    assert (soonest, milliseconds) == ("qpu.forte-enterprise-1", 600_000)


def test_what_is_not_available_comes_last_and_has_no_time(scenes: Prometheus) -> None:
    rows = scenes.table(FIDELITY, TABLE, moment_of("odd"))
    assert [row["Backend"] for row in rows] == list(TWO_QUBIT_FIDELITIES)
    assert [row["Status"] for row in rows] == ["available", "unavailable", "reserved until Friday"]
    assert not any("Time to result" in row for row in rows)
    assert [name for name, _ in tile(scenes, "Likeliest success now", "odd")] == ["qpu.forte-1"]


def test_that_no_qpu_is_available_or_large_enough_is_said(scenes: Prometheus) -> None:
    for title in ("Likeliest success now", "Soonest result now"):
        assert tile(scenes, title, "all QPUs down") == [("for this circuit", NO_QPU.text)]
        assert tile(scenes, title, "usual", qubits="37") == [("for this circuit", NO_QPU.text)]
    assert scenes.table(FIDELITY, TABLE, moment_of("usual"), qubits="37") == []


def test_ignorance_is_not_taken_for_no_qpu(scenes: Prometheus) -> None:
    for title in ("Likeliest success now", "Soonest result now"):
        assert tile(scenes, title, "outage") == []
        assert tile(scenes, title, "without characterizations") == []


def test_in_an_outage_the_last_known_characterizations_stay_and_the_status_says_so(
    scenes: Prometheus,
) -> None:
    rows = scenes.table(FIDELITY, TABLE, moment_of("outage"))
    usual = scenes.table(FIDELITY, TABLE, moment_of("usual"))
    assert [(row["Backend"], row["Success"]) for row in rows] == [
        (row["Backend"], row["Success"]) for row in usual
    ]
    assert {row["Status"] for row in rows} == {"last known: available"}
    assert not any("Time to result" in row for row in rows)


def test_retired_backends_keep_their_history_and_nothing_else(prometheus: Prometheus) -> None:
    exported = {labels["backend"] for labels, _ in prometheus.instant("ionq_backend_fidelity_ratio")}
    assert {"qpu.harmony", "qpu.aria-1"} <= exported
    for title in (TABLE, CHANGES, "Latest characterizations"):
        assert {row["Backend"] for row in prometheus.table(FIDELITY, title)} == IN_SERVICE
        assert prometheus.table(FIDELITY, title, backend="qpu.aria-1") == []
    long_ago = END - 200 * DAY_SECONDS
    assert "qpu.aria-1" in prometheus.by_backend(history("Two-qubit error"), long_ago)


def test_a_line_ends_where_a_backend_is_characterized_no_more(prometheus: Prometheus) -> None:
    long_ago = END - 200 * DAY_SECONDS
    exported = prometheus.instant("last_over_time(ionq_backend_fidelity_ratio[1d])", long_ago)
    assert "qpu.aria-2" in {labels["backend"] for labels, _ in exported}
    for title in ("Two-qubit error", "One-qubit error", "SPAM error"):
        drawn = prometheus.by_backend(history(title), long_ago).keys()
        assert "qpu.aria-2" not in drawn
        assert {"qpu.aria-1", "qpu.forte-1"} <= drawn


def test_history_has_no_gaps_where_only_each_sixth_hour_was_filled_in(prometheus: Prometheus) -> None:
    for days in (20, 100, 300):
        for minutes in (0, 7, 200, 359):
            moment = END - days * DAY_SECONDS + 60 * minutes
            assert "qpu.forte-1" in prometheus.by_backend(history("Two-qubit error"), moment)


def test_a_change_compares_the_medians_of_weeks_also_with_what_was_filled_in(prometheus: Prometheus) -> None:
    def median_error(days_before: int) -> dict[str, float]:
        fidelity = 'max by (backend) (ionq_backend_fidelity_ratio{operation="2q"})'
        week = f"{fidelity}[7d:3h] offset 1m"
        return prometheus.by_backend(f"1 - quantile_over_time(0.5, {week})", END - days_before * DAY_SECONDS)

    now = median_error(0)
    rows = {row["Backend"]: row for row in prometheus.table(FIDELITY, CHANGES)}
    for column, days in (("1 week", 7), ("4 weeks", 28), ("1 year", 364)):
        before = median_error(days)
        assert "qpu.forte-1" in before
        for backend, row in rows.items():
            change = now[backend] / before[backend] - 1 if backend in before else None
            assert row.get(column) == (change and pytest.approx(change))


def test_on_the_first_day_there_are_errors_and_no_changes(scenes: Prometheus) -> None:
    rows = scenes.table(FIDELITY, CHANGES, moment_of("usual"))
    assert {row["Backend"]: row["Error now"] for row in rows if row["Backend"] in TWO_QUBIT_FIDELITIES} == {
        backend: pytest.approx(1 - fidelity) for backend, fidelity in TWO_QUBIT_FIDELITIES.items()
    }
    assert all(set(row) == {"Backend", "Error now"} for row in rows)


def test_new_characterizations_are_marked_at_their_dates_unless_there_would_be_hundreds(
    prometheus: Prometheus,
) -> None:
    (marks,) = (one.expression for one in QUERIES if one.place.startswith("annotation New characterizations"))
    dates = {row["Backend"]: row["Date"] for row in prometheus.table(FIDELITY, "Latest characterizations")}
    marked = prometheus.by_backend(marks)
    assert {backend: marked[backend] for backend in dates} == dates
    assert prometheus.instant(filled_in(marks, __range_s=str(365 * DAY_SECONDS))) == []


def test_a_characterization_that_one_of_two_exporters_has_read_counts_as_read(prometheus: Prometheus) -> None:
    soon_after = END - round(CHARACTERIZATIONS_LOST.hours_before_end * 3600) + 900
    current = prometheus.instant("ionq_backend_characterization_current", soon_after)
    assert {value for _, value in current} == {0, 1}
    rows = prometheus.table(FIDELITY, "Latest characterizations", soon_after)
    assert {row["Up to date"] for row in rows} == {1}
