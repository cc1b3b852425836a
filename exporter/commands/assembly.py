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
from exporter.ionq.client import IonQClient, StatusPageClient
from exporter.ionq.transport import TransportFactory, TrustedCertificates
from exporter.metrics.exporter import ExporterMetrics
from exporter.scrape.characterization_cache import CharacterizationCache
from exporter.scrape.failure_log import FailureLog
from exporter.scrape.scraper import Scraper
from exporter.scrape.status_page_cache import StatusPageCache
from exporter.server.app import WebApp
from exporter.server.http_server import http_server
from exporter.server.sockets import address_of, url_of
from exporter.settings import IonQSettings, WebSettings

if TYPE_CHECKING:
    from exporter.server.web_config.reload import WebConfigFile

_GRACE_SECONDS = 1.0


class Exporter:
    """The scraper, its clients and the exporter's metrics, wired together.

    ``clock`` is in monotonic seconds.
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
        self.metrics = ExporterMetrics()
        certificates = TrustedCertificates()
        new_client = functools.partial(client_factory(settings, api_key, logger, certificates), clock=clock)
        failure_log = FailureLog(logger, clock)
        cache = None
        if settings.characterizations:
            # A client of its own: a pause or a broken connection of one endpoint costs the other nothing.
            client = new_client(on_request=self.metrics.count_characterization_request, keep_connection=False)
            cache = CharacterizationCache(
                client, self.metrics, failure_log, timeout_seconds=settings.timeout_seconds, clock=clock
            )
        status_page = None
        if settings.status_url:
            # Without the key, which is none of that host's business, and without a kept connection, which the
            # host would close within the minute.
            status_page_client = StatusPageClient(
                settings.status_url,
                logger=logger,
                max_response_bytes=settings.max_response_bytes,
                keep_connection=False,
                on_request=self.metrics.count_status_page_request,
                new_transport=TransportFactory(settings.status_url, certificates),
                clock=clock,
            )
            status_page = StatusPageCache(
                status_page_client,
                self.metrics,
                failure_log,
                component_backends=settings.component_backends,
                timeout_seconds=settings.timeout_seconds,
                clock=clock,
            )
        self.scraper = Scraper(
            new_client(on_request=self.metrics.count_request),
            self.metrics,
            failure_log,
            logger=logger,
            timeout_seconds=settings.timeout_seconds,
            max_backends=settings.max_backends,
            characterizations=cache,
            status_page=status_page,
        )

    async def aclose(self) -> None:
        """End what is still under way, and close the connections to IonQ."""
        await self.scraper.aclose()


def client_factory(
    settings: IonQSettings,
    api_key: str | None,
    logger: FilteringBoundLogger,
    certificates: TrustedCertificates | None = None,
) -> Callable[..., IonQClient]:
    """Return a function that makes clients with the same key, limits and certificates.

    Raises OSError or ValueError where the key, its file or a proxy cannot be used.
    """
    return functools.partial(
        IonQClient,
        settings.api_url,
        logger=logger,
        max_response_bytes=settings.max_response_bytes,
        api_key=_key_source(settings, api_key, logger),
        new_transport=TransportFactory(settings.api_url, certificates),
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
        exporter.metrics,
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
