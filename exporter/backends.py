"""Untrusted bytes in, validated backends out.

Pure: nothing here knows of HTTP or Prometheus, and nothing behind it checks a type again. The facts
about fields and units are those of IonQ's API page for ``GET /backends`` (v0.4) and, for the queue
time's unit, of recorded answers (see the README).
"""

import functools
import json
import math
import re
import reprlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from exporter.errors import InvalidJSONError, UnexpectedShapeError

T = TypeVar("T")

FIELDS = (
    "row",
    "backend",
    "location",
    "status",
    "qubits",
    "average_queue_time",
    "kw",
    "degraded",
    "last_updated",
    "characterization_id",
)
"""Where a rejected value can come from; ``row`` is a row that is no object, or a duplicate."""

MAX_ROWS = 500
"""Ten times what any provider lists, and soon written: the exporter does nothing else meanwhile."""

MAX_TEXT_LENGTH = 256
_MAX_NUMBER_DIGITS = 18
_MAX_DEPTH = 32
_NO_BREAK_SPACE = "\u00a0"
_MILLISECONDS_PER_SECOND = 1000
_LAST_TIMESTAMP = datetime.max.replace(tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True)
class Backend:
    """One machine or simulator, in base units; None is what IonQ did not send, or sent wrongly."""

    name: str
    location: str = ""
    status: str | None = None
    qubits: int | None = None
    average_queue_time_seconds: float | None = None
    energy_kwh: float | None = None
    degraded: bool | None = None
    last_updated_timestamp_seconds: float | None = None
    characterization_id: str | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """A value or row that was not valid: which field of which row, and why."""

    field: str
    row: str
    problem: str
    count: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class BackendList:
    """What one answer said, and what in it was wrong. Compared by identity, so it can key a cache."""

    backends: tuple[Backend, ...]
    rejections: tuple[Rejection, ...] = ()


@functools.lru_cache(maxsize=1)
def parse_backends(body: bytes, max_rows: int = MAX_ROWS) -> BackendList:
    """Parse the body of ``GET /backends``; the same bytes as last time yield the same object.

    One bad value costs that value, and one row without a usable name costs that row; rows beyond
    ``max_rows`` are not read.
    Raises InvalidJSONError or UnexpectedShapeError, and nothing else.
    """
    document = _decode(body)
    rows = document.get("backends") if isinstance(document, dict) else document
    if not isinstance(rows, list):
        raise UnexpectedShapeError(
            f"IonQ answered {_excerpt(document)}, which is no list of backends: check --ionq.api-url"
        )
    backends: dict[tuple[str, str], Backend] = {}
    rejections: list[Rejection] = []
    if len(rows) > max_rows:
        problem = f"is one row more than --ionq.max-backends={max_rows} lets be read"
        rejections.append(Rejection("row", f"row {max_rows + 1}", problem, count=len(rows) - max_rows))
    for position, row in enumerate(rows[:max_rows], start=1):
        reader = _RowReader(row, position)
        backend = reader.backend()
        if backend and (backend.name, backend.location) in backends:
            rejections.append(Rejection("row", backend.name, "has a row before it with the same location"))
            continue
        rejections.extend(reader.rejections)
        if backend:
            backends[backend.name, backend.location] = backend
    return BackendList(tuple(backends.values()), tuple(rejections))


