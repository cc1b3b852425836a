"""uvicorn with limits on connections, TLS contexts that can change, and an orderly end."""

import asyncio
import contextlib
import math
import os
import signal
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import uvicorn
from structlog.typing import FilteringBoundLogger

from exporter.common.logging import stderr_writer
from exporter.server.connection_limits import LimitedHttpProtocol
from exporter.server.connection_pool import ConnectionPool, connection_limit, raise_descriptor_limit
from exporter.server.sockets import queue_connections
from exporter.server.systemd import READY, STOPPING, notify

if TYPE_CHECKING:
    from exporter.server.web_config.reload import WebConfigFile

_IDLE_CONNECTION_SECONDS = 300


def http_server(
    app: Any,
    *,
    shutdown_seconds: float,
    logger: FilteringBoundLogger,
    web_config: "WebConfigFile | None" = None,
) -> "HTTPServer":
    """Return a server that gives requests ``shutdown_seconds`` to finish when it stops."""
    if web_config:
        from exporter.server.web_config.middleware import WebConfigMiddleware  # noqa: PLC0415 -- optional

        app = WebConfigMiddleware(app, web_config.rules)
    config = uvicorn.Config(
        app,
        http=LimitedHttpProtocol,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_IDLE_CONNECTION_SECONDS,
        timeout_graceful_shutdown=math.ceil(shutdown_seconds),
    )
    return HTTPServer(config, logger, web_config)


class HTTPServer(uvicorn.Server):
    """Listens on sockets, and serves until ``stop``."""

    def __init__(
        self, config: uvicorn.Config, logger: FilteringBoundLogger, web_config: "WebConfigFile | None"
    ) -> None:
        super().__init__(config)
        self._logger = logger
        self._web_config = web_config
        self._tls = web_config.tls() if web_config else None
        self._pool = ConnectionPool(connection_limit(raise_descriptor_limit()))
        self.server_state.connections = self._pool

    @property
    def scheme(self) -> str:
        """The scheme of its URLs, "https" or "http"."""
        return "https" if self._tls else "http"

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections."""
        loop = asyncio.get_running_loop()
        self._deadlines = loop.create_task(self._pool.check_deadlines())
        self.servers = []
        for opened in sockets or ():
            self.servers.append(
                await loop.create_server(self._new_protocol, sock=opened, backlog=self._pool.accepted_at_once)
            )
            queue_connections(opened)  # asyncio has just shortened the kernel's queue to the backlog
        self.started = True
        self._notify(READY)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more connections, and let running scrapes finish."""
        self._notify(STOPPING)
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the command. uvicorn would raise them again at the end, as the exit status."""
        yield

    def _new_protocol(self) -> asyncio.BaseProtocol:
        http = LimitedHttpProtocol(self.config, self.server_state, app_state={})
        if self._tls is None:
            return http
        from exporter.server.web_config.tls_protocol import TLSProtocol  # noqa: PLC0415 -- optional

        return TLSProtocol(http, self._tls())

    def stop(self, number: int) -> None:
        """Stop because of a signal."""
        if self.should_exit and number == signal.SIGINT:  # a second Ctrl-C: do not wait for scrapes
            stderr_writer().drain()
            os._exit(0)
        self.should_exit = True

    def reload(self, _number: int) -> None:
        """Reload what can be reloaded, because of a signal."""
        self._logger.info("reload_requested")
        if self._web_config:
            self._web_config.reload()

    def _notify(self, state: str) -> None:
        try:
            notify(state)
        except OSError as error:
            self._logger.warning("service_manager_not_notified", state=state, error=str(error))
