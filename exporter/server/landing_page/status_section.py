"""What IonQ's status page says: incidents, maintenances, and components that do not work as they should."""

import math
from collections.abc import Iterator
from typing import NamedTuple, Self

from exporter.records.status_page import Component, Incident, Maintenance, StatusPageReading
from exporter.server.landing_page.readable import age, count

_SEVERE = ("major", "critical", "partial_outage", "major_outage")


class Notice(NamedTuple):
    """An incident, a maintenance or a component, in words."""

    state: str
    severe: bool
    name: str
    detail: str = ""
    url: str = ""


class StatusSection(NamedTuple):
    """The section of the page."""

    headline: str
    notices: tuple[Notice, ...] = ()

    @classmethod
    def of(cls, reading: StatusPageReading, now: float) -> Self:
        """Return what is known of the status page, in words."""
        page, read_at = reading.page, reading.read_timestamp_seconds
        if page is None:
            return cls("not read yet" if read_at is None else f"last read {age(read_at, now)}")
        incidents = "incidents unknown" if page.incidents is None else count(len(page.incidents), "incident")
        return cls(
            f"{incidents}, {count(len(page.maintenances), 'maintenance')}",
            (
                *(_of_incident(incident, now) for incident in page.incidents or ()),
                *(_of_maintenance(maintenance, now) for maintenance in sorted(page.maintenances, key=_start)),
                *_of_components(page.components),
            ),
        )


def _of_incident(incident: Incident, now: float) -> Notice:
    return Notice(
        state=_words(incident.impact or "incident"),
        severe=incident.impact in _SEVERE,
        name=incident.name or incident.id,
        detail=_detail(
            _words(incident.status),
            _when("began", "begins", incident.start_timestamp_seconds, now),
            *incident.backends,
        ),
        url=incident.url,
    )


def _of_maintenance(maintenance: Maintenance, now: float) -> Notice:
    return Notice(
        state="maintenance",
        severe=False,
        name=maintenance.name or maintenance.id,
        detail=_detail(
            _words(maintenance.status),
            _when("began", "begins", maintenance.start_timestamp_seconds, now),
            _when("ended", "ends", maintenance.end_timestamp_seconds, now),
            *maintenance.backends,
        ),
        url=maintenance.url,
    )


def _of_components(components: tuple[Component, ...]) -> Iterator[Notice]:
    for component in components:
        if component.status not in (None, "operational"):
            yield Notice(
                _words(component.status), component.status in _SEVERE, component.name, component.backend
            )


def _start(maintenance: Maintenance) -> float:
    return math.inf if maintenance.start_timestamp_seconds is None else maintenance.start_timestamp_seconds


def _words(status: str) -> str:
    return status.replace("_", " ")


def _when(past: str, future: str, timestamp: float | None, now: float) -> str:
    if timestamp is None:
        return ""
    return f"{past if timestamp <= now else future} {age(timestamp, now)}"


def _detail(*parts: str) -> str:
    return " · ".join(part for part in parts if part)
