"""Keeps the characterization of each backend, and reads a new one when ``/backends`` names it.

A characterization never changes, so each is read once. As long as IonQ names the same ones, a scrape costs no
request beyond that of ``/backends``.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from exporter.common.errors import IonQError, UnexpectedShapeError
from exporter.common.single_flight import SingleFlight
from exporter.ionq.client import IonQClient
from exporter.ionq.progress import ReadProgress
from exporter.metrics.exporter import ExporterMetrics
from exporter.records.backends import Backend
from exporter.records.characterizations import (
    Characterization,
    CharacterizationPage,
    CharacterizedBackend,
    parse_characterizations,
)
from exporter.scrape.failure_log import FailureLog

PARALLEL_READS = 4

FIRST_PAUSE_SECONDS = 60.0
LAST_PAUSE_SECONDS = 3600.0
"""How long after a failure a characterization is not asked for: twice as long each time, up to the last."""

_Wanted = tuple[str, str]
"""The name of a backend, and the id of its characterization."""


@dataclass(frozen=True, slots=True)
class _Pause:
    seconds: float
    until: float


class CharacterizationCache:
    """Knows a characterization of each backend that ``/backends`` lists.

    A read takes at most ``timeout_seconds``. Like the read of ``/backends`` it goes on when no scrape waits
    for it any more: a scrape's deadline is no failure of IonQ's.
    """

    def __init__(
        self,
        client: IonQClient,
        exporter_metrics: ExporterMetrics,
        failure_log: FailureLog,
        *,
        timeout_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._metrics = exporter_metrics
        self._failure_log = failure_log
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._known: dict[str, Characterization] = {}
        self._pauses: dict[_Wanted, _Pause] = {}
        self._read_once: SingleFlight[None] = SingleFlight()

    async def characterize(
        self, backends: Sequence[Backend], wait_seconds: float
    ) -> tuple[CharacterizedBackend, ...]:
        """Start to read what is missing, wait for it at most so long, and return what is known.

        Failures are counted and logged, and never raised.
        """
        due = self._due(backends)
        if due or self._read_once.under_way:
            try:
                async with asyncio.timeout(wait_seconds):
                    await self._read_once(lambda: self._read_all(due))
            except TimeoutError:
                pass  # a later scrape shows what is still under way
        return tuple(
            CharacterizedBackend(
                backend.name, backend.location, backend.characterization_id, self._known.get(backend.name)
            )
            for backend in backends
            if backend.characterization_id
        )

    async def aclose(self) -> None:
        """End the reads under way, and close the connections."""
        await self._read_once.aclose()
        await self._client.aclose()

    def _due(self, backends: Sequence[Backend]) -> dict[_Wanted, None]:
        """Return what to read now, each once, and forget backends that are no longer listed."""
        listed = {
            backend.name: backend.characterization_id for backend in backends if backend.characterization_id
        }
        if self._known.keys() - listed:
            self._known = {name: known for name, known in self._known.items() if name in listed}
        now = self._clock()
        return {
            (name, wanted): None
            for name, wanted in listed.items()
            if not self._is_known(name, wanted) and now >= self._pause_of(name, wanted).until
        }

    def _is_known(self, name: str, wanted: str) -> bool:
        known = self._known.get(name)
        return known is not None and known.id == wanted

    def _pause_of(self, name: str, wanted: str) -> _Pause:
        return self._pauses.get((name, wanted), _NO_PAUSE)

    async def _read_all(self, due: dict[_Wanted, None]) -> None:
        batch = _Batch(iter(due))
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(PARALLEL_READS, len(due))):
                workers.create_task(self._work(batch))

    async def _work(self, batch: "_Batch") -> None:
        for name, wanted in batch.due:
            progress = ReadProgress()
            try:
                async with progress.within(self._timeout_seconds):
                    await self._read(name, wanted, progress)
                batch.succeeded += 1
            except IonQError as error:
                self._fail(name, wanted, error, batch)

    async def _read(self, name: str, wanted: str, progress: ReadProgress) -> None:
        response = await self._client.get_characterizations(name, {"limit": 1}, progress=progress)
        page = response.parse(lambda body: parse_characterizations(body, name, max_characterizations=1))
        self._metrics.count_rejections(page.rejections)
        for characterization in page.characterizations:
            self._known[name] = characterization
        if not self._is_known(name, wanted):
            error = UnexpectedShapeError(
                f"/backends names the characterization {wanted}, but IonQ's newest is {_newest(page)}: its "
                "parts disagree, which often ends by itself"
            )
            error.request_id = response.request_id
            raise error
        self._failure_log.characterization_read(name, page.rejections)
        self._pauses.pop((name, wanted), None)

    def _fail(self, name: str, wanted: str, error: IonQError, batch: "_Batch") -> None:
        self._metrics.count_characterization_failure(error.reason)
        self._failure_log.characterization_failed(name, error)
        self._put_off(name, wanted)
        batch.failed += 1
        if batch.failed >= PARALLEL_READS and not batch.succeeded:
            # Nothing is answered, so the others are not worth a request each.
            for other in batch.due:
                self._put_off(*other)

    def _put_off(self, name: str, wanted: str) -> None:
        now = self._clock()
        last = self._pause_of(name, wanted).seconds
        seconds = min(2 * last, LAST_PAUSE_SECONDS) if last else FIRST_PAUSE_SECONDS
        # A pause that ended an hour ago is for an id that IonQ no longer lists: otherwise it would have been
        # read again.
        self._pauses = {
            key: pause for key, pause in self._pauses.items() if now < pause.until + LAST_PAUSE_SECONDS
        }
        self._pauses[name, wanted] = _Pause(seconds, now + seconds)


def _newest(page: CharacterizationPage) -> str:
    if page.characterizations:
        return page.characterizations[0].id
    if page.rejections:
        return f"not valid ({page.rejections[0].field} {page.rejections[0].problem})"
    return "none"


_NO_PAUSE = _Pause(0.0, -float("inf"))


@dataclass(slots=True)
class _Batch:
    due: Iterator[_Wanted]
    succeeded: int = 0
    failed: int = 0
