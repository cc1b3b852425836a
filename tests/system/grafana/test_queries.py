import re
from typing import Any

import pytest

from grafana.demo_data.history import DAY_SECONDS
from grafana.demo_data.story import FIRST, OUTAGE, RECORDS_LOST, RESTART, SECOND
from grafana.generator.backend import PAGE as BACKEND
from grafana.generator.exporter import PAGE as EXPORTER
from grafana.generator.fidelity import HISTORY, KNOWN
from grafana.generator.fidelity import PAGE as FIDELITY
from grafana.generator.fleet import ALL, HARDWARE
from grafana.generator.fleet import PAGE as FLEET
from grafana.generator.page import Page
from grafana.generator.records import Records
from grafana.generator.states import ANSWERS, BELOW_SPECIFICATION, DOWN, LIMPING, SILENT, UNREACHABLE
from tests.system.grafana.files import DASHBOARDS, QUERIES, Dashboard, Query
from tests.system.grafana.prometheus import END, Prometheus, filled_in

ONE_BACKEND = {"ionq-backend": {"backend": "qpu.forte-1"}}

RIGHTLY_EMPTY = {"ionq-backend: Best hour A": "the wait of qpu.forte-1 is much the same at all hours"}
"""Queries that find nothing in the simulated weeks, and why that is right."""

each_query = pytest.mark.parametrize("query", QUERIES, ids=str)
each_query_about_machines = pytest.mark.parametrize(
    "query", [query for query in QUERIES if query.dashboard != "ionq-exporter"], ids=str
)
each_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)

IN_THE_OUTAGE = END - round(OUTAGE[1].hours_before_end * 3600) + 900
AFTER_THE_OUTAGE = END - round((OUTAGE[-1].hours_before_end * 60 - OUTAGE[-1].minutes) * 60) + 240
BEFORE_ALL_SCRAPES = END - 15 * DAY_SECONDS

LIVE = Records(ALL)


def expression_of(query: Query, **values: str) -> str:
    return filled_in(query.expression, **ONE_BACKEND.get(query.dashboard, {}) | values)


def labels_of(prometheus: Prometheus, query: Query, **values: str) -> list[Any]:
    expression = expression_of(query, **values)
    if query.is_range:
        return prometheus.range(expression)
    return [labels for labels, _ in prometheus.instant(expression)]


def query_of(page: Page, place: str, **values: str) -> str:
    (query,) = (one for one in QUERIES if one.dashboard == page.uid and one.place == place)
    return expression_of(query, **values)


def fleet_query(place: str) -> str:
    return query_of(FLEET, place)


def circuit_query(letter: str, **values: str) -> str:
    return query_of(FIDELITY, f"Best machine for $gates two-qubit gates on $qubits qubits {letter}", **values)


@each_query
def test_each_query_finds_data(prometheus: Prometheus, query: Query) -> None:
    assert bool(labels_of(prometheus, query)) != (str(query) in RIGHTLY_EMPTY)


def test_only_queries_that_exist_are_excused() -> None:
    assert set(RIGHTLY_EMPTY) <= {str(query) for query in QUERIES}


@each_dashboard
def test_each_variable_offers_values_and_what_is_filled_in_is_among_them(
    prometheus: Prometheus, dashboard: Dashboard
) -> None:
    for variable in dashboard.variables[1:]:
        if variable["type"] != "query":
            continue
        found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
        assert found
        values = prometheus.label_values(filled_in(found[1]), found[2])
        assert values
        if variable.get("allValue") is None:
            assert filled_in(f"${variable['name']}", **ONE_BACKEND.get(dashboard.uid, {})) in values


@each_query_about_machines
def test_a_second_exporter_doubles_nothing(prometheus: Prometheus, query: Query) -> None:
    both = labels_of(prometheus, query)
    one = labels_of(prometheus, query, instance=FIRST)
    assert len(both) == len(one)
    assert all({"instance", "job"}.isdisjoint(labels) for labels in both)


@each_query_about_machines
def test_a_location_that_vanishes_for_a_day_doubles_nothing(prometheus: Prometheus, query: Query) -> None:
    for labels in labels_of(prometheus, query):
        assert "location" not in labels or query.place == "Which machine to use now G"


