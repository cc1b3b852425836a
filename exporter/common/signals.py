"""Signals: how a command handles SIGTERM, SIGINT and SIGHUP once its event loop runs.

Before that, ``__main__`` ends the process at once.
"""

import asyncio
import contextlib
import signal
from collections.abc import Callable

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def on_signals(callback: Callable[[int], object], *numbers: signal.Signals) -> None:
    """Call a function in the running event loop, with the signal's number, for each of these signals.

    The signals stay handled after the end of the loop, so a second Ctrl-C shows no traceback.
    """
    loop = asyncio.get_running_loop()

    def handle(number: int, _frame: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(callback, number)

    for number in numbers:
        signal.signal(number, handle)
