"""Single flight: callers that come while a call is under way share it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Runs at most one call at a time, and gives its result to everybody who waits for it.

    A call runs to its end even when nobody waits for it any more: callers bound their own waiting, and the
    call bounds itself.
    """

    def __init__(self) -> None:
        self._task: asyncio.Future[T] | None = None

    @property
    def under_way(self) -> bool:
        """Whether a caller that comes now would share a call."""
        return self._task is not None and not self._task.done()

    def start(self, function: Callable[[], Awaitable[T]]) -> "asyncio.Future[T]":
        """Return the call under way, or a new call of ``function``, which nobody has to wait for."""
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(function())
            self._task.add_done_callback(_retrieve_exception)
        return self._task

    async def wait(self, seconds: float) -> None:
        """Wait for the end of the call under way, if any, at most so long."""
        if self._task:
            await asyncio.wait((self._task,), timeout=max(0.0, seconds))

    async def __call__(self, function: Callable[[], Awaitable[T]]) -> T:
        """Return the result of the call under way, or of a new call of ``function``.

        Raises what the call raises. A caller that shared a call and sees it time out starts a new one,
        because it came later and has time left.
        """
        while True:
            shared = self.under_way
            task = self.start(function)
            # Not shield(): from Python 3.14 on it logs the exception when one of several callers has left.
            await asyncio.wait((task,))
            try:
                return task.result()
            except TimeoutError:
                if not shared:
                    raise

    async def aclose(self) -> None:
        """Cancel the call under way, if any, and wait for its end."""
        if self._task:
            self._task.cancel()
            await asyncio.wait((self._task,))


def _retrieve_exception(task: "asyncio.Future[T]") -> None:
    """Keep asyncio from logging the exception of a call that nobody waits for."""
    if not task.cancelled():
        task.exception()
