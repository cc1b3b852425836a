"""Parses ``GET /backends/{backend}/characterizations``: untrusted bytes to frozen characterizations.

Pure: no I/O. The names and units of the fields are those of IonQ's API page (v0.4), which documents
``timing`` in seconds.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from exporter.common.errors import UnexpectedShapeError
from exporter.records.json_values import (
    Rejection,
    ValueReader,
    decode,
    excerpt,
    to_amount,
    to_count,
    to_object,
    to_text,
    to_timestamp,
)

REJECTED_FIELDS = (
    "record",
    "record.id",
    "record.backend",
    "record.date",
    "record.qubits",
    "record.connectivity",
    "record.fidelity",
    "record.timing",
)
"""The label ``field`` of rejected values. ``record`` is a characterization that is no object."""

MAX_CHARACTERIZATIONS = 10
"""The most that IonQ puts on a page."""

MEASURED_OPERATIONS = ("spam", "1q", "2q")
"""State preparation and measurement, gates on one qubit, gates on two: the operations with a fidelity."""

TIMED_OPERATIONS = ("1q", "2q", "readout", "reset")

CHANCE_LEVEL = 0.5
_PLACEHOLDER = 0.501
"""A fidelity in old characterizations that were not measured."""

_FOUNDED = datetime(2015, 1, 1, tzinfo=UTC).timestamp()
_MAX_QUBIT = 100_000


@dataclass(frozen=True, slots=True)
class Characterization:
    """A characterization, which never changes. None, or absent from a mapping, means not sent or not valid.

    Fidelities are medians, ratios from 0 to 1, by operation. Times are in seconds.
    """

    id: str
    timestamp_seconds: float | None = None
    qubits: int | None = None
    connected_pairs: int | None = None
    fidelity: Mapping[str, float] = field(default_factory=dict)
    fidelity_standard_error: Mapping[str, float] = field(default_factory=dict)
    duration_seconds: Mapping[str, float] = field(default_factory=dict)
    t1_seconds: float | None = None
    t2_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class CharacterizedBackend:
    """A backend, the characterization id that ``/backends`` names, and the characterization known, if any."""

    name: str
    location: str
    characterization_id: str
    characterization: Characterization | None = None

    @property
    def is_current(self) -> bool:
        """Whether the known characterization is the one that ``/backends`` names."""
        return self.characterization is not None and self.characterization.id == self.characterization_id


@dataclass(frozen=True, slots=True)
class CharacterizationPage:
    """The characterizations of one response, newest first, and what in it was not valid.

    ``received`` counts all that were read, unusable ones included. ``remaining_pages`` is how many pages with
    older ones remain, or None where IonQ does not say.
    """

    characterizations: tuple[Characterization, ...]
    received: int
    remaining_pages: int | None
    rejections: tuple[Rejection, ...] = ()


def parse_characterizations(
    body: bytes, backend: str, max_characterizations: int = MAX_CHARACTERIZATIONS
) -> CharacterizationPage:
    """Parse a response about ``backend``. A backend without characterizations has an empty page.

    A value that is not valid costs that value. A characterization without an id, or of another backend, costs
    that characterization. Those beyond ``max_characterizations`` are not read.
    Raises InvalidJSONError or UnexpectedShapeError.
    """
    document = decode(body)
    if not isinstance(document, dict) or not isinstance(document.get("characterizations", ""), list | None):
        raise UnexpectedShapeError(
            f"IonQ answered {excerpt(document)}, which is no list of characterizations: check --ionq.api-url"
        )
    characterizations: list[Characterization] = []
    received = (document["characterizations"] or ())[:max_characterizations]
    reader = ValueReader(backend)
    for entry in received:
        characterization = _parse_characterization(entry, reader)
        if characterization:
            characterizations.append(characterization)
    remaining_pages = reader.read("record", document.get("pages"), to_count, within="pages ")
    return CharacterizationPage(
        tuple(characterizations), len(received), remaining_pages, tuple(reader.rejections)
    )


def _parse_characterization(entry: object, reader: ValueReader) -> Characterization | None:
    if not isinstance(entry, dict):
        reader.reject("record", f"{excerpt(entry)} is not an object")
        return None
    identity = reader.read_name("record.id", entry.get("id"))
    if identity is None:
        return None
    backend = reader.read("record.backend", entry.get("backend"), to_text)
    if backend not in (None, reader.row):
        reader.reject("record.backend", f"{excerpt(backend)} is not the backend that was asked for")
        return None
    qubits = reader.read("record.qubits", entry.get("qubits"), to_count)
    pairs = reader.read("record.connectivity", entry.get("connectivity"), _to_number_of_pairs)
    if pairs and qubits is not None and pairs > math.comb(qubits, 2):
        reader.reject("record.connectivity", f"holds more pairs than {qubits} qubits have")
        pairs = None
    fidelity, standard_error = _parse_fidelity(entry.get("fidelity"), reader)
    timing = reader.read("record.timing", entry.get("timing"), to_object) or {}
    times = {
        name: seconds
        for name in (*TIMED_OPERATIONS, "t1", "t2")
        if (seconds := reader.read("record.timing", timing.get(name), to_amount, within=f"{name} "))
        is not None
    }
    return Characterization(
        id=identity,
        timestamp_seconds=reader.read("record.date", entry.get("date"), _to_date),
        qubits=qubits,
        connected_pairs=pairs,
        fidelity=fidelity,
        fidelity_standard_error=standard_error,
        t1_seconds=times.pop("t1", None),
        t2_seconds=times.pop("t2", None),
        duration_seconds=times,
    )


def _parse_fidelity(value: object, reader: ValueReader) -> tuple[dict[str, float], dict[str, float]]:
    """Return medians and standard errors by operation. Without a valid median, an error means nothing."""
    medians: dict[str, float] = {}
    errors: dict[str, float] = {}
    measured = reader.read("record.fidelity", value, to_object) or {}
    for operation in MEASURED_OPERATIONS:
        result = reader.read("record.fidelity", measured.get(operation), to_object, within=f"{operation} ")
        if result is None:
            continue
        median, error = (
            reader.read("record.fidelity", result.get(name), convert, within=f"{operation}.{name} ")
            for name, convert in (("median", _to_fidelity), ("stderr", _to_ratio))
        )
        if median is not None:
            medians[operation] = median
            if error is not None:
                errors[operation] = error
    return medians, errors


def _to_ratio(value: Any) -> float:
    ratio = to_amount(value)
    if ratio > 1:
        raise ValueError("is not between 0 and 1")
    return ratio


def _to_fidelity(value: Any) -> float:
    ratio = _to_ratio(value)
    if ratio <= CHANCE_LEVEL:
        raise ValueError("is no better than chance, so it was not measured")
    if ratio == _PLACEHOLDER:
        raise ValueError("is IonQ's placeholder for a value that was not measured")
    return ratio


def _to_date(value: Any) -> float:
    moment = to_timestamp(value)
    if moment < _FOUNDED:
        raise ValueError("is before 2015, when IonQ was founded")
    return moment


def _to_number_of_pairs(value: Any) -> int:
    """Count the pairs of joined qubits. [0, 1] and [1, 0] are one pair."""
    if not isinstance(value, list):
        raise ValueError("is not a list of pairs")
    return len({_to_pair(pair) for pair in value})


def _to_pair(value: Any) -> tuple[int, int]:
    # Not isinstance(): true and false are integers to Python.
    if isinstance(value, list) and [type(qubit) for qubit in value] == [int, int]:
        low, high = sorted(value)
        if 0 <= low < high <= _MAX_QUBIT:
            return low, high
    raise ValueError("holds an entry that is no pair of qubits")
