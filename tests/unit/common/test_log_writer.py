import io
import threading
import time
from collections.abc import Iterator

import pytest

from exporter.common.log_writer import MAX_WAITING_LINES, LogWriter

PATIENCE_SECONDS = 20


class Stream(io.StringIO):
    """A stream that can be blocked, as a full pipe is, or broken, as one whose reader is gone."""

    def __init__(self) -> None:
        super().__init__()
        self.may_write = threading.Event()
        self.may_write.set()
        self.blocked = threading.Event()
        self.error: Exception | None = None

    def write(self, text: str) -> int:
        if not self.may_write.is_set():
            self.blocked.set()
            self.may_write.wait(PATIENCE_SECONDS)
        if self.error:
            raise self.error
        return super().write(text)


class Recovery:
    def __init__(self) -> None:
        self.reported: list[int] = []
        self.happened = threading.Event()

    def __call__(self, lines: int) -> None:
        self.reported.append(lines)
        self.happened.set()


@pytest.fixture
def stream() -> Iterator[Stream]:
    stream = Stream()
    yield stream
    stream.may_write.set()


@pytest.fixture
def recovery() -> Recovery:
    return Recovery()


def test_lines_are_written_in_order(stream: Stream, recovery: Recovery) -> None:
    writer = LogWriter(stream, recovery)
    for number in range(100):
        writer.write(f"{number}\n")
    writer.drain()
    assert stream.getvalue().split() == [str(number) for number in range(100)]
    assert writer.dropped_lines == 0
    assert recovery.reported == []


def test_a_blocked_stream_blocks_no_writer_and_what_is_dropped_is_reported_once_it_flows_again(
    stream: Stream, recovery: Recovery
) -> None:
    stream.may_write.clear()
    writer = LogWriter(stream, recovery)
    writer.write("first\n")
    assert stream.blocked.wait(PATIENCE_SECONDS)
    for _ in range(MAX_WAITING_LINES + 25):
        writer.write("further\n")
    assert writer.dropped_lines == 25
    assert recovery.reported == []
    stream.may_write.set()
    assert recovery.happened.wait(PATIENCE_SECONDS)
    assert recovery.reported == [25]
    assert stream.getvalue() == "first\n" + "further\n" * MAX_WAITING_LINES
    writer.write("afterwards\n")
    writer.drain()
    assert stream.getvalue().endswith("further\nafterwards\n")
    assert recovery.reported == [25]


@pytest.mark.parametrize("error", [BrokenPipeError(), ValueError("I/O operation on closed file")])
def test_a_line_that_cannot_be_written_is_counted_and_reported_once_another_can(
    stream: Stream, recovery: Recovery, error: Exception
) -> None:
    writer = LogWriter(stream, recovery)
    stream.error = error
    writer.write("lost\n")
    writer.write("lost\n")
    writer.drain()
    assert writer.dropped_lines == 2
    stream.error = None
    writer.write("written\n")
    assert recovery.happened.wait(PATIENCE_SECONDS)
    assert recovery.reported == [2]
    assert stream.getvalue() == "written\n"


def test_a_blocked_stream_does_not_keep_the_process_from_ending(stream: Stream, recovery: Recovery) -> None:
    stream.may_write.clear()
    writer = LogWriter(stream, recovery)
    writer.write("never written\n")
    began = time.monotonic()
    writer.drain()
    assert time.monotonic() - began < PATIENCE_SECONDS


def test_without_a_stream_nothing_is_written_and_nothing_missed(recovery: Recovery) -> None:
    writer = LogWriter(None, recovery)
    writer.write("nowhere\n")
    writer.drain()
    assert writer.dropped_lines == 0
