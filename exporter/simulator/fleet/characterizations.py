"""Characterizations: the fidelities and durations of a QPU, as measured at one time."""

import math
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import combinations
from typing import Any

from exporter.simulator.fleet.publications import Publication, newest_first
from exporter.simulator.fleet.qpus import QPU, QPUS
from exporter.simulator.fleet.random_draws import between, smooth, unit

CharacterizationFields = dict[str, Any]

PAGE_LIMIT = 10

_YEAR = 365.25
_DRIFT = 9  # characterizations between two random values of a drift
_FLAWED = 40  # flaws occur in the first characterizations of a QPU only
_WITH_PLACEHOLDERS = 12
_PLACEHOLDER = 0.501
_PLACEHOLDER_CHANCE = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What a request asks for: dates in Unix seconds, `end` excluded, pages from 1."""

    start: float = -math.inf
    end: float = math.inf
    limit: int = PAGE_LIMIT
    page: int = 1


@dataclass(frozen=True, slots=True)
class Characterizations:
    """The characterizations of every QPU in the `Fleet` with the same seed."""

    seed: int = 1

    def page(self, backend: str, now: datetime, span: Span) -> dict[str, Any]:
        """Return a page of ``/backends/{backend}/characterizations``, newest first."""
        qpu = QPUS.get(backend)
        known = newest_first(self.seed, qpu, now.timestamp()) if qpu else iter(())
        matching = [one for one in known if span.start <= one.moment < span.end]
        first = (span.page - 1) * span.limit
        chosen = matching[first : first + span.limit]
        remaining = math.ceil(max(0, len(matching) - first - span.limit) / span.limit)
        characterizations = [_characterization(self.seed, qpu, one) for one in chosen] if qpu else []
        return {"characterizations": characterizations or None, "pages": remaining}

    def find(self, backend: str, identity: str, now: datetime) -> CharacterizationFields | None:
        """Return a characterization of a backend by its id; None if it is not published yet."""
        qpu = QPUS.get(backend)
        if qpu is None:
            return None
        published = newest_first(self.seed, qpu, now.timestamp())
        return next((_characterization(self.seed, qpu, one) for one in published if one.id == identity), None)


def _characterization(seed: int, qpu: QPU, publication: Publication) -> CharacterizationFields:
    return {
        "id": publication.id,
        "date": publication.date,
        "backend": qpu.name,
        "qubits": qpu.qubits,
        "connectivity": _all_pairs(qpu.qubits),
        "fidelity": _fidelity(seed, qpu, publication.number),
        "timing": _timing(seed, qpu, publication.number),
    }


@lru_cache(maxsize=8)  # thousands of pairs, equal in all characterizations of a QPU
def _all_pairs(qubits: int) -> tuple[tuple[int, int], ...]:
    return tuple(combinations(range(qubits), 2))


def _fidelity(seed: int, qpu: QPU, number: int) -> CharacterizationFields:
    fidelity: CharacterizationFields = {
        "spam": {"median": _median(seed, qpu, number, "spam", qpu.errors.spam), "stderr": None},
        "1q": {"median": _median(seed, qpu, number, "1q", qpu.errors.one_qubit), "stderr": 0},
        "2q": {
            "median": _median(seed, qpu, number, "2q", qpu.errors.two_qubit),
            "stderr": round(qpu.errors.two_qubit * between(0, 0.05, seed, qpu.name, "2q", number), 5),
        },
    }
    return _flawed(seed, qpu, number, fidelity)


def _median(seed: int, qpu: QPU, number: int, operation: str, error: float) -> float:
    """Draw a fidelity whose error shrinks over years, drifts over months, and scatters from day to day."""
    key = (seed, qpu.name, operation)
    years = number * qpu.publication_days / _YEAR
    drift = 0.16 * smooth(number / _DRIFT, *key, "drift")
    scatter = 0.05 * between(-1, 1, *key, "scatter", number)
    return round(1 - error * math.exp(-0.22 * years + drift + scatter), 5)


def _flawed(seed: int, qpu: QPU, number: int, fidelity: CharacterizationFields) -> CharacterizationFields:
    """Add the flaws of IonQ's old characterizations: placeholders, nulls, missing operations."""
    key = (seed, qpu.name, "flaw", number)
    if number < _WITH_PLACEHOLDERS and unit(*key, "placeholder") < _PLACEHOLDER_CHANCE:
        return fidelity | {"2q": {"median": _PLACEHOLDER, "stderr": 0}}
    if number >= _FLAWED:
        return fidelity
    match int(unit(*key, "kind") * 16):
        case 0:
            return fidelity | {"1q": None}
        case 1:
            return fidelity | {"2q": {"median": None, "stderr": None}}
        case 2:
            return {name: value for name, value in fidelity.items() if name != "2q"}
        case _:
            return fidelity


def _timing(seed: int, qpu: QPU, number: int) -> CharacterizationFields:
    """Draw durations in seconds that vary by a few per cent."""

    def around(seconds: float, operation: str) -> float:
        drift = 0.04 * smooth(number / _DRIFT, seed, qpu.name, "timing", operation)
        return float(f"{seconds * (1 + drift):.3g}")

    return {
        "readout": around(0.00015, "readout"),
        "reset": around(0.00005, "reset"),
        "1q": around(0.00013, "1q"),
        "2q": around(0.00097, "2q"),
        "t1": round(100 * (1 + 0.1 * smooth(number / _DRIFT, seed, qpu.name, "timing", "t1"))),
        "t2": around(1.0, "t2"),
    }
