"""When a characterization is read, and when it is read again, in time that the tests move."""

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Sequence
from io import StringIO
from typing import Any

import httpx
import pytest

from exporter.common.logging import configure_logs
from exporter.metrics.exporter import ExporterMetrics
from exporter.records.backends import Backend
from exporter.scrape.characterization_cache import PARALLEL_READS, CharacterizationCache
from exporter.scrape.failure_log import FailureLog
from tests.support.clients import connected
from tests.support.clock import Clock
from tests.support.upstream import (
    CHARACTERIZATION,
    PATIENCE_SECONDS,
    Connection,
    Held,
    Script,
    Upstream,
    characterized,
    hang,
    ok,
    status,
)

pytestmark = pytest.mark.anyio


class Observed:
    """A cache whose clock stands still, its counters and its log."""

    def __init__(
        self, cache: CharacterizationCache, metrics: ExporterMetrics, log: StringIO, clock: Clock
    ) -> None:
        self._cache = cache
        self._metrics = metrics
        self._log = log
        self.clock = clock

    @property
    def log(self) -> str:
        return self._log.getvalue()

    @property
    def failures(self) -> dict[str, float]:
        return {reason: count for reason, count in self._metrics.characterization_failures.items() if count}

    async def characterize(self, *ids: str | None, wait: float = PATIENCE_SECONDS) -> list[str | None]:
        """Return the id of what is known of each of these backends, by the ids that ``/backends`` names."""
        return await self.show(numbered(ids), wait=wait)

    async def show(self, backends: Sequence[Backend], wait: float = PATIENCE_SECONDS) -> list[str | None]:
        """Return the id of what is known of each backend that has a characterization."""
        known = await self._cache.characterize(backends, wait)
        return [each.characterization.id if each.characterization else None for each in known]


def numbered(ids: Sequence[str | None]) -> list[Backend]:
    return [Backend(f"qpu.{number}", characterization_id=identity) for number, identity in enumerate(ids)]


@contextlib.asynccontextmanager
async def observed(
    api_url: str, *, timeout_seconds: float = PATIENCE_SECONDS, **options: Any
) -> AsyncIterator[Observed]:
    clock, log, metrics = Clock(), StringIO(), ExporterMetrics()
    async with connected(api_url, keep_connection=False, clock=clock, **options) as client:
        cache = CharacterizationCache(
            client,
            metrics,
            FailureLog(configure_logs("info", "logfmt", log), clock),
            timeout_seconds=timeout_seconds,
            clock=clock,
        )
        try:
            yield Observed(cache, metrics, log, clock)
        finally:
            await cache.aclose()


@pytest.fixture
async def cache(upstream: Upstream) -> AsyncIterator[Observed]:
    async with observed(upstream.url) as cache:
        yield cache


def with_id(identity: str) -> Script:
    return ok(
        json.dumps({"characterizations": [CHARACTERIZATION | {"id": identity, "backend": None}]}).encode()
    )


async def test_after_a_failure_the_next_read_comes_after_a_minute_and_then_ever_later(
    cache: Observed, upstream: Upstream
) -> None:
    upstream.characterizes(lambda _: status(500))
    waits = []
    await cache.characterize("a")
    for _ in range(8):
        requests = len(upstream.characterization_requests)
        waited = 0
        while len(upstream.characterization_requests) == requests:
            cache.clock.now += 30
            waited += 30
            await cache.characterize("a")
        waits.append(waited)
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]


async def test_a_characterization_that_was_read_is_never_read_again(
    cache: Observed, upstream: Upstream
) -> None:
    upstream.characterizes(lambda _: status(500))
    await cache.characterize("a")
    upstream.characterizes(lambda _: with_id("a"))
    cache.clock.now += 60
    assert await cache.characterize("a") == ["a"]
    cache.clock.now += 1_000_000
    assert await cache.characterize("a") == ["a"]
    assert len(upstream.characterization_requests) == 2
    assert "event=characterization_read_recovered" in cache.log


async def test_a_characterization_that_is_not_published_yet_is_read_again_until_it_is(
    cache: Observed, upstream: Upstream
) -> None:
    upstream.characterizes(lambda _: with_id("old"))
    assert await cache.characterize("new") == ["old"]
    assert await cache.characterize("new") == ["old"]
    assert cache.failures == {"unexpected_shape": 1}
    assert "/backends names the characterization new, but IonQ's newest is old" in cache.log
    upstream.characterizes(lambda _: with_id("new"))
    assert len(upstream.characterization_requests) == 1
    cache.clock.now += 60
    assert await cache.characterize("new") == ["new"]
    assert len(upstream.characterization_requests) == 2


async def test_many_backends_of_one_name_cost_one_request(cache: Observed, upstream: Upstream) -> None:
    upstream.characterizes(lambda _: with_id("the newest"))
    backends = [Backend("qpu", f"place {number}", characterization_id=f"v{number}") for number in range(100)]
    for _ in range(3):
        assert await cache.show(backends) == ["the newest"] * 100
    assert len(upstream.characterization_requests) == 1


