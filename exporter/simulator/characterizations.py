"""The immutable records behind ``characterization_id``: how good a machine was at one time."""

import math
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import combinations
from typing import Any

from exporter.simulator.machines import MACHINES, Machine
from exporter.simulator.publications import Publication, newest_first
from exporter.simulator.random_draws import between, smooth, unit

Record = dict[str, Any]

PAGE_LIMIT = 10

_YEAR = 365.25
_SLOWLY = 9  # records from one turn of a drift to the next
_CHILDHOOD = 40  # the records of a machine among which flawed ones occur
_INFANCY = 12  # those among which placeholders occur
_PLACEHOLDER = 0.501
_PLACEHOLDER_CHANCE = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The part of the history that is asked for: dates in Unix seconds, `end` excluded, pages from 1."""

    start: float = -math.inf
    end: float = math.inf
    limit: int = PAGE_LIMIT
    page: int = 1


@dataclass(frozen=True, slots=True)
class Characterizations:
    """The history of every machine, as a pure function of `seed`; it agrees with the `Fleet` of that seed."""

    seed: int = 1

    def page(self, backend: str, now: datetime, span: Span) -> dict[str, Any]:
        """Answer ``/backends/{backend}/characterizations``: newest first, and how many pages remain."""
        machine = MACHINES.get(backend)
        known = newest_first(self.seed, machine, now.timestamp()) if machine else iter(())
        matching = [one for one in known if span.start <= one.moment < span.end]
        first = (span.page - 1) * span.limit
        chosen = matching[first : first + span.limit]
        remaining = math.ceil(max(0, len(matching) - first - span.limit) / span.limit)
        records = [_record(self.seed, machine, one) for one in chosen] if machine else []
        return {"characterizations": records or None, "pages": remaining}

    def find(self, backend: str, identity: str, now: datetime) -> Record | None:
        """Look one record of a backend up by its id; None when it was not published by then."""
        machine = MACHINES.get(backend)
        if machine is None:
            return None
        published = newest_first(self.seed, machine, now.timestamp())
        return next((_record(self.seed, machine, one) for one in published if one.id == identity), None)


def _record(seed: int, machine: Machine, publication: Publication) -> Record:
    return {
        "id": publication.id,
        "date": publication.date,
        "backend": machine.name,
        "qubits": machine.qubits,
        "connectivity": _all_pairs(machine.qubits),
        "fidelity": _fidelity(seed, machine, publication.number),
        "timing": _timing(seed, machine, publication.number),
    }


@lru_cache(maxsize=8)  # thousands of pairs, the same in every record of a machine
def _all_pairs(qubits: int) -> tuple[tuple[int, int], ...]:
    return tuple(combinations(range(qubits), 2))


def _fidelity(seed: int, machine: Machine, number: int) -> Record:
    fidelity: Record = {
        "spam": {"median": _median(seed, machine, number, "spam", machine.errors.spam), "stderr": None},
        "1q": {"median": _median(seed, machine, number, "1q", machine.errors.one_qubit), "stderr": 0},
        "2q": {
            "median": _median(seed, machine, number, "2q", machine.errors.two_qubit),
            "stderr": round(machine.errors.two_qubit * between(0, 0.05, seed, machine.name, "2q", number), 5),
        },
    }
    return _flawed(seed, machine, number, fidelity)


def _median(seed: int, machine: Machine, number: int, operation: str, error: float) -> float:
    """Let the error shrink over the years, drift over months and scatter from record to record."""
    key = (seed, machine.name, operation)
    years = number * machine.publication_days / _YEAR
    drift = 0.16 * smooth(number / _SLOWLY, *key, "drift")
    scatter = 0.05 * between(-1, 1, *key, "scatter", number)
    return round(1 - error * math.exp(-0.22 * years + drift + scatter), 5)


def _flawed(seed: int, machine: Machine, number: int, fidelity: Record) -> Record:
    """Spoil a few of a machine's oldest records as IonQ's are: placeholders, nulls, missing operations."""
    key = (seed, machine.name, "flaw", number)
    if number < _INFANCY and unit(*key, "placeholder") < _PLACEHOLDER_CHANCE:
        return fidelity | {"2q": {"median": _PLACEHOLDER, "stderr": 0}}
    if number >= _CHILDHOOD:
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


def _timing(seed: int, machine: Machine, number: int) -> Record:
    """Draw durations in seconds, each steady but for a few per cent."""

    def around(seconds: float, operation: str) -> float:
        drift = 0.04 * smooth(number / _SLOWLY, seed, machine.name, "timing", operation)
        return float(f"{seconds * (1 + drift):.3g}")

    return {
        "readout": around(0.00015, "readout"),
        "reset": around(0.00005, "reset"),
        "1q": around(0.00013, "1q"),
        "2q": around(0.00097, "2q"),
        "t1": round(100 * (1 + 0.1 * smooth(number / _SLOWLY, seed, machine.name, "timing", "t1"))),
        "t2": around(1.0, "t2"),
    }
