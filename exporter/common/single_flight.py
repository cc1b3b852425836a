"""One run of a coroutine function, shared by all who call while it is under way."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Join concurrent calls of ``function`` to one, while each caller keeps its own deadline.

    A run ends at the latest after ``lifetime`` seconds, and as soon as nobody waits for it any more.
    """

    def __init__(self, function: Callable[[], Awaitable[T]], lifetime: float) -> None:
        self._function = function
        self._lifetime = lifetime
        self._run: _Run[T] | None = None

    @property
    def under_way(self) -> bool:
        """Whether who calls now joins a run."""
        return self._run is not None and not self._run.ended

    async def __call__(self, budget: float) -> T:
        """Return the function's result. Raises TimeoutError after ``budget`` seconds, or its exception."""
        async with asyncio.timeout(budget):
            while True:
                run, joined = self._run, True
                if run is None or run.ended:
                    run, joined = _Run(self._function, self._lifetime), False
                    self._run = run
                try:
                    return await run.result()
                except TimeoutError:
                    # Who joined late has time left for a run of its own.
                    if not joined:
                        raise


class _Run(Generic[T]):
    def __init__(self, function: Callable[[], Awaitable[T]], lifetime: float) -> None:
        self._waiting = 0
        self._abandoned = False
        self._task = asyncio.ensure_future(_within(function, lifetime))
        self._task.add_done_callback(_retrieve_exception)

    @property
    def ended(self) -> bool:
        # Not task.cancelling(): anyio cancels a task for a moment while it connects.
        return self._task.done() or self._abandoned

    async def result(self) -> T:
        self._waiting += 1
        try:
            # Not shield(): from Python 3.14 on it reports the exception if just one waiter has given up.
            await asyncio.wait((self._task,))
            return self._task.result()
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._abandoned = True
                self._task.cancel()


async def _within(function: Callable[[], Awaitable[T]], lifetime: float) -> T:
    async with asyncio.timeout(lifetime):
        return await function()


def _retrieve_exception(task: asyncio.Task[T]) -> None:
    """Keep asyncio from reporting the exception of a run that nobody waited for to the end."""
    if not task.cancelled():
        task.exception()
