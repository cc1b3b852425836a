import itertools
from collections.abc import Iterator

import pytest
import structlog
from structlog.testing import capture_logs
from structlog.typing import EventDict

from exporter.common.errors import (
    ConnectionFailedError,
    DeadlineExceededError,
    HTTPStatusError,
    IonQError,
    ProtocolError,
    UnexpectedError,
)
from exporter.records.json_values import Rejection
from exporter.scrape.failure_log import FailureLog
from tests.support.clock import Clock

DAY = 86_400
SCRAPE_INTERVAL = 15

TIMEOUT = DeadlineExceededError("no complete response within 9.5s")
BAD_QUBITS = Rejection("qubits", "qpu.forte-1", "'36' is not a number")
BAD_FIDELITY = Rejection("record.fidelity", "qpu.forte-1", "2q.median 1.5 is not between 0 and 1")
BAD_COMPONENT = Rejection("status_page.component", "API", "status 7 is not text")
BAD_STATUS = Rejection("status", "qpu.aria-1", "7 is not text")


@pytest.fixture
def failure_log(clock: Clock) -> FailureLog:
    return FailureLog(structlog.get_logger(), clock)


@pytest.fixture
def logged() -> Iterator[list[EventDict]]:
    with capture_logs() as events:
        yield events


def fail_for(
    seconds: float, failure_log: FailureLog, clock: Clock, logged: list[EventDict], error: IonQError = TIMEOUT
) -> list[float]:
    """Fail at each scrape, and return after how many seconds that was logged."""
    began, times = clock.now, []
    while clock.now < began + seconds:
        before = len(logged)
        failure_log.failed(error)
        times += [clock.now - began] * (len(logged) - before)
        clock.now += SCRAPE_INTERVAL
    return times


# Failures


def test_a_failure_is_logged_at_once_with_all_its_facts(
    failure_log: FailureLog, logged: list[EventDict]
) -> None:
    error = HTTPStatusError("IonQ answered 503: see https://status.ionq.co", 503)
    error.request_id = "req-1"
    failure_log.failed(error)
    assert logged == [
        {
            "event": "ionq_read_failed",
            "log_level": "error",
            "reason": "http_status",
            "error": "IonQ answered 503: see https://status.ionq.co",
            "request_id": "req-1",
            "failed_scrapes": 1,
            "failing_for": "0s",
            "trace": None,
        }
    ]


def test_a_lasting_failure_is_logged_at_a_falling_rate_down_to_one_an_hour(
    failure_log: FailureLog, clock: Clock, logged: list[EventDict]
) -> None:
    times = fail_for(DAY, failure_log, clock, logged)
    assert times[:9] == [0, 60, 180, 420, 900, 1860, 3780, 7380, 10_980]
    assert {later - earlier for earlier, later in itertools.pairwise(times[7:])} == {3600}
    assert len(times) < 40


def test_each_line_about_a_lasting_failure_says_how_long_it_has_lasted(
    failure_log: FailureLog, clock: Clock, logged: list[EventDict]
) -> None:
    fail_for(200, failure_log, clock, logged)
    assert [(line["failed_scrapes"], line["failing_for"]) for line in logged] == [
        (1, "0s"),
        (5, "1m"),
        (13, "3m"),
    ]


def test_another_reason_is_logged_at_once(
    failure_log: FailureLog, clock: Clock, logged: list[EventDict]
) -> None:
    failure_log.failed(TIMEOUT)
    clock.now += 1
    failure_log.failed(ConnectionFailedError("no connection"))
    clock.now += 1
    failure_log.failed(TIMEOUT)
    assert [line["reason"] for line in logged] == ["timeout", "connect"]


def test_recovery_is_logged_once(failure_log: FailureLog, clock: Clock, logged: list[EventDict]) -> None:
    failure_log.failed(TIMEOUT)
    clock.now += 45
    failure_log.failed(TIMEOUT)
    clock.now += 45
    failure_log.succeeded()
    failure_log.succeeded()
    assert logged[1:] == [
        {"event": "ionq_read_recovered", "log_level": "info", "failed_scrapes": 2, "failed_for": "1m 30s"}
    ]


