"""Drill requests from JSON, with error messages that explain the format."""

import json
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any, NoReturn

from exporter.common.durations import parse_duration
from exporter.simulator.drill.requests import (
    ENDPOINTS,
    DrillError,
    DrillRequest,
    InjectFault,
    OverrideBackend,
    RemoveBackend,
    ReportIncident,
    ScheduleMaintenance,
)
from exporter.simulator.fleet.incidents import IMPACTS, INCIDENT_STATUSES, Incident, Maintenance
from exporter.simulator.fleet.random_draws import token

_EXAMPLE = (
    'send for example {"backend": "qpu.forte-1", "status": "unavailable", "for": "5m"}; GET / shows more'
)
_MAX_SECONDS = 366 * 86400.0


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

FIELDS = MappingProxyType(
    {
        "average_queue_time": _NUMBER,
        "characterization_id": _TEXT,
        "degraded": _Kind((bool,), "true or false"),
        "has_access": _Kind((bool,), "true or false"),
        "kw": _NUMBER,
        "last_updated": _Kind((str, int), "a string or an integer"),
        "location": _TEXT,
        "qubits": _Kind((int,), "an integer"),
        "status": _TEXT,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parser:
    """Parses drill requests, given the names of backends and faults, and the simulated time."""

    backends: Collection[str]
    faults: Collection[str]
    now: float

    def parse(self, body: bytes) -> tuple[DrillRequest, float | None]:
        """Parse a drill request and for how many seconds it is active (None: until it is ended).

        Raises DrillError, which says what is accepted.
        """
        given = _object(body)
        seconds = _seconds(given, "for", shortest=0.001) if "for" in given else None
        given.pop("for", None)
        for name, parse in (
            ("fault", self._fault),
            ("incident", self._incident),
            ("maintenance", self._maintenance),
            ("backend", self._change),
        ):
            if name in given:
                return parse(given), seconds
        raise DrillError(f'"backend", "fault", "incident" or "maintenance" is missing: {_EXAMPLE}')

    def _fault(self, given: Mapping[str, Any]) -> InjectFault:
        _refuse_others(given, "fault", "endpoint")
        fault, endpoint = given["fault"], given.get("endpoint")
        if not isinstance(fault, str) or fault not in self.faults:
            raise DrillError(f"there is no fault {json.dumps(fault)}; the faults are {_quoted(self.faults)}")
        if endpoint is not None and endpoint not in ENDPOINTS:
            raise DrillError(f'"endpoint" must be one of {_quoted(ENDPOINTS)}')
        return InjectFault(fault, endpoint)

    def _incident(self, given: Mapping[str, Any]) -> ReportIncident:
        _refuse_others(given, "incident", "backend", "impact", "status")
        name = _text(given, "incident")
        return ReportIncident(
            Incident(
                id=token("incident", name),
                name=name,
                impact=_choice(given, "impact", IMPACTS, default="major"),
                status=_choice(given, "status", INCIDENT_STATUSES, default="investigating"),
                start=self.now,
                updated=self.now,
                backends=self._matching(given["backend"]) if "backend" in given else (),
            )
        )

    def _maintenance(self, given: Mapping[str, Any]) -> ScheduleMaintenance:
        _refuse_others(given, "maintenance", "backend", "in", "lasts", "overruns")
        name = _text(given, "maintenance")
        start = self.now + _seconds(given, "in", default=0)
        planned_end = start + _seconds(given, "lasts", default=3600)
        return ScheduleMaintenance(
            Maintenance(
                id=token("maintenance", name),
                name=name,
                announced=self.now,
                start=start,
                planned_end=planned_end,
                end=planned_end + _seconds(given, "overruns", default=0),
                backends=self._matching(given["backend"]) if "backend" in given else (),
            )
        )

    def _change(self, given: Mapping[str, Any]) -> OverrideBackend | RemoveBackend:
        pattern, fields = given["backend"], {key: value for key, value in given.items() if key != "backend"}
        self._matching(pattern)
        if "gone" in fields:
            if fields != {"gone": True} or fields["gone"] is not True:
                raise DrillError(f'"gone" must be true, without other fields: {_EXAMPLE}')
            return RemoveBackend(pattern)
        if not fields:
            raise DrillError(f"no field to override; the fields are {_quoted(FIELDS)}")
        for name, value in fields.items():
            if name not in FIELDS:
                raise DrillError(f"there is no field {json.dumps(name)}; the fields are {_quoted(FIELDS)}")
            if value is not None and not FIELDS[name].accepts(value):
                raise DrillError(f'"{name}" must be {FIELDS[name].words}, or null to leave it out')
        return OverrideBackend(pattern, MappingProxyType(fields))

    def _matching(self, pattern: object) -> tuple[str, ...]:
        if isinstance(pattern, str):
            matching = tuple(name for name in self.backends if fnmatchcase(name, pattern))
            if matching:
                return matching
        known = f'the backends are {_quoted(self.backends)}, and patterns such as "qpu.*" are allowed'
        raise DrillError(f"there is no backend {json.dumps(pattern)}; {known}")


def _object(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise DrillError(f"the body is not JSON: {_EXAMPLE}") from error
    if not isinstance(given, dict):
        raise DrillError(f"the body is not a JSON object: {_EXAMPLE}")
    return given


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _refuse_others(given: Mapping[str, Any], kind: str, *allowed: str) -> None:
    others = sorted(given.keys() - {kind, *allowed})
    if others:
        raise DrillError(f'{_quoted(others)} cannot be combined with "{kind}": {_EXAMPLE}')


def _seconds(
    given: Mapping[str, Any], name: str, *, shortest: float = 0, default: float | None = None
) -> float:
    if name not in given and default is not None:
        return default
    try:
        seconds = parse_duration(given[name])
    except (ValueError, AttributeError):
        seconds = math.nan
    if shortest <= seconds <= _MAX_SECONDS:
        return seconds
    least = "a duration above zero" if shortest else "a duration"
    raise DrillError(f'"{name}" must be {least} of at most a year, such as "30s", "5m" or "1h30m"')


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given[name]
    if isinstance(value, str) and value:
        return value
    raise DrillError(f'"{name}" must be a string that is not empty')


def _choice(given: Mapping[str, Any], name: str, choices: Collection[str], *, default: str) -> str:
    value = given.get(name, default)
    if isinstance(value, str) and value in choices:
        return value
    raise DrillError(f'"{name}" must be one of {_quoted(choices)}')


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(json.dumps(name) for name in names)
