"""Incidents of the exporters and of IonQ's API in the last eight days, in hours before the end of the data.

Maintenance, outages and queues of the backends themselves come from the simulator.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from exporter.common.errors import DeadlineExceededError, HTTPStatusError, IonQError, RateLimitedError
from exporter.simulator import BackendFields, Fleet, StatusPage
from exporter.simulator import Incident as PublishedIncident

INSTANCES = ("127.0.0.1:10065", "127.0.0.1:10067")
FIRST, SECOND = INSTANCES

_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A time in which something was wrong, seen by some of the exporters."""

    hours_before_end: float
    minutes: float
    instances: tuple[str, ...] = INSTANCES

    def covers(self, seconds_before_end: float, instance: str = FIRST) -> bool:
        """Return whether an exporter saw it at a moment."""
        begin = self.hours_before_end * _HOUR
        return instance in self.instances and begin - self.minutes * 60 < seconds_before_end <= begin


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure(Incident):
    """IonQ did not respond as it should."""

    error: IonQError
    seconds: float
    requests: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Incident):
    """IonQ's response had other values for a backend or, without values, did not list it."""

    backend: str
    values: Mapping[str, object] = field(default_factory=dict)


_UNAVAILABLE = HTTPStatusError("IonQ responded with status 503", 503)
_TIMEOUT = DeadlineExceededError("no complete response in time")
_RATE_LIMITED = RateLimitedError("IonQ asked for a pause")

OUTAGE = (
    Failure(hours_before_end=74, minutes=12, error=_UNAVAILABLE, seconds=0.9, requests=2),
    Failure(hours_before_end=73.8, minutes=25, error=_TIMEOUT, seconds=9.5),
    Failure(hours_before_end=73.8 - 25 / 60, minutes=10, error=_UNAVAILABLE, seconds=0.9, requests=2),
)
"""IonQ is down for everyone."""

PUBLISHED = Incident(hours_before_end=73.8, minutes=60)
"""IonQ's status page reports the outage, late, and for longer than it lasts."""

RATE_LIMIT = Failure(
    hours_before_end=120, minutes=35, instances=(SECOND,), error=_RATE_LIMITED, seconds=0.0, requests=0
)
"""One exporter has to wait while the other reads on."""

FAILURES = (
    *OUTAGE,
    RATE_LIMIT,
    Failure(hours_before_end=27, minutes=4, instances=(SECOND,), error=_TIMEOUT, seconds=9.5),
)

RESTART = Incident(hours_before_end=140, minutes=6, instances=(FIRST,))
"""An exporter is down, and counts from zero afterwards."""

CHARACTERIZATIONS_LOST = Incident(hours_before_end=140, minutes=50, instances=(FIRST,))
"""No characterization can be read, which only matters to an exporter that has just started."""

MOVED = Change(hours_before_end=188, minutes=24 * 60, backend="qpu.forte-1", values={"location": None})
"""A location vanishes for a day."""

GONE = Change(hours_before_end=155, minutes=180, backend="qpu.forte-enterprise-2")
"""A backend is not listed for some hours."""

CHANGES = (
    MOVED,
    Change(
        hours_before_end=162,
        minutes=130,
        backend="qpu.forte-enterprise-3",
        values={"kw": "n/a", "qubits": -1},
    ),
    GONE,
)


def is_running(instance: str, seconds_before_end: float) -> bool:
    """Return whether an exporter runs."""
    return not RESTART.covers(seconds_before_end, instance)


def failure(instance: str, seconds_before_end: float) -> Failure | None:
    """Return what an exporter's read of IonQ fails with, if it fails."""
    return next((one for one in FAILURES if one.covers(seconds_before_end, instance)), None)


def response(fleet: Fleet, moment: datetime, seconds_before_end: float) -> bytes:
    """Return the body of IonQ's response."""
    changes = {one.backend: one.values for one in CHANGES if one.covers(seconds_before_end)}
    return json.dumps(list(_changed(fleet.backends(moment), changes))).encode()


def status_page(page: StatusPage, moment: datetime, seconds_before_end: float) -> bytes:
    """Return the body of IonQ's status page."""
    incidents = []
    if PUBLISHED.covers(seconds_before_end):
        start = moment.timestamp() + seconds_before_end - PUBLISHED.hours_before_end * _HOUR
        incidents.append(
            PublishedIncident(
                id="api-outage",
                name="The API does not respond",
                impact="major",
                status="identified",
                start=start,
                updated=start,
                backends=(),
            )
        )
    return json.dumps(page.summary(moment, incidents)).encode()


def _changed(
    rows: Iterable[BackendFields], changes: Mapping[str, Mapping[str, object]]
) -> Iterable[BackendFields]:
    for row in rows:
        values = changes.get(row["backend"])
        if values is None:
            yield row
        elif values:
            yield {**row, **values}
