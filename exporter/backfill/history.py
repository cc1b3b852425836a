"""Reads IonQ's pages of past characterizations: slowly, patiently, and no page twice."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import TypeVar

from structlog.typing import FilteringBoundLogger

from exporter.backends import BackendList, parse_backends
from exporter.backfill.plan import Machine, Page, Plan, format_time, remaining_pages
from exporter.characterizations import MAX_RECORDS, CharacterizationPage, parse_characterizations
from exporter.durations import humanize_duration
from exporter.errors import (
    DeadlineExceededError,
    HTTPStatusError,
    IonQError,
    RedirectError,
    ResponseTooLargeError,
    TLSError,
)
from exporter.incident_log import IncidentLog
from exporter.ionq_client import IonQClient

T = TypeVar("T")

PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""How long to wait before a page is asked for again, at least; then it is given up."""

LONGEST_PAUSE_SECONDS = 86400.0
"""How long to keep away, at most, when IonQ asks for it: nobody waits for a history."""

_NO_SUCH_PAGE = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)
_IN_VAIN = (RedirectError, ResponseTooLargeError, TLSError)


class HistoryReader:
    """Asks IonQ for one thing at a time, at most so many times a second."""

    def __init__(
        self,
        client: IonQClient,
        logger: FilteringBoundLogger,
        *,
        timeout_seconds: float,
        requests_per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._logger = logger
        self._incidents = IncidentLog(logger)
        self._timeout_seconds = timeout_seconds
        self._interval_seconds = 1 / requests_per_second
        self._clock = clock
        self._sleep = sleep
        self._next_request = clock()

    async def machines(self, names: Iterable[str]) -> tuple[Machine, ...]:
        """Return the machines of these names, or all that have a characterization, as IonQ lists them.

        A name that IonQ lists no longer may have a history still. Raises IonQError.
        """
        backends = (await self._patiently(self._backends)).backends
        locations = {backend.name: backend.location for backend in reversed(backends)}
        wanted = tuple(names) or [backend.name for backend in backends if backend.characterization_id]
        return tuple(Machine(name, locations.get(name, "")) for name in dict.fromkeys(wanted))

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
            while remaining_pages(plan, page):
                newer, page = page, await self._page(plan, machine.name, page)
                if page.records and page.records == newer.records:
                    self._logger.warning(
                        "history_incomplete", backend=machine.name, error="IonQ sends the same page again"
                    )
                    break
                yield page

    async def _page(self, plan: Plan, backend: str, newer: Page | None = None) -> Page:
        number = newer.number + 1 if newer else 1
        query: dict[str, str | int] = {"limit": MAX_RECORDS, "page": number, "end": format_time(plan.end)}

        async def read() -> Page:
            answer = await self._client.get_characterizations(backend, query, retry=False)
            page = answer.parse(lambda body: parse_characterizations(body, backend))
            self._incidents.characterization_read(backend, page.rejections)
            is_empty = not page.records and not page.rejections
            return Page(backend, number, 0 if is_empty else _remaining(page, newer), page.records)

        try:
            return await self._patiently(read)
        except HTTPStatusError as error:
            if newer and error.status in _NO_SUCH_PAGE:
                self._logger.info("history_ended", backend=backend, page=number, status=error.status)
                return Page(backend, number, 0, ())
            if error.status == HTTPStatus.NOT_FOUND:
                raise HTTPStatusError(
                    f"IonQ knows no backend {backend}: check --backend", error.status
                ) from error
            raise

    async def _backends(self) -> BackendList:
        answer = await self._client.get_backends(retry=False)
        return answer.parse(parse_backends)

    async def _patiently(self, read: Callable[[], Awaitable[T]]) -> T:
        """Read at the next free moment, and again after a pause where that may help. Raises IonQError."""
        for pause in PAUSES_SECONDS:
            try:
                return await self._in_time(read)
            except IonQError as error:
                if isinstance(error, _IN_VAIN) or _is_refusal(error):
                    raise
                seconds = max(pause, self._client.pause_seconds)
                self._logger.warning(
                    "backfill_waits",
                    reason=error.reason,
                    error=error.message,
                    wait=humanize_duration(seconds),
                )
            await self._sleep(seconds)
        return await self._in_time(read)

    async def _in_time(self, read: Callable[[], Awaitable[T]]) -> T:
        delay = self._next_request - self._clock()
        if delay > 0:
            await self._sleep(delay)
        self._next_request = max(self._next_request, self._clock()) + self._interval_seconds
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await read()
        except TimeoutError:
            raise DeadlineExceededError(
                f"no complete answer within {self._timeout_seconds:.3g}s: raise --ionq.timeout"
            ) from None


def _is_refusal(error: IonQError) -> bool:
    return isinstance(error, HTTPStatusError) and error.status < HTTPStatus.INTERNAL_SERVER_ERROR


def _remaining(page: CharacterizationPage, newer: Page | None) -> int | None:
    """Return how many pages remain: whatever IonQ says, fewer after each, so that there is an end."""
    most = None if newer is None or newer.remaining_pages is None else newer.remaining_pages - 1
    return min((count for count in (page.remaining_pages, most) if count is not None), default=None)