def test_the_best_choice_is_on_top_and_is_the_shortest_wait_of_all_that_are_available(
    prometheus: Prometheus,
) -> None:
    rank = prometheus.instant(fleet_query("Which machine to use now A"))
    order = [labels["backend"] for labels, _ in sorted(rank, key=lambda pair: pair[1])]
    assert order[:5] == [
        "qpu.forte-enterprise-2",
        "qpu.forte-1",
        "qpu.forte-enterprise-1",
        "qpu.forte-enterprise-3",  # the shortest of all, but unavailable
        "simulator",
    ]
    assert set(order[5:]) == {"qpu.harmony", "qpu.aria-1", "qpu.aria-2"}
    ((shortest, wait),) = prometheus.instant(fleet_query("Shortest wait now A"))
    assert shortest["backend"] == order[0]
    assert wait == dict(_by_backend(prometheus, ALL.wait))[order[0]]


def test_that_no_qpu_is_available_is_said_and_is_not_the_same_as_unknown(prometheus: Prometheus) -> None:
    (query,) = (one for one in QUERIES if str(one) == "ionq-fleet: Shortest wait now A")
    ((labels, value),) = prometheus.instant(expression_of(query, backend="qpu.forte-enterprise-3"))
    assert (labels["backend"], value) == ("no QPU", -1)  # which the panel maps to "available"


def test_a_status_is_told_in_the_word_of_ionq(prometheus: Prometheus) -> None:
    words = prometheus.instant(fleet_query("Which machine to use now B"))
    status = {labels["backend"]: labels["status"] for labels, _ in words}
    assert status["qpu.forte-1"] == "available"
    assert status["qpu.forte-enterprise-3"] == "unavailable"
    assert status["qpu.aria-1"] == "retired"


def test_a_degraded_machine_that_takes_jobs_is_told_from_one_that_is_as_it_should_be(
    prometheus: Prometheus,
) -> None:
    degraded_and_available = set()
    for moment in range(END - DAY_SECONDS * 13, END + 1, DAY_SECONDS):
        reported = dict(_by_backend(prometheus, HARDWARE.status_numbers, moment))
        degraded = dict(_by_backend(prometheus, HARDWARE.degraded, moment))
        available = dict(_by_backend(prometheus, HARDWARE.available, moment))
        shown = dict(_by_backend(prometheus, fleet_query("Status of each machine B"), moment))
        for backend, number in shown.items():
            limping = degraded.get(backend) == 1 and available.get(backend) == 1
            assert number == (LIMPING.number if limping else reported[backend])
            if limping:
                degraded_and_available.add((moment, backend))
    assert degraded_and_available
    words = dict(prometheus.instant_labels(ALL.status_words, "backend", "status"))
    for backend, word in words.items():
        status_now = query_of(BACKEND, "Status now A", backend=backend)
        ((labels, _),) = prometheus.instant(status_now)
        is_limping = (END, backend) in degraded_and_available
        assert labels["status"] == (BELOW_SPECIFICATION.text if is_limping else word)


def test_an_hour_is_only_called_the_best_where_it_stands_out_and_days_were_seen(
    prometheus: Prometheus,
) -> None:
    def best_hour(backend: str, moment: int = END) -> list[str]:
        found = prometheus.instant(query_of(BACKEND, "Best hour A", backend=backend), moment)
        return [labels["hour"] for labels, _ in found]

    (hour,) = best_hour("qpu.forte-enterprise-3")
    by_hour = query_of(BACKEND, "Wait by hour of the day (UTC) A", backend="qpu.forte-enterprise-3")
    shares = {labels["hour"]: share for labels, share in prometheus.instant(by_hour)}
    assert len(shares) == 24
    assert f"{min(shares, key=lambda one: shares[one])}:00 UTC" == hour
    assert min(shares.values()) < -0.1
    assert best_hour("qpu.forte-1") == []
    for days_seen in (0.5, 1, 2):
        assert best_hour("qpu.forte-enterprise-3", END - round((14 - days_seen) * DAY_SECONDS)) == []


