"""How to ask IonQ for what nobody waits for: slowly, and again where that may help."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TypeVar

from structlog.typing import FilteringBoundLogger

from exporter.common.durations import humanize_duration
from exporter.common.errors import (
    DeadlineExceededError,
    HTTPStatusError,
    IonQError,
    RedirectError,
    ResponseTooLargeError,
    TLSError,
)
from exporter.ionq.client import IonQClient

T = TypeVar("T")

PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""How long to wait before a page is asked for again, at least; then it is given up."""

LONGEST_PAUSE_SECONDS = 86400.0
"""How long to keep away, at most, when IonQ asks for it: nobody waits for a history."""

_IN_VAIN = (RedirectError, ResponseTooLargeError, TLSError)
_TOO_EARLY = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY)


class RetryingReader:
    """Lets reads of a client begin at most so many times a second, each with a deadline of its own."""

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
        self._timeout_seconds = timeout_seconds
        self._interval_seconds = 1 / requests_per_second
        self._clock = clock
        self._sleep = sleep
        self._next_request = clock()

    async def read(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Read at the next free moment, and again after a pause where that may help. Raises IonQError."""
        for pause in PAUSES_SECONDS:
            try:
                return await self._in_time(attempt)
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
        return await self._in_time(attempt)

    async def _in_time(self, attempt: Callable[[], Awaitable[T]]) -> T:
        delay = self._next_request - self._clock()
        if delay > 0:
            await self._sleep(delay)
        self._next_request = max(self._next_request, self._clock()) + self._interval_seconds
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await attempt()
        except TimeoutError:
            raise DeadlineExceededError(
                f"no complete answer within {self._timeout_seconds:.3g}s: raise --ionq.timeout"
            ) from None


def _is_refusal(error: IonQError) -> bool:
    return (
        isinstance(error, HTTPStatusError)
        and error.status < HTTPStatus.INTERNAL_SERVER_ERROR
        and error.status not in _TOO_EARLY
    )