def test_success_alone_is_not_worth_a_line(failure_log: FailureLog, logged: list[EventDict]) -> None:
    failure_log.succeeded()
    assert logged == []


def test_a_failure_that_comes_and_goes_is_logged_at_a_falling_rate_too(
    failure_log: FailureLog, clock: Clock, logged: list[EventDict]
) -> None:
    for _ in range(DAY // (2 * SCRAPE_INTERVAL)):
        failure_log.failed(TIMEOUT)
        clock.now += SCRAPE_INTERVAL
        failure_log.succeeded()
        clock.now += SCRAPE_INTERVAL
    events = [line["event"] for line in logged]
    assert events == ["ionq_read_failed", "ionq_read_recovered"] * (len(events) // 2)
    assert 2 <= len(events) < 80


def test_a_failure_after_an_hour_without_any_is_logged_at_once(
    failure_log: FailureLog, clock: Clock, logged: list[EventDict]
) -> None:
    fail_for(DAY, failure_log, clock, logged)
    failure_log.succeeded()
    clock.now += 3601
    logged.clear()
    assert fail_for(200, failure_log, clock, logged) == [0, 60, 180]


def succeed_for(seconds: float, failure_log: FailureLog, clock: Clock) -> None:
    """Succeed at each scrape."""
    until = clock.now + seconds
    while clock.now < until:
        failure_log.succeeded()
        clock.now += SCRAPE_INTERVAL


def test_a_failure_after_five_minutes_of_success_is_logged_at_once_and_so_is_its_end(
    failure_log: FailureLog, clock: Clock, logged: list[EventDict]
) -> None:
    fail_for(7 * 3600 + 600, failure_log, clock, logged)
    succeed_for(330, failure_log, clock)
    logged.clear()
    assert fail_for(1800, failure_log, clock, logged) == [0, 60, 180, 420, 900]
    succeed_for(30, failure_log, clock)
    assert logged[-1]["event"] == "ionq_read_recovered"
    assert logged[-1]["failed_for"] == "30m"


def test_a_failure_after_a_shorter_success_is_the_same_that_comes_and_goes(
    failure_log: FailureLog, clock: Clock, logged: list[EventDict]
) -> None:
    fail_for(7 * 3600 + 600, failure_log, clock, logged)
    for _ in range(5):
        succeed_for(240, failure_log, clock)
        logged.clear()
        assert fail_for(30, failure_log, clock, logged) == []


def test_one_success_among_seldom_scrapes_is_no_five_minutes_of_success(
    failure_log: FailureLog, clock: Clock, logged: list[EventDict]
) -> None:
    for _ in range(100):
        failure_log.failed(TIMEOUT)
        clock.now += 600
        failure_log.succeeded()
        clock.now += 600
    assert sum(line["event"] == "ionq_read_failed" for line in logged) < 50


def come_and_go_for_a_day(failure_log: FailureLog, clock: Clock) -> None:
    """Reject a value in every other scrape."""
    for _ in range(DAY // (2 * SCRAPE_INTERVAL)):
        failure_log.rejected([BAD_QUBITS])
        clock.now += SCRAPE_INTERVAL
        failure_log.rejected([])
        clock.now += SCRAPE_INTERVAL


def test_a_bad_value_after_five_minutes_of_valid_ones_is_logged_at_once(
    failure_log: FailureLog, clock: Clock, logged: list[EventDict]
) -> None:
    come_and_go_for_a_day(failure_log, clock)
    logged.clear()
    failure_log.rejected([BAD_STATUS])
    while logged[-1]["event"] != "ionq_values_valid_again":
        clock.now += SCRAPE_INTERVAL
        failure_log.rejected([])
    for _ in range(330 // SCRAPE_INTERVAL):
        clock.now += SCRAPE_INTERVAL
        failure_log.rejected([])
    logged.clear()
    failure_log.rejected([BAD_QUBITS])
    failure_log.rejected([])
    assert [line["event"] for line in logged] == ["ionq_values_rejected", "ionq_values_valid_again"]


def test_an_unexpected_exception_is_logged_beside_other_failures_of_its_reason_and_says_where(
    failure_log: FailureLog, logged: list[EventDict]
) -> None:
    failure_log.failed(ProtocolError("the answer broke off"))
    try:
        [].pop()
    except IndexError as error:
        failure_log.failed(UnexpectedError.of(error))
    first, second = logged
    assert first["reason"] == second["reason"] == "protocol"
    assert first["trace"] is None
    assert second["error"] == "IndexError: pop from empty list"
    assert "[].pop()" in second["trace"]


def test_a_new_failure_is_dated_from_its_own_beginning(
    failure_log: FailureLog, clock: Clock, logged: list[EventDict]
) -> None:
    fail_for(120, failure_log, clock, logged)
    failure_log.succeeded()
    clock.now += 7200
    logged.clear()
    fail_for(61, failure_log, clock, logged)
    assert [(line["failed_scrapes"], line["failing_for"]) for line in logged] == [(1, "0s"), (5, "1m")]


# Bad values


def test_bad_values_are_logged_with_examples(failure_log: FailureLog, logged: list[EventDict]) -> None:
    failure_log.rejected([BAD_QUBITS, BAD_STATUS])
    assert logged == [
        {
            "event": "ionq_values_rejected",
            "log_level": "warning",
            "count": 2,
            "examples": "qpu.forte-1: qubits '36' is not a number; qpu.aria-1: status 7 is not text",
        }
    ]


def test_many_bad_values_are_counted_and_five_are_shown(
    failure_log: FailureLog, logged: list[EventDict]
) -> None:
    rejections = [Rejection("backend", f"row {number}", "is missing or empty") for number in range(1, 8)]
    failure_log.rejected([*rejections, Rejection("row", "row 10001", "is one too many", count=90)])
    [line] = logged
    assert line["count"] == 97
    assert line["examples"].count("is missing or empty") == 5


def test_bad_values_are_logged_once_and_not_at_each_scrape(
    failure_log: FailureLog, clock: Clock, logged: list[EventDict]
) -> None:
    for _ in range(DAY // SCRAPE_INTERVAL):
        failure_log.rejected([BAD_QUBITS, BAD_STATUS])
        clock.now += SCRAPE_INTERVAL
    assert len(logged) == 1


def test_the_order_of_bad_values_and_what_exactly_they_held_is_no_change(
    failure_log: FailureLog, logged: list[EventDict]
) -> None:
    failure_log.rejected([BAD_QUBITS, BAD_STATUS])
    failure_log.rejected([BAD_STATUS, Rejection("qubits", "qpu.forte-1", "'37' is not a number")])
    assert len(logged) == 1


def test_another_bad_value_is_logged_at_once(failure_log: FailureLog, logged: list[EventDict]) -> None:
    failure_log.rejected([BAD_QUBITS])
    failure_log.rejected([BAD_QUBITS, BAD_STATUS])
    assert [line["count"] for line in logged] == [1, 2]


def test_a_line_says_that_all_values_are_valid_again(
    failure_log: FailureLog, logged: list[EventDict]
) -> None:
    failure_log.rejected([BAD_QUBITS])
    failure_log.rejected([])
    failure_log.rejected([])
    assert [line["event"] for line in logged] == ["ionq_values_rejected", "ionq_values_valid_again"]


def test_valid_values_alone_are_not_worth_a_line(failure_log: FailureLog, logged: list[EventDict]) -> None:
    failure_log.rejected([])
    assert logged == []


def test_a_bad_value_that_comes_and_goes_is_logged_at_a_falling_rate(
    failure_log: FailureLog, clock: Clock, logged: list[EventDict]
) -> None:
    come_and_go_for_a_day(failure_log, clock)
    assert 2 <= len(logged) < 40


@pytest.mark.parametrize("last", [[BAD_QUBITS], []])
def test_the_last_line_agrees_with_the_values_however_they_came_and_went(
    last: list[Rejection], failure_log: FailureLog, clock: Clock, logged: list[EventDict]
) -> None:
    for rejections in ([BAD_QUBITS], [], [BAD_QUBITS], [], [BAD_QUBITS], last):
        failure_log.rejected(rejections)
        clock.now += SCRAPE_INTERVAL
    for _ in range(3600 // SCRAPE_INTERVAL):
        failure_log.rejected(last)
        clock.now += SCRAPE_INTERVAL
    assert logged[-1]["event"] == ("ionq_values_rejected" if last else "ionq_values_valid_again")
    assert len(logged) <= 4


# Characterizations


def test_a_failure_to_read_a_characterization_is_logged_at_once_with_its_backend(
    failure_log: FailureLog, logged: list[EventDict]
) -> None:
    error = HTTPStatusError("IonQ answered 503: see https://status.ionq.co", 503)
    error.request_id = "req-1"
    failure_log.characterization_failed("qpu.forte-1", error)
    assert logged == [
        {
            "event": "characterization_read_failed",
            "log_level": "warning",
            "backend": "qpu.forte-1",
            "reason": "http_status",
            "error": "IonQ answered 503: see https://status.ionq.co",
            "request_id": "req-1",
            "trace": None,
        }
    ]


def test_many_characterizations_that_fail_for_one_reason_are_logged_once(
    failure_log: FailureLog, logged: list[EventDict]
) -> None:
    for number in range(100):
        failure_log.characterization_failed(f"qpu.{number}", TIMEOUT)
    failure_log.characterization_failed("qpu.0", ConnectionFailedError("no connection"))
    assert [(line["backend"], line["reason"]) for line in logged] == [
        ("qpu.0", "timeout"),
        ("qpu.0", "connect"),
    ]


def test_a_lasting_failure_to_read_characterizations_is_logged_at_a_falling_rate(
    failure_log: FailureLog, clock: Clock, logged: list[EventDict]
) -> None:
    times = []
    began = clock.now
    for _ in range(DAY // SCRAPE_INTERVAL):
        before = len(logged)
        failure_log.characterization_failed("qpu.forte-1", TIMEOUT)
        times += [clock.now - began] * (len(logged) - before)
        clock.now += SCRAPE_INTERVAL
    assert times[:9] == [0, 60, 180, 420, 900, 1860, 3780, 7380, 10_980]
    assert len(times) < 40


def test_a_failure_to_read_characterizations_and_one_of_a_scrape_do_not_silence_each_other(
    failure_log: FailureLog, logged: list[EventDict]
) -> None:
    failure_log.characterization_failed("qpu.forte-1", TIMEOUT)
    failure_log.failed(TIMEOUT)
    failure_log.characterization_read("qpu.forte-1", [])
    failure_log.succeeded()
    assert [line["event"] for line in logged] == [
        "characterization_read_failed",
        "ionq_read_failed",
        "characterization_read_recovered",
        "ionq_read_recovered",
    ]


def test_the_recovery_of_a_characterization_is_logged_once_and_for_its_backend_alone(
    failure_log: FailureLog, logged: list[EventDict]
) -> None:
    failure_log.characterization_failed("qpu.forte-1", TIMEOUT)
    failure_log.characterization_read("qpu.aria-1", [])
    failure_log.characterization_read("qpu.forte-1", [])
    failure_log.characterization_read("qpu.forte-1", [])
    assert logged[1:] == [
        {"event": "characterization_read_recovered", "log_level": "info", "backend": "qpu.forte-1"}
    ]


def test_the_recovery_from_a_failure_that_was_not_logged_is_not_logged(
    failure_log: FailureLog, logged: list[EventDict]
) -> None:
    failure_log.characterization_failed("qpu.forte-1", TIMEOUT)
    failure_log.characterization_failed("qpu.aria-1", TIMEOUT)
    failure_log.characterization_read("qpu.aria-1", [])
    assert [line["event"] for line in logged] == ["characterization_read_failed"]


def test_bad_values_of_a_characterization_are_logged_with_examples(
    failure_log: FailureLog, logged: list[EventDict]
) -> None:
    failure_log.characterization_read("qpu.forte-1", [BAD_FIDELITY, BAD_FIDELITY])
    assert logged == [
        {
            "event": "ionq_values_rejected",
            "log_level": "warning",
            "count": 2,
            "examples": "; ".join(["qpu.forte-1: record.fidelity 2q.median 1.5 is not between 0 and 1"] * 2),
        }
    ]


def test_bad_values_of_characterizations_are_logged_once_for_each_backend_and_then_at_a_falling_rate(
    failure_log: FailureLog, clock: Clock, logged: list[EventDict]
) -> None:
    for _ in range(DAY // SCRAPE_INTERVAL):
        for backend in ("qpu.forte-1", "qpu.aria-1"):
            failure_log.characterization_read(backend, [BAD_FIDELITY])
        clock.now += SCRAPE_INTERVAL
    assert 2 < len(logged) < 40


def test_valid_characterizations_are_not_worth_a_line_and_say_nothing_of_the_values_of_backends(
    failure_log: FailureLog, logged: list[EventDict]
) -> None:
    failure_log.rejected([BAD_QUBITS])
    failure_log.characterization_read("qpu.forte-1", [])
    failure_log.rejected([BAD_QUBITS])
    assert [line["count"] for line in logged] == [1]


def test_names_that_come_and_go_leave_little_behind_and_the_last_recovery_is_logged(
    failure_log: FailureLog, clock: Clock, logged: list[EventDict]
) -> None:
    for number in range(1_000):
        failure_log.characterization_failed(f"qpu.{number}", TIMEOUT)
        clock.now += 3601
    assert len(logged) == 1_000
    assert len(failure_log._logged_characterizations) <= 50
    failure_log.characterization_read("qpu.999", [])
    assert logged[-1]["event"] == "characterization_read_recovered"


# The status page


def test_a_failure_to_read_the_status_page_is_logged_with_the_flag_that_ends_it(
    failure_log: FailureLog, logged: list[EventDict]
) -> None:
    failure_log.status_page_failed(ConnectionFailedError("no connection to status.ionq.co: refused"))
    assert logged == [
        {
            "event": "status_page_read_failed",
            "log_level": "warning",
            "reason": "connect",
            "error": "no connection to status.ionq.co: refused; to do without the status page, set "
            "--no-collector.status-page",
            "trace": None,
        }
    ]


def test_a_lasting_failure_to_read_the_status_page_is_logged_at_a_falling_rate(
    failure_log: FailureLog, clock: Clock, logged: list[EventDict]
) -> None:
    for _ in range(DAY // 60):
        failure_log.status_page_failed(TIMEOUT)
        clock.now += 60
    assert len(logged) < 35


def test_the_recovery_of_the_status_page_is_logged_once(
    failure_log: FailureLog, logged: list[EventDict]
) -> None:
    failure_log.status_page_read([])
    failure_log.status_page_failed(TIMEOUT)
    failure_log.status_page_read([])
    failure_log.status_page_read([])
    assert [line["event"] for line in logged] == ["status_page_read_failed", "status_page_read_recovered"]


def test_bad_values_on_the_status_page_are_logged_when_they_change_and_then_at_a_falling_rate(
    failure_log: FailureLog, clock: Clock, logged: list[EventDict]
) -> None:
    for _ in range(30):
        failure_log.status_page_read([BAD_COMPONENT])
        clock.now += 1
    failure_log.status_page_read([BAD_COMPONENT, BAD_STATUS])
    assert [(line["event"], line["count"]) for line in logged] == [
        ("ionq_values_rejected", 1),
        ("ionq_values_rejected", 2),
    ]
    assert logged[0]["examples"] == "API: status_page.component status 7 is not text"