def test_while_ionq_is_down_nothing_is_zero_and_the_dashboard_says_why(prometheus: Prometheus) -> None:
    for gone in (HARDWARE.wait, HARDWARE.available, HARDWARE.degraded, HARDWARE.energy):
        assert prometheus.instant(filled_in(gone), IN_THE_OUTAGE) == []
    for unknown in ("Shortest wait now A", "QPUs available A", "QPUs available B"):
        assert prometheus.instant(fleet_query(unknown), IN_THE_OUTAGE) == []
    for column in "ABCDEFGHI":  # an empty table says why it is
        assert prometheus.instant(fleet_query(f"Which machine to use now {column}"), IN_THE_OUTAGE) == []
    ((_, answers),) = prometheus.instant(fleet_query("IonQ's API A"), IN_THE_OUTAGE)
    assert answers == SILENT.number
    ((_, age),) = prometheus.instant(fleet_query("Last answer A"), IN_THE_OUTAGE)
    assert 900 < age < 2700


def test_while_ionq_is_down_what_was_last_known_of_records_is_shown_and_their_status_is_not(
    prometheus: Prometheus,
) -> None:
    before = END - round(OUTAGE[0].hours_before_end * 3600) - 240
    assert prometheus.instant(filled_in(LIVE.two_qubit_error), IN_THE_OUTAGE) == []
    for last_known, live in (
        (KNOWN.two_qubit_error, LIVE.two_qubit_error),
        (KNOWN.drift("4w"), LIVE.drift("4w")),
        (KNOWN.date, LIVE.date),
    ):
        was = dict(_by_backend(prometheus, live, before))
        assert was
        assert set(dict(_by_backend(prometheus, last_known, IN_THE_OUTAGE))) == set(was)
    was = dict(_by_backend(prometheus, LIVE.two_qubit_error, before))
    assert dict(_by_backend(prometheus, circuit_query("C"), IN_THE_OUTAGE)) == was
    assert prometheus.instant(circuit_query("E"), IN_THE_OUTAGE) == []
    states = dict(prometheus.instant_labels(circuit_query("H"), "backend", "status", IN_THE_OUTAGE))
    assert states == dict.fromkeys(was, UNREACHABLE.text)
    assert prometheus.instant(query_of(FIDELITY, "Best machine for this circuit A"), IN_THE_OUTAGE) == []
    assert prometheus.instant(query_of(BACKEND, "Two-qubit error A"), IN_THE_OUTAGE)


def test_a_record_is_named_by_its_own_id_even_where_another_was_in_force_hours_ago(
    prometheus: Prometheus,
) -> None:
    info = filled_in(ALL.raw("ionq_backend_characterization_record_info"))
    replaced = 0
    for moment in range(END - DAY_SECONDS * 10, END, 3 * 3600):
        live = {
            (labels["backend"], labels["characterization_id"])
            for labels, _ in prometheus.instant(info, moment)
        }
        earlier = {
            (labels["backend"], labels["characterization_id"])
            for labels, _ in prometheus.instant(info, moment - 2 * 3600)
        }
        named = prometheus.instant_labels(
            query_of(FIDELITY, "Records D"), "backend", "characterization_id", moment
        )
        assert len(dict(named)) == len(named) > 0
        if live:
            listed = dict(live)
            assert {(backend, identity) for backend, identity in named if backend in listed} <= live
            replaced += len(set(named) - earlier)
    assert replaced


def test_an_outage_of_minutes_shows_in_a_timeline_of_weeks(prometheus: Prometheus) -> None:
    exporters = query_of(EXPORTER, "State of each exporter A")
    restart = END - round(RESTART.hours_before_end * 3600)
    for minutes in (4, 12, 20):  # a step of the range that is filled in is 20 minutes
        states = prometheus.instant(exporters, restart + minutes * 60)
        assert {labels["instance"]: value for labels, value in states} == {
            FIRST: DOWN.number,
            SECOND: ANSWERS.number,
        }
    for page, place in ((FLEET, "Status of each machine A"), (BACKEND, "State A")):
        ((_, soon_after),) = prometheus.instant(query_of(page, place), AFTER_THE_OUTAGE + 600)
        ((_, long_after),) = prometheus.instant(query_of(page, place), AFTER_THE_OUTAGE + 1800)
        assert (soon_after, long_after) == (SILENT.number, ANSWERS.number)
        ((_, read_on),) = prometheus.instant(query_of(page, place), restart + 720)
        assert read_on == ANSWERS.number  # by the other exporter


