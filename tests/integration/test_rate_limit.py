"""After a 429, IonQ is left alone for as long as it asks."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from exporter.common.errors import RateLimitedError
from exporter.ionq.client import IonQClient
from tests.support.clock import Clock
from tests.support.exporter_process import ExporterProcess
from tests.support.upstream import FLEET_BODY, Upstream, ok, status

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(upstream: Upstream, clock: Clock) -> AsyncIterator[IonQClient]:
    client = IonQClient(upstream.url, max_response_bytes=10_000, clock=clock)
    yield client
    await client.aclose()


def in_seconds(seconds: int) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


PAUSES: dict[str, tuple[dict[str, str], float]] = {
    "seconds": ({"Retry-After": "7"}, 7),
    "blanks_around": ({"Retry-After": "  7 "}, 7),
    "missing": ({}, 30),
    "longest": ({"Retry-After": "300"}, 300),
    "too_long": ({"Retry-After": "301"}, 300),
    "a_year": ({"Retry-After": "31536000"}, 300),
    "no_number_is_larger": ({"Retry-After": "9" * 400}, 300),
    "empty": ({"Retry-After": ""}, 30),
    "nonsense": ({"Retry-After": "soon"}, 30),
    "negative": ({"Retry-After": "-5"}, 30),
    "fraction": ({"Retry-After": "1.5"}, 30),
    "not_a_number": ({"Retry-After": "nan"}, 30),
    "other_digits": ({"Retry-After": "\u00b2"}, 30),
    "date_too_far": ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, 300),
    "date_without_zone": ({"Retry-After": "Fri, 31 Dec 9999 23:59:59"}, 300),
    "no_such_date": ({"Retry-After": "Fri, 99 Dec 2026 23:59:59 GMT"}, 30),
    "date_beyond_all_dates": ({"Retry-After": "Fri, 31 Dec 99999 23:59:59 GMT"}, 30),
}


@pytest.mark.parametrize(("headers", "pause"), PAUSES.values(), ids=PAUSES.keys())
async def test_no_request_is_sent_until_retry_after_has_passed(
    client: IonQClient, upstream: Upstream, clock: Clock, headers: dict[str, str], pause: float
) -> None:
    upstream.answers(status(429, headers), ok())
    with pytest.raises(RateLimitedError, match="IonQ asked for a pause"):
        await client.get_backends()
    clock.now += pause - 0.5
    with pytest.raises(RateLimitedError, match="no request sent"):
        await client.get_backends()
    assert len(upstream.requests) == 1
    clock.now += 1
    assert (await client.get_backends()).body == FLEET_BODY
    assert len(upstream.requests) == 2


async def test_retry_after_may_be_a_date(client: IonQClient, upstream: Upstream, clock: Clock) -> None:
    upstream.answers(status(429, {"Retry-After": in_seconds(60)}), ok())
    with pytest.raises(RateLimitedError):
        await client.get_backends()
    clock.now += 55
    with pytest.raises(RateLimitedError, match="no request sent"):
        await client.get_backends()
    clock.now += 6
    assert (await client.get_backends()).body == FLEET_BODY


@pytest.mark.parametrize("retry_after", ["0", in_seconds(-60), "Mon, 01 Jan 0001 00:00:00 GMT"])
async def test_a_pause_that_is_over_already_is_none(
    client: IonQClient, upstream: Upstream, retry_after: str
) -> None:
    upstream.answers(status(429, {"Retry-After": retry_after}), ok())
    with pytest.raises(RateLimitedError):
        await client.get_backends()
    assert (await client.get_backends()).body == FLEET_BODY


async def test_a_second_429_begins_a_new_pause(client: IonQClient, upstream: Upstream, clock: Clock) -> None:
    upstream.answers(status(429, {"Retry-After": "5"}))
    for count in (1, 2):
        with pytest.raises(RateLimitedError, match="a pause of 5s"):
            await client.get_backends()
        assert len(upstream.requests) == count
        clock.now += 5


async def test_the_request_id_of_a_429_is_kept_for_the_log(client: IonQClient, upstream: Upstream) -> None:
    upstream.answers(status(429, {"x-request-id": "4711"}))
    with pytest.raises(RateLimitedError) as caught:
        await client.get_backends()
    assert caught.value.request_id == "4711"


def test_scrapes_during_a_pause_fail_as_rate_limited_and_leave_ionq_alone() -> None:
    with Upstream() as upstream:
        upstream.answers(status(429, {"Retry-After": "3600"}), ok())
        with ExporterProcess(upstream.url) as exporter:
            scrapes = [exporter.scrape() for _ in range(3)]
            assert not any(scraped.up or scraped.backends for scraped in scrapes)
            assert scrapes[2].value("ionq_exporter_api_failures_total", reason="rate_limited") == 3
            assert scrapes[2].requests == 1
            assert len(upstream.requests) == 1
            exporter.await_log("ionq_read_failed", "reason=rate_limited", "a pause of 5m")