async def test_a_deadline_of_a_scraper_is_no_failure(cache: Observed, upstream: Upstream) -> None:
    held = Held(with_id("a"))
    upstream.characterizes(lambda _: held)
    for wait in (0.2, 0, -1, 0.01):
        assert await cache.characterize("a", wait=wait) == [None]
    await asyncio.to_thread(upstream.await_characterization_requests, 1)
    held.release()
    assert await cache.characterize("a") == ["a"]
    assert len(upstream.characterization_requests) == 1
    assert cache.failures == {}


async def test_at_most_four_are_read_at_once(cache: Observed, upstream: Upstream) -> None:
    changed, under_way, most = threading.Lock(), 0, 0

    def count(connection: Connection) -> None:
        nonlocal under_way, most
        with changed:
            under_way += 1
            most = max(most, under_way)
        if most < PARALLEL_READS:
            upstream.await_characterization_requests(PARALLEL_READS)
        with changed:
            under_way -= 1
        with_id("a")(connection)

    upstream.characterizes(lambda _: count)
    assert await cache.characterize(*["a"] * 20) == ["a"] * 20
    assert most == PARALLEL_READS == 4


async def test_an_unexpected_exception_is_a_failure_like_any_other(upstream: Upstream) -> None:
    class Broken(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise RuntimeError(f"a bug in {request.method}")

    async with observed(upstream.url, new_transport=Broken) as cache:
        assert await cache.characterize("a") == [None]
        assert cache.failures == {"protocol": 1}
        assert "RuntimeError: a bug in GET" in cache.log
        assert "in handle_async_request" in cache.log


async def test_a_read_that_got_no_further_than_the_handshake_says_so() -> None:
    with Upstream(greeting=hang, scheme="https") as upstream:
        async with observed(upstream.url, timeout_seconds=1) as cache:
            assert await cache.characterize("a") == [None]
            assert cache.failures == {"tls": 1}
            assert "no TLS handshake with localhost within 1s" in cache.log


async def test_a_backend_whose_id_goes_away_has_no_characterization(
    cache: Observed, upstream: Upstream
) -> None:
    upstream.characterizes(lambda _: with_id("a"))
    assert await cache.characterize("a") == ["a"]
    assert await cache.characterize(None) == []


async def test_a_backend_that_is_no_longer_listed_is_forgotten(cache: Observed, upstream: Upstream) -> None:
    upstream.characterizes(lambda _: with_id("a"))
    assert await cache.characterize("a", "a") == ["a", "a"]
    assert await cache.characterize("a") == ["a"]
    assert await cache.characterize("a", "a") == ["a", "a"]
    assert len(upstream.characterization_requests) == 3


async def test_the_characterization_of_another_backend_is_refused(
    cache: Observed, upstream: Upstream
) -> None:
    upstream.characterizes(lambda request: characterized(request, CHARACTERIZATION | {"id": "a"}))
    assert await cache.characterize("a") == [None]
    assert cache.failures == {"unexpected_shape": 1}
    assert "'qpu.forte-1' is not the backend that was asked for" in cache.log


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        ("qpu.forte-1", "qpu.forte-1"),
        ("a/b?c#d e%2F", "a%2Fb%3Fc%23d%20e%252F"),
        ("../..", "..%2F.."),
    ],
)
async def test_a_name_is_one_segment_of_the_path_whatever_it_holds(
    upstream: Upstream, name: str, segment: str
) -> None:
    async with connected(upstream.url) as client:
        await client.get_characterizations(name, {"limit": 1})
    (request,) = upstream.characterization_requests
    assert request.target == f"/v0.4/backends/{segment}/characterizations?limit=1"


async def test_connections_are_closed_when_all_is_read(cache: Observed, upstream: Upstream) -> None:
    upstream.characterizes(lambda _: with_id("a"))
    assert await cache.characterize(*["a"] * 10) == ["a"] * 10
    await asyncio.to_thread(upstream.await_open_connections, 0)


async def test_a_read_that_hangs_ends_at_the_timeout_and_the_others_are_known(upstream: Upstream) -> None:
    upstream.characterizes(lambda request: hang if "qpu.0" in request.target else with_id("a"))
    async with observed(upstream.url, timeout_seconds=2) as cache:
        assert await cache.characterize(*["a"] * 10) == [None, *["a"] * 9]
        assert cache.failures == {"timeout": 1}
        await asyncio.to_thread(upstream.await_open_connections, 0)


async def test_closing_ends_the_reads_under_way(upstream: Upstream) -> None:
    upstream.characterizes(lambda _: hang)
    async with observed(upstream.url) as cache:
        assert await cache.characterize("a", wait=0) == [None]
        await asyncio.to_thread(upstream.await_characterization_requests, 1)
    await asyncio.to_thread(upstream.await_open_connections, 0)
    assert cache.failures == {}
