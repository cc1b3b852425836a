"""How long a connection to IonQ is kept, in time that the tests move."""

import asyncio
import json
import socket
import time

import httpx
import pytest
from freezegun import freeze_time

from exporter.ionq.transport import TransportFactory
from tests.support.clients import connected
from tests.support.clock import Clock
from tests.support.upstream import Connection, Upstream, ok

pytestmark = pytest.mark.anyio


async def test_a_connection_serves_scrapes_that_are_minutes_apart(upstream: Upstream) -> None:
    with freeze_time(real_asyncio=True) as now:  # httpcore, too, has a clock
        async with connected(upstream.url, clock=time.monotonic) as client:
            for _ in range(3):
                await client.get_backends()
                now.tick(100)
    assert len(upstream.connections) == 1


async def test_an_old_server_behind_a_name_that_moved_is_left_within_five_minutes(
    upstream: Upstream, clock: Clock
) -> None:
    def answer(connection: Connection) -> None:
        """Answer as the old server on the first connection, and as the new one on others."""
        queue_time = 1000 if connection is upstream.connections[0] else 9000
        ok(json.dumps([{"backend": "qpu.forte-1", "average_queue_time": queue_time}]).encode())(connection)

    upstream.answers(answer)
    async with connected(upstream.url, clock=clock) as client:
        queue_times = []
        for _ in range(33):
            queue_times.append(json.loads((await client.get_backends()).body)[0]["average_queue_time"])
            clock.now += 10
    assert queue_times[:24] == [1000] * 24
    assert queue_times[30:] == [9000] * 3
    assert len(upstream.connections) == 2
    await asyncio.to_thread(upstream.await_open_connections, 0)


async def test_a_connection_whose_far_end_is_gone_is_ended_by_the_system(upstream: Upstream) -> None:
    transport = TransportFactory(upstream.url)()
    async with transport:
        response = await transport.handle_async_request(httpx.Request("GET", f"{upstream.url}/backends"))
        async for _ in response.stream:  # type: ignore[union-attr]
            pass
        opened = response.extensions["network_stream"].get_extra_info("socket")
        assert opened.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
        assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 3_000


async def test_without_a_kept_connection_each_read_has_its_own(upstream: Upstream) -> None:
    async with connected(upstream.url, keep_connection=False) as client:
        for count in (1, 2, 3):
            await client.get_backends()
            assert len(upstream.connections) == count
            await asyncio.to_thread(upstream.await_open_connections, 0)
