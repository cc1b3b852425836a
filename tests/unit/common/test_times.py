"""Times in words, and as numbers."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.common.times import format_time, parse_time


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-12-31", datetime(2025, 12, 31, tzinfo=UTC)),
        ("2025-12-31T18:00:00Z", datetime(2025, 12, 31, 18, tzinfo=UTC)),
        ("2025-12-31T18:00:00", datetime(2025, 12, 31, 18, tzinfo=UTC)),
        ("2025-12-31 18:00", datetime(2025, 12, 31, 18, tzinfo=UTC)),
        ("2025-12-31T18:00:00+02:00", datetime(2025, 12, 31, 16, tzinfo=UTC)),
        ("20251231", datetime(2025, 12, 31, tzinfo=UTC)),
        ("1767204000", datetime(2025, 12, 31, 18, tzinfo=UTC)),
        ("1767204000.5", datetime(2025, 12, 31, 18, 0, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_a_day_begins_at_midnight_and_a_time_is_utc_unless_it_has_an_offset(
    text: str, moment: datetime
) -> None:
    assert parse_time(text) == moment.timestamp()


@pytest.mark.parametrize(
    "text", ["", "soon", "1767204000000", "2025-13-01", "31.12.2025", "2025-12-31T25:00"]
)
def test_what_is_no_time_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time: write 2025-12-31, 2025-12-31T18:00:00Z or Unix sec"):
        parse_time(text)


@given(st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001  # set by timezones
def test_a_time_is_written_as_it_is_read_to_the_second(moment: datetime) -> None:
    whole = moment.replace(microsecond=0)
    assert parse_time(format_time(whole.timestamp())) == whole.timestamp()
