"""Puts together the clients, the scraper and the counters that ``serve``, ``once`` and ``demo`` share."""

import functools
import time
from collections.abc import Callable

import click
from structlog.typing import FilteringBoundLogger

from exporter.ionq.api_key import ApiKeySource
from exporter.ionq.client import IonQClient
from exporter.ionq.transport import TransportFactory
from exporter.metrics.exporter import ExporterMetrics
from exporter.scrape.characterization_cache import CharacterizationCache
from exporter.scrape.failure_log import FailureLog
from exporter.scrape.scraper import Scraper
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
        new_client = functools.partial(
            client_factory(settings.api_url, settings.max_response_bytes, api_key, logger), clock=clock
        )
        failure_log = FailureLog(logger, clock)
        characterizations = None
        if settings.characterizations:
            # A client of its own, so that its failures and pauses do not affect /backends.
            client = new_client(on_request=self.metrics.count_characterization_request, keep_connection=False)
            characterizations = CharacterizationCache(
                client, self.metrics, failure_log, timeout_seconds=settings.timeout_seconds, clock=clock
            )
        self.scraper = Scraper(
            new_client(on_request=self.metrics.count_request),
            self.metrics,
            failure_log,
            logger=logger,
            timeout_seconds=settings.timeout_seconds,
            max_backends=settings.max_backends,
            characterizations=characterizations,
        )

    async def aclose(self) -> None:
        """End what is still under way, and close the connections to IonQ."""
        await self.scraper.aclose()


def client_factory(
    api_url: str, max_response_bytes: int, api_key: ApiKeySource, logger: FilteringBoundLogger
) -> Callable[..., IonQClient]:
    """Return a function that makes clients. They share the key, the limit and the TLS context.

    Raises UsageError if the environment's certificates or proxy cannot be used.
    """
    try:
        new_transport = TransportFactory(api_url)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    return functools.partial(
        IonQClient,
        api_url,
        logger=logger,
        max_response_bytes=max_response_bytes,
        api_key=api_key,
        new_transport=new_transport,
    )
