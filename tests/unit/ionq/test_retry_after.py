from datetime import UTC, datetime

import httpx
import pytest
from freezegun import freeze_time
from hypothesis import given
from hypothesis import strategies as st

from exporter.ionq.retry_after import DEFAULT_SECONDS, retry_after_seconds

LONGEST = 300.0
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def pause(retry_after: str, date: str | None = None) -> float | None:
    headers = [(b"Retry-After", retry_after.encode())]
    if date is not None:
        headers.append((b"Date", date.encode()))
    return retry_after_seconds(httpx.Headers(headers), LONGEST)


def test_without_the_header_there_is_no_pause() -> None:
    assert retry_after_seconds(httpx.Headers({"Date": "Wed, 25 Nov 2026 12:00:00 GMT"}), LONGEST) is None


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        ("  7 ", 7),
        ("300", 300),
        ("301", 300),
        ("31536000", 300),
        ("9" * 400, 300),
    ],
)
def test_a_number_is_seconds_up_to_the_longest_pause(retry_after: str, seconds: float) -> None:
    assert pause(retry_after) == seconds


@pytest.mark.parametrize(
    "retry_after",
    [
        "",
        "soon",
        "-5",
        "1.5",
        "nan",
        "\u00b2",
        "Fri, 99 Dec 2026 23:59:59 GMT",
        "Fri, 31 Dec 99999 23:59:59 GMT",
    ],
)
def test_a_header_that_cannot_be_read_means_the_default(retry_after: str) -> None:
    assert pause(retry_after) == DEFAULT_SECONDS


@freeze_time(NOW)
@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("Wed, 25 Nov 2026 12:01:00 GMT", 60),
        ("Wed, 25 Nov 2026 12:01:00", 60),
        ("Wed, 25 Nov 2026 13:01:00 +0100", 60),
        ("Wed, 25 Nov 2026 11:59:00 GMT", 0),
        ("Mon, 01 Jan 0001 00:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 300),
    ],
)
@pytest.mark.parametrize("date", [None, "", "today", "Fri, 31 Dec 99999 23:59:59 GMT"])
def test_a_date_is_compared_with_this_clock_where_the_response_has_none(
    retry_after: str, date: str | None, seconds: float
) -> None:
    assert pause(retry_after, date) == seconds


@freeze_time(NOW)
@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Wed, 25 Nov 2026 12:00:30 GMT", 30),
        ("Wed, 25 Nov 2026 09:00:50 GMT", 300),
        ("Wed, 25 Nov 2026 17:00:00 GMT", 0),
    ],
)
def test_a_date_is_compared_with_the_date_of_the_response(date: str, seconds: float) -> None:
    assert pause("Wed, 25 Nov 2026 12:01:00 GMT", date) == seconds


@given(st.text(), st.none() | st.text())
def test_any_header_is_a_pause_within_bounds(retry_after: str, date: str | None) -> None:
    seconds = pause(retry_after, date)
    assert seconds is not None
    assert 0 <= seconds <= LONGEST
