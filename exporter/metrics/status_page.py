"""The metrics of IonQ's status page, from ``GET /api/v2/summary.json``.

::

    ionq_status_component{backend="qpu.forte-1",component="IonQ Forte",status="operational"} 1.0
    ionq_status_incidents{impact="critical"} 1.0
    ionq_status_maintenance_start_timestamp_seconds{backend="qpu.forte-1",maintenance="k4z"} 1774267200.0
"""

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from exporter.metrics.encoding import Family, Format, encode_label, encode_number, state_set
from exporter.records.status_page import (
    COMPONENT_STATUSES,
    IMPACTS,
    INDICATORS,
    StatusPage,
    StatusPageReading,
)

Sample = tuple[tuple[str, ...], float | None]
"""The values of the labels, and of the sample. None is no sample."""

_UP = Family(
    name="ionq_status_page_up",
    help="Whether IonQ's status page was read within the last five minutes, 1 or 0.",
)
_LAST_READ = Family(
    name="ionq_status_page_last_read_timestamp_seconds",
    help="When IonQ's status page was last read, in seconds since the epoch.",
    unit="seconds",
)


@dataclass(frozen=True, kw_only=True)
class StatusPageFamily(Family):
    """A gauge from one field of the page. ``label_names`` are in alphabetical order, as Go writes them."""

    field: str
    label_names: tuple[str, ...]
    read: Callable[[StatusPage], Iterable[Sample]]

    def encode_page(self, page: StatusPage, form: Format) -> str:
        """Return the family if it has at least one sample."""
        lines = [
            f"{self.name}{{{self._encode_labels(labels)}}} {encode_number(value)}\n"
            for labels, value in self.read(page)
            if value is not None
        ]
        return self.heads[form] + "".join(lines) if lines else ""

    def _encode_labels(self, values: tuple[str, ...]) -> str:
        return ",".join(
            encode_label(name, value) for name, value in zip(self.label_names, values, strict=True)
        )


def _read_indicator(page: StatusPage) -> Iterator[Sample]:
    if page.indicator is not None:
        for indicator, value in state_set(INDICATORS, page.indicator).items():
            yield (indicator,), value


def _read_components(page: StatusPage) -> Iterator[Sample]:
    for component in page.components:
        if component.status is not None:
            for status, value in state_set(COMPONENT_STATUSES, component.status).items():
                yield (component.backend, component.name, status), value


def _count_incidents(page: StatusPage) -> Iterator[Sample]:
    if page.incidents is not None:
        counts = Counter(dict.fromkeys(IMPACTS, 0))
        counts.update(incident.impact for incident in page.incidents)
        for impact, count in counts.items():
            yield (impact,), count


def _read_incident_info(page: StatusPage) -> Iterator[Sample]:
    for incident in page.incidents or ():
        yield (incident.impact, incident.id, incident.name, incident.status, incident.url), 1.0


def _read_maintenance_info(page: StatusPage) -> Iterator[Sample]:
    for maintenance in page.maintenances:
        yield (maintenance.id, maintenance.name, maintenance.status, maintenance.url), 1.0


def _read_incident_start(page: StatusPage) -> Iterator[Sample]:
    for incident in page.incidents or ():
        for backend in incident.backends:
            yield (backend, incident.id), incident.start_timestamp_seconds


def _read_maintenance_start(page: StatusPage) -> Iterator[Sample]:
    for maintenance in page.maintenances:
        for backend in maintenance.backends:
            yield (backend, maintenance.id), maintenance.start_timestamp_seconds


def _read_maintenance_end(page: StatusPage) -> Iterator[Sample]:
    for maintenance in page.maintenances:
        for backend in maintenance.backends:
            yield (backend, maintenance.id), maintenance.end_timestamp_seconds


STATUS_PAGE_FAMILIES = (
    StatusPageFamily(
        name="ionq_status_indicator",
        field="status.indicator",
        help="State of the whole service, status.indicator of IonQ's status page: 1 for its current state.",
        label_names=("indicator",),
        read=_read_indicator,
    ),
    StatusPageFamily(
        name="ionq_status_component",
        field="components[].status",
        help=(
            "State of a component, components[].status of IonQ's status page: 1 for its current state. The "
            "label backend is empty if the component is no backend."
        ),
        label_names=("backend", "component", "status"),
        read=_read_components,
    ),
    StatusPageFamily(
        name="ionq_status_incidents",
        field="incidents[].impact",
        help="Number of unresolved incidents by impact, incidents[].impact of IonQ's status page.",
        label_names=("impact",),
        read=_count_incidents,
    ),
    StatusPageFamily(
        name="ionq_status_incident_info",
        field="incidents[]",
        help="An unresolved incident, incidents[] of IonQ's status page: always 1.",
        label_names=("impact", "incident", "name", "status", "url"),
        read=_read_incident_info,
    ),
    StatusPageFamily(
        name="ionq_status_incident_start_timestamp_seconds",
        field="incidents[].started_at",
        help=(
            "When an incident began, by affected backend, in seconds since the epoch, incidents[].started_at "
            "of IonQ's status page, or created_at (ISO 8601 upstream)."
        ),
        unit="seconds",
        label_names=("backend", "incident"),
        read=_read_incident_start,
    ),
    StatusPageFamily(
        name="ionq_status_maintenance_info",
        field="scheduled_maintenances[]",
        help=(
            "A maintenance to come or under way, scheduled_maintenances[] of IonQ's status page: always 1."
        ),
        label_names=("maintenance", "name", "status", "url"),
        read=_read_maintenance_info,
    ),
    StatusPageFamily(
        name="ionq_status_maintenance_start_timestamp_seconds",
        field="scheduled_maintenances[].scheduled_for",
        help=(
            "When a maintenance is to begin, by affected backend, in seconds since the epoch, "
            "scheduled_maintenances[].scheduled_for of IonQ's status page (ISO 8601 upstream)."
        ),
        unit="seconds",
        label_names=("backend", "maintenance"),
        read=_read_maintenance_start,
    ),
    StatusPageFamily(
        name="ionq_status_maintenance_end_timestamp_seconds",
        field="scheduled_maintenances[].scheduled_until",
        help=(
            "When a maintenance is to end, by affected backend, in seconds since the epoch, "
            "scheduled_maintenances[].scheduled_until of IonQ's status page (ISO 8601 upstream)."
        ),
        unit="seconds",
        label_names=("backend", "maintenance"),
        read=_read_maintenance_end,
    ),
)


def encode_status_page(reading: StatusPageReading | None, form: Format) -> str:
    """Return all families, or none if the page is not read at all."""
    if reading is None:
        return ""
    page, last_read = reading.page, reading.read_timestamp_seconds
    return "".join(
        (
            _UP.encode(page is not None, form),
            "" if last_read is None else _LAST_READ.encode(last_read, form),
            "" if page is None else _encode_page(page, form),
        )
    )


@functools.lru_cache(maxsize=len(Format))
def _encode_page(page: StatusPage, form: Format) -> str:
    """Return the families of the page. Cached, because most scrapes show the same page as the one before."""
    return "".join(family.encode_page(page, form) for family in STATUS_PAGE_FAMILIES)
