"""TLS between a socket and HTTP."""

import asyncio
import ssl
from asyncio import sslproto

from exporter.server.connection_limits import LimitedHttpProtocol

_CLOSE_SECONDS = 1.0


class TLSProtocol(sslproto.SSLProtocol):
    """asyncio's TLS, for a server that limits connections from the moment it accepts them.

    ``asyncio.start_server`` would report a connection only after its handshake, and would not report that the
    client has stopped reading until a second response waits.
    """

    max_size = 16 * 1024  # instead of 256 KiB: a request has a few hundred bytes

    def __init__(self, http: LimitedHttpProtocol, context: ssl.SSLContext) -> None:
        super().__init__(
            asyncio.get_running_loop(),
            http,
            context,
            waiter=None,  # type: ignore[arg-type]  # as in asyncio itself
            server_side=True,
            ssl_shutdown_timeout=_CLOSE_SECONDS,
        )
        self._http = http

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 -- for the type checker
        self._http.connection_accepted(transport)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection: asyncio does not report it to HTTP if the handshake was incomplete."""
        super().connection_lost(exc)
        self._http.connections.discard(self._http)

    def pause_writing(self) -> None:
        """Report that the client does not keep up."""
        super().pause_writing()
        self._http.pause_writing()

    def resume_writing(self) -> None:
        """Report that the client has taken everything."""
        super().resume_writing()
        self._http.resume_writing()