def test_that_no_alert_fires_is_only_said_where_rules_are_loaded(prometheus: Prometheus) -> None:
    for severity, letter in (("critical", "A"), ("warning", "B")):
        firing = f'ALERTS{{alertstate="firing", severity="{severity}"}}'
        for moment in (END, IN_THE_OUTAGE):
            ((_, number),) = prometheus.instant(fleet_query(f"Alerts {letter}"), moment)
            assert number == len(prometheus.instant(firing, moment))
        assert prometheus.instant(fleet_query(f"Alerts {letter}"), BEFORE_ALL_SCRAPES) == []
    ((_, critical),) = prometheus.instant(fleet_query("Alerts A"), IN_THE_OUTAGE)
    assert critical == 1


def test_totals_are_of_the_whole_range_and_say_so_when_nothing_went_wrong(prometheus: Prometheus) -> None:
    totals = prometheus.instant(query_of(EXPORTER, "What went wrong in the time range A"))
    assert {(labels["what"], labels["reason"]) for labels, _ in totals} == {
        *(("failed scrapes", reason) for reason in ("http_status", "timeout", "rate_limited")),
        *(("rejected values", field) for field in ("kw", "qubits")),
        ("failed reads of characterizations", "http_status"),
    }
    for labels, number in totals:
        if labels["what"] == "failed scrapes":
            counter = f'ionq_exporter_api_failures_total{{reason="{labels["reason"]}"}}'
            increases = prometheus.instant(f"increase({counter}[14d])")
            assert number == round(sum(increase for _, increase in increases)) > 1
    quiet = query_of(EXPORTER, "What went wrong in the time range A", __range="3600s")
    assert [(labels, value) for labels, value in prometheus.instant(quiet)] == [({"what": "nothing"}, 0)]
    assert prometheus.instant(quiet, BEFORE_ALL_SCRAPES) == []


def test_an_exporter_that_is_down_is_not_taken_for_one_that_ionq_does_not_answer(
    prometheus: Prometheus,
) -> None:
    (query,) = (one for one in QUERIES if str(one) == "ionq-exporter: State of each exporter A")
    restart = END - round(RESTART.hours_before_end * 3600) + 240
    states = {
        labels["instance"]: value for labels, value in prometheus.instant(expression_of(query), restart)
    }
    assert states == {FIRST: DOWN.number, SECOND: ANSWERS.number}


def test_no_change_of_status_is_marked_where_ionq_was_only_silent(prometheus: Prometheus) -> None:
    (query,) = (one for one in QUERIES if str(one) == "ionq-backend: annotation Characterization")
    marked = prometheus.range(expression_of(query))
    identities = [labels["characterization_id"] for labels in marked]
    assert len(identities) == len(set(identities)) > 1
    (status,) = (one for one in QUERIES if str(one) == "ionq-fleet: annotation Status")
    assert prometheus.instant(expression_of(status), AFTER_THE_OUTAGE) == []


def test_the_machine_that_suits_a_circuit_best_is_on_top_and_what_cannot_be_used_now_comes_last(
    prometheus: Prometheus,
) -> None:
    rank = dict(_by_backend(prometheus, circuit_query("B")))
    success = dict(_by_backend(prometheus, circuit_query("A")))
    two_qubit = dict(_by_backend(prometheus, KNOWN.fidelity("2q")))
    spam = dict(_by_backend(prometheus, KNOWN.fidelity("spam")))
    for backend, value in success.items():
        assert value == pytest.approx(two_qubit[backend] ** 100 * spam[backend] ** 10)
    order = sorted(rank, key=lambda backend: -rank[backend])
    assert set(order) == set(success)
    assert order[-1] == "qpu.forte-enterprise-3"  # which is unavailable
    assert rank[order[-1]] < 0 < rank[order[-2]] == success[order[-2]]
    assert success[order[0]] == max(success[backend] for backend in order[:-1])
    ((best, value),) = prometheus.instant(query_of(FIDELITY, "Best machine for this circuit A"))
    assert (best["backend"], value) == (order[0], success[order[0]])
    ((_, wait),) = prometheus.instant(query_of(FIDELITY, "Best machine for this circuit B"))
    assert wait == dict(_by_backend(prometheus, ALL.wait))[order[0]]


