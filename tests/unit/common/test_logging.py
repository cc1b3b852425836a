import errno
import io
import json
import logging
import re
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from freezegun import freeze_time
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from exporter.common.logging import FORMATS, LEVELS, configure_logs, stderr_writer
from exporter.ionq.api_key import ApiKey

HOSTILE = [
    'forged"\nts=2026-01-01T00:00:00Z level=info event=all_is_well',
    "carriage\rreturn",
    "\x1b[2J\x1b[31mred",
    "nul\x00",
    "lone surrogate \ud800",
    "line\u2028separator",
    "right-to-left \u202e",
    'quote " backslash \\ equals = tab \t',
    "\\",
    "\\n",
    '"',
    "=",
    " ",
    "",
    "{}",
    "%s %(x)s {0}",
]

_PAIR = re.compile(r'([^\s="]+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))(?: |$)')


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def read_logfmt(line: str) -> dict[str, str]:
    """Parse one whole line of logfmt."""
    pairs: dict[str, str] = {}
    position = 0
    while position < len(line):
        match = _PAIR.match(line, position)
        assert match, line[position:]
        name, quoted, bare = match.groups()
        assert name not in pairs
        pairs[name] = bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        position = match.end()
    return pairs


READERS: dict[str, Callable[[str], dict[str, Any]]] = {"logfmt": read_logfmt, "json": json.loads}


def one_line(stream: io.StringIO) -> str:
    [line] = stream.getvalue().splitlines(keepends=True)
    assert line.endswith("\n")
    return line.removesuffix("\n")


@freeze_time("2026-11-22T17:05:06.250Z")
def test_a_logfmt_line_begins_with_time_in_utc_level_and_event() -> None:
    stream = io.StringIO()
    logger = configure_logs("info", "logfmt", stream)
    logger.error("ionq_read_failed", reason="timeout", error="no answer", failed_scrapes=3)
    assert one_line(stream) == (
        "ts=2026-11-22T17:05:06.250000Z level=error event=ionq_read_failed "
        'reason=timeout error="no answer" failed_scrapes=3'
    )


@freeze_time("2026-11-22T17:05:06.250Z")
def test_a_json_line_holds_the_same() -> None:
    stream = io.StringIO()
    logger = configure_logs("info", "json", stream)
    logger.error("ionq_read_failed", reason="timeout", error="no answer", failed_scrapes=3)
    assert json.loads(one_line(stream)) == {
        "ts": "2026-11-22T17:05:06.250000Z",
        "level": "error",
        "event": "ionq_read_failed",
        "reason": "timeout",
        "error": "no answer",
        "failed_scrapes": 3,
    }


@pytest.mark.parametrize("form", FORMATS)
def test_the_time_is_utc_in_any_time_zone(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        before = datetime.now(UTC)
        configure_logs("info", form, stream).info("started")
        after = datetime.now(UTC)
    time.tzset()
    assert before <= datetime.fromisoformat(READERS[form](one_line(stream))["ts"]) <= after


@pytest.mark.parametrize("form", FORMATS)
def test_a_value_that_is_none_is_omitted(form: str) -> None:
    stream = io.StringIO()
    configure_logs("info", form, stream).info("ionq_read_failed", request_id=None, failed_scrapes=0)
    assert READERS[form](one_line(stream)).keys() == {"ts", "level", "event", "failed_scrapes"}


@pytest.mark.parametrize("level", LEVELS)
def test_lines_below_the_level_are_not_logged(level: str) -> None:
    stream = io.StringIO()
    logger = configure_logs(level, "logfmt", stream)
    for method in (logger.debug, logger.info, logger.warning, logger.error):
        method("happened")
    logged = [read_logfmt(line)["level"] for line in stream.getvalue().splitlines()]
    levels = ["debug", "info", "warning", "error"]
    assert logged == levels[levels.index("warning" if level == "warn" else level) :]


# Text from a server


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_can_neither_forge_a_line_nor_control_a_terminal(form: str, text: str) -> None:
    stream = io.StringIO()
    configure_logs("info", form, stream).error("ionq_read_failed", error=text, after="the end")
    line = one_line(stream)
    assert line.isprintable()
    read = READERS[form](line)
    assert read["event"] == "ionq_read_failed"
    assert read["after"] == "the end"
    assert read.keys() == {"ts", "level", "event", "error", "after"}


@pytest.mark.parametrize("form", FORMATS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=())))
@example(text="\\")
@example(text='\\"')
def test_printable_text_is_logged_as_it_is_and_other_text_escaped(form: str, text: str) -> None:
    stream = io.StringIO()
    configure_logs("info", form, stream).info("happened", text=text, after="the end")
    line = one_line(stream)
    assert line.isprintable()
    read = READERS[form](line)
    assert read["after"] == "the end"
    if text.isprintable():
        assert read["text"] == text
    else:
        assert read["text"].isprintable()


