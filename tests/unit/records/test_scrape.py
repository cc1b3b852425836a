"""Which scrapes share a response."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from exporter.common.errors import DeadlineExceededError
from exporter.records.backends import Backend
from exporter.records.scrape import Scrape
from exporter.records.status_page import StatusPage, StatusPageReading
from tests.support.samples import CHARACTERIZED_FORTE, FORTE

NOW = datetime(2026, 11, 25, tzinfo=UTC)
ONE = Scrape(NOW, 0.2, backends=(FORTE,), status_page=StatusPageReading())


def test_scrapes_that_share_a_read_show_the_same_whenever_they_end() -> None:
    later = replace(ONE, finished_at=NOW + timedelta(seconds=1), duration_seconds=1.2)
    assert ONE.shows_the_same(later)


@pytest.mark.parametrize(
    "other",
    [
        replace(ONE, backends=tuple([FORTE])),  # noqa: C409 -- a literal would be the same object
        replace(ONE, backends=(Backend("simulator"),)),
        replace(ONE, characterized=(CHARACTERIZED_FORTE,)),
        replace(ONE, status_page=StatusPageReading(StatusPage(), 1.0)),
        replace(ONE, status_page=None),
        Scrape(NOW, 0.2, error=DeadlineExceededError("no complete response")),
    ],
    ids=["equal backends", "backends", "characterizations", "status page", "no status page", "a failure"],
)
def test_another_read_or_other_news_is_another_response(other: Scrape) -> None:
    assert not ONE.shows_the_same(other)


def test_reads_that_list_nothing_are_never_the_same() -> None:
    empty = replace(ONE, backends=())
    assert not empty.shows_the_same(replace(empty))
