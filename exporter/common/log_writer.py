"""Writes log lines without blocking the event loop, however slowly they are read."""

import queue
import threading
from collections.abc import Callable
from typing import TextIO

MAX_WAITING_LINES = 256

_DRAIN_SECONDS = 0.5


class LogWriter:
    """A stream that writes in a thread of its own, so that a full pipe or a slow disk blocks nothing else.

    A line is dropped if it cannot be written, or if too many lines wait already. ``on_recovery`` is called
    with the number of dropped lines once all waiting lines are written.
    """

    def __init__(self, stream: TextIO | None, on_recovery: Callable[[int], object]) -> None:
        """Without a stream, as in a process whose standard error is closed, nothing is logged."""
        self.dropped_lines = 0
        self._stream = stream
        self._on_recovery = on_recovery
        self._waiting: queue.Queue[str] = queue.Queue(MAX_WAITING_LINES)
        self._counting = threading.Lock()
        threading.Thread(target=self._write_waiting, name="log", daemon=True).start()

    def write(self, line: str) -> None:
        """Queue a line."""
        try:
            self._waiting.put_nowait(line)
        except queue.Full:
            self.drop()

    def flush(self) -> None:
        """Do nothing: loggers flush after each line, and waiting is what this class avoids."""

    def drop(self) -> None:
        """Count a line that is not written."""
        with self._counting:
            self.dropped_lines += 1

    def drain(self) -> None:
        """Wait until all lines are written, but not for long: a process must end although its log is full."""
        with self._waiting.all_tasks_done:
            self._waiting.all_tasks_done.wait_for(lambda: not self._waiting.unfinished_tasks, _DRAIN_SECONDS)

    def _write_waiting(self) -> None:
        reported = 0
        while True:
            line = self._waiting.get()
            if self._write(line) and self._waiting.empty() and (dropped := self.dropped_lines) > reported:
                self._on_recovery(dropped - reported)
                reported = dropped
            self._waiting.task_done()

    def _write(self, line: str) -> bool:
        try:
            if self._stream:
                self._stream.write(line)
                self._stream.flush()
        except (OSError, ValueError):
            self.drop()
            return False
        return True
