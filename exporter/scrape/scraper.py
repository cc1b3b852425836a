"""One scrape of IonQ, from its deadline to its result: the one place that decides what a failure is."""

import asyncio
import contextlib
from dataclasses import replace
from datetime import UTC, datetime

from structlog.typing import FilteringBoundLogger

from exporter.common.errors import IonQError, UnexpectedError
from exporter.common.single_flight import SingleFlight
from exporter.ionq.client import IonQClient
from exporter.ionq.progress import ReadProgress
from exporter.metrics.exporter import ExporterMetrics
from exporter.records.backends import Backend, parse_backends
from exporter.records.cardinality import CardinalityLimit
from exporter.records.scrape import Scrape
from exporter.scrape.characterization_cache import CharacterizationCache
from exporter.scrape.deadline import Deadline
from exporter.scrape.failure_log import FailureLog
from exporter.scrape.status_page_cache import StatusPageCache

_MORE_TIME = ", or give it more time with --ionq.timeout and Prometheus's scrape_timeout"
_DIGITS = 6  # microseconds


class Scraper:
    """Reads ``/backends`` once for each scrape, or once for all scrapes that come at the same time.

    A read takes at most ``timeout_seconds``. It goes on when no scrape waits for it any more, and serves the
    next.
    """

    def __init__(
        self,
        client: IonQClient,
        exporter_metrics: ExporterMetrics,
        failure_log: FailureLog,
        *,
        logger: FilteringBoundLogger,
        timeout_seconds: float,
        max_backends: int,
        characterizations: CharacterizationCache | None = None,
        status_page: StatusPageCache | None = None,
    ) -> None:
        self.last: Scrape | None = None
        """The scrape that ended last."""
        self.last_up: Scrape | None = None
        """The last scrape that read IonQ."""
        self.simulated = False
        """Whether the simulator sent the last response."""
        self._client = client
        self._metrics = exporter_metrics
        self._failure_log = failure_log
        self._logger = logger
        self._timeout_seconds = timeout_seconds
        self._max_backends = max_backends
        self._characterizations = characterizations
        self._status_page = status_page
        self._cardinality = CardinalityLimit(max_backends)
        self._progress = ReadProgress()
        self._read_once: SingleFlight[tuple[Backend, ...]] = SingleFlight()
        self._refresh_once: SingleFlight[Scrape] = SingleFlight()

    async def scrape(self, deadline: Deadline, *, wait_for_status_page: bool = False) -> Scrape:
        """Return the result of a scrape. Failures are counted, logged and part of it, and never raised.

        Scrapes that share a read return one object if they show the same, so one response serves all.
        A read of the status page starts with the scrape. If it takes longer, a later scrape shows the
        result. With ``wait_for_status_page`` this one waits for it.
        """
        if self._status_page:
            self._status_page.start_read()
        shared = self._read_once.under_way
        try:
            backends = await self._wait_for_backends(deadline)
        except IonQError as error:
            self._metrics.count_failure(error.reason)
            self._failure_log.failed(error)
            scrape = Scrape(datetime.now(UTC), deadline.elapsed_seconds, error=error)
        else:
            self._failure_log.succeeded()
            characterized = (
                await self._characterizations.characterize(backends, deadline.seconds_for_characterizations)
                if self._characterizations
                else ()
            )
            now, duration = datetime.now(UTC), deadline.elapsed_seconds
            scrape = Scrape(now, duration, backends=backends, characterized=characterized)
        if self._status_page:
            if wait_for_status_page:
                await self._status_page.wait(deadline.remaining_seconds)
            scrape = replace(scrape, status_page=self._status_page.reading())
        self.last = scrape
        self._log(scrape, deadline, shared=shared)
        if self.last_up and self.last_up.shows_the_same(scrape):
            return self.last_up
        if scrape.up:
            self.last_up = scrape
        return scrape

    async def refresh(self, max_age_seconds: float, patience_seconds: float) -> bool:
        """Scrape if the last scrape is older than ``max_age_seconds``. Return whether ``last`` is recent now.

        Callers share one scrape. It has the usual time, and goes on when a caller's patience ends.
        """
        if not self._last_is_within(max_age_seconds):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience_seconds):
                    await self._refresh_once(lambda: self.scrape(Deadline(self._timeout_seconds)))
        return self._last_is_within(max_age_seconds)

    def _last_is_within(self, seconds: float) -> bool:
        # A negative age means that the system's clock was set back.
        return self.last is not None and 0 <= self.last.age_seconds(datetime.now(UTC)) <= seconds

    async def _wait_for_backends(self, deadline: Deadline) -> tuple[Backend, ...]:
        try:
            async with asyncio.timeout(deadline.remaining_seconds):
                return await self._read_once(self._read)
        except TimeoutError:
            raise self._progress.overdue(f"within {deadline.seconds:.3g}s", _MORE_TIME) from None
        except IonQError:
            raise
        except Exception as error:
            # Whatever it is, Prometheus must see ionq_up 0.
            raise UnexpectedError.of(error) from error

    def _log(self, scrape: Scrape, deadline: Deadline, *, shared: bool) -> None:
        error = scrape.error
        self._logger.debug(
            "scrape",
            budget_seconds=deadline.seconds,
            duration_seconds=round(scrape.duration_seconds, _DIGITS),
            joined=shared,
            backends=None if error else len(scrape.backends),
            reason=error.reason if error else None,
            error=error.message if error else None,
        )

    async def aclose(self) -> None:
        """End the reads that no scrape waits for any more, and close the connections to IonQ."""
        await self._refresh_once.aclose()
        await self._read_once.aclose()
        await self._client.aclose()
        if self._characterizations:
            await self._characterizations.aclose()
        if self._status_page:
            await self._status_page.aclose()

    async def _read(self) -> tuple[Backend, ...]:
        self._progress = progress = ReadProgress()
        async with asyncio.timeout(self._timeout_seconds):
            response = await self._client.get_backends(progress=progress)
        self.simulated = response.simulated
        try:
            listed = response.parse(lambda body: parse_backends(body, self._max_backends))
        except IonQError:
            # The connection may lead to another server than IonQ's.
            await self._client.aclose()
            raise
        admitted = self._cardinality.admit(listed)
        self._metrics.count_rejections(admitted.rejections)
        self._failure_log.rejected(admitted.rejections)
        return admitted.backends
