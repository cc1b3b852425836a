"""The exporter as a process: what is wired to what, and how it starts and ends."""

import asyncio
import contextlib
import math
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import uvicorn
from structlog.typing import FilteringBoundLogger

from exporter.server.connection_limits import MAX_ACCEPTED_AT_ONCE, LimitedHttpProtocol
from exporter.server.sockets import queue_connections
from exporter.server.systemd import READY, STOPPING, notify

if TYPE_CHECKING:
    from exporter.server.web_config.reload import WebConfigFile
    from exporter.server.web_config.tls_listener import TLSListener

_IDLE_CONNECTION_SECONDS = 300


def http_server(
    app: Any,
    *,
    shutdown_seconds: float,
    logger: FilteringBoundLogger,
    web_config: "WebConfigFile | None" = None,
) -> "HTTPServer":
    """Return a server that stops on SIGTERM or SIGINT and gives requests ``shutdown_seconds`` to finish."""
    tls = web_config.tls() if web_config else None
    if web_config:
        from exporter.server.web_config.middleware import WebConfigMiddleware  # noqa: PLC0415

        app = WebConfigMiddleware(app, web_config.rules)
    return HTTPServer(
        uvicorn.Config(
            app,
            http=LimitedHttpProtocol,
            backlog=MAX_ACCEPTED_AT_ONCE,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_IDLE_CONNECTION_SECONDS,
            timeout_graceful_shutdown=math.ceil(shutdown_seconds),
        ),
        logger,
        tls,
    )


class HTTPServer(uvicorn.Server):
    """uvicorn's server, with TLS contexts that can be renewed and an exit status of its own."""

    def __init__(
        self,
        config: uvicorn.Config,
        logger: FilteringBoundLogger,
        tls: Callable[[], ssl.SSLContext] | None,
    ) -> None:
        super().__init__(config)
        self._logger = logger
        self._tls = tls
        self._door: TLSListener | None = None

    @property
    def scheme(self) -> str:
        """The scheme of its URLs, "https" or "http"."""
        return "https" if self._tls else "http"

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections, and say so."""
        if self._tls:
            from exporter.server.web_config.tls_listener import TLSListener  # noqa: PLC0415

            self._door = TLSListener(self, self._tls)
            self.servers = await self._door.listen(sockets or [])
            self.started = True
        else:
            await super().startup(sockets)
        for opened in sockets or ():
            queue_connections(opened)  # asyncio makes the queue as short as what it accepts at once
        self._notify(READY)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Say that no more are accepted, and let those with a scrape finish."""
        self._notify(STOPPING)
        if self._door:
            self._door.close()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals without raising them again at the end, which would be the exit status."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def _notify(self, state: str) -> None:
        try:
            notify(state)
        except OSError as error:
            self._logger.warning("service_manager_not_notified", state=state, error=str(error))
