"""Reads IonQ's pages of past characterizations, to the end and no page twice."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from http import HTTPStatus

from structlog.typing import FilteringBoundLogger

from exporter.commands.backfill.plan import Machine, Page, Plan, pages_to_read
from exporter.commands.backfill.retry import RetryingReader
from exporter.common.errors import HTTPStatusError, UnexpectedShapeError
from exporter.common.times import format_time
from exporter.ionq.client import IonQClient
from exporter.records.backends import BackendList, parse_backends
from exporter.records.characterizations import (
    MAX_CHARACTERIZATIONS,
    CharacterizationPage,
    parse_characterizations,
)
from exporter.scrape.failure_log import FailureLog

_NOT_THERE = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)
_SHOWN_NAMES = 10


class HistoryReader:
    """Asks IonQ for one thing at a time."""

    def __init__(self, client: IonQClient, retrying: RetryingReader, logger: FilteringBoundLogger) -> None:
        self._client = client
        self._retrying = retrying
        self._logger = logger
        self._incidents = FailureLog(logger)

    async def machines(self, names: Iterable[str]) -> tuple[Machine, ...]:
        """Return the machines of these names, or all that have a characterization, as IonQ lists them.

        A name that IonQ does not list, as of a machine long retired, is asked for. Raises IonQError.
        """
        backends = (await self._retrying.read(self._backends)).backends
        locations: dict[str, str] = {}
        for backend in backends:
            locations.setdefault(backend.name, backend.location)
        wanted = tuple(names) or [backend.name for backend in backends if backend.characterization_id]
        machines = tuple(Machine(name, locations.get(name, "")) for name in dict.fromkeys(wanted))
        for machine in machines:
            if machine.name not in locations:
                await self._find_unlisted(machine.name, tuple(locations))
        return machines

    async def _find_unlisted(self, name: str, listed: Sequence[str]) -> None:
        try:
            await self._retrying.read(
                lambda: self._client.get_characterizations(name, {"limit": 1}, retry=False)
            )
        except HTTPStatusError as error:
            if error.status not in _NOT_THERE:
                raise
            names = ", ".join((*listed[:_SHOWN_NAMES], *(["..."] if len(listed) > _SHOWN_NAMES else [])))
            raise HTTPStatusError(
                f"IonQ knows no backend {name}: check --backend (it lists {names or 'none'}; a reserved one "
                "may need an API key)",
                error.status,
            ) from error
        self._logger.warning("backend_not_listed", backend=name)

    async def pages(self, plan: Plan, read_before: Iterable[Page]) -> AsyncIterator[Page]:
        """Yield the pages that are still to be read: the first of each machine, then the others.

        The first ones tell how many there are. Raises IonQError.
        """
        last = {page.backend: page for page in read_before}
        for machine in plan.machines:
            if machine.name not in last:
                last[machine.name] = await self._page(plan, machine.name)
                yield last[machine.name]
        for machine in plan.machines:
            page = last[machine.name]
            while pages_to_read(plan, page):
                page = await self._page(plan, machine.name, page)
                yield page

    async def _page(self, plan: Plan, backend: str, newer: Page | None = None) -> Page:
        """Read the first page, or the next older one; one after the last is empty. Raises IonQError."""
        number = newer.number + 1 if newer else 1
        query: dict[str, str | int] = {
            "limit": MAX_CHARACTERIZATIONS,
            "page": number,
            "end": format_time(plan.end),
        }

        async def read() -> Page:
            try:
                answer = await self._client.get_characterizations(backend, query, retry=False)
            except HTTPStatusError as error:
                if newer and error.status in _NOT_THERE:
                    return self._end_of_history(newer, f"IonQ answers {error.status}")
                if error.status == HTTPStatus.NOT_FOUND:
                    raise HTTPStatusError(
                        f"IonQ answered 404 for the history of {backend}: check --ionq.api-url, or name "
                        "others with --backend",
                        error.status,
                    ) from error
                raise
            page = answer.parse(lambda body: parse_characterizations(body, backend))
            self._incidents.characterization_read(backend, page.rejections)
            if newer and not page.received:
                return self._end_of_history(newer, "it is empty")
            if newer and page.characterizations and page.characterizations == newer.records:
                return self._end_of_history(newer, "it is the same as the one before")
            return Page(
                backend,
                number,
                _left_after(page, newer),
                page.characterizations,
                page.received,
                _count_by_field(page),
            )

        return await self._retrying.read(read)

    def _end_of_history(self, last: Page, sign: str) -> Page:
        """Take a sign that there are no older pages than the last, unless IonQ has announced several.

        One may be announced in vain, by a server that counts all pages on each of them.
        """
        number = last.number + 1
        if last.remaining_pages is not None and last.remaining_pages > 1:
            raise UnexpectedShapeError(
                f"IonQ announced {last.remaining_pages} more pages of {last.backend} after page "
                f"{last.number}, but of page {number} {sign}"
            )
        self._logger.info("history_ended", backend=last.backend, page=number, because=sign)
        return Page(last.backend, number, 0)

    async def _backends(self) -> BackendList:
        answer = await self._client.get_backends(retry=False)
        return answer.parse(parse_backends)


def _left_after(page: CharacterizationPage, newer: Page | None) -> int | None:
    """Return how many pages remain: whatever IonQ says, fewer after each, so that there is an end."""
    if not page.received:
        return 0
    most = None if newer is None or newer.remaining_pages is None else newer.remaining_pages - 1
    return min((count for count in (page.remaining_pages, most) if count is not None), default=None)


def _count_by_field(page: CharacterizationPage) -> dict[str, int]:
    """Count what was wrong; a record without a date, which a scrape can show, has no place in a history."""
    counts = Counter(rejection.field for rejection in page.rejections)
    counts["record.date"] = sum(record.timestamp_seconds is None for record in page.characterizations)
    return dict(+counts)
