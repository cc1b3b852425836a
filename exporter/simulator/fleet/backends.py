"""The fleet as ``/backends`` lists it, computed from a seed and a moment alone."""

import math
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from exporter.common.times import format_time
from exporter.simulator.fleet import episodes
from exporter.simulator.fleet.publications import latest
from exporter.simulator.fleet.qpus import QPU, QPUS
from exporter.simulator.fleet.random_draws import smooth, unit

BackendFields = dict[str, Any]

SIMULATOR = "simulator"
_SIMULATOR_QUBITS = 29
_MINUTE = 60
_HOUR = 3600
_DAY = 86400
_WEEK = 7 * _DAY
_CALIBRATION_CHANCE = 0.3
_CALIBRATION_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Fleet:
    """IonQ's backends as a pure function of `seed` and a moment; every moment costs the same."""

    seed: int = 1

    def backends(self, moment: datetime, *, with_key: bool = False) -> list[BackendFields]:
        """Return the backends that ``/backends`` lists at an aware moment; some need an API key."""
        # Values change once a minute. The copies protect the cached ones from the caller.
        minute = math.floor(moment.timestamp() / _MINUTE)
        return [
            dict(backend)
            for backend in _backends(self.seed, minute)
            if with_key or backend["backend"] == SIMULATOR or not QPUS[backend["backend"]].needs_key
        ]


@lru_cache(maxsize=16)
def _backends(seed: int, minute: int) -> tuple[BackendFields, ...]:
    moment = minute * _MINUTE
    return (
        _simulator(moment),
        *(
            _retired(seed, qpu, qpu.retired.timestamp())
            if qpu.retired is not None and moment >= qpu.retired.timestamp()
            else _in_service(seed, qpu, moment)
            for qpu in QPUS.values()
            if qpu.in_service.timestamp() <= moment
        ),
    )


def _simulator(moment: float) -> BackendFields:
    return {
        "average_queue_time": 0,
        "backend": SIMULATOR,
        "degraded": False,
        "last_updated": format_time(moment - moment % _WEEK),
        "qubits": _SIMULATOR_QUBITS,
        "status": "available",
    }


@lru_cache(maxsize=64)  # a retired QPU never changes
def _retired(seed: int, qpu: QPU, moment: float) -> BackendFields:
    backend = _in_service(seed, qpu, moment)
    backend |= {"average_queue_time": round(qpu.typical_queue_seconds * 1000), "status": "retired"}
    for field in ("degraded", "kw"):
        del backend[field]
    return backend


def _in_service(seed: int, qpu: QPU, moment: float) -> BackendFields:
    """Return the fields in the order of IonQ's schema, without those that it would leave out."""
    publication = latest(seed, qpu, moment)
    backend: BackendFields = {
        "average_queue_time": round(_queue_seconds(seed, qpu, moment) * 1000),
        "backend": qpu.name,
        "characterization_id": publication.id if publication else None,
        "degraded": episodes.current(seed, qpu.name, episodes.DEGRADATION, moment) is not None,
        "kw": round(_energy(seed, qpu, moment), 2),
        "last_updated": publication.date if publication else format_time(qpu.in_service.timestamp()),
        "location": qpu.location,
        "qubits": qpu.qubits,
        "status": _status(seed, qpu, moment),
    }
    return {field: value for field, value in backend.items() if value is not None}


def _status(seed: int, qpu: QPU, moment: float) -> str:
    maintenance = episodes.current(seed, qpu.name, episodes.MAINTENANCE, moment)
    if maintenance is not None:
        last_minutes = maintenance.end - moment <= _CALIBRATION_SECONDS
        return "calibrating" if last_minutes and maintenance.draw < _CALIBRATION_CHANCE else "unavailable"
    if episodes.current(seed, qpu.name, episodes.OUTAGE, moment) is not None:
        return "unavailable"
    return "available"


def _queue_seconds(seed: int, qpu: QPU, moment: float) -> float:
    key = (seed, qpu.name, "queue")
    # Most jobs arrive in the American afternoon, and few at weekends (1970 began on a Thursday).
    rhythm = 0.6 * math.sin(math.tau * (moment / _DAY - 13 / 24))
    rhythm += 0.35 * math.cos(math.tau * (moment - 6 * _DAY) / _WEEK)
    wandering = smooth(moment / (3 * _DAY), *key, "days") + 0.4 * smooth(moment / (5 * _HOUR), *key, "hours")
    jitter = 0.06 * smooth(moment / (12 * _MINUTE), *key, "minutes")
    queue = qpu.typical_queue_seconds * math.exp(qpu.queue_swing * (rhythm + wandering + jitter))
    rush = episodes.current(seed, qpu.name, episodes.RUSH, moment)
    if rush is not None:
        swell = math.sin(math.pi * (moment - rush.start) / (rush.end - rush.start)) ** 2
        queue *= 1 + qpu.queue_swing * (1 + 3 * rush.draw) * swell
    return queue + sum(_backlog(seed, qpu, moment, share=share, of=of) for of, share in _STANDSTILLS)


# The share of an episode's time that is added to the queue. A degraded QPU still works, but slowly.
_STANDSTILLS = ((episodes.MAINTENANCE, 1.0), (episodes.OUTAGE, 1.0), (episodes.DEGRADATION, 0.2))


def _backlog(seed: int, qpu: QPU, moment: float, *, of: episodes.Rhythm, share: float) -> float:
    backlog = 0.0
    for episode in episodes.recent(seed, qpu.name, of, moment):
        lost = min(moment, episode.end) - episode.start
        since = max(0.0, moment - episode.end)
        backlog += share * lost * math.exp(-since / (2 * _HOUR + lost))
    return backlog


def _energy(seed: int, qpu: QPU, moment: float) -> float:
    """Return a meter reading in kWh: it grows with use, and is corrected up or down every few weeks."""
    key = (seed, qpu.name, "energy")
    hours = (moment - qpu.in_service.timestamp()) / _HOUR
    uneven = 6 * smooth(hours / 48, *key, "use") + math.sin(math.tau * (hours - 13) / 24)
    correction = 24 * unit(*key, "correction", math.floor(hours / (24 * 33)))
    return qpu.kilowatts * (hours + uneven + 8 + correction)
