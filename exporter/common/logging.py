"""Structured logs on standard error, one line per event, in UTC."""

import atexit
import functools
import logging
import sys
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from exporter.common.falling_rate import FallingRate
from exporter.common.log_writer import LogWriter

LEVELS = ("debug", "info", "warn", "warning", "error")
FORMATS = ("logfmt", "json")


def configure_logs(level: str, form: str, stream: TextIO | None = None) -> FilteringBoundLogger:
    """Return the logger, and log the errors of libraries with it too.

    Without a stream it writes to standard error, and never blocks.
    """
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.processors.LogfmtRenderer(
            key_order=["ts", "level", "event"], drop_missing=True, bool_as_flag=False
        )
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            structlog.processors.format_exc_info,
            _drop_missing_values,
            _escape_unprintable_text,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream or cast("TextIO", stderr_writer())),
        cache_logger_on_first_use=False,
    )
    # Bound once: the proxy that get_logger() returns would bind anew for each line, logged or not.
    logger: FilteringBoundLogger = structlog.get_logger().bind()
    libraries = logging.getLogger()
    libraries.handlers = [_LibraryErrors(logger)]
    libraries.setLevel(logging.ERROR)
    return logger


@functools.cache
def stderr_writer() -> LogWriter:
    """Return the writer of this process to standard error; it also knows how many lines were dropped."""
    writer = LogWriter(
        sys.stderr, on_recovery=lambda lines: structlog.get_logger().error("log_lines_dropped", lines=lines)
    )
    atexit.register(writer.drain)
    return writer


class _LibraryErrors(logging.Handler):
    """Logs what libraries report, at a falling rate: a lasting fault must not fill the disk."""

    def __init__(self, logger: FilteringBoundLogger) -> None:
        super().__init__()
        self._logger = logger
        self._rate = FallingRate()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            first_line = str(record.msg).partition("\n")[0]
            cause = record.exc_info[0] if record.exc_info else None
            if self._rate.should_log((record.name, first_line, cause)):
                self._logger.error(
                    "library_error", logger=record.name, message=_message(record), exc_info=record.exc_info
                )
        except Exception:  # noqa: BLE001 -- an error here would end the event loop that reports one
            stderr_writer().drop()


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        return str(record.msg)


def _drop_missing_values(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: value for key, value in event.items() if value is not None}


def _escape_unprintable_text(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape what a server sent, so that it can neither forge a line nor control a terminal."""
    return {key: _escape(value) if isinstance(value, str) else value for key, value in event.items()}


def _escape(text: str) -> str:
    if text.isprintable():
        return text
    # Not with a codec: Python reads codecs from disk, and fails without a free file descriptor.
    return "".join(
        character if character.isprintable() else ascii(character).strip("'") for character in text
    )
