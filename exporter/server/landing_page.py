"""The page at ``/``: what the last scrape saw, for a person.

This module decides what the page says and in which order; the template lays it out.
"""

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import jinja2

from exporter import __version__
from exporter.common.build_info import revision
from exporter.common.errors import IonQError
from exporter.metrics.exporter import ExporterMetrics
from exporter.records.backends import Backend
from exporter.records.scrape import Scrape

DOCUMENTATION_URL = "https://github.com/ionq-exporter/ionq-exporter#readme"

RELOAD_SECONDS = 60
"""As often as a Prometheus with its default interval scrapes. A page costs IonQ no more than that."""

_RELOAD_SECONDS_WHILE_READING = 3

_ROUGH = 10
"""From so many hours or days on, the smaller unit says nothing."""

_HUGE = 1e9

_GROUPS = ("Available", "Not available", "Simulators", "Retired")
_AVAILABLE, _NOT_AVAILABLE, _SIMULATORS, _RETIRED = _GROUPS


class Group(NamedTuple):
    """Backends under one heading, the best choice first."""

    title: str
    backends: tuple[Backend, ...]


class Summary(NamedTuple):
    """What one wants to know first."""

    qpus: int
    available: int
    best: Backend | None
    """The available QPU with the shortest wait, if any wait is known."""
    degraded: tuple[str, ...]

    def __str__(self) -> str:
        if not self.qpus:
            return "No QPU is listed"
        return f"{self.available} of {self.qpus} {'QPU' if self.qpus == 1 else 'QPUs'} available"


class StatusNotice(NamedTuple):
    """An incident or a maintenance of IonQ's status page."""

    name: str
    detail: str
    url: str | None = None


class StatusPage(NamedTuple):
    """What IonQ's status page says."""

    description: str
    notices: tuple[StatusNotice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LandingPage:
    """All that the page is made of."""

    last: Scrape | None
    last_up: Scrape | None
    reading: bool
    """Whether a scrape is under way that will replace ``last``, which is old or missing."""
    simulated: bool
    metrics: ExporterMetrics
    started_at: datetime
    now: datetime
    telemetry_path: str
    api_url: str
    status_page: StatusPage | None = None

    @property
    def error(self) -> IonQError | None:
        """Why IonQ cannot be read."""
        return self.last.error if self.last else None

    @property
    def is_old(self) -> bool:
        """Whether the backends on the page may differ from IonQ's by now."""
        return self.reading or self.error is not None

    @property
    def summary(self) -> Summary | None:
        """What the last scrape that read IonQ comes to."""
        return summarize(self.last_up.backends) if self.last_up else None

    @property
    def headline(self) -> str:
        """What the page says first, in its title too."""
        if self.error:
            return "IonQ cannot be read"
        return str(self.summary) if self.summary else "Reading IonQ"

    @property
    def reload_seconds(self) -> int:
        """When the browser should load the page again."""
        return _RELOAD_SECONDS_WHILE_READING if self.reading else RELOAD_SECONDS

    @property
    def health(self) -> str:
        """How the exporter itself fares."""
        failures = {reason: int(count) for reason, count in self.metrics.api_failures.items() if count}
        failed = "no failed scrape"
        if failures:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in failures.items())
            failed = f"{_count(sum(failures.values()), 'failed scrape')} ({reasons})"
        rejected = int(sum(self.metrics.rejected_values.values()))
        parts = [
            f"Running for {duration((self.now - self.started_at).total_seconds())}",
            f"{_count(self.metrics.api_requests, 'request')} to IonQ",
            failed,
            _count(rejected, "rejected value"),
        ]
        if self.last:
            age = self.age(self.last.finished_at.timestamp())
            parts.append(f"last scrape {age}, {self.last.duration_seconds:.3f} s long")
        return " · ".join(parts)

    def age(self, timestamp: float) -> str:
        """Write how long ago a Unix time was."""
        seconds = self.now.timestamp() - timestamp
        if 0 <= seconds < 1:
            return "just now"
        return f"{duration(seconds)} ago" if seconds >= 0 else f"in {duration(-seconds)}"

    def render(self) -> str:
        """Return the page as HTML. Whatever IonQ sent is escaped."""
        characterized = self.last_up.characterized if self.last_up else ()
        return _template().render(
            page=self,
            groups=groups_by_choice(self.last_up.backends) if self.last_up else (),
            characterizations={
                (known.name, known.location): known.characterization for known in characterized
            },
            version=__version__,
            revision=revision(),
            documentation_url=DOCUMENTATION_URL,
        )


def groups_by_choice(backends: Iterable[Backend]) -> list[Group]:
    """Return the backends in the order in which one would choose, without empty groups."""
    by_title: dict[str, list[Backend]] = {title: [] for title in _GROUPS}
    for backend in sorted(backends, key=_by_wait):
        by_title[_group_of(backend)].append(backend)
    return [Group(title, tuple(group)) for title, group in by_title.items() if group]


def summarize(backends: Iterable[Backend]) -> Summary:
    """Count the QPUs in service and find the best choice."""
    groups = {group.title: group.backends for group in groups_by_choice(backends)}
    available = groups.get(_AVAILABLE, ())
    qpus = (*available, *groups.get(_NOT_AVAILABLE, ()))
    return Summary(
        qpus=len(qpus),
        available=len(available),
        best=next((backend for backend in available if wait_seconds(backend) is not None), None),
        degraded=tuple(backend.name for backend in qpus if backend.degraded),
    )


def wait_seconds(backend: Backend) -> float | None:
    """Return the wait that means something. IonQ also sends 0 where no queue moves."""
    wait = backend.average_queue_time_seconds
    if backend.status == "retired" or (wait == 0 and backend.status != "available"):
        return None
    return wait


def duration(seconds: float) -> str:
    """Write a duration as people do, rounded down: ``45 s``, ``28 min``, ``3 h 12 min``, ``17 d``."""
    minutes, hours, days = (int(seconds // unit) for unit in (60, 3600, 86400))
    if not minutes:
        return f"{int(seconds)} s"
    if not hours:
        return f"{minutes} min"
    if hours < _ROUGH:
        return f"{hours} h {minutes % 60} min".removesuffix(" 0 min")
    if not days:
        return f"{hours} h"
    return f"{days} d {hours % 24} h".removesuffix(" 0 h") if days < _ROUGH else f"{number(days)} d"


def number(value: float, digits: int = 0) -> str:
    """Write a number so that it fits into a column, whatever IonQ sent."""
    return f"{value:,.{digits}f}" if value < _HUGE else f"{value:.1e}"


def _group_of(backend: Backend) -> str:
    if backend.status == "retired":
        return _RETIRED
    if not backend.name.startswith("qpu."):
        return _SIMULATORS
    return _AVAILABLE if backend.status == "available" else _NOT_AVAILABLE


def _by_wait(backend: Backend) -> tuple[bool, float, str]:
    wait = wait_seconds(backend)
    return wait is None, wait or 0.0, backend.name


def _count(number: int, noun: str) -> str:
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun}s" if number else f"no {noun}"


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "number": number, "wait_seconds": wait_seconds}
    return environment.get_template("landing_page.html")
