"""The span of time of a backfill, and how much of it was read."""

from datetime import UTC, datetime, timedelta

import click
import pytest

from exporter.commands.backfill.plan import check_span

NOW = datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC).timestamp() + 0.75
THREE_HOURS_AGO = datetime(2026, 11, 22, 9, 0, 30, tzinfo=UTC).timestamp()


def test_the_default_end_is_three_hours_ago() -> None:
    assert check_span(None, None, NOW) == THREE_HOURS_AGO


def test_an_end_three_hours_ago_or_earlier_is_accepted() -> None:
    assert check_span(None, THREE_HOURS_AGO, NOW) == THREE_HOURS_AGO
    assert check_span(None, 0, NOW) == 0


@pytest.mark.parametrize("later", [timedelta(seconds=1), timedelta(hours=3), timedelta(days=300)])
def test_a_later_end_is_refused_and_the_message_has_the_latest_possible_one(later: timedelta) -> None:
    with pytest.raises(click.BadParameter, match=r"three hours ago or earlier, 2026-11-22T09:00:30Z now"):
        check_span(None, THREE_HOURS_AGO + later.total_seconds(), NOW)


def test_the_end_is_rounded_down_to_a_second() -> None:
    assert check_span(None, 1_000.9, NOW) == 1_000


@pytest.mark.parametrize("start", [THREE_HOURS_AGO, THREE_HOURS_AGO + 1])
@pytest.mark.parametrize("end", [None, THREE_HOURS_AGO])
def test_a_start_that_is_not_before_the_end_is_refused(start: float, end: float | None) -> None:
    with pytest.raises(click.BadParameter, match=r"must be before the end, 2026-11-22T09:00:30Z"):
        check_span(start, end, NOW)


def test_a_start_before_the_end_is_accepted() -> None:
    assert check_span(THREE_HOURS_AGO - 1, None, NOW) == THREE_HOURS_AGO
