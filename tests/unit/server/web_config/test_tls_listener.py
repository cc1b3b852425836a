"""Handshakes: bounded in time."""

import asyncio
import contextlib
import ssl

import pytest

from exporter.server.connection_pool import ConnectionPool, EvictionPriority
from exporter.server.sockets import address_of, open_sockets
from exporter.server.web_config.tls_listener import HANDSHAKE_SECONDS, PendingHandshake
from exporter.settings import ListenAddress

pytestmark = pytest.mark.anyio


async def test_a_handshake_that_does_not_end_is_given_up_in_time() -> None:
    pool = ConnectionPool()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    loop = asyncio.get_running_loop()
    (listener,) = open_sockets([ListenAddress("127.0.0.1", 0)])
    server = await loop.create_server(
        lambda: PendingHandshake(pool, lambda: context, asyncio.Protocol), sock=listener
    )
    async with server:
        address = address_of(listener)
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(b"\x16\x03")
        while not pool:  # noqa: ASYNC110 -- a set has no event
            await asyncio.sleep(0)
        (pending,) = pool
        pending.check_deadlines(loop.time() + HANDSHAKE_SECONDS / 2)
        assert pending.eviction_priority[0] is EvictionPriority.NEW
        assert pool == {pending}
        pending.check_deadlines(loop.time() + HANDSHAKE_SECONDS + 1)
        with contextlib.suppress(ConnectionResetError):  # or an end in order
            assert await reader.read() == b""
        writer.close()
        while pool:  # noqa: ASYNC110
            await asyncio.sleep(0)
