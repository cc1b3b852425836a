"""Incidents and maintenance as IonQ publishes them: late, announced ahead, prolonged, or ended late."""

from collections.abc import Iterator
from dataclasses import dataclass

from exporter.simulator.fleet import episodes
from exporter.simulator.fleet.episodes import Episode
from exporter.simulator.fleet.qpus import QPU, QPUS
from exporter.simulator.fleet.random_draws import between, token, unit

IMPACTS = ("none", "minor", "major", "critical")
INCIDENT_STATUSES = ("investigating", "identified", "monitoring")

_MINUTE = 60
_DAY = 86400
_IDENTIFIED_SECONDS = 10 * _MINUTE
_VERIFYING_SECONDS = 15 * _MINUTE
_CRITICAL_CHANCE = 0.5
_PROLONGED_CHANCE = 0.15
_LATE_CHANCE = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An unresolved incident; times in Unix seconds. Without backends it affects the API."""

    id: str
    name: str
    impact: str
    status: str
    start: float
    updated: float
    backends: tuple[str, ...]

    @property
    def is_outage(self) -> bool:
        """Whether the affected backends are unavailable."""
        return self.impact in {"major", "critical"} and self.status != "monitoring"


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """A maintenance; times in Unix seconds. `planned_end` is published, `end` is when it really ends."""

    id: str
    name: str
    announced: float
    start: float
    planned_end: float
    end: float
    backends: tuple[str, ...]

    def status(self, now: float) -> str:
        """Return the status at a time between announcement and end."""
        if now < self.start:
            return "scheduled"
        return "verifying" if self.end - now <= _VERIFYING_SECONDS else "in_progress"


def incidents(seed: int, now: float) -> Iterator[Incident]:
    """Yield the unresolved incident of each outage."""
    for qpu in _on_page():
        for outage in episodes.around(seed, qpu.name, episodes.OUTAGE, now):
            key = (seed, qpu.name, "incident", outage.start)
            start = outage.start + between(3, 12, *key, "start") * _MINUTE
            resolved = outage.end + between(12, 20, *key, "resolved") * _MINUTE
            if start <= now < resolved:
                status, updated = _progress(start, outage.end, now)
                yield Incident(
                    id=token(*key),
                    name=f"{qpu.component} is unavailable",
                    impact="critical" if outage.draw < _CRITICAL_CHANCE else "major",
                    status=status,
                    start=start,
                    updated=updated,
                    backends=(qpu.name,),
                )


def _progress(start: float, outage_end: float, now: float) -> tuple[str, float]:
    """Return the status of an incident, and since when it has it."""
    if now >= outage_end:
        return "monitoring", max(start, outage_end)
    identified = start + _IDENTIFIED_SECONDS
    return ("identified", identified) if now >= identified else ("investigating", start)


def maintenances(seed: int, now: float) -> Iterator[Maintenance]:
    """Yield the maintenances that are announced or in progress."""
    for qpu in _on_page():
        for episode in episodes.around(seed, qpu.name, episodes.MAINTENANCE, now):
            key = (seed, qpu.name, "maintenance", episode.start)
            announced = episode.start - between(1.5, 3, *key, "announced") * _DAY
            if announced <= now < episode.end:
                yield Maintenance(
                    id=token(*key),
                    name=f"Scheduled maintenance of {qpu.component}",
                    announced=announced,
                    start=episode.start,
                    planned_end=_planned_end(episode, now, unit(*key, "overrun")),
                    end=episode.end,
                    backends=(qpu.name,),
                )


def _planned_end(episode: Episode, now: float, draw: float) -> float:
    """Return the published end. Where it was too early, IonQ prolongs the maintenance, or ends it late."""
    if draw >= _PROLONGED_CHANCE + _LATE_CHANCE:
        return episode.end
    too_early = episode.start + (episode.end - episode.start) * 0.6
    return episode.end if draw < _PROLONGED_CHANCE and now >= too_early else too_early


def _on_page() -> Iterator[QPU]:
    return (qpu for qpu in QPUS.values() if qpu.component)
