"""Characterizations: the fidelities and durations of a QPU, measured once a day, with gaps."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import combinations
from typing import Any

from exporter.common.times import format_time
from exporter.simulator.fleet import episodes
from exporter.simulator.fleet.qpus import QPU, QPUS
from exporter.simulator.fleet.random_draws import between, smooth, unit, uuid

CharacterizationFields = dict[str, Any]

PAGE_LIMIT = 10

_HOUR = 3600
_DAY = 86400
_YEAR_DAYS = 365.25
_BLOCK_DAYS = 64
_DRIFT_DAYS = 40

_FLAWED_DAYS = 90  # old characterizations at IonQ have flaws: here, those of the first days of a QPU


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
        if qpu is None:
            return {"characterizations": None, "pages": 0}
        published = _published(self.seed, qpu, now.timestamp())
        matching = [day for day in published if span.start <= day * _DAY < span.end]
        first = (span.page - 1) * span.limit
        end = first + span.limit
        return {
            "characterizations": _without_nulls(
                _characterization(self.seed, qpu, day) for day in matching[first:end]
            )
            or None,
            "pages": math.ceil(max(0, len(matching) - end) / span.limit),
        }

    def find(self, backend: str, identity: str, now: datetime) -> CharacterizationFields | None:
        """Return a characterization of a backend by its id; None if it is not published yet."""
        qpu = QPUS.get(backend)
        if qpu is None:
            return None
        for day in _published(self.seed, qpu, now.timestamp()):
            if _identity(self.seed, qpu, day) == identity:
                return _characterization(self.seed, qpu, day)
        return None


def current_id(seed: int, qpu: QPU, moment: float) -> str | None:
    """Return the id of the newest characterization at a moment; None before the first one."""
    newest = next(_published(seed, qpu, moment), None)
    return None if newest is None else _identity(seed, qpu, newest)


def _published(seed: int, qpu: QPU, moment: float) -> Iterator[int]:
    """Yield the days (since 1970) whose characterization is published by a moment, newest first."""
    if qpu.retired is not None:
        moment = min(moment, qpu.retired.timestamp())
    today = math.floor(moment / _DAY)
    for block in range(today // _BLOCK_DAYS, _first_day(qpu) // _BLOCK_DAYS - 1, -1):
        for day in _characterized_days(seed, qpu, block):
            if day < today or (day == today and _published_at(seed, qpu, day) <= moment):
                yield day


@lru_cache(maxsize=1024)
def _characterized_days(seed: int, qpu: QPU, block: int) -> tuple[int, ...]:
    """Return the days of a block that have a characterization, newest first."""
    begin = block * _BLOCK_DAYS
    return tuple(
        day
        for day in range(begin + _BLOCK_DAYS - 1, max(begin, _first_day(qpu)) - 1, -1)
        if not any(
            episodes.current(seed, qpu.name, gap, day * _DAY) for gap in (episodes.GAP, episodes.LONG_GAP)
        )
    )


def _first_day(qpu: QPU) -> int:
    return math.ceil(qpu.in_service.timestamp() / _DAY)


def _published_at(seed: int, qpu: QPU, day: int) -> float:
    # Dated midnight, published later on the same day.
    return day * _DAY + between(2, 14, seed, qpu.name, "published", day) * _HOUR


def _identity(seed: int, qpu: QPU, day: int) -> str:
    return uuid(seed, qpu.name, "characterization", day)


def _characterization(seed: int, qpu: QPU, day: int) -> CharacterizationFields:
    return {
        "id": _identity(seed, qpu, day),
        "date": format_time(day * _DAY),
        "backend": qpu.name,
        "qubits": qpu.qubits,
        "connectivity": _all_pairs(qpu.qubits),
        "fidelity": _fidelity(seed, qpu, day),
        "timing": {
            "readout": 0.00015,
            "reset": 0.00005,
            "1q": 0.00013,
            "2q": 0.00097,
            "t1": qpu.t1_seconds,
            "t2": qpu.t2_seconds,
        },
    }


def _without_nulls(newest_first: Iterator[CharacterizationFields]) -> list[CharacterizationFields]:
    """Replace each null by the value of the next newer characterization on the page, as IonQ seems to do."""
    filled: list[CharacterizationFields] = []
    for characterization in newest_first:
        filled.append(_filled(characterization, filled[-1]) if filled else characterization)
    return filled


def _filled(fields: Mapping[str, Any], newer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: newer.get(name)
        if value is None
        else _filled(value, newer.get(name) or {})
        if isinstance(value, dict)
        else value
        for name, value in fields.items()
    }


@lru_cache(maxsize=8)  # thousands of pairs, equal in all characterizations of a QPU
def _all_pairs(qubits: int) -> tuple[tuple[int, int], ...]:
    return tuple(combinations(range(qubits), 2))


def _fidelity(seed: int, qpu: QPU, day: int) -> CharacterizationFields:
    fidelity: CharacterizationFields = {
        "spam": {"median": _median(seed, qpu, day, "spam", qpu.errors.spam), "stderr": None},
        "1q": {"median": _median(seed, qpu, day, "1q", qpu.errors.one_qubit), "stderr": 0},
        "2q": {"median": _median(seed, qpu, day, "2q", qpu.errors.two_qubit), "stderr": 0},
    }
    if day - _first_day(qpu) < _FLAWED_DAYS:
        _add_flaw(fidelity, unit(seed, qpu.name, "flaw", day))
    return fidelity


def _median(seed: int, qpu: QPU, day: int, operation: str, error: float) -> float:
    """Draw a fidelity whose error shrinks over years, drifts over months, and scatters from day to day."""
    key = (seed, qpu.name, operation)
    years = (day - _first_day(qpu)) / _YEAR_DAYS
    drift = 0.16 * smooth(day / _DRIFT_DAYS, *key, "drift")
    scatter = 0.1 * between(-1, 1, *key, "scatter", day)
    return round(1 - error * math.exp(-0.22 * years + drift + scatter), 4)


def _add_flaw(fidelity: CharacterizationFields, draw: float) -> None:
    match int(draw * 16):
        case 0:
            fidelity["1q"] = None
        case 1:
            fidelity["2q"] = {"median": None, "stderr": None}
        case 2:
            del fidelity["2q"]
        case 3:
            fidelity["1q"] = {"median": 0.4745, "stderr": 0}  # below chance level
        case 4 | 5:
            fidelity["2q"] = {"median": 0.501, "stderr": 0}  # a placeholder
