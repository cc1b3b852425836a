"""Puts together the clients, the scraper and the counters that ``serve``, ``once`` and ``demo`` share."""

import functools
import time
from collections.abc import Callable

import click
from structlog.typing import FilteringBoundLogger

from exporter.ionq.api_key import ApiKeySource
from exporter.ionq.client import IonQClient, StatusPageClient
from exporter.ionq.transport import TransportFactory, TrustedCertificates
from exporter.metrics.exporter import ExporterMetrics
from exporter.scrape.characterization_cache import CharacterizationCache
from exporter.scrape.failure_log import FailureLog
from exporter.scrape.scraper import Scraper
from exporter.scrape.status_page_cache import StatusPageCache
from exporter.settings import IonQSettings


class Exporter:
    """The scraper, its clients and the exporter's metrics, wired together.

    ``clock`` (monotonic seconds) times pauses and the rate of log lines.
    """

    def __init__(
        self,
        settings: IonQSettings,
        api_key: ApiKeySource,
        logger: FilteringBoundLogger,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raise UsageError if the environment's certificates or proxy cannot be used."""
        self.metrics = ExporterMetrics()
        new_transport = _transport_factory(settings.api_url)
        new_client = functools.partial(
            client_factory(settings.api_url, settings.max_response_bytes, api_key, logger, new_transport),
            clock=clock,
        )
        failure_log = FailureLog(logger, clock)
        characterizations = None
        if settings.characterizations:
            # A client of its own, so that its failures and pauses do not affect /backends.
            client = new_client(on_request=self.metrics.count_characterization_request, keep_connection=False)
            characterizations = CharacterizationCache(
                client, self.metrics, failure_log, timeout_seconds=settings.timeout_seconds, clock=clock
            )
        status_page = None
        if settings.status_url:
            # No API key, and no kept connection, which the host would close before the next read.
            status_page_client = StatusPageClient(
                settings.status_url,
                logger=logger,
                max_response_bytes=settings.max_response_bytes,
                keep_connection=False,
                on_request=self.metrics.count_status_page_request,
                new_transport=_transport_factory(settings.status_url, new_transport.certificates),
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
            characterizations=characterizations,
            status_page=status_page,
        )

    async def aclose(self) -> None:
        """End what is still under way, and close the connections to IonQ."""
        await self.scraper.aclose()


def client_factory(
    api_url: str,
    max_response_bytes: int,
    api_key: ApiKeySource,
    logger: FilteringBoundLogger,
    new_transport: TransportFactory | None = None,
) -> Callable[..., IonQClient]:
    """Return a function that makes clients. They share the key, the limit and the TLS context.

    Raises UsageError if the environment's certificates or proxy cannot be used.
    """
    return functools.partial(
        IonQClient,
        api_url,
        logger=logger,
        max_response_bytes=max_response_bytes,
        api_key=api_key,
        new_transport=new_transport or _transport_factory(api_url),
    )


def _transport_factory(url: str, certificates: TrustedCertificates | None = None) -> TransportFactory:
    try:
        return TransportFactory(url, certificates)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
