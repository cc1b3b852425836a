"""Keeps what IonQ's status page says, and reads it at most once a minute.

Scrapes start the reads, so that nothing is read while nobody scrapes, and do not wait for them.
"""

import time
from collections.abc import Callable, Mapping

from exporter.common.errors import IonQError
from exporter.common.single_flight import SingleFlight
from exporter.ionq.client import StatusPageClient
from exporter.ionq.progress import ReadProgress
from exporter.metrics.exporter import ExporterMetrics
from exporter.records.cardinality import StatusPageLimit
from exporter.records.status_page import StatusPage, StatusPageReading, parse_status_page
from exporter.scrape.failure_log import FailureLog

READ_INTERVAL_SECONDS = 60.0
MAX_AGE_SECONDS = 300.0
"""How long the page is shown after the last successful read."""


class StatusPageCache:
    """Knows the page as it was last read. There is never more than one read under way.

    A read takes at most ``timeout_seconds``. ``component_backends`` is for ``backend_of``. ``clock`` is in
    monotonic seconds.
    """

    def __init__(
        self,
        client: StatusPageClient,
        exporter_metrics: ExporterMetrics,
        failure_log: FailureLog,
        *,
        component_backends: Mapping[str, str],
        timeout_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._metrics = exporter_metrics
        self._failure_log = failure_log
        self._component_backends = component_backends
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._limit = StatusPageLimit(clock)
        self._read_once: SingleFlight[None] = SingleFlight()
        self._next_read_at = self._shown_until = -float("inf")
        self._last = StatusPageReading()

    def start_read(self) -> None:
        """Start to read the page, unless a read is under way or began less than a minute ago."""
        now = self._clock()
        if now >= self._next_read_at and not self._read_once.under_way:
            self._next_read_at = now + READ_INTERVAL_SECONDS
            self._read_once.start(self._read)

    async def wait(self, seconds: float) -> None:
        """Wait for the read under way, if any, at most so long."""
        await self._read_once.wait(seconds)

    def reading(self) -> StatusPageReading:
        """Return what is known, without the page if that is too old."""
        if self._clock() < self._shown_until:
            return self._last
        return StatusPageReading(read_timestamp_seconds=self._last.read_timestamp_seconds)

    async def aclose(self) -> None:
        """End the read under way, and close the connection."""
        await self._read_once.aclose()
        await self._client.aclose()

    async def _read(self) -> None:
        """Read the page. Failures are counted and logged, and never raised."""
        progress = ReadProgress()
        try:
            async with progress.within(self._timeout_seconds):
                response = await self._client.get_summary(progress=progress)
                page = response.parse(lambda body: parse_status_page(body, self._component_backends))
                self._keep(self._limit.admit(page))
        except IonQError as error:
            self._fail(error)

    def _keep(self, page: StatusPage) -> None:
        self._last = StatusPageReading(page, time.time())
        self._shown_until = self._clock() + MAX_AGE_SECONDS
        self._metrics.count_rejections(page.rejections)
        self._failure_log.status_page_read(page.rejections)

    def _fail(self, error: IonQError) -> None:
        self._metrics.count_status_page_failure(error.reason)
        self._failure_log.status_page_failed(error)
