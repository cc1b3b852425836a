"""What ``serve``, ``once`` and ``demo`` share: clients, scraper and counters, made from the settings."""

import functools
import platform
import socket
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import sniffio
from structlog.typing import FilteringBoundLogger

from exporter import __version__
from exporter.common.build_info import revision
from exporter.ionq.api_key import ApiKey, ApiKeyFile, ApiKeySource
from exporter.ionq.client import IonQClient
from exporter.ionq.transport import ionq_transport, tls_context
from exporter.metrics.exporter import ExporterMetrics
from exporter.scrape.characterization_cache import CharacterizationCache
from exporter.scrape.debug_log import DebugLog
from exporter.scrape.failure_log import FailureLog
from exporter.scrape.scraper import Scraper
from exporter.server.app import WebApp
from exporter.server.http_server import http_server
from exporter.server.sockets import address_of, url_of
from exporter.settings import IonQSettings, WebSettings

if TYPE_CHECKING:
    from exporter.server.web_config.reload import WebConfigFile

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


async def serve_exporter(
    exporter: Exporter,
    sockets: Sequence[socket.socket],
    ionq: IonQSettings,
    web: WebSettings,
    logger: FilteringBoundLogger,
    web_config: "WebConfigFile | None" = None,
) -> None:
    """Answer scrapes until SIGTERM or SIGINT, let running ones finish, and close the connections to IonQ."""
    app = WebApp(
        exporter.scraper,
        exporter.telemetry,
        telemetry_path=web.telemetry_path,
        timeout_seconds=ionq.timeout_seconds,
        timeout_offset_seconds=web.timeout_offset_seconds,
        api_url=ionq.api_url,
    )
    server = http_server(
        app, shutdown_seconds=ionq.timeout_seconds + _GRACE_SECONDS, logger=logger, web_config=web_config
    )
    for opened in sockets:
        url = url_of(opened, server.scheme) + web.telemetry_path
        logger.info("listening", address=str(address_of(opened)), url=url)
    logger.info(
        "exporter_started",
        version=__version__,
        revision=revision(),
        python=platform.python_version(),
        api_url=ionq.api_url,
        timeout_seconds=ionq.timeout_seconds,
    )
    # httpcore asks at each step which library runs it. Looking at the current task each time costs 4 % of a
    # scrape.
    sniffio.thread_local.name = "asyncio"
    try:
        await server.serve(sockets=list(sockets))
    finally:
        await exporter.aclose()
    logger.info("exporter_stopped")
