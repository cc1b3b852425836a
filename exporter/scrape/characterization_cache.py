"""Reads a characterization when IonQ names a new one, and keeps it for as long as IonQ does.

A record never changes, so one read of each is enough: in steady state a scrape costs no request more
than that of ``/backends``.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from exporter.common.errors import IonQError, UnexpectedError
from exporter.common.single_flight import SingleFlight
from exporter.ionq.client import IonQClient
from exporter.ionq.progress import ReadProgress
from exporter.metrics.exporter import ExporterMetrics
from exporter.records.backends import BackendList
from exporter.records.characterizations import (
    NOTHING_CHARACTERIZED,
    Characterization,
    CharacterizedBackend,
    CharacterizedBackends,
    parse_characterizations,
)
from exporter.scrape.failure_log import FailureLog

SIDE_BY_SIDE = 4
"""How many records are read at the same time."""

FIRST_PAUSE_SECONDS = 60.0
LAST_PAUSE_SECONDS = 3600.0
"""How long a record that could not be read is not asked for: twice as long each time, up to the last."""

KEPT_PER_BACKEND = 8
"""How many ids are kept in mind of one backend: IonQ names one, or a few while it changes over."""

_SHARE_FOR_READING = 0.9  # of a scrape's part, so that what did not arrive is counted before it is shown
_TOO_LATE = "in what was left of the scrape's time"


class CharacterizationCache:
    """Knows the current characterization of each backend that IonQ lists."""

    def __init__(
        self,
        client: IonQClient,
        telemetry: ExporterMetrics,
        incidents: FailureLog,
        *,
        timeout_seconds: float,
        max_backends: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._telemetry = telemetry
        self._incidents = incidents
        self._max_backends = max_backends
        self._clock = clock
        self._machines: dict[str, _Machine] = {}
        self._listed = BackendList(())
        self._known = NOTHING_CHARACTERIZED
        self._known_of: BackendList | None = None
        self._turn = asyncio.Lock()
        self._seconds_for_reading = 0.0
        self._read_shared = SingleFlight(self._read_due, lifetime=timeout_seconds)

    async def characterize(self, listed: BackendList, budget_seconds: float) -> CharacterizedBackends:
        """Read what is missing, as far as it arrives within the budget, and return what is known.

        What does not arrive in time is left to the next scrape; what fails, or does not arrive when nothing
        does, to one after a pause. A failure is counted and logged, and never raised.
        """
        self._listed = listed
        if any(self._due()):
            self._seconds_for_reading = _SHARE_FOR_READING * budget_seconds
            try:
                await self._read_shared(budget_seconds)
            except TimeoutError:
                pass
            except Exception as error:  # noqa: BLE001 -- as in _work
                self._tell("*", UnexpectedError.of(error))
        if listed is not self._known_of:
            self._known = self._look_up(listed)
            self._known_of = listed
        return self._known

    def _look_up(self, listed: BackendList) -> CharacterizedBackends:
        backends = tuple(
            CharacterizedBackend(
                backend.name,
                backend.location,
                backend.characterization_id,
                self._machine(backend.name).record(backend.characterization_id),
            )
            for backend in listed.backends
            if backend.characterization_id
        )
        # The same object again for the same content, since what was written of it is kept.
        return self._known if backends == self._known.backends else CharacterizedBackends(backends)

    def _due(self) -> Iterator["_Wanted"]:
        now = self._clock()
        for backend in self._listed.backends:
            wanted = backend.characterization_id
            if wanted and self._machine(backend.name).is_due(wanted, now):
                yield _Wanted(backend.name, wanted)

    def _machine(self, name: str) -> "_Machine":
        machine = self._machines.get(name)
        if machine is None:
            if len(self._machines) >= self._max_backends:
                listed = {backend.name for backend in self._listed.backends}
                self._machines = {name: known for name, known in self._machines.items() if name in listed}
            machine = self._machines[name] = _Machine()
        return machine

    async def _read_due(self) -> None:
        # Who gave up may still be noting what failed, and closing the connections.
        async with self._turn:
            reading = _Reading(iter(tuple(self._due())))
            try:
                async with asyncio.timeout(self._seconds_for_reading), asyncio.TaskGroup() as workers:
                    for _ in range(SIDE_BY_SIDE):
                        workers.create_task(self._work(reading))
            finally:
                # The next read may be days away.
                await self._client.disconnect()

    async def _work(self, reading: "_Reading") -> None:
        for wanted in reading.due:
            if not self._machine(wanted.backend).is_due(wanted.characterization_id, self._clock()):
                continue  # by what was read for another row of that name
            progress = ReadProgress()
            try:
                await self._read(wanted, progress)
                reading.succeeded += 1
            except IonQError as error:
                self._fail(wanted, error, reading)
            except asyncio.CancelledError:
                if not reading.succeeded:
                    self._fail(wanted, progress.overdue(_TOO_LATE), reading)
                raise
            except Exception as error:  # noqa: BLE001 -- whatever it is, it must not cost a metric of /backends
                self._fail(wanted, UnexpectedError.of(error), reading)

    async def _read(self, wanted: "_Wanted", progress: ReadProgress) -> None:
        answer = await self._client.get_characterizations(wanted.backend, {"limit": 1}, progress=progress)
        page = answer.parse(lambda body: parse_characterizations(body, wanted.backend, max_records=1))
        self._telemetry.count_rejections(page.rejections)
        self._incidents.characterization_read(wanted.backend, page.rejections)
        machine = self._machine(wanted.backend)
        for record in page.records:
            machine.keep(record, self._clock())
            self._known_of = None
        if wanted.characterization_id not in {record.id for record in page.records}:
            # One part of IonQ may know of it later than another.
            machine.put_off(wanted.characterization_id, self._clock())

    def _tell(self, backend: str, error: IonQError) -> None:
        self._telemetry.count_characterization_failure(error.reason)
        self._incidents.characterization_failed(backend, error)

    def _fail(self, wanted: "_Wanted", error: IonQError, reading: "_Reading") -> None:
        self._tell(wanted.backend, error)
        reading.failed += 1
        given_up = [wanted]
        if reading.failed >= SIDE_BY_SIDE and not reading.succeeded:
            # Nobody answers, so the others are not worth a request, or the next scrape's time.
            given_up += reading.due
        for each in given_up:
            self._machine(each.backend).put_off(each.characterization_id, self._clock())


@dataclass(frozen=True, slots=True)
class _Wanted:
    backend: str
    characterization_id: str


@dataclass(slots=True)
class _Reading:
    due: Iterator[_Wanted]
    succeeded: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class _Pause:
    seconds: float
    until: float


class _Machine:
    """What is kept of one backend: little, whatever IonQ says of it."""

    def __init__(self) -> None:
        self._records: dict[str, Characterization] = {}
        self._pauses: dict[str, _Pause] = {}

    def record(self, characterization_id: str) -> Characterization | None:
        """Return the record with that id, or else the one read last."""
        return self._records.get(characterization_id) or next(reversed(self._records.values()), None)

    def is_due(self, characterization_id: str, now: float) -> bool:
        """Tell whether it is time to ask for a record."""
        if characterization_id in self._records:
            return False
        pause = self._pauses.get(characterization_id)
        return now >= pause.until if pause else self._has_room(now)

    def keep(self, record: Characterization, now: float) -> None:
        """Take a record that was read."""
        self._pauses.pop(record.id, None)
        self._records.pop(record.id, None)
        self._records[record.id] = record
        if len(self._records) > KEPT_PER_BACKEND:
            forgotten = next(iter(self._records))
            del self._records[forgotten]
            self.put_off(forgotten, now)

    def put_off(self, characterization_id: str, now: float) -> None:
        """Do not ask for a record for a while."""
        last = self._pauses.get(characterization_id)
        if last or self._has_room(now):
            seconds = min(2 * last.seconds, LAST_PAUSE_SECONDS) if last else FIRST_PAUSE_SECONDS
            self._pauses[characterization_id] = _Pause(seconds, now + seconds)

    def _has_room(self, now: float) -> bool:
        """Forget pauses of ids that IonQ names no longer, or it would have been asked for them again."""
        if len(self._pauses) >= KEPT_PER_BACKEND:
            self._pauses = {
                identity: pause
                for identity, pause in self._pauses.items()
                if now < pause.until + LAST_PAUSE_SECONDS
            }
        return len(self._pauses) < KEPT_PER_BACKEND