class _RowReader:
    """Reads one row field by field, and collects what was wrong with it."""

    def __init__(self, row: object, position: int) -> None:
        self.rejections: list[Rejection] = []
        self._row = row
        self._label = f"row {position}"

    def backend(self) -> Backend | None:
        if not isinstance(self._row, dict):
            self._reject("row", f"{_excerpt(self._row)} is not an object")
            return None
        name = self._read("backend", _text)
        if name is None:
            if not self.rejections:
                self._reject("backend", "is missing or empty")
            return None
        self._label = name
        return Backend(
            name=name,
            location=self._read("location", _text) or "",
            status=self._read("status", _text),
            qubits=self._read("qubits", _count),
            average_queue_time_seconds=self._read("average_queue_time", _milliseconds),
            energy_kwh=self._read("kw", _amount),
            degraded=self._read("degraded", _flag),
            last_updated_timestamp_seconds=self._read("last_updated", _timestamp),
            characterization_id=self._read("characterization_id", _text),
        )

    def _read(self, field: str, convert: Callable[[Any], T | None]) -> T | None:
        value = self._row.get(field) if isinstance(self._row, dict) else None
        if value is None:
            return None
        try:
            return convert(value)
        except ValueError as error:
            self._reject(field, f"{_excerpt(value)} {error}")
            return None

    def _reject(self, field: str, problem: str) -> None:
        self.rejections.append(Rejection(field, self._label, problem))


def _text(value: Any) -> str | None:
    """Take text that can be a label value; an empty one counts as not sent."""
    if not isinstance(value, str):
        raise ValueError("is not text")
    if len(value) > MAX_TEXT_LENGTH:
        raise ValueError(f"is longer than {MAX_TEXT_LENGTH} characters")
    # Not printable are control characters, which could forge a log line or a terminal's output, and
    # lone surrogates, which no exposition format can encode.
    if not value.replace(_NO_BREAK_SPACE, " ").isprintable():
        raise ValueError("holds characters that cannot be printed")
    return value if value.strip() else None


def _amount(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("is not a number")
    if not math.isfinite(value):
        raise ValueError("is not a finite number")
    if value < 0:
        raise ValueError("is negative")
    return abs(value)  # -0.0 is zero


def _count(value: Any) -> int:
    amount = _amount(value)
    if amount != int(amount):
        raise ValueError("is not a whole number")
    return int(amount)


def _milliseconds(value: Any) -> float:
    return _amount(value) / _MILLISECONDS_PER_SECOND


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("is not true or false")
    return value


def _timestamp(value: Any) -> float:
    """Read ISO 8601 (v0.4) or epoch seconds (v0.3); a time without an offset is UTC."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("is not an ISO 8601 time") from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        value = moment.timestamp()
    seconds = _amount(value)
    if seconds > _LAST_TIMESTAMP:
        raise ValueError("is later than the year 9999, so not in seconds")
    return seconds


def _decode(body: bytes) -> Any:
    # An invalid byte becomes a lone surrogate, so that it costs the value that holds it and no more.
    try:
        text = body.decode(json.detect_encoding(body), "surrogateescape")
        try:
            return _load(text)
        except RecursionError:
            return _load(_without_deep_nesting(text))
    except ValueError:
        raise InvalidJSONError(f"IonQ's answer is not JSON, it starts with {body[:60]!r}") from None


def _load(text: str) -> Any:
    # Not strict: a raw control character, too, costs the value that holds it and no more.
    return json.loads(text, parse_int=_parse_int, strict=False)


def _parse_int(digits: str) -> int | float:
    # Python refuses to convert thousands of digits; as a float they are merely not finite.
    return int(digits) if len(digits) <= _MAX_NUMBER_DIGITS else float(digits)


# Possessive, since remembering where to go back to would cost fifty times the size of an escaped string.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


def _without_deep_nesting(text: str) -> str:
    """Replace everything nested deeper than any field of IonQ's by null."""
    return "".join(_shallow_parts(text))


def _shallow_parts(text: str) -> Iterator[str]:
    depth = kept_until = 0
    for token in _STRING_OR_BRACKET.finditer(text):
        if token[0] in ("[", "{"):
            depth += 1
            if depth == _MAX_DEPTH:
                yield text[kept_until : token.start()] + "null"
        elif token[0] in ("]", "}"):
            depth -= 1
            if depth == _MAX_DEPTH - 1:
                kept_until = token.end()
    if depth < _MAX_DEPTH:
        yield text[kept_until:]


def _excerpt(value: object) -> str:
    """Show a value of any size in a few words."""
    return reprlib.repr(value)
