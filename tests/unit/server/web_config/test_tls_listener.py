"""Handshakes: bounded in time."""

import asyncio
import contextlib
import ssl

import pytest
import uvicorn

from exporter.server.sockets import address_of, open_sockets
from exporter.server.web_config.tls_listener import TLSListener
from exporter.settings import ListenAddress

pytestmark = pytest.mark.anyio


async def test_a_handshake_that_never_ends_is_given_up_in_time() -> None:
    server = uvicorn.Server(uvicorn.Config("no:app", lifespan="off", log_config=None))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    door = TLSListener(server, lambda: context, handshake_seconds=0.05)
    (listener,) = open_sockets([ListenAddress("127.0.0.1", 0)])
    (opened,) = await door.listen([listener])
    async with opened:
        address = address_of(listener)
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(b"\x16\x03")
        with contextlib.suppress(ConnectionResetError):  # or an end in order
            assert await reader.read() == b""
        writer.close()
