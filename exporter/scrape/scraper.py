"""One scrape of IonQ, from its deadline to what it came to: the one place that decides what failure is."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from exporter.common.errors import IonQError, UnexpectedError
from exporter.common.single_flight import SingleFlight
from exporter.ionq.client import IonQClient
from exporter.ionq.progress import ReadProgress
from exporter.metrics.exporter import ExporterMetrics
from exporter.records.backends import BackendList, parse_backends
from exporter.records.cardinality import CardinalityLimit
from exporter.records.characterizations import NOTHING_CHARACTERIZED, CharacterizedBackends
from exporter.records.scrape import Scrape
from exporter.scrape.characterization_cache import CharacterizationCache
from exporter.scrape.failure_log import FailureLog

_SHARE_FOR_CHARACTERIZATIONS = 0.5
_MORE_TIME = ", or give it more time with --ionq.timeout and Prometheus's scrape_timeout"


class Scraper:
    """Reads IonQ's backends once for each scrape, or once for all that come at the same time.

    ``on_scrape`` is called at the end of each, with its budget in seconds and whether it joined a read under
    way.
    """

    def __init__(
        self,
        client: IonQClient,
        telemetry: ExporterMetrics,
        incidents: FailureLog,
        *,
        timeout_seconds: float,
        max_backends: int,
        characterizations: CharacterizationCache | None = None,
        on_scrape: Callable[[Scrape, float, bool], None] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.last: Scrape | None = None
        """The scrape that finished last."""
        self._client = client
        self._telemetry = telemetry
        self._incidents = incidents
        self._timeout_seconds = timeout_seconds
        self._max_backends = max_backends
        self._characterizations = characterizations
        self._churn = CardinalityLimit(max_backends)
        self._on_scrape = on_scrape
        self._clock = clock
        # Of the read that was begun last: who waits, waits for that one.
        self._progress = ReadProgress()
        self._read_shared = SingleFlight(self._read, lifetime=timeout_seconds)

    async def scrape(self, budget_seconds: float) -> Scrape:
        """Read the backends within the budget or the configured timeout, whichever is less.

        Characterizations that are new may take half of what they leave of it.
        """
        budget = min(budget_seconds, self._timeout_seconds)
        started = self._clock()
        joined = self._on_scrape is not None and self._read_shared.under_way
        outcome: BackendList | IonQError
        try:
            outcome = await self._read_shared(budget)
        except TimeoutError:
            outcome = self._progress.overdue(f"within {budget:.3g}s", _MORE_TIME)
        except IonQError as error:
            outcome = error
        except Exception as error:  # noqa: BLE001 -- whatever it is, Prometheus is to be told ionq_up 0
            outcome = UnexpectedError.of(error)
        if isinstance(outcome, IonQError):
            self._telemetry.count_failure(outcome.reason)
            self._incidents.failed(outcome)
            characterized = NOTHING_CHARACTERIZED
        else:
            self._incidents.succeeded()
            characterized = await self._characterize(outcome, budget - (self._clock() - started))
        self.last = scrape = Scrape(datetime.now(UTC), self._clock() - started, outcome, characterized)
        if self._on_scrape:
            self._on_scrape(scrape, budget, joined)
        return scrape

    async def _characterize(self, backends: BackendList, remaining_seconds: float) -> CharacterizedBackends:
        if self._characterizations is None:
            return NOTHING_CHARACTERIZED
        return await self._characterizations.characterize(
            backends, _SHARE_FOR_CHARACTERIZATIONS * remaining_seconds
        )

    async def _read(self) -> BackendList:
        self._progress = progress = ReadProgress()
        answer = await self._client.get_backends(progress=progress)
        backends = self._churn.admit(answer.parse(lambda body: parse_backends(body, self._max_backends)))
        self._telemetry.count_rejections(backends.rejections)
        self._incidents.rejected(backends.rejections)
        return backends
