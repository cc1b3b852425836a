"""The event loop: asyncio's, with DNS lookups that cannot block other lookups or the end of the process.

asyncio runs lookups in a small pool of threads, and waits for these threads when the loop closes. A resolver
that does not respond would occupy them all.
"""

import asyncio
import contextlib
import functools
import socket
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from exporter.common.logging import stderr_writer

T = TypeVar("T")

MAX_LOOKUPS = 16
"""Lookups that may wait at a time. At one lookup per scrape, the resolver has been silent for minutes."""


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine as ``asyncio.run`` does, and return when its log lines are written."""
    try:
        with asyncio.Runner(loop_factory=_EventLoop) as runner:
            return runner.run(main)
    finally:
        stderr_writer().drain()


class _EventLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        super().__init__()
        self._lookups = 0

    async def getaddrinfo(self, *names: Any, **hints: Any) -> Any:
        """Look up a name in a daemon thread.

        Raises OSError if the lookup fails, or if too many others are unanswered.
        """
        if self._lookups >= MAX_LOOKUPS:
            raise socket.gaierror(socket.EAI_AGAIN, f"{MAX_LOOKUPS} DNS lookups are still waiting")
        result: asyncio.Future[Any] = self.create_future()
        lookup = functools.partial(socket.getaddrinfo, *names, **hints)
        threading.Thread(target=self._look_up, args=(lookup, result), name="lookup", daemon=True).start()
        self._lookups += 1
        return await result

    def _look_up(self, lookup: Callable[[], Any], result: asyncio.Future[Any]) -> None:
        try:
            settle = functools.partial(result.set_result, lookup())
        except Exception as error:  # noqa: BLE001 -- raised where the lookup was requested
            settle = functools.partial(result.set_exception, error)
        # The loop may be closed by now.
        with contextlib.suppress(RuntimeError):
            self.call_soon_threadsafe(self._settle, result, settle)

    def _settle(self, result: asyncio.Future[Any], settle: Callable[[], None]) -> None:
        self._lookups -= 1
        if not result.done():
            settle()
