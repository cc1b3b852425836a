"""Structured logs on standard error, one line per event, in UTC."""

import contextlib
import logging
import sys
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict, WrappedLogger

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("logfmt", "json")


def configure_logs(
    level: str, form: str, stream: TextIO | None = sys.stderr
) -> structlog.typing.FilteringBoundLogger:
    """Return the logger, and send it what libraries report as errors.

    A line that cannot be written is lost, and disturbs nobody. Without a stream, all are.
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
            _leave_out_unknown,
            _escape_unprintable,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _Sink(stream))),
        cache_logger_on_first_use=False,
    )
    # Bound once: the proxy that get_logger() returns would bind anew for each line, and for each that is not logged.
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger().bind()
    libraries = logging.getLogger()
    libraries.handlers = [_ToStructlog(logger)]
    libraries.setLevel(logging.ERROR)
    return logger


class _Sink:
    """A stream to write to as long as somebody reads it, and the disk has room.

    Otherwise a scrape would fail for its log line, and so would the report of that.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        if self._stream:
            with contextlib.suppress(OSError, ValueError):
                self._stream.write(text)

    def flush(self) -> None:
        if self._stream:
            with contextlib.suppress(OSError, ValueError):
                self._stream.flush()


class _ToStructlog(logging.Handler):
    def __init__(self, logger: structlog.typing.FilteringBoundLogger) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            message = str(record.msg)
        self._logger.error("library_error", logger=record.name, message=message, exc_info=record.exc_info)


def _leave_out_unknown(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: value for key, value in event.items() if value is not None}


def _escape_unprintable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keep what a server sent from forging a line or driving a terminal."""
    return {key: _escape(value) if isinstance(value, str) else value for key, value in event.items()}


def _escape(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
