"""Parses ``GET /backends``: untrusted bytes to frozen backends. Pure: no I/O.

The names and meanings of the fields are those of IonQ's API page (v0.4). The page gives no unit for the queue
time: recorded responses show that it is in milliseconds (docs/metrics.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from exporter.common.errors import UnexpectedShapeError
from exporter.records.json_values import (
    Rejection,
    ValueReader,
    decode,
    excerpt,
    to_amount,
    to_count,
    to_flag,
    to_text,
    to_timestamp,
)

KNOWN_STATUSES = ("available", "unavailable", "retired")
"""The states that IonQ documents for v0.4. Others are exported as they come."""

MAX_BACKENDS = 500
"""The default of --ionq.max-backends: about ten times what any provider lists."""

_MILLISECONDS_PER_SECOND = 1000


class Backend(NamedTuple):
    """A quantum computer or simulator, in base units. None means not sent, or not valid."""

    name: str
    location: str = ""
    status: str | None = None
    qubits: int | None = None
    average_queue_time_seconds: float | None = None
    energy_kwh: float | None = None
    degraded: bool | None = None
    last_updated_timestamp_seconds: float | None = None
    characterization_id: str | None = None
    has_access: bool | None = None


@dataclass(frozen=True, slots=True)
class BackendList:
    """The backends of one response, and what in it was not valid."""

    backends: tuple[Backend, ...]
    rejections: tuple[Rejection, ...] = ()


def _milliseconds_to_seconds(value: Any) -> float:
    return to_amount(value) / _MILLISECONDS_PER_SECOND


_FIELDS: dict[str, Callable[[Any], Any]] = {
    "location": to_text,
    "status": to_text,
    "qubits": to_count,
    "average_queue_time": _milliseconds_to_seconds,
    "kw": to_amount,
    "degraded": to_flag,
    "last_updated": to_timestamp,
    "characterization_id": to_text,
    "has_access": to_flag,
}
"""IonQ's fields, in the order of Backend's attributes after its name."""

REJECTED_FIELDS = ("row", "backend", *_FIELDS)
"""The label ``field`` of rejected values. ``row`` is a row that is no object, or a duplicate."""


def parse_backends(body: bytes, max_backends: int = MAX_BACKENDS) -> BackendList:
    """Parse the body of ``GET /backends``.

    A value that is not valid costs that value. A row without a usable name costs that row. Rows beyond
    ``max_backends`` are not read.
    Raises InvalidJSONError, or UnexpectedShapeError where there are rows and none is usable.
    """
    document = decode(body)
    # One client of IonQ's also accepts {"backends": [...]}.
    rows = document.get("backends") if isinstance(document, dict) else document
    if not isinstance(rows, list):
        raise UnexpectedShapeError(
            f"IonQ answered {excerpt(document)}, which is no list of backends: check --ionq.api-url"
        )
    backends: dict[tuple[str, str], Backend] = {}
    rejections: list[Rejection] = []
    if len(rows) > max_backends:
        problem = f"is one row more than --ionq.max-backends={max_backends} allows"
        rejections.append(Rejection("row", f"row {max_backends + 1}", problem, len(rows) - max_backends))
    for position, row in enumerate(rows[:max_backends], start=1):
        reader = ValueReader(f"row {position}")
        backend = _parse_row(row, reader)
        if backend and (backend.name, backend.location) in backends:
            rejections.append(Rejection("row", backend.name, "repeats a row with the same location"))
            continue
        rejections += reader.rejections
        if backend:
            backends[backend.name, backend.location] = backend
    if rows and not backends:
        raise UnexpectedShapeError(
            f"IonQ listed no backend with a usable name, but {excerpt(rows[0])}: its API may have changed"
        )
    return BackendList(tuple(backends.values()), tuple(rejections))


def _parse_row(row: object, reader: ValueReader) -> Backend | None:
    if not isinstance(row, dict):
        reader.reject("row", f"{excerpt(row)} is not an object")
        return None
    name = reader.read_name("backend", row.get("backend"))
    if name is None:
        return None
    if not name.strip("."):
        # It is part of the path of a characterization, where "..", however it is escaped, climbs up.
        reader.reject("backend", f"{name!r} is not a name")
        return None
    reader.row = name
    location, *others = [reader.read(field, row.get(field), convert) for field, convert in _FIELDS.items()]
    return Backend(name, location or "", *others)
