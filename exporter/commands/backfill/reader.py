"""Reads the backends and all pages of their past characterizations."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from http import HTTPStatus

from structlog.typing import FilteringBoundLogger

from exporter.commands.backfill.plan import Page, Plan, pages_to_read
from exporter.commands.backfill.retry import RetryingReader
from exporter.common.errors import HTTPStatusError, UnexpectedShapeError
from exporter.common.times import format_time
from exporter.ionq.client import IonQClient
from exporter.records.backends import BackendList, parse_backends
from exporter.records.characterizations import CharacterizationPage, parse_characterizations
from exporter.scrape.failure_log import FailureLog

_NOT_FOUND = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)
_MAX_LISTED_NAMES = 10


class HistoryReader:
    """Reads one thing at a time."""

    def __init__(self, client: IonQClient, retrying: RetryingReader, logger: FilteringBoundLogger) -> None:
        self._client = client
        self._retrying = retrying
        self._logger = logger
        self._failure_log = FailureLog(logger)

    async def locations(self, names: Sequence[str]) -> dict[str, str]:
        """Return the locations of these backends or, without names, of all that have a characterization.

        IonQ no longer lists some retired backends, but still has their characterizations. Raises IonQError.
        """
        backends = (await self._retrying.read(self._list_backends)).backends
        listed: dict[str, str] = {}
        for backend in backends:
            listed.setdefault(backend.name, backend.location)
        names = names or [backend.name for backend in backends if backend.characterization_id]
        for name in dict.fromkeys(names):
            if name not in listed:
                await self._check_exists(name, tuple(listed))
        return {name: listed.get(name, "") for name in names}

    async def _list_backends(self) -> BackendList:
        response = await self._client.get_backends(retry=False)
        return response.parse(parse_backends)

    async def _check_exists(self, name: str, listed: Sequence[str]) -> None:
        try:
            await self._retrying.read(
                lambda: self._client.get_characterizations(name, {"limit": 1}, retry=False)
            )
        except HTTPStatusError as error:
            if error.status not in _NOT_FOUND:
                raise
            names = ", ".join(listed[:_MAX_LISTED_NAMES]) or "none"
            more = ", ..." if len(listed) > _MAX_LISTED_NAMES else ""
            raise HTTPStatusError(
                f"IonQ knows no backend {name}: check --backend (IonQ lists {names}{more}; a reserved "
                "backend may need an API key)",
                error.status,
            ) from error
        self._logger.warning("backend_not_listed", backend=name)

    async def pages(self, plan: Plan, already_read: Iterable[Page]) -> AsyncIterator[Page]:
        """Yield the pages that were not read yet. Raises IonQError.

        The first pages of all backends come first, since they have the number of the others.
        """
        last = {page.backend: page for page in already_read}
        for backend in plan.locations:
            if backend not in last:
                last[backend] = await self._page(plan, backend)
                yield last[backend]
        for backend in plan.locations:
            page = last[backend]
            while pages_to_read(plan, page):
                page = await self._page(plan, backend, page)
                yield page

    async def _page(self, plan: Plan, backend: str, newer: Page | None = None) -> Page:
        """Read the first page of a backend, or the page after ``newer``. Raises IonQError."""
        number = newer.number + 1 if newer else 1
        query: dict[str, str | int] = {"limit": plan.page_size, "page": number, "end": format_time(plan.end)}

        async def read() -> Page:
            try:
                response = await self._client.get_characterizations(backend, query, retry=False)
            except HTTPStatusError as error:
                if newer and error.status in _NOT_FOUND:
                    return self._end_of_history(newer, f"failed with status {error.status}")
                if error.status == HTTPStatus.NOT_FOUND:
                    raise HTTPStatusError(
                        f"IonQ answered 404 for the characterizations of {backend}: check --ionq.api-url, or "
                        "choose others with --backend",
                        error.status,
                    ) from error
                raise
            page = response.parse(lambda body: parse_characterizations(body, backend))
            self._failure_log.characterization_read(backend, page.rejections)
            if newer and not page.received:
                return self._end_of_history(newer, "is empty")
            if newer and page.characterizations and page.characterizations == newer.characterizations:
                return self._end_of_history(newer, "repeats the page before")
            remaining = _remaining_pages(page, newer)
            rejected = _count_by_field(page)
            return Page(backend, number, remaining, page.characterizations, page.received, rejected)

        return await self._retrying.read(read)

    def _end_of_history(self, last: Page, sign: str) -> Page:
        """Return an empty page after the last one, unless IonQ announced at least two more.

        One more is tolerated, because a server may count all pages instead of the remaining ones.
        """
        number = last.number + 1
        if last.remaining_pages is not None and last.remaining_pages > 1:
            raise UnexpectedShapeError(
                f"IonQ announced {last.remaining_pages} more pages of {last.backend} after page "
                f"{last.number}, but page {number} {sign}"
            )
        self._logger.info("history_ended", backend=last.backend, because=f"page {number} {sign}")
        return Page(last.backend, number, 0)


def _remaining_pages(page: CharacterizationPage, newer: Page | None) -> int | None:
    """Return the number of remaining pages. It decreases from page to page, so that reading ends."""
    if not page.received:
        return 0
    limit = None if newer is None or newer.remaining_pages is None else newer.remaining_pages - 1
    return min((count for count in (page.remaining_pages, limit) if count is not None), default=None)


def _count_by_field(page: CharacterizationPage) -> dict[str, int]:
    """Count what was wrong. A missing date is an error here, because a sample needs a time."""
    counts = Counter(rejection.field for rejection in page.rejections)
    counts["record.date"] = sum(one.timestamp_seconds is None for one in page.characterizations)
    return dict(+counts)
