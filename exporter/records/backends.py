"""Untrusted bytes in, validated backends out.

Pure: nothing here knows of HTTP or Prometheus, and nothing behind it checks a type again. The facts
about fields and units are those of IonQ's API page for ``GET /backends`` (v0.4) and, for the queue
time's unit, of recorded answers (see the README).
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

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

KNOWN_STATUSES = ("available", "unavailable", "retired")
"""The states that IonQ documents for v0.4; others are exported as they come."""

MAX_ROWS = 500
"""Ten times what any provider lists, and soon written: the exporter does nothing else meanwhile."""

_MILLISECONDS_PER_SECOND = 1000


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
    document = decode(body)
    rows = document.get("backends") if isinstance(document, dict) else document
    if not isinstance(rows, list):
        raise UnexpectedShapeError(
            f"IonQ answered {excerpt(document)}, which is no list of backends: check --ionq.api-url"
        )
    backends: dict[tuple[str, str], Backend] = {}
    rejections: list[Rejection] = []
    if len(rows) > max_rows:
        problem = f"is one row more than --ionq.max-backends={max_rows} lets be read"
        rejections.append(Rejection("row", f"row {max_rows + 1}", problem, count=len(rows) - max_rows))
    for position, row in enumerate(rows[:max_rows], start=1):
        reader = ValueReader(f"row {position}")
        backend = _backend(row, reader)
        if backend and (backend.name, backend.location) in backends:
            rejections.append(Rejection("row", backend.name, "has a row before it with the same location"))
            continue
        rejections.extend(reader.rejections)
        if backend:
            backends[backend.name, backend.location] = backend
    return BackendList(tuple(backends.values()), tuple(rejections))


def _backend(row: object, reader: ValueReader) -> Backend | None:
    if not isinstance(row, dict):
        reader.reject("row", f"{excerpt(row)} is not an object")
        return None
    name = reader.read_name("backend", row.get("backend"))
    if name is None:
        return None
    reader.row = name

    def read(field: str, convert: Callable[[Any], T | None]) -> T | None:
        return reader.read(field, row.get(field), convert)

    return Backend(
        name=name,
        location=read("location", to_text) or "",
        status=read("status", to_text),
        qubits=read("qubits", to_count),
        average_queue_time_seconds=read("average_queue_time", _milliseconds),
        energy_kwh=read("kw", to_amount),
        degraded=read("degraded", to_flag),
        last_updated_timestamp_seconds=read("last_updated", to_timestamp),
        characterization_id=read("characterization_id", to_text),
    )


def _milliseconds(value: Any) -> float:
    return to_amount(value) / _MILLISECONDS_PER_SECOND
