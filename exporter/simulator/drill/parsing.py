"""Drill requests from JSON, with error messages that explain the format."""

import json
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any, NoReturn

from exporter.common.durations import parse_duration
from exporter.simulator.drill.requests import (
    DrillError,
    DrillRequest,
    InjectFault,
    OverrideBackend,
    RemoveBackend,
)

ENDPOINTS = ("backends", "characterizations")

_FORMAT = (
    'send {"backend": NAME, FIELD: VALUE, ...}, {"backend": NAME, "gone": true} or {"fault": NAME}, '
    'with "for": "5m" to end it after 5 minutes'
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
        "last_updated": _Kind((str, int), "a string or an integer"),
        "location": _TEXT,
        "qubits": _Kind((int,), "an integer"),
        "status": _TEXT,
    }
)


def parse_request(
    body: bytes, *, backends: Iterable[str], faults: Collection[str]
) -> tuple[DrillRequest, float | None]:
    """Parse a drill request and for how many seconds it is active (None: until it is ended).

    Raises DrillError, which says what is accepted.
    """
    given = _object(body)
    seconds = _seconds(given.pop("for")) if "for" in given else None
    if "fault" in given:
        return _fault(given, faults), seconds
    if "backend" in given:
        return _change(given, tuple(backends)), seconds
    raise DrillError(f'"backend" or "fault" is missing: {_FORMAT}')


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


def _fault(given: dict[str, Any], faults: Collection[str]) -> InjectFault:
    surplus = sorted(given.keys() - {"fault", "endpoint"})
    if surplus:
        raise DrillError(f'{_quoted(surplus)} cannot be combined with "fault": {_FORMAT}')
    fault, endpoint = given["fault"], given.get("endpoint")
    if not isinstance(fault, str) or fault not in faults:
        raise DrillError(f"there is no fault {json.dumps(fault)}; the faults are {_quoted(faults)}")
    if endpoint is not None and endpoint not in ENDPOINTS:
        raise DrillError(f'"endpoint" must be one of {_quoted(ENDPOINTS)}, or missing for both')
    return InjectFault(fault, endpoint)


def _change(given: dict[str, Any], backends: Collection[str]) -> OverrideBackend | RemoveBackend:
    pattern, fields = given["backend"], {name: value for name, value in given.items() if name != "backend"}
    if not isinstance(pattern, str) or not any(fnmatchcase(name, pattern) for name in backends):
        known = f'the backends are {_quoted(backends)}, and patterns such as "qpu.*" are allowed'
        raise DrillError(f"there is no backend {json.dumps(pattern)}; {known}")
    if "gone" in fields:
        if fields != {"gone": True} or fields["gone"] is not True:
            raise DrillError(f'"gone" must be true, without other fields: {_FORMAT}')
        return RemoveBackend(pattern)
    if not fields:
        raise DrillError(f"no field to override; the fields are {_quoted(_FIELDS)}")
    for name, value in fields.items():
        if name not in _FIELDS:
            raise DrillError(f"there is no field {json.dumps(name)}; the fields are {_quoted(_FIELDS)}")
        if value is not None and not _FIELDS[name].accepts(value):
            raise DrillError(f'"{name}" must be {_FIELDS[name].words}, or null to leave it out')
    return OverrideBackend(pattern, MappingProxyType(fields))


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(json.dumps(name) for name in names)
