"""What is done with JSON that anybody may have written: decode it, check its values, note what is wrong.

Pure. It knows which values make sense, and nothing of what they mean.
"""

import json
import math
import re
import reprlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from exporter.common.errors import InvalidJSONError

T = TypeVar("T")

MAX_TEXT_LENGTH = 256
_MAX_NUMBER_DIGITS = 18
_MAX_DEPTH = 32
_NO_BREAK_SPACE = "\u00a0"
_MAX_EXCERPT_LENGTH = 160
_LAST_TIMESTAMP = datetime.max.replace(tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True)
class Rejection:
    """A value, row or record that was not valid: which field of which row, and why."""

    field: str
    row: str
    problem: str
    count: int = 1


class ValueReader:
    """Reads the values of one row or record, and collects what was wrong with it.

    ``row`` is its name in what is rejected.
    """

    def __init__(self, row: str) -> None:
        self.row = row
        self.rejections: list[Rejection] = []

    def read(
        self, field: str, value: Any, convert: Callable[[Any], T | None], *, within: str = ""
    ) -> T | None:
        """Convert a value; null is a value that was not sent, and one that ``convert`` refuses is rejected.

        ``within`` says where in the field it was, if the field has several values.
        """
        if value is None:
            return None
        try:
            return convert(value)
        except ValueError as error:
            self.reject(field, f"{within}{excerpt(value)} {error}")
            return None

    def read_name(self, field: str, value: Any) -> str | None:
        """Read the text by which all else is known; one that was not sent is rejected as well."""
        name = self.read(field, value, to_text)
        if name is None and not self.rejections:
            self.reject(field, "is missing or empty")
        return name

    def reject(self, field: str, problem: str) -> None:
        """Note what was wrong."""
        self.rejections.append(Rejection(field, self.row, problem))


def to_text(value: Any) -> str | None:
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


def to_amount(value: Any) -> float:
    """Take a finite number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("is not a number")
    if not math.isfinite(value):
        raise ValueError("is not a finite number")
    if value < 0:
        raise ValueError("is negative")
    return abs(value)  # -0.0 is zero


def to_count(value: Any) -> int:
    """Take a whole number that is not negative, however it is written."""
    amount = to_amount(value)
    if amount != int(amount):
        raise ValueError("is not a whole number")
    return int(amount)


def to_flag(value: Any) -> bool:
    """Take true or false, and nothing that is merely like it."""
    if not isinstance(value, bool):
        raise ValueError("is not true or false")
    return value


def to_timestamp(value: Any) -> float:
    """Read ISO 8601 (v0.4) or epoch seconds (v0.3); a time without an offset is UTC."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("is not an ISO 8601 time") from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        value = moment.timestamp()
    seconds = to_amount(value)
    if seconds > _LAST_TIMESTAMP:
        raise ValueError("is later than the year 9999, so not in seconds")
    return seconds


def decode(body: bytes) -> Any:
    """Parse JSON of any size, depth and encoding. Raises InvalidJSONError, and nothing else."""
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


def excerpt(value: object) -> str:
    """Show a value of any size in a few words."""
    shown = reprlib.repr(value)
    # Six levels of six entries each are a megabyte.
    return shown if len(shown) <= _MAX_EXCERPT_LENGTH else f"{shown[: _MAX_EXCERPT_LENGTH - 3]}..."