@pytest.mark.parametrize("form", FORMATS)
def test_an_api_key_that_is_logged_by_mistake_is_redacted(form: str) -> None:
    stream = io.StringIO()
    configure_logs("info", form, stream).info(
        "happened", key=ApiKey("hunter2-hunter2"), keys=[ApiKey("hunter2-hunter2")]
    )
    assert "hunter2" not in stream.getvalue()
    assert "redacted" in one_line(stream)


# Libraries


@pytest.mark.parametrize("form", FORMATS)
def test_an_error_of_a_library_is_one_line_like_any_other(form: str) -> None:
    stream = io.StringIO()
    configure_logs("info", form, stream)
    logging.getLogger("uvicorn.error").error("Exception in %s application", "ASGI")
    read = READERS[form](one_line(stream))
    assert read.pop("ts")
    assert read == {
        "level": "error",
        "event": "library_error",
        "logger": "uvicorn.error",
        "message": "Exception in ASGI application",
    }


def test_a_library_s_message_that_cannot_be_formatted_is_logged_as_it_is() -> None:
    stream = io.StringIO()
    configure_logs("info", "json", stream)
    logging.getLogger("uvicorn.error").error("%s and %s", "one")  # noqa: PLE1206 -- the mistake to survive
    assert json.loads(one_line(stream))["message"] == "%s and %s"


@pytest.mark.parametrize("form", FORMATS)
def test_a_traceback_stays_within_its_line(form: str) -> None:
    stream = io.StringIO()
    configure_logs("info", form, stream)
    failure = OSError("disk\nfull")
    logging.getLogger("asyncio").error("it broke", exc_info=failure)
    read = READERS[form](one_line(stream))
    assert read["message"] == "it broke"
    assert read["exception"] == "OSError: disk\\nfull"


@pytest.mark.parametrize("form", FORMATS)
def test_a_library_may_request_a_traceback_although_there_is_none(form: str) -> None:
    stream = io.StringIO()
    configure_logs("info", form, stream)
    logging.getLogger("asyncio").error("it broke", exc_info=sys.exc_info())
    assert READERS[form](one_line(stream))["message"] == "it broke"


@pytest.mark.parametrize("level", LEVELS)
def test_a_library_s_warnings_are_not_logged_at_any_level(level: str) -> None:
    stream = io.StringIO()
    configure_logs(level, "logfmt", stream)
    logging.getLogger("httpx").warning("HTTP Request: GET https://api.ionq.co/v0.4/backends")
    assert stream.getvalue() == ""


def test_a_second_configuration_replaces_the_first() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure_logs("info", "logfmt", first)
    configure_logs("info", "json", second)
    logging.getLogger("asyncio").error("it broke")
    assert first.getvalue() == ""
    assert json.loads(one_line(second))["message"] == "it broke"


def test_an_error_that_a_library_repeats_is_logged_at_a_falling_rate() -> None:
    stream = io.StringIO()
    configure_logs("info", "logfmt", stream)
    for number in range(1000):
        message = f"socket.accept() out of system resource\nsocket: {number}"
        logging.getLogger("asyncio").error(message)
        logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=OSError("full"))
    assert len(stream.getvalue().splitlines()) == 2


def test_a_library_s_error_that_cannot_be_formatted_is_dropped_and_raises_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Unprintable:
        def __str__(self) -> str:
            raise OSError(errno.EMFILE, "Too many open files")

    stream = io.StringIO()
    configure_logs("info", "logfmt", stream)
    monkeypatch.setattr(stderr_writer(), "dropped_lines", 0)
    logging.getLogger("asyncio").error(Unprintable())
    assert stream.getvalue() == ""
    assert stderr_writer().dropped_lines == 1
