"""How a backfill ends when it is told to: soon, and never in the middle of something."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHELL_ADDS = 128  # to a signal's number, for the status of what it ended


class EndedError(Exception):
    """A signal asked for the end; ``status`` is what to exit with."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.strsignal(number))
        self.status = _SHELL_ADDS + number


class Ending:
    """Hears the signals that end a program, and lets the program choose the place.

    Their handlers run between any two bytecodes. An error that was raised there could leave a file open
    that was just being opened, so they take a note and no more.
    """

    def __init__(self) -> None:
        self._number: int | None = None
        self._cancel: Callable[[], object] = lambda: None

    def listen(self) -> None:
        """Hear the signals from now on, until the process ends."""
        for number in _SIGNALS:
            signal.signal(number, self._hear)

    def check(self) -> None:
        """Raise EndedError if a signal was heard."""
        if self._number is not None:
            raise EndedError(self._number)

    @contextlib.contextmanager
    def cancelling(self) -> Iterator[None]:
        """Let a signal end what the current task awaits in this block. Raises EndedError."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task  # noqa: S101 -- a loop runs nothing else
        self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        try:
            self.check()
            yield
        except asyncio.CancelledError:
            self.check()
            raise
        finally:
            self._cancel = lambda: None

    def _hear(self, number: int, _frame: object) -> None:
        self._number = number
        self._cancel()
