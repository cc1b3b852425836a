"""Parses the summary of IonQ's status page: untrusted bytes to frozen records. Pure: no I/O.

The page is an Atlassian Statuspage. Atlassian documents the fields of ``/api/v2/summary.json``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from exporter.common.errors import UnexpectedShapeError
from exporter.records.component_backends import backend_of
from exporter.records.json_values import (
    MAX_TEXT_LENGTH,
    Rejection,
    ValueReader,
    decode,
    excerpt,
    to_list,
    to_object,
    to_text,
    to_timestamp,
)

T = TypeVar("T")

INDICATORS = ("none", "minor", "major", "critical", "maintenance")
"""The documented states of the whole page. Others are exported as they come, here and below."""

IMPACTS = INDICATORS
"""The documented impacts of an incident."""

COMPONENT_STATUSES = (
    "operational",
    "degraded_performance",
    "partial_outage",
    "major_outage",
    "under_maintenance",
)

MAX_ENTRIES = 50
"""The most components, incidents, maintenances, and components that one of those affects."""

_ENDED = ("resolved", "postmortem", "completed")

_INDICATOR = "status_page.indicator"
_COMPONENT = "status_page.component"
_INCIDENT = "status_page.incident"
_MAINTENANCE = "status_page.maintenance"

REJECTED_FIELDS = (_INDICATOR, _COMPONENT, _INCIDENT, _MAINTENANCE)
"""The label ``field`` of rejected values."""

_WHOLE_PAGE = "status page"
_PARTS = {"status": dict, "components": list, "incidents": list, "scheduled_maintenances": list}

NO_BACKEND = ("",)
"""The backends of an incident or maintenance that names none."""


class Component(NamedTuple):
    """A part of IonQ's service. ``backend`` is "" if it is none. None means not sent, or not valid."""

    name: str
    backend: str = ""
    status: str | None = None

    @property
    def labels(self) -> "Component":
        """What makes a series."""
        return self


class Incident(NamedTuple):
    """An incident that is not resolved. "" and None mean not sent, or not valid."""

    id: str
    name: str = ""
    status: str = ""
    url: str = ""
    backends: tuple[str, ...] = NO_BACKEND
    start_timestamp_seconds: float | None = None
    impact: str = ""

    @property
    def labels(self) -> "Incident":
        """The incident without its time: what makes a series."""
        return self._replace(start_timestamp_seconds=None)


class Maintenance(NamedTuple):
    """A maintenance to come or under way. "" and None mean not sent, or not valid."""

    id: str
    name: str = ""
    status: str = ""
    url: str = ""
    backends: tuple[str, ...] = NO_BACKEND
    start_timestamp_seconds: float | None = None
    end_timestamp_seconds: float | None = None

    @property
    def labels(self) -> "Maintenance":
        """The maintenance without its times: what makes a series."""
        return self._replace(start_timestamp_seconds=None, end_timestamp_seconds=None)


@dataclass(frozen=True, slots=True)
class StatusPage:
    """What the page says, and what in it was not valid. ``incidents`` is None where that list is missing."""

    indicator: str | None = None
    components: tuple[Component, ...] = ()
    incidents: tuple[Incident, ...] | None = None
    maintenances: tuple[Maintenance, ...] = ()
    rejections: tuple[Rejection, ...] = ()


@dataclass(frozen=True, slots=True)
class StatusPageReading:
    """What is known of the page: the last successful read. ``page`` is None when that is too old."""

    page: StatusPage | None = None
    read_timestamp_seconds: float | None = None


def parse_status_page(body: bytes, component_backends: Mapping[str, str]) -> StatusPage:
    """Parse the body of ``GET /api/v2/summary.json``. ``backend_of`` explains ``component_backends``.

    A value that is not valid costs that value. An entry without a usable name or id costs that entry. Entries
    beyond ``MAX_ENTRIES`` are not read. Raises InvalidJSONError or UnexpectedShapeError.
    """
    document = decode(body)
    if not isinstance(document, dict) or not any(
        isinstance(document.get(part), kind) for part, kind in _PARTS.items()
    ):
        raise UnexpectedShapeError(
            f"IonQ answered {excerpt(document)}, which is no summary of a status page: "
            "check --ionq.status-url"
        )
    return _Parser(component_backends).parse(document)


_Entry = Mapping[str, Any]


