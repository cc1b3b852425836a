"""Decodes untrusted JSON, validates its values and collects what is not valid. Pure: no I/O."""

import json
import math
import reprlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from exporter.common.errors import InvalidJSONError

T = TypeVar("T")

MAX_TEXT_LENGTH = 256
_MAX_NUMBER_DIGITS = 18
_NUMBERS = (int, float)  # not bool, which is a subclass of int
_NO_BREAK_SPACE = "\u00a0"
_MAX_EXCERPT_LENGTH = 160
_MAX_BEGINNING_BYTES = 60
_LAST_TIMESTAMP = datetime.max.replace(tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True)
class Rejection:
    """A value, row or characterization that is not valid. ``row`` names where it was found."""

    field: str
    row: str
    problem: str
    count: int = 1


class ValueReader:
    """Reads the values of one JSON object and collects a Rejection for each that is not valid.

    ``row`` names the object in rejections.
    """

    def __init__(self, row: str) -> None:
        self.row = row
        self.rejections: list[Rejection] = []

    def read(
        self, field: str, value: Any, convert: Callable[[Any], T | None], *, within: str = ""
    ) -> T | None:
        """Return the converted value, or None for null and for a value that ``convert`` refuses.

        ``convert`` raises ValueError with the problem. ``within`` names the place inside a field with several
        values.
        """
        if value is None:
            return None
        try:
            return convert(value)
        except ValueError as error:
            self.reject(field, f"{within}{excerpt(value)} {error}")
            return None

    def read_name(self, field: str, value: Any) -> str | None:
        """Read a text that must be there: a missing or empty one is rejected too."""
        rejected_before = len(self.rejections)
        name = self.read(field, value, to_text)
        if name is None and len(self.rejections) == rejected_before:
            self.reject(field, "is missing or empty")
        return name

    def reject(self, field: str, problem: str, count: int = 1) -> None:
        """Add a rejection."""
        self.rejections.append(Rejection(field, self.row, problem, count))


def to_text(value: Any) -> str | None:
    """Return a text that can be a label value, or None for an empty one."""
    if not isinstance(value, str):
        raise ValueError("is not text")
    if len(value) > MAX_TEXT_LENGTH:
        raise ValueError(f"is longer than {MAX_TEXT_LENGTH} characters")
    # Control characters could forge a log line, and no exposition format can encode lone surrogates.
    if not (value.isprintable() or value.replace(_NO_BREAK_SPACE, " ").isprintable()):
        raise ValueError("holds characters that cannot be printed")
    return value if value.strip() else None


def to_amount(value: Any) -> float:
    """Return a finite number that is not negative."""
    if type(value) not in _NUMBERS:
        raise ValueError("is not a number")
    if not 0 <= value < math.inf:
        raise ValueError("is negative" if -math.inf < value < 0 else "is not a finite number")
    amount: float = abs(value)  # -0.0 is zero
    return amount


def to_count(value: Any) -> int:
    """Return a whole number that is not negative. ``36.0`` is one."""
    amount = to_amount(value)
    count = int(amount)
    if count != amount:
        raise ValueError("is not a whole number")
    return count


def to_flag(value: Any) -> bool:
    """Return true or false. Nothing else counts as either."""
    if not isinstance(value, bool):
        raise ValueError("is not true or false")
    return value


def to_object(value: Any) -> dict[str, Any]:
    """Return a JSON object."""
    if not isinstance(value, dict):
        raise ValueError("is not an object")
    return value


def to_list(value: Any) -> list[Any]:
    """Return a JSON array."""
    if not isinstance(value, list):
        raise ValueError("is not a list")
    return value


def to_timestamp(value: Any) -> float:
    """Return seconds since the epoch from ISO 8601 (API v0.4) or from epoch seconds (v0.3).

    A time without an offset is UTC.
    """
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
    """Parse JSON in UTF-8. Raises InvalidJSONError, and nothing else."""
    try:
        # An invalid byte becomes a lone surrogate: it costs the value that holds it, not the response.
        return _DECODER.decode(body.decode("utf-8-sig", "surrogateescape"))
    except (ValueError, RecursionError):
        raise InvalidJSONError(f"IonQ's response is not JSON, it starts with {_beginning(body)!r}") from None


def _beginning(body: bytes) -> str:
    return body[:_MAX_BEGINNING_BYTES].decode("utf-8", "replace")


def _parse_int(digits: str) -> int | float:
    # Python refuses to convert thousands of digits. As a float they are infinite, which costs one value.
    return int(digits) if len(digits) <= _MAX_NUMBER_DIGITS else float(digits)


# Not strict: a raw control character, too, costs the value that holds it, not the response.
_DECODER = json.JSONDecoder(parse_int=_parse_int, strict=False)


def excerpt(value: object) -> str:
    """Return a short, printable form of a value of any size."""
    shown = reprlib.repr(value)
    # reprlib limits each level, but six levels of six entries are still a megabyte.
    return shown if len(shown) <= _MAX_EXCERPT_LENGTH else f"{shown[: _MAX_EXCERPT_LENGTH - 3]}..."
