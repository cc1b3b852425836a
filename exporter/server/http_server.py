"""The exporter as a process: what is wired to what, and how it starts and ends."""

import asyncio
import contextlib
import functools
import platform
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import sniffio
import uvicorn
from structlog.typing import FilteringBoundLogger

from exporter import __version__
from exporter.ionq.api_key import ApiKey, ApiKeyFile, ApiKeySource
from exporter.ionq.client import IonQClient
from exporter.ionq.transport import ionq_transport, tls_context
from exporter.metrics.exporter import ExporterMetrics, revision
from exporter.scrape.characterization_cache import CharacterizationCache
from exporter.scrape.debug_log import DebugLog
from exporter.scrape.failure_log import FailureLog
from exporter.scrape.scraper import Scraper
from exporter.server.app import WebApp
from exporter.server.connection_limits import MAX_ACCEPTED_AT_ONCE, LimitedHttpProtocol
from exporter.server.sockets import address_of, queue_connections, url_of
from exporter.server.systemd import READY, STOPPING, notify
from exporter.settings import IonQSettings, WebSettings

if TYPE_CHECKING:
    from exporter.server.web_config.reload import WebConfigFile
    from exporter.server.web_config.tls_listener import TLSListener

_IDLE_CONNECTION_SECONDS = 300
_GRACE_SECONDS = 1.0


class Exporter:
    """The clients, the scraper over them and the counters of all.

    ``clock`` (monotonic seconds) is what pauses and the rate of log lines go by.
    """

    def __init__(
        self,
        settings: IonQSettings,
        api_key: str | None,
        logger: FilteringBoundLogger,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raise OSError or ValueError where the key, its file or a proxy cannot be used."""
        self.telemetry = ExporterMetrics()
        debug_log = DebugLog.of(logger)
        new_client = functools.partial(client_factory(settings, api_key, logger), clock=clock)
        incidents = FailureLog(logger, clock)
        self.clients = [new_client(on_request=self.telemetry.count_request)]
        reader = None
        if settings.characterizations:
            # A client of its own, so that nothing that befalls it can befall /backends.
            self.clients.append(new_client(on_request=self.telemetry.count_characterization_request))
            reader = CharacterizationCache(
                self.clients[-1],
                self.telemetry,
                incidents,
                timeout_seconds=settings.timeout_seconds,
                max_backends=settings.max_backends,
                clock=clock,
            )
        self.scraper = Scraper(
            self.clients[0],
            self.telemetry,
            incidents,
            timeout_seconds=settings.timeout_seconds,
            max_backends=settings.max_backends,
            characterizations=reader,
            on_scrape=debug_log.scrape if debug_log else None,
        )

    async def aclose(self) -> None:
        """Close the connections to IonQ."""
        for client in self.clients:
            await client.aclose()


def client_factory(
    settings: IonQSettings, api_key: str | None, logger: FilteringBoundLogger
) -> Callable[..., IonQClient]:
    """Return what makes clients that share key, limits and trust, and differ in what else is asked for.

    Raises OSError or ValueError where the key, its file or a proxy cannot be used.
    """
    debug_log = DebugLog.of(logger)
    return functools.partial(
        IonQClient,
        settings.api_url,
        max_response_bytes=settings.max_response_bytes,
        api_key=_key_source(settings, api_key, logger),
        on_exchange=debug_log.exchange if debug_log else None,
        new_transport=functools.partial(ionq_transport, settings.api_url, tls_context()),
    )


async def serve(
    exporter: Exporter,
    sockets: Sequence[socket.socket],
    ionq: IonQSettings,
    web: WebSettings,
    logger: FilteringBoundLogger,
    web_config: "WebConfigFile | None" = None,
) -> None:
    """Answer scrapes until SIGTERM or SIGINT, then let those under way finish."""
    app: Any = WebApp(
        exporter.scraper,
        exporter.telemetry,
        telemetry_path=web.telemetry_path,
        timeout_seconds=ionq.timeout_seconds,
        timeout_offset_seconds=web.timeout_offset_seconds,
        api_url=ionq.api_url,
    )
    tls = web_config.tls() if web_config else None
    if web_config:
        from exporter.server.web_config.middleware import WebConfigMiddleware  # noqa: PLC0415

        app = WebConfigMiddleware(app, web_config.rules)
    server = _Server(
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
            timeout_graceful_shutdown=int(ionq.timeout_seconds + _GRACE_SECONDS) + 1,
        ),
        logger,
        tls,
    )
    for opened in sockets:
        url = url_of(opened, "https" if tls else "http") + web.telemetry_path
        logger.info("listening", address=str(address_of(opened)), url=url)
    logger.info(
        "exporter_started",
        version=__version__,
        revision=revision(),
        python=platform.python_version(),
        api_url=ionq.api_url,
        timeout_seconds=ionq.timeout_seconds,
    )
    # httpcore asks at each step what runs it; looking at the current task each time costs 4 % of a scrape.
    sniffio.thread_local.name = "asyncio"
    try:
        await server.serve(sockets=list(sockets))
    finally:
        await exporter.aclose()
    logger.info("exporter_stopped")


class _Server(uvicorn.Server):
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


def _key_source(settings: IonQSettings, api_key: str | None, logger: FilteringBoundLogger) -> ApiKeySource:
    if settings.api_key_file is not None:
        return ApiKeyFile(
            settings.api_key_file,
            on_unreadable=lambda error: logger.error(
                "api_key_file_unreadable", error=str(error), kept="last good key"
            ),
        )
    key = ApiKey(api_key) if api_key else None
    return lambda: key
