"""What is told of each request and each scrape, where the log's level is debug."""

import logging
from dataclasses import asdict

from structlog.typing import FilteringBoundLogger

from exporter.common.errors import IonQError
from exporter.ionq.client import Exchange
from exporter.records.scrape import Scrape

_DIGITS = 6  # microseconds


class DebugLog:
    """Writes a line for each; whoever feeds it does without where there is none, and pays nothing."""

    def __init__(self, logger: FilteringBoundLogger) -> None:
        self._logger = logger

    @classmethod
    def of(cls, logger: FilteringBoundLogger) -> "DebugLog | None":
        """Return a log, or None where the level is above debug."""
        return cls(logger) if logger.is_enabled_for(logging.DEBUG) else None

    def exchange(self, exchange: Exchange) -> None:
        """Tell of a request to IonQ."""
        fields = asdict(exchange) | {"duration_seconds": round(exchange.duration_seconds, _DIGITS)}
        self._logger.debug("ionq_request", **fields)

    def scrape(self, scrape: Scrape, budget_seconds: float, joined: bool) -> None:  # noqa: FBT001
        """Tell of a scrape."""
        failure = scrape.outcome if isinstance(scrape.outcome, IonQError) else None
        self._logger.debug(
            "scrape",
            budget_seconds=budget_seconds,
            duration_seconds=round(scrape.duration_seconds, _DIGITS),
            joined=joined,
            backends=None if isinstance(scrape.outcome, IonQError) else len(scrape.outcome.backends),
            reason=failure.reason if failure else None,
            error=failure.message if failure else None,
        )
