"""When a record is asked for again, in time that the tests move."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path

import httpx
import pytest

from exporter.common.logging import configure_logs
from exporter.ionq.client import IonQClient
from exporter.metrics.exporter import ExporterMetrics
from exporter.records.backends import Backend, BackendList
from exporter.records.characterizations import CharacterizedBackends
from exporter.scrape.characterization_cache import KEPT_PER_BACKEND, SIDE_BY_SIDE, CharacterizationCache
from exporter.scrape.failure_log import FailureLog
from tests.support.certificates import Authority
from tests.support.clock import Clock
from tests.support.upstream import (
    CHARACTERIZATION,
    Connection,
    Held,
    Request,
    Script,
    Upstream,
    characterized,
    hang,
    ok,
    status,
)

pytestmark = pytest.mark.anyio

BUDGET = 5.0
MAX_BACKENDS = 20


class Reading:
    """A reader whose clock stands still."""

    def __init__(self, client: IonQClient, telemetry: ExporterMetrics | None = None) -> None:
        self.clock = Clock()
        self.log = StringIO()
        self.reader = CharacterizationCache(
            client,
            telemetry or ExporterMetrics(),
            FailureLog(configure_logs("info", "logfmt", self.log), self.clock),
            timeout_seconds=BUDGET,
            max_backends=MAX_BACKENDS,
            clock=self.clock,
        )

    async def characterize(self, *ids: str | None, first: int = 0) -> CharacterizedBackends:
        """Read what is due for backends with these characterizations, numbered from ``first``."""
        listed = tuple(
            Backend(f"qpu.{number}", characterization_id=identity)
            for number, identity in enumerate(ids, first)
        )
        return await self.reader.characterize(BackendList(listed), BUDGET)


@pytest.fixture
async def reading(upstream: Upstream) -> AsyncIterator[Reading]:
    async with connected(upstream) as client:
        yield Reading(client)


@asynccontextmanager
async def connected(upstream: Upstream) -> AsyncIterator[IonQClient]:
    client = IonQClient(upstream.url, max_response_bytes=1 << 20)
    try:
        yield client
    finally:
        await client.aclose()


def with_id(identity: str) -> Script:
    return ok(
        json.dumps({"characterizations": [CHARACTERIZATION | {"id": identity, "backend": None}]}).encode()
    )


def shown(known: CharacterizedBackends) -> list[str | None]:
    return [backend.record.id if backend.record else None for backend in known.backends]


async def test_a_record_that_cannot_be_read_is_asked_for_after_a_minute_and_then_ever_later(
    reading: Reading, upstream: Upstream
) -> None:
    upstream.characterizes(lambda _: status(500))
    waits = []
    await reading.characterize("a")
    for _ in range(8):
        asked = len(upstream.characterization_requests)
        waited = 0
        while len(upstream.characterization_requests) == asked:
            reading.clock.now += 30
            waited += 30
            await reading.characterize("a")
        waits.append(waited)
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]


async def test_a_record_that_is_read_at_last_is_never_asked_for_again(
    reading: Reading, upstream: Upstream
) -> None:
    upstream.characterizes(lambda _: status(500))
    await reading.characterize("a")
    upstream.characterizes(lambda _: with_id("a"))
    reading.clock.now += 60
    assert shown(await reading.characterize("a")) == ["a"]
    reading.clock.now += 1_000_000
    assert shown(await reading.characterize("a")) == ["a"]
    assert len(upstream.characterization_requests) == 2
    assert "event=characterization_read_recovered" in reading.log.getvalue()


async def test_a_record_that_is_not_published_yet_is_asked_for_until_it_is(
    reading: Reading, upstream: Upstream
) -> None:
    upstream.characterizes(lambda _: with_id("old"))
    assert shown(await reading.characterize("new")) == ["old"]
    assert shown(await reading.characterize("new")) == ["old"]
    upstream.characterizes(lambda _: with_id("new"))
    assert len(upstream.characterization_requests) == 1
    reading.clock.now += 60
    assert shown(await reading.characterize("new")) == ["new"]
    assert len(upstream.characterization_requests) == 2


async def test_an_answer_that_wavers_between_two_ids_costs_two_requests(
    reading: Reading, upstream: Upstream
) -> None:
    upstream.characterizes(lambda _: with_id("a"))
    assert shown(await reading.characterize("a")) == ["a"]
    upstream.characterizes(lambda _: with_id("b"))
    for _ in range(10):
        assert shown(await reading.characterize("b")) == ["b"]
        assert shown(await reading.characterize("a")) == ["a"]
    assert len(upstream.characterization_requests) == 2


async def test_ids_that_change_all_the_time_cost_ever_fewer_requests(
    reading: Reading, upstream: Upstream
) -> None:
    upstream.characterizes(lambda _: with_id("the newest"))
    for number in range(1_000):
        await reading.characterize(f"v{number}")
        reading.clock.now += 0.1
    assert len(upstream.characterization_requests) == KEPT_PER_BACKEND


@pytest.mark.parametrize("ids", [3, KEPT_PER_BACKEND + 1])
async def test_an_answer_that_wavers_between_many_ids_costs_few_requests(
    reading: Reading, upstream: Upstream, ids: int
) -> None:
    for number in range(20 * ids):
        identity = f"v{number % ids}"
        upstream.characterizes(lambda _, identity=identity: with_id(identity))  # type: ignore[misc]
        await reading.characterize(identity)
    assert len(upstream.characterization_requests) == ids


async def test_many_rows_of_one_name_cost_few_requests(reading: Reading, upstream: Upstream) -> None:
    upstream.characterizes(lambda _: with_id("the newest"))
    rows = (Backend("qpu", f"place {number}", characterization_id=f"v{number}") for number in range(100))
    listed = BackendList(tuple(rows))
    for _ in range(3):
        assert set(shown(await reading.reader.characterize(listed, BUDGET))) == {"the newest"}
    # Four at once are asked before the first of them is answered.
    assert len(upstream.characterization_requests) < KEPT_PER_BACKEND + SIDE_BY_SIDE


async def test_an_error_that_nobody_thought_of_is_a_failure_like_any_other(upstream: Upstream) -> None:
    class Broken(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise RuntimeError(f"nobody thought of {request.method}")

    reading = Reading(IonQClient(upstream.url, max_response_bytes=1, new_transport=Broken))
    assert shown(await reading.characterize("a")) == [None]
    assert "reason=protocol" in reading.log.getvalue()
    assert "RuntimeError: nobody thought of GET" in reading.log.getvalue()
    assert "in handle_async_request" in reading.log.getvalue()


async def test_a_read_that_got_no_further_than_the_handshake_in_time_says_so() -> None:
    with Upstream(greeting=hang, scheme="https") as upstream:
        async with connected(upstream) as client:
            reading = Reading(client)
            listed = BackendList((Backend("qpu.0", characterization_id="a"),))
            await reading.reader.characterize(listed, 0.3)
    assert "reason=tls" in reading.log.getvalue()
    assert "no TLS handshake with localhost in what was left of the scrape's time" in reading.log.getvalue()


async def test_connections_that_cannot_be_closed_cost_no_record(upstream: Upstream) -> None:
    class Clinging(httpx.AsyncHTTPTransport):
        async def aclose(self) -> None:
            await super().aclose()
            raise RuntimeError("nobody thought of that")

    upstream.characterizes(lambda _: with_id("a"))
    reading = Reading(IonQClient(upstream.url, max_response_bytes=1 << 20, new_transport=Clinging))
    assert shown(await reading.characterize("a")) == ["a"]
    assert "RuntimeError: nobody thought of that" in reading.log.getvalue()


async def test_a_handshake_that_breaks_off_costs_no_read_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    for name, value in authority.trusted.items():
        monkeypatch.setenv(name, value)
    others = Held(with_id("a"))

    class Noting(ExporterMetrics):
        def count_characterization_failure(self, reason: str) -> None:
            super().count_characterization_failure(reason)
            others.release()

    def cut_the_last(connection: Connection) -> None:
        if connection is upstream.connections[-1] and len(upstream.connections) == SIDE_BY_SIDE:
            upstream.await_characterization_requests(SIDE_BY_SIDE - 1)
            connection.close()

    with Upstream(tls=authority.server_context(), greeting=cut_the_last) as upstream:
        upstream.characterizes(lambda _: others)
        async with connected(upstream) as client:
            reading = Reading(client, Noting())
            known = await reading.characterize(*["a"] * SIDE_BY_SIDE)
    assert sorted(shown(known), key=str) == [None, "a", "a", "a"]
    assert reading.log.getvalue().count("characterization_read_failed") == 1


async def test_a_backend_whose_id_goes_away_shows_nothing(reading: Reading, upstream: Upstream) -> None:
    upstream.characterizes(lambda _: with_id("a"))
    assert shown(await reading.characterize("a")) == ["a"]
    assert shown(await reading.characterize(None)) == []


async def test_another_machines_record_is_refused(reading: Reading, upstream: Upstream) -> None:
    upstream.characterizes(lambda request: characterized(request, CHARACTERIZATION | {"id": "a"}))
    assert shown(await reading.characterize("a")) == [None]
    assert "is not the machine that was asked for" in reading.log.getvalue()


async def test_a_name_is_one_part_of_the_path_whatever_it_holds(upstream: Upstream) -> None:
    async with connected(upstream) as client:
        await client.get_characterizations("a/b?c#d e%2F", {"limit": 1})
    (request,) = upstream.characterization_requests
    assert request.target == "/v0.4/backends/a%2Fb%3Fc%23d%20e%252F/characterizations?limit=1"


async def test_what_is_known_is_the_same_object_until_it_changes(
    reading: Reading, upstream: Upstream
) -> None:
    upstream.characterizes(lambda _: with_id("a"))
    listed = BackendList((Backend("qpu.0", characterization_id="a"),))
    first = await reading.reader.characterize(listed, BUDGET)
    other_wait = BackendList((replace(listed.backends[0], average_queue_time_seconds=7.0),))
    assert await reading.reader.characterize(other_wait, BUDGET) is first
    moved = BackendList((replace(listed.backends[0], location="Basel"),))
    assert await reading.reader.characterize(moved, BUDGET) is not first


async def test_connections_are_closed_when_all_is_read(reading: Reading, upstream: Upstream) -> None:
    upstream.characterizes(lambda _: with_id("a"))
    await reading.characterize(*["a"] * 10)
    upstream.await_open_connections(0)


async def test_connections_are_closed_when_time_is_up_too(reading: Reading, upstream: Upstream) -> None:
    upstream.characterizes(lambda request: hang if "qpu.0" in request.target else with_id("a"))
    listed = BackendList(tuple(Backend(f"qpu.{number}", characterization_id="a") for number in range(10)))
    known = await reading.reader.characterize(listed, 0.5)
    assert shown(known) == [None, *["a"] * 9]
    await asyncio.to_thread(upstream.await_open_connections, 0)


async def test_a_read_that_begins_while_the_one_before_it_gives_up_is_not_cut_off(
    reading: Reading, upstream: Upstream
) -> None:
    upstream.characterizes(lambda _: hang)
    await reading.reader.characterize(BackendList((Backend("qpu.0", characterization_id="a"),)), 0.5)
    upstream.characterizes(lambda _: with_id("a"))
    assert shown(await reading.characterize("a", "a", "a")) == [None, "a", "a"]
    assert len(upstream.characterization_requests) == 3, "who hangs is left alone"


async def test_names_that_come_and_go_leave_little_behind(reading: Reading, upstream: Upstream) -> None:
    def characterize(request: Request) -> Script:
        return with_id(request.target.split("/")[3])

    upstream.characterizes(characterize)
    for first in range(0, 200, 10):
        ids = [f"qpu.{number}" for number in range(first, first + 10)]
        assert shown(await reading.characterize(*ids, first=first)) == ids
    assert len(reading.reader._machines) <= MAX_BACKENDS
