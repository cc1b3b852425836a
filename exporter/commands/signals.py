"""Signals: a server stops in order, the other commands at the next safe point.

Handlers run between any two bytecodes. If they raised an error there, it could leave a file open that was
just being opened. So they only record the signal, or call into the event loop. Before the command runs,
``__main__`` handles signals.
"""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

import click

STOP = (signal.SIGINT, signal.SIGTERM)

_SHELL_OFFSET = 128  # a shell reports a program that a signal ended as 128 plus the signal's number


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


class StoppedError(click.exceptions.Exit):
    """A signal stopped the command. click exits with its status."""

    def __init__(self, number: int) -> None:
        super().__init__(_SHELL_OFFSET + number)


class StopSignals:
    """Records the signals from its creation on. The command chooses where to stop."""

    def __init__(self) -> None:
        self._received: int | None = None
        self._cancel: Callable[[], object] = lambda: None
        for number in STOP:
            signal.signal(number, self._record)

    def check(self) -> None:
        """Raise StoppedError if a signal was received."""
        if self._received is not None:
            raise StoppedError(self._received)

    @contextlib.contextmanager
    def cancelling(self) -> Iterator[None]:
        """Let a signal cancel what the current task awaits in this block. Raises StoppedError."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task  # noqa: S101 -- coroutines run in tasks
        self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        try:
            self.check()
            yield
        except asyncio.CancelledError:
            self.check()
            raise
        finally:
            self._cancel = lambda: None

    def _record(self, number: int, _frame: object) -> None:
        self._received = number
        self._cancel()
