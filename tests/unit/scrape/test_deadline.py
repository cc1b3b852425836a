import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.scrape.deadline import scrape_budget_seconds

OFFSET = 0.5
TIMEOUT = 10.0


def budget(header: str | None) -> float:
    return scrape_budget_seconds(header, offset_seconds=OFFSET, timeout_seconds=TIMEOUT)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("5", 4.5), ("5.000000", 4.5), ("1.25", 0.75), (" 3 ", 2.5), ("10.5", 10), ("0.9", 0.4), ("0.51", 0.01)],
)
def test_a_scrape_has_what_prometheus_grants_less_the_way_back(header: str, seconds: float) -> None:
    assert budget(header) == pytest.approx(seconds)


@pytest.mark.parametrize("header", ["10.6", "30", "1e300"])
def test_a_scrape_has_never_more_than_the_configured_timeout(header: str) -> None:
    assert budget(header) == TIMEOUT


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
    assert budget(header) == TIMEOUT


@pytest.mark.parametrize(("header", "seconds"), [("0.5", 0.25), ("0.4", 0.2), ("0.1", 0.05)])
def test_a_scrape_with_no_more_time_than_the_way_back_keeps_half_of_it(header: str, seconds: float) -> None:
    assert budget(header) == pytest.approx(seconds)


def test_an_offset_of_zero_leaves_all_the_time_to_the_scrape() -> None:
    assert scrape_budget_seconds("4", offset_seconds=0, timeout_seconds=TIMEOUT) == 4


@given(st.text() | st.floats().map(str) | st.integers().map(str))
def test_no_header_breaks_a_scrape_or_leaves_it_without_time(header: str) -> None:
    assert 0 < budget(header) <= TIMEOUT


@given(
    granted=st.floats(min_value=1e-300, allow_infinity=False),
    offset=st.floats(min_value=0.001, max_value=60),
    timeout=st.floats(min_value=0.001, max_value=3600),
)
def test_a_scrape_ends_before_prometheus_gives_up(granted: float, offset: float, timeout: float) -> None:
    given_time = scrape_budget_seconds(str(granted), offset_seconds=offset, timeout_seconds=timeout)
    assert 0 < given_time <= timeout
    assert given_time < granted
    assert math.isfinite(given_time)
