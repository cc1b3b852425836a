"""After a response with Retry-After, and after any 429, IonQ is left alone for as long as it asks."""

from collections.abc import AsyncIterator

import pytest

from exporter.common.errors import HTTPStatusError, IonQError, RateLimitedError, RedirectError
from exporter.ionq.client import IonQClient
from tests.support.clients import connected
from tests.support.clock import Clock
from tests.support.exporter_process import ExporterProcess
from tests.support.upstream import FLEET_BODY, Upstream, ok, status

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(upstream: Upstream, clock: Clock) -> AsyncIterator[IonQClient]:
    async with connected(upstream.url, clock=clock) as client:
        yield client


ASKS_FOR_A_PAUSE: dict[str, tuple[int, dict[str, str], float, type[IonQError]]] = {
    "429": (429, {"Retry-After": "7"}, 7, RateLimitedError),
    "429_without_a_header": (429, {}, 30, RateLimitedError),
    "429_longer_than_the_longest_pause": (429, {"Retry-After": "31536000"}, 300, RateLimitedError),
    "503": (503, {"Retry-After": "1200"}, 300, HTTPStatusError),
    "500": (500, {"Retry-After": "7"}, 7, HTTPStatusError),
    "403": (403, {"Retry-After": "7"}, 7, HTTPStatusError),
    "302": (302, {"Retry-After": "7", "Location": "/elsewhere"}, 7, RedirectError),
    "a_date_by_a_clock_that_is_wrong": (
        503,
        {"Retry-After": "Sat, 01 Jan 2000 00:01:00 GMT", "Date": "Sat, 01 Jan 2000 00:00:00 GMT"},
        60,
        HTTPStatusError,
    ),
}


@pytest.mark.parametrize(
    ("code", "headers", "pause", "error"), ASKS_FOR_A_PAUSE.values(), ids=ASKS_FOR_A_PAUSE.keys()
)
async def test_no_request_is_sent_until_the_pause_has_passed(
    client: IonQClient,
    upstream: Upstream,
    clock: Clock,
    code: int,
    headers: dict[str, str],
    pause: float,
    error: type[IonQError],
) -> None:
    upstream.answers(status(code, headers), ok())
    with pytest.raises(error, match="it asks for a pause of"):
        await client.get_backends()
    clock.now += pause - 0.5
    with pytest.raises(error, match=r"^no request sent: IonQ .* it asks for a pause of .* remain$"):
        await client.get_backends()
    assert len(upstream.requests) == 1
    clock.now += 1
    assert (await client.get_backends()).body == FLEET_BODY
    assert len(upstream.requests) == 2


@pytest.mark.parametrize("retry_after", ["0", "Mon, 01 Jan 0001 00:00:00 GMT"])
async def test_a_pause_that_is_over_already_is_none(
    client: IonQClient, upstream: Upstream, retry_after: str
) -> None:
    upstream.answers(status(429, {"Retry-After": retry_after}), ok())
    with pytest.raises(RateLimitedError, match=r"^IonQ answered 429$"):
        await client.get_backends()
    assert (await client.get_backends()).body == FLEET_BODY


async def test_a_second_429_begins_a_new_pause(client: IonQClient, upstream: Upstream, clock: Clock) -> None:
    upstream.answers(status(429, {"Retry-After": "5"}))
    for count in (1, 2):
        with pytest.raises(RateLimitedError, match="a pause of 5s"):
            await client.get_backends()
        assert len(upstream.requests) == count
        clock.now += 5


async def test_the_request_id_is_kept_during_the_pause(client: IonQClient, upstream: Upstream) -> None:
    upstream.answers(status(429, {"x-request-id": "4711"}))
    for _ in range(2):
        with pytest.raises(RateLimitedError) as caught:
            await client.get_backends()
        assert caught.value.request_id == "4711"


@pytest.mark.parametrize(
    ("code", "reason", "shown"),
    [(429, "rate_limited", "IonQ answered 429"), (503, "http_status", "IonQ answered 503 ('maintenance')")],
)
def test_scrapes_during_a_pause_fail_with_the_reason_of_its_status_and_send_no_request(
    upstream: Upstream, code: int, reason: str, shown: str
) -> None:
    upstream.answers(status(code, {"Retry-After": "3600"}, b'{"message": "maintenance"}'), ok())
    with ExporterProcess(upstream.url) as exporter:
        scrapes = [exporter.scrape() for _ in range(3)]
        assert not any(scraped.up or scraped.backends for scraped in scrapes)
        assert scrapes[2].value("ionq_exporter_api_failures_total", reason=reason) == 3
        assert scrapes[2].requests == 1
        assert len(upstream.requests) == 1
        exporter.await_log("ionq_read_failed", f"reason={reason}", shown, "it asks for a pause of 5m")