class _Parser:
    def __init__(self, component_backends: Mapping[str, str]) -> None:
        self._component_backends = component_backends
        self._reader = ValueReader(_WHOLE_PAGE)

    def parse(self, document: _Entry) -> StatusPage:
        status = self._reader.read(_INDICATOR, document.get("status"), to_object) or {}
        components = self._objects(_COMPONENT, document.get("components"))
        incidents = self._objects(_INCIDENT, document.get("incidents"))
        maintenances = self._objects(_MAINTENANCE, document.get("scheduled_maintenances"))
        return StatusPage(
            self._reader.read(_INDICATOR, status.get("indicator"), to_text),
            tuple(self._components(components or ())),
            None if incidents is None else tuple(self._incidents(incidents)),
            tuple(self._maintenances(maintenances or ())),
            tuple(self._reader.rejections),
        )

    def _components(self, entries: Sequence[_Entry]) -> Iterator[Component]:
        # The members of a group are listed too, and it has no state of its own.
        single = [entry for entry in entries if not _is_group(entry)]
        for name, entry in self._current(_COMPONENT, single, "name"):
            yield Component(name, self._backend(entry), self._value(_COMPONENT, entry, "status", to_text))

    def _incidents(self, entries: Sequence[_Entry]) -> Iterator[Incident]:
        for identity, entry in self._current(_INCIDENT, entries, "id"):
            started = self._value(_INCIDENT, entry, "started_at", to_timestamp)
            if started is None:
                started = self._value(_INCIDENT, entry, "created_at", to_timestamp)
            impact = self._value(_INCIDENT, entry, "impact", to_text) or ""
            yield Incident(identity, *self._description(_INCIDENT, entry), started, impact)

    def _maintenances(self, entries: Sequence[_Entry]) -> Iterator[Maintenance]:
        for identity, entry in self._current(_MAINTENANCE, entries, "id"):
            begin, end = (
                self._value(_MAINTENANCE, entry, key, to_timestamp)
                for key in ("scheduled_for", "scheduled_until")
            )
            yield Maintenance(identity, *self._description(_MAINTENANCE, entry), begin, end)

    def _description(self, field: str, entry: _Entry) -> tuple[str, str, str, tuple[str, ...]]:
        """Return what incidents and maintenances share: name, status, URL and affected backends."""
        return (
            self._value(field, entry, "name", _to_title) or "",
            self._value(field, entry, "status", to_text) or "",
            self._value(field, entry, "shortlink", _to_url) or "",
            self._affected_backends(field, entry),
        )

    def _objects(self, field: str, value: object, within: str = "") -> list[_Entry] | None:
        """Return the objects in a list, or None where there is no list."""
        entries = self._reader.read(field, value, to_list, within=within)
        if entries is None:
            return None
        if len(entries) > MAX_ENTRIES:
            problem = f"{within}has more than {MAX_ENTRIES} entries"
            self._reader.reject(field, problem, len(entries) - MAX_ENTRIES)
        objects = (
            self._reader.read(field, entry, to_object, within=within) for entry in entries[:MAX_ENTRIES]
        )
        return [entry for entry in objects if entry is not None]

    def _current(self, field: str, entries: Sequence[_Entry], key: str) -> Iterator[tuple[str, _Entry]]:
        """Yield the entries that have a name or id and have not ended. Of several alike, the first counts."""
        seen = set()
        for entry in entries:
            self._reader.row = _WHOLE_PAGE
            identity = self._reader.read_name(field, entry.get(key))
            if identity is None or entry.get("status") in _ENDED:
                continue
            self._reader.row = identity
            if identity in seen:
                self._reader.reject(field, "is listed twice")
                continue
            seen.add(identity)
            yield identity, entry

    def _affected_backends(self, field: str, entry: _Entry) -> tuple[str, ...]:
        components = self._objects(field, entry.get("components"), within="components ") or ()
        backends = dict.fromkeys(self._backend(component) for component in components)
        backends.pop("", None)
        return tuple(backends) or NO_BACKEND

    def _backend(self, component: _Entry) -> str:
        name = component.get("name")
        if not isinstance(name, str) or _is_group(component):
            return ""
        return backend_of(name, self._component_backends)

    def _value(self, field: str, entry: _Entry, key: str, convert: Callable[[Any], T | None]) -> T | None:
        return self._reader.read(field, entry.get(key), convert, within=f"{key} ")


def _is_group(component: _Entry) -> bool:
    return component.get("group") is True


def _to_title(value: Any) -> str | None:
    """Return a text that a person wrote, in one line and cut to the length of a label value."""
    return to_text(" ".join(value.split())[:MAX_TEXT_LENGTH] if isinstance(value, str) else value)


def _to_url(value: Any) -> str | None:
    """Return a URL that is safe to show as a link."""
    url = to_text(value)
    if url and not url.startswith(("https://", "http://")):
        raise ValueError("is not a URL")
    return url
