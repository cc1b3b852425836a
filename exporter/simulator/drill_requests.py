"""Reading the orders of a drill from JSON, with answers that teach the format."""

import json
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any, NoReturn

from exporter.common.durations import parse_duration
from exporter.simulator.drill import Break, DrillError, Force, Order, Remove

ENDPOINTS = ("backends", "characterizations")

_FORMAT = (
    'send {"backend": NAME, FIELD: VALUE, ...}, {"backend": NAME, "gone": true} or {"fault": NAME}, '
    'each with "for": "5m" to end by itself'
)


@dataclass(frozen=True, slots=True)
class _Kind:
    types: tuple[type, ...]
    words: str

    def accepts(self, value: object) -> bool:
        if isinstance(value, bool):
            return bool in self.types
        return isinstance(value, self.types) and not (isinstance(value, float) and not math.isfinite(value))


_TEXT = _Kind((str,), "a string")
_NUMBER = _Kind((int, float), "a number")

_FIELDS = MappingProxyType(
    {
        "average_queue_time": _NUMBER,
        "characterization_id": _TEXT,
        "degraded": _Kind((bool,), "true or false"),
        "kw": _NUMBER,
        "last_updated": _Kind((str, int), "a string or a whole number"),
        "location": _TEXT,
        "qubits": _Kind((int,), "a whole number"),
        "status": _TEXT,
    }
)


def parse_order(
    body: bytes, *, backends: Iterable[str], faults: Collection[str]
) -> tuple[Order, float | None]:
    """Read an order and how many seconds it is to last (None: until ended).

    Raises DrillError, which says what would be accepted, for anything else.
    """
    given = _object(body)
    seconds = _seconds(given.pop("for")) if "for" in given else None
    if "fault" in given:
        return _break(given, faults), seconds
    if "backend" in given:
        return _change(given, tuple(backends)), seconds
    raise DrillError(f'neither "backend" nor "fault" is there: {_FORMAT}')


def _object(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise DrillError(f"the body is not JSON: {_FORMAT}") from error
    if not isinstance(given, dict):
        raise DrillError(f"the body is not a JSON object: {_FORMAT}")
    return given


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _seconds(value: object) -> float:
    message = '"for" must be a duration above zero, such as "30s", "5m" or "1h30m"'
    if not isinstance(value, str):
        raise DrillError(message)
    try:
        seconds = parse_duration(value)
    except ValueError as error:
        raise DrillError(message) from error
    if not (0 < seconds < math.inf):
        raise DrillError(message)
    return seconds


def _break(given: dict[str, Any], faults: Collection[str]) -> Break:
    surplus = sorted(given.keys() - {"fault", "endpoint"})
    if surplus:
        raise DrillError(f'{_quoted(surplus)} cannot stand beside "fault": {_FORMAT}')
    fault, endpoint = given["fault"], given.get("endpoint")
    if not isinstance(fault, str) or fault not in faults:
        raise DrillError(f"there is no fault {json.dumps(fault)}; the faults are {_quoted(faults)}")
    if endpoint is not None and endpoint not in ENDPOINTS:
        raise DrillError(f'"endpoint" must be one of {_quoted(ENDPOINTS)}, or left out for both')
    return Break(fault, endpoint)


def _change(given: dict[str, Any], backends: Collection[str]) -> Force | Remove:
    pattern, values = given["backend"], {name: value for name, value in given.items() if name != "backend"}
    if not isinstance(pattern, str) or not any(fnmatchcase(name, pattern) for name in backends):
        known = f'the backends are {_quoted(backends)}, and patterns such as "qpu.*" are welcome'
        raise DrillError(f"there is no backend {json.dumps(pattern)}; {known}")
    if "gone" in values:
        if values != {"gone": True} or values["gone"] is not True:
            raise DrillError(f'"gone" must be true and stand alone: {_FORMAT}')
        return Remove(pattern)
    if not values:
        raise DrillError(f"no field to force; the fields are {_quoted(_FIELDS)}")
    for name, value in values.items():
        if name not in _FIELDS:
            raise DrillError(f"there is no field {json.dumps(name)}; the fields are {_quoted(_FIELDS)}")
        if value is not None and not _FIELDS[name].accepts(value):
            raise DrillError(f'"{name}" must be {_FIELDS[name].words}, or null to leave it out')
    return Force(pattern, MappingProxyType(values))


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(json.dumps(name) for name in names)
