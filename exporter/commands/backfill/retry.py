"""Rate limit and retries with back-off, for a reader that has time."""

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

BACKOFF_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Minimum pauses before the retries of one read."""

MAX_PAUSE_SECONDS = 86400.0
"""Maximum pause that IonQ can ask for with Retry-After."""

_PERMANENT_ERRORS = (RedirectError, ResponseTooLargeError, TLSError)
_TEMPORARY_STATUSES = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY)


class RetryingReader:
    """Starts at most a number of reads per second, gives each its own deadline, and retries them."""

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
        self._next_start = clock()

    async def read(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Return the result of an attempt, which is repeated if its error is temporary. Raises IonQError."""
        for backoff in BACKOFF_SECONDS:
            try:
                return await self._within_limits(attempt)
            except IonQError as error:
                if _is_permanent(error):
                    raise
                pause = max(backoff, self._client.pause_seconds)
                self._logger.warning(
                    "backfill_waits",
                    reason=error.reason,
                    error=error.message,
                    wait=humanize_duration(pause),
                )
            await self._sleep(pause)
        return await self._within_limits(attempt)

    async def _within_limits(self, attempt: Callable[[], Awaitable[T]]) -> T:
        delay = self._next_start - self._clock()
        if delay > 0:
            await self._sleep(delay)
        self._next_start = max(self._next_start, self._clock()) + self._interval_seconds
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await attempt()
        except TimeoutError:
            raise DeadlineExceededError(
                f"no complete response within {self._timeout_seconds:.3g}s: raise --ionq.timeout"
            ) from None


def _is_permanent(error: IonQError) -> bool:
    if isinstance(error, HTTPStatusError):
        return error.status < HTTPStatus.INTERNAL_SERVER_ERROR and error.status not in _TEMPORARY_STATUSES
    return isinstance(error, _PERMANENT_ERRORS)