def test_that_no_machine_is_large_enough_is_said_and_is_not_the_same_as_unknown(
    prometheus: Prometheus,
) -> None:
    assert prometheus.instant(circuit_query("B", qubits="37")) == []
    best = query_of(FIDELITY, "Best machine for this circuit A", qubits="37")
    ((labels, value),) = prometheus.instant(best)
    assert (labels["backend"], value) == ("for this circuit", -1)  # which the panel maps to "no QPU"
    assert prometheus.instant(best, IN_THE_OUTAGE) == []


def test_machines_that_are_retired_keep_their_history_and_nothing_else(prometheus: Prometheus) -> None:
    exported = {labels["backend"] for labels, _ in prometheus.instant("ionq_backend_fidelity_ratio")}
    assert {"qpu.harmony", "qpu.aria-1"} <= exported
    now = {"qpu.forte-1", *(f"qpu.forte-enterprise-{number}" for number in (1, 2, 3))}
    for letter in "ABCDEFGH":
        assert set(dict(_by_backend(prometheus, circuit_query(letter)))) == now
    in_service = dict(_by_backend(prometheus, HISTORY.two_qubit_error, END - 200 * DAY_SECONDS))
    assert "qpu.aria-1" in in_service


def test_a_line_ends_where_a_machine_is_characterized_no_more(prometheus: Prometheus) -> None:
    long_after = END - 200 * DAY_SECONDS
    assert "qpu.aria-2" in dict(_by_backend(prometheus, HISTORY.two_qubit_error, long_after))
    drawn = dict(_by_backend(prometheus, HISTORY.while_measured(HISTORY.two_qubit_error), long_after))
    assert "qpu.aria-2" not in drawn
    assert {"qpu.aria-1", "qpu.forte-1"} <= drawn.keys()


def test_a_drift_is_the_change_of_the_error_and_reaches_back_into_what_was_filled_in(
    prometheus: Prometheus,
) -> None:
    now = dict(_by_backend(prometheus, KNOWN.two_qubit_error))
    for window, days in (("1w", 7), ("4w", 28), ("52w", 364)):
        before = dict(_by_backend(prometheus, HISTORY.two_qubit_error, END - days * DAY_SECONDS))
        drift = dict(_by_backend(prometheus, KNOWN.drift(window)))
        assert set(drift) == set(now) & set(before)
        assert "qpu.forte-1" in drift
        for backend, change in drift.items():
            assert change == pytest.approx(now[backend] / before[backend] - 1)


def test_history_has_no_gaps_where_only_each_sixth_hour_was_filled_in(prometheus: Prometheus) -> None:
    for days in (20, 100, 300):
        for minutes in (0, 7, 200, 359):
            moment = END - days * DAY_SECONDS + 60 * minutes
            assert "qpu.forte-1" in dict(_by_backend(prometheus, HISTORY.two_qubit_error, moment))


def test_new_records_are_marked_at_their_dates_unless_there_would_be_hundreds(prometheus: Prometheus) -> None:
    marks = query_of(FIDELITY, "annotation New records (up to 100 days)")
    dates = dict(_by_backend(prometheus, KNOWN.date))
    assert {labels["backend"]: value / 1000 for labels, value in prometheus.instant(marks)} == dates
    year = query_of(FIDELITY, "annotation New records (up to 100 days)", __range_s=str(365 * DAY_SECONDS))
    assert prometheus.instant(year) == []


def test_a_record_that_one_of_two_exporters_has_read_counts_as_read(prometheus: Prometheus) -> None:
    (query,) = (one for one in QUERIES if str(one) == "ionq-fidelity: Records C")
    soon_after = END - round(RECORDS_LOST.hours_before_end * 3600) + 900
    for instance, read in ((FIRST, {0.0}), (".*", {1.0})):
        current = prometheus.instant(expression_of(query, instance=instance), soon_after)
        assert {value for _, value in current} == read


def _by_backend(prometheus: Prometheus, expression: str, moment: int = END) -> list[tuple[str, float]]:
    return [(labels["backend"], value) for labels, value in prometheus.instant(filled_in(expression), moment)]
