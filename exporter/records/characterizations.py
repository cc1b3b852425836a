"""Untrusted bytes in, validated characterizations out: how good a machine was when IonQ measured it.

Pure, as ``backends.py`` is. The facts about fields and units are those of IonQ's API page for
``GET /backends/{backend}/characterizations`` (v0.4), which documents ``timing`` in seconds.
"""

import functools
import itertools
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
    to_text,
    to_timestamp,
)

RECORD_FIELDS = (
    "record",
    "record.id",
    "record.backend",
    "record.date",
    "record.qubits",
    "record.connectivity",
    "record.fidelity",
    "record.timing",
)
"""Where a rejected value can come from; ``record`` is a record that is no object, or their number."""

MAX_RECORDS = 10
"""The most that IonQ puts on a page."""

MEASURED_OPERATIONS = ("spam", "1q", "2q")
"""State preparation and measurement, gates on one qubit, gates on two: what has a fidelity."""

TIMED_OPERATIONS = ("1q", "2q", "readout", "reset")

_FOUNDED = datetime(2015, 1, 1, tzinfo=UTC).timestamp()
_PLACEHOLDERS = frozenset((0.501,))
"""Fidelities that stand in old records where nothing was measured."""


@dataclass(frozen=True, slots=True)
class Characterization:
    """One record, which never changes; what IonQ did not send, or sent wrongly, is None or left out.

    Fidelities are medians, ratios from 0 to 1, by operation; times are in seconds.
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
    """A backend, the id of its characterization by ``/backends``, and the record known of it, if any."""

    name: str
    location: str
    characterization_id: str
    record: Characterization | None = None

    @property
    def is_current(self) -> bool:
        """Whether the record is the one that ``/backends`` names."""
        return self.record is not None and self.record.id == self.characterization_id


@dataclass(frozen=True, slots=True, eq=False)
class CharacterizedBackends:
    """All that is known of them at one time. Compared by identity, so it can key a cache."""

    backends: tuple[CharacterizedBackend, ...] = ()


NOTHING_CHARACTERIZED = CharacterizedBackends()


@dataclass(frozen=True, slots=True)
class CharacterizationPage:
    """What one answer said, newest first, and what in it was wrong.

    ``received`` is how many records were read, those included that could not be kept; ``remaining_pages``
    how many pages with older ones remain, None where IonQ does not say.
    """

    records: tuple[Characterization, ...]
    received: int
    remaining_pages: int | None
    rejections: tuple[Rejection, ...] = ()


def parse_characterizations(
    body: bytes, backend: str, max_records: int = MAX_RECORDS
) -> CharacterizationPage:
    """Parse an answer about a backend; a machine without characterizations has an empty page.

    One bad value costs that value, and one record that has no id, or is another machine's, costs that
    record; records beyond ``max_records`` are not read.
    Raises InvalidJSONError or UnexpectedShapeError, and nothing else.
    """
    document = decode(body)
    if not isinstance(document, dict) or not isinstance(document.get("characterizations", ""), list | None):
        raise UnexpectedShapeError(
            f"IonQ answered {excerpt(document)}, which is no list of characterizations: check --ionq.api-url"
        )
    records: list[Characterization] = []
    rejections: list[Rejection] = []
    received = (document["characterizations"] or ())[:max_records]
    for record in received:
        reader = ValueReader(backend)
        characterization = _characterization(record, reader)
        rejections.extend(reader.rejections)
        if characterization:
            records.append(characterization)
    reader = ValueReader(backend)
    remaining_pages = reader.read("record", document.get("pages"), to_count, within="pages ")
    rejections.extend(reader.rejections)
    return CharacterizationPage(tuple(records), len(received), remaining_pages, tuple(rejections))


def _characterization(record: object, reader: ValueReader) -> Characterization | None:
    if not isinstance(record, dict):
        reader.reject("record", f"{excerpt(record)} is not an object")
        return None
    identity = reader.read_name("record.id", record.get("id"))
    if identity is None:
        return None
    backend = reader.read("record.backend", record.get("backend"), to_text)
    if backend not in (None, reader.row):
        reader.reject("record.backend", f"{excerpt(backend)} is not the machine that was asked for")
        return None
    measured = _entries(reader, "record.fidelity", record.get("fidelity"))
    results = {
        operation: _entries(reader, "record.fidelity", measured.get(operation), f"{operation} ")
        for operation in MEASURED_OPERATIONS
    }
    fidelity = _present(
        {
            operation: reader.read(
                "record.fidelity", result.get("median"), _to_fidelity, within=f"{operation}.median "
            )
            for operation, result in results.items()
        }
    )
    qubits = reader.read("record.qubits", record.get("qubits"), to_count)
    timing = _entries(reader, "record.timing", record.get("timing"))

    def seconds(name: str) -> float | None:
        return reader.read("record.timing", timing.get(name), to_amount, within=f"{name} ")

    return Characterization(
        id=identity,
        timestamp_seconds=reader.read("record.date", record.get("date"), _to_date),
        qubits=qubits,
        connected_pairs=reader.read(
            "record.connectivity", record.get("connectivity"), functools.partial(_to_count_of_pairs, qubits)
        ),
        fidelity=fidelity,
        # A placeholder has one too, and it means as little.
        fidelity_standard_error=_present(
            {
                operation: reader.read(
                    "record.fidelity",
                    results[operation].get("stderr"),
                    _to_ratio,
                    within=f"{operation}.stderr ",
                )
                for operation in fidelity
            }
        ),
        duration_seconds=_present({operation: seconds(operation) for operation in TIMED_OPERATIONS}),
        t1_seconds=seconds("t1"),
        t2_seconds=seconds("t2"),
    )


def _entries(reader: ValueReader, field: str, value: Any, within: str = "") -> Mapping[str, Any]:
    return reader.read(field, value, _to_object, within=within) or {}


def _present(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None}


def _to_object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("is not an object")
    return value


def _to_ratio(value: Any) -> float:
    ratio = to_amount(value)
    if ratio > 1:
        raise ValueError("is not between 0 and 1")
    return ratio


def _to_fidelity(value: Any) -> float | None:
    ratio = _to_ratio(value)
    return None if ratio in _PLACEHOLDERS else ratio


def _to_date(value: Any) -> float:
    moment = to_timestamp(value)
    if moment < _FOUNDED:
        raise ValueError("is before 2015, when IonQ was founded")
    return moment


def _to_count_of_pairs(qubits: int | None, value: Any) -> int:
    """Count the pairs of qubits that are joined, each once whichever way round it is written."""
    if not isinstance(value, list):
        raise ValueError("is not a list of pairs")
    # Not a set: numbers can be chosen to share one hash, and such a set takes ten seconds.
    pairs = sum(1 for _ in itertools.groupby(sorted(map(_to_pair, value))))
    if qubits is not None and pairs > math.comb(qubits, 2):
        raise ValueError(f"holds more pairs than {qubits} qubits have")
    return pairs


def _to_pair(value: Any) -> tuple[int, int]:
    # Not isinstance(): true and false are integers to Python.
    if isinstance(value, list) and [type(qubit) for qubit in value] == [int, int]:
        low, high = sorted(value)
        if 0 <= low < high:
            return low, high
    raise ValueError("holds what is no pair of qubits")
