"""The event loop: asyncio's, with lookups of names that hold nobody up.

asyncio looks names up in a few threads that nothing can end: a resolver that does not answer occupies them
one after the other, and then neither other lookups nor the end of the process get through.
"""

import asyncio
import contextlib
import functools
import socket
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

MAX_LOOKUPS = 16
"""How many lookups may wait for an answer at a time: with one for each scrape, minutes of silence."""


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine as ``asyncio.run`` does."""
    with asyncio.Runner(loop_factory=_EventLoop) as runner:
        return runner.run(main)


class _EventLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        super().__init__()
        self._lookups = 0

    async def getaddrinfo(self, *names: Any, **hints: Any) -> Any:
        """Look a name up, in a thread of its own that does not outlive the process.

        Raises OSError where that fails, and where too many before it were not answered.
        """
        if self._lookups >= MAX_LOOKUPS:
            raise socket.gaierror(socket.EAI_AGAIN, f"{MAX_LOOKUPS} lookups of names are not answered yet")
        found: asyncio.Future[Any] = self.create_future()
        look_up = functools.partial(socket.getaddrinfo, *names, **hints)
        self._lookups += 1
        threading.Thread(target=self._look_up, args=(look_up, found), name="lookup", daemon=True).start()
        return await found

    def _look_up(self, look_up: Callable[[], Any], found: asyncio.Future[Any]) -> None:
        try:
            settle = functools.partial(found.set_result, look_up())
        except Exception as error:  # noqa: BLE001 -- for who asked
            settle = functools.partial(found.set_exception, error)
        # The loop may have ended in the meantime.
        with contextlib.suppress(RuntimeError):
            self.call_soon_threadsafe(self._settle, found, settle)

    def _settle(self, found: asyncio.Future[Any], settle: Callable[[], None]) -> None:
        self._lookups -= 1
        if not found.done():
            settle()
