"""Handshakes: bounded in time, and part of the pool from the start."""

import asyncio
import contextlib
import ssl

import pytest
import uvicorn

from exporter.server.connection_limits import RECEIVE_SECONDS, LimitedHttpProtocol
from exporter.server.connection_pool import ConnectionPool, EvictionPriority
from exporter.server.sockets import address_of, open_sockets
from exporter.server.web_config.tls_protocol import TLSProtocol
from exporter.settings import ListenAddress

pytestmark = pytest.mark.anyio


async def _app(_scope: object, _receive: object, _send: object) -> None:
    pytest.fail("no request was sent")


async def test_a_handshake_that_does_not_end_is_aborted() -> None:
    server = uvicorn.Server(uvicorn.Config(_app, lifespan="off", log_config=None))
    server.server_state.connections = pool = ConnectionPool()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    loop = asyncio.get_running_loop()
    (listener,) = open_sockets([ListenAddress("127.0.0.1", 0)])
    async with await loop.create_server(
        lambda: TLSProtocol(LimitedHttpProtocol(server.config, server.server_state, {}), context),
        sock=listener,
    ):
        address = address_of(listener)
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(b"\x16\x03")
        while not pool:  # noqa: ASYNC110 -- a set has no event
            await asyncio.sleep(0)
        (pending,) = pool
        pending.check_deadlines(loop.time() + RECEIVE_SECONDS / 2)
        assert pending.eviction_priority[0] is EvictionPriority.NEW
        assert pool == {pending}
        pending.check_deadlines(loop.time() + RECEIVE_SECONDS + 1)
        with contextlib.suppress(ConnectionResetError):  # or an end in order
            assert await reader.read() == b""
        writer.close()
        while pool:  # noqa: ASYNC110
            await asyncio.sleep(0)
