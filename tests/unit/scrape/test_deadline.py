import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.scrape.deadline import Deadline
from tests.support.clock import Clock

OFFSET = 0.5
TIMEOUT = 10.0


def seconds(header: str | None, offset: float = OFFSET, timeout: float = TIMEOUT) -> float:
    return Deadline.from_header(header, offset_seconds=offset, timeout_seconds=timeout).seconds


@pytest.mark.parametrize(
    ("header", "expected"),
    [("5", 4.5), ("5.000000", 4.5), ("1.25", 0.75), (" 3 ", 2.5), ("10.5", 10), ("0.9", 0.4), ("0.51", 0.01)],
)
def test_a_scrape_has_prometheus_timeout_minus_the_offset(header: str, expected: float) -> None:
    assert seconds(header) == pytest.approx(expected)


@pytest.mark.parametrize("header", ["10.6", "30", "1e300"])
def test_a_scrape_never_has_more_than_the_configured_timeout(header: str) -> None:
    assert seconds(header) == TIMEOUT


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        " ",
        "soon",
        "10s",
        "0",
        "-0",
        "-5",
        "nan",
        "inf",
        "-inf",
        "1e999",
        "5e-324",
        "0x10",
        "1,5",
        "\u00b2",
    ],
)
def test_a_missing_or_senseless_header_means_the_configured_timeout(header: str | None) -> None:
    assert seconds(header) == TIMEOUT


@pytest.mark.parametrize(("header", "expected"), [("0.5", 0.25), ("0.4", 0.2), ("0.1", 0.05)])
def test_a_scrape_with_no_more_time_than_the_offset_keeps_half_of_it(header: str, expected: float) -> None:
    assert seconds(header) == pytest.approx(expected)


def test_an_offset_of_zero_leaves_all_the_time_to_the_scrape() -> None:
    assert seconds("4", offset=0) == 4


@given(st.text() | st.floats().map(str) | st.integers().map(str))
def test_no_header_breaks_a_scrape_or_leaves_it_without_time(header: str) -> None:
    assert 0 < seconds(header) <= TIMEOUT


@given(
    granted=st.floats(min_value=1e-300, allow_infinity=False),
    offset=st.floats(min_value=0.001, max_value=60),
    timeout=st.floats(min_value=0.001, max_value=3600),
)
def test_a_scrape_ends_before_prometheus_gives_up(granted: float, offset: float, timeout: float) -> None:
    given_time = seconds(str(granted), offset, timeout)
    assert 0 < given_time <= timeout
    assert given_time < granted
    assert math.isfinite(given_time)


def test_a_deadline_counts_from_when_it_is_made(clock: Clock) -> None:
    deadline = Deadline(4, clock)
    clock.now += 3
    assert deadline.elapsed_seconds == 3
    assert deadline.remaining_seconds == 1
    clock.now += 3
    assert deadline.remaining_seconds == -2


def test_characterizations_have_half_of_what_is_left(clock: Clock) -> None:
    deadline = Deadline(4, clock)
    clock.now += 1
    assert deadline.seconds_for_characterizations == 1.5
