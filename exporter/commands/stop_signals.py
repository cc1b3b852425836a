"""SIGINT and SIGTERM for commands that do one thing: stop soon, but at a safe point."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

import click

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHELL_OFFSET = 128  # a shell reports a program that a signal ended as 128 plus the signal's number


class StoppedError(click.exceptions.Exit):
    """A signal stopped the command. click exits with its status."""

    def __init__(self, number: int) -> None:
        super().__init__(_SHELL_OFFSET + number)


class StopSignals:
    """Records the signals from its creation on. The command chooses where to stop.

    Handlers of signals run between any two bytecodes. If they raised an error there, it could leave a file
    open that was just being opened.
    """

    def __init__(self) -> None:
        self._received: int | None = None
        self._cancel: Callable[[], object] = lambda: None
        for number in _SIGNALS:
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
