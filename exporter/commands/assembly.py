"""Puts together the clients, the scraper and the counters that ``serve``, ``once`` and ``demo`` share."""

import functools
import time
from collections.abc import Callable
from typing import TypeVar

import click
from structlog.typing import FilteringBoundLogger

from exporter.ionq.api_key import ApiKeySource
from exporter.ionq.client import IonQClient
from exporter.ionq.transport import ionq_transport, tls_context
from exporter.metrics.exporter import ExporterMetrics
from exporter.scrape.characterization_cache import CharacterizationCache
from exporter.scrape.debug_log import DebugLog
from exporter.scrape.failure_log import FailureLog
from exporter.scrape.scraper import Scraper
from exporter.settings import IonQSettings

T = TypeVar("T")


class Exporter:
    """The clients, the scraper that uses them, and the counters of both.

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
        self.telemetry = ExporterMetrics()
        debug_log = DebugLog.of(logger)
        new_client = functools.partial(
            client_factory(settings.api_url, settings.max_response_bytes, api_key, logger), clock=clock
        )
        incidents = FailureLog(logger, clock)
        self.clients = [new_client(on_request=self.telemetry.count_request)]
        characterizations = None
        if settings.characterizations:
            # A client of its own, so that its failures and pauses do not affect /backends.
            self.clients.append(new_client(on_request=self.telemetry.count_characterization_request))
            characterizations = CharacterizationCache(
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
            characterizations=characterizations,
            on_scrape=debug_log.scrape if debug_log else None,
        )

    async def aclose(self) -> None:
        """Close the connections to IonQ."""
        for client in self.clients:
            await client.aclose()


def client_factory(
    api_url: str, max_response_bytes: int, api_key: ApiKeySource, logger: FilteringBoundLogger
) -> Callable[..., IonQClient]:
    """Return a function that makes clients. They share the key, the limit and the TLS context.

    Both raise UsageError if the environment's certificates or proxy cannot be used.
    """
    debug_log = DebugLog.of(logger)
    new_transport = functools.partial(ionq_transport, api_url, _checked(tls_context))
    new_client = functools.partial(
        IonQClient,
        api_url,
        max_response_bytes=max_response_bytes,
        api_key=api_key,
        on_exchange=debug_log.exchange if debug_log else None,
        new_transport=new_transport,
    )
    return lambda **options: _checked(functools.partial(new_client, **options))


def _checked(make: Callable[[], T]) -> T:
    try:
        return make()
    except ValueError as error:
        raise click.UsageError(str(error)) from error
