"""Connections over TLS: handshakes bounded in time and number, then handed to uvicorn."""

import asyncio
import socket
import ssl
from asyncio import sslproto
from collections.abc import Callable, Sequence

import uvicorn

HANDSHAKE_SECONDS = 10.0
MAX_HANDSHAKES = 128
"""Beyond so many at once the oldest is given up: a client that means it needs milliseconds."""

_CLOSE_SECONDS = 1.0

# asyncio gives each connection a buffer of 256 KiB; a scrape is a request of a few hundred bytes.
_BUFFER_BYTES = 16 * 1024


class TLSListener:
    """Accepts connections for a uvicorn server, each with the TLS context of its moment."""

    def __init__(
        self,
        server: uvicorn.Server,
        context: Callable[[], ssl.SSLContext],
        handshake_seconds: float = HANDSHAKE_SECONDS,
    ) -> None:
        self._server = server
        self._context = context
        self._handshake_seconds = handshake_seconds
        self._entering: dict[_PendingHandshake, asyncio.Task[None]] = {}

    async def listen(self, sockets: Sequence[socket.socket]) -> list[asyncio.Server]:
        """Accept connections on sockets, as uvicorn does without TLS."""
        sslproto.SSLProtocol.max_size = _BUFFER_BYTES
        loop, backlog = asyncio.get_running_loop(), self._server.config.backlog
        return [
            await loop.create_server(lambda: _PendingHandshake(self._begin), sock=opened, backlog=backlog)
            for opened in sockets
        ]

    def close(self) -> None:
        """Give up every handshake that is under way."""
        for entrant in self._entering:
            entrant.abort()

    def _begin(self, entrant: "_PendingHandshake") -> None:
        if len(self._entering) >= MAX_HANDSHAKES:
            oldest = next(iter(self._entering))
            oldest.abort()
            del self._entering[oldest]
        task = asyncio.get_running_loop().create_task(self._enter(entrant))
        self._entering[entrant] = task

    async def _enter(self, entrant: "_PendingHandshake") -> None:
        try:
            transport = await entrant.shake_hands(self._context(), self._handshake_seconds)
        except OSError:
            return  # the context has told why, if it was for a reason
        finally:
            self._entering.pop(entrant, None)
        if transport:
            entrant.hand_over(transport, self._http_protocol())

    def _http_protocol(self) -> asyncio.Protocol:
        server = self._server
        return server.config.http_protocol_class(  # type: ignore[call-arg]
            config=server.config, server_state=server.server_state, app_state={}
        )


class _PendingHandshake(asyncio.Protocol):
    """A connection before it speaks HTTP; keeps what comes together with the handshake's end."""

    _transport: asyncio.Transport

    def __init__(self, begin: Callable[["_PendingHandshake"], None]) -> None:
        self._begin = begin
        self._received: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 -- for the type checker
        transport.pause_reading()  # until TLS is there to read
        self._transport = transport
        self._begin(self)

    def data_received(self, data: bytes) -> None:
        self._received.append(data)

    def abort(self) -> None:
        self._transport.abort()

    async def shake_hands(self, context: ssl.SSLContext, seconds: float) -> asyncio.Transport | None:
        """Return a transport that encrypts, or None where the client has gone. Raises OSError."""
        if self._transport.is_closing():
            return None
        return await asyncio.get_running_loop().start_tls(
            self._transport,
            self,
            context,
            server_side=True,
            ssl_handshake_timeout=seconds,
            ssl_shutdown_timeout=_CLOSE_SECONDS,
        )

    def hand_over(self, transport: asyncio.Transport, successor: asyncio.Protocol) -> None:
        """Let a protocol go on with the connection."""
        if transport.is_closing():
            transport.abort()
            return
        transport.set_protocol(successor)
        successor.connection_made(transport)
        if self._received:
            successor.data_received(b"".join(self._received))
