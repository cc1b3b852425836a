"""TLS handshakes: bounded in time and number, then handed over to HTTP."""

import asyncio
import ssl
from asyncio import sslproto
from collections.abc import Callable

from exporter.server.connection_pool import ConnectionPool, EvictionPriority

HANDSHAKE_SECONDS = 10.0

_CLOSE_SECONDS = 1.0
_NEW_SECONDS = 1.0  # a client that has not completed its handshake by then is slow

# asyncio gives each connection a buffer of 256 KiB. A scrape is a request of a few hundred bytes.
_BUFFER_BYTES = 16 * 1024


class PendingHandshake(asyncio.Protocol):
    """A connection until its TLS handshake is complete. Then a protocol for HTTP takes over."""

    unsent_bytes = 0

    _transport: asyncio.Transport

    def __init__(
        self,
        pool: ConnectionPool,
        context: Callable[[], ssl.SSLContext],
        new_protocol: Callable[[], asyncio.Protocol],
    ) -> None:
        """``context`` returns the TLS context that is valid when the connection is made."""
        sslproto.SSLProtocol.max_size = _BUFFER_BYTES
        self._pool = pool
        self._context = context
        self._new_protocol = new_protocol
        self._received: list[bytes] = []
        self._loop = asyncio.get_running_loop()
        self._started_at = self._loop.time()

    @property
    def eviction_priority(self) -> tuple[EvictionPriority, float]:
        """Prefer new connections to slow ones."""
        is_new = self._loop.time() - self._started_at < _NEW_SECONDS
        return EvictionPriority.NEW if is_new else EvictionPriority.SLOW, self._started_at

    def check_deadlines(self, now: float) -> None:
        """Close a connection whose handshake is too slow."""
        if now - self._started_at > HANDSHAKE_SECONDS:
            self.abort()

    def abort(self) -> None:
        """Give up the handshake."""
        self._transport.abort()

    shutdown = abort
    """What uvicorn calls when the server stops."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 -- for the type checker
        transport.pause_reading()  # until TLS reads
        self._transport = transport
        self._pool.add(self)
        self._task = self._loop.create_task(self._shake_hands())

    def data_received(self, data: bytes) -> None:
        """Keep what arrives together with the end of the handshake."""
        self._received.append(data)

    async def _shake_hands(self) -> None:
        try:
            if self._transport.is_closing():
                return
            transport = await self._loop.start_tls(
                self._transport,
                self,
                self._context(),
                server_side=True,
                ssl_shutdown_timeout=_CLOSE_SECONDS,
            )
        except OSError:
            return  # the context has logged the reason
        finally:
            self._pool.discard(self)
        if transport is None or transport.is_closing():
            self.abort()
            return
        protocol = self._new_protocol()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self._received:
            protocol.data_received(b"".join(self._received))
