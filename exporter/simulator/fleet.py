"""The fleet at any moment, computed from a seed and the moment alone."""

import math
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from exporter.common.times import format_time
from exporter.simulator import episodes
from exporter.simulator.machines import MACHINES, Machine
from exporter.simulator.publications import latest
from exporter.simulator.random_draws import smooth, unit

Row = dict[str, Any]

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
    """IonQ's machines as a pure function of `seed` and the moment; any moment costs the same."""

    seed: int = 1

    def rows(self, moment: datetime, *, with_key: bool = False) -> list[Row]:
        """List the rows that ``/backends`` shows at an aware moment; some machines only with a key."""
        minute = math.floor(moment.timestamp() / _MINUTE)
        # IonQ does not renew its numbers more often either; the copies keep what is remembered intact.
        return [
            dict(row)
            for row in _rows(self.seed, minute)
            if with_key or row["backend"] == SIMULATOR or not MACHINES[row["backend"]].needs_key
        ]


@lru_cache(maxsize=16)
def _rows(seed: int, minute: int) -> tuple[Row, ...]:
    moment = minute * _MINUTE
    return (
        _simulator(moment),
        *(
            _retired(seed, machine, machine.retired.timestamp())
            if machine.retired is not None and moment >= machine.retired.timestamp()
            else _live(seed, machine, moment)
            for machine in MACHINES.values()
            if machine.in_service.timestamp() <= moment
        ),
    )


def _simulator(moment: float) -> Row:
    return {
        "average_queue_time": 0,
        "backend": SIMULATOR,
        "degraded": False,
        "last_updated": format_time(moment - moment % _WEEK),
        "qubits": _SIMULATOR_QUBITS,
        "status": "available",
    }


@lru_cache(maxsize=64)  # it never changes again
def _retired(seed: int, machine: Machine, moment: float) -> Row:
    row = _live(seed, machine, moment)
    row |= {"average_queue_time": round(machine.typical_queue_seconds * 1000), "status": "retired"}
    for forgotten in ("degraded", "kw"):
        del row[forgotten]
    return row


def _live(seed: int, machine: Machine, moment: float) -> Row:
    """Build a row in the order of IonQ's schema, without the fields that it would leave out."""
    publication = latest(seed, machine, moment)
    row: Row = {
        "average_queue_time": round(_queue_seconds(seed, machine, moment) * 1000),
        "backend": machine.name,
        "characterization_id": publication.id if publication else None,
        "degraded": episodes.current(seed, machine.name, episodes.DEGRADATION, moment) is not None,
        "kw": round(_energy(seed, machine, moment), 2),
        "last_updated": publication.date if publication else format_time(machine.in_service.timestamp()),
        "location": machine.location,
        "qubits": machine.qubits,
        "status": _status(seed, machine, moment),
    }
    return {field: value for field, value in row.items() if value is not None}


def _status(seed: int, machine: Machine, moment: float) -> str:
    maintenance = episodes.current(seed, machine.name, episodes.MAINTENANCE, moment)
    if maintenance is not None:
        last_minutes = maintenance.end - moment <= _CALIBRATION_SECONDS
        return "calibrating" if last_minutes and maintenance.draw < _CALIBRATION_CHANCE else "unavailable"
    if episodes.current(seed, machine.name, episodes.OUTAGE, moment) is not None:
        return "unavailable"
    return "available"


def _queue_seconds(seed: int, machine: Machine, moment: float) -> float:
    key = (seed, machine.name, "queue")
    # Most people submit in the American afternoon, and few at weekends (1970 began on a Thursday).
    rhythm = 0.6 * math.sin(math.tau * (moment / _DAY - 13 / 24))
    rhythm += 0.35 * math.cos(math.tau * (moment - 6 * _DAY) / _WEEK)
    wandering = smooth(moment / (3 * _DAY), *key, "days") + 0.4 * smooth(moment / (5 * _HOUR), *key, "hours")
    jitter = 0.06 * smooth(moment / (12 * _MINUTE), *key, "minutes")
    queue = machine.typical_queue_seconds * math.exp(machine.queue_swing * (rhythm + wandering + jitter))
    rush = episodes.current(seed, machine.name, episodes.RUSH, moment)
    if rush is not None:
        swell = math.sin(math.pi * (moment - rush.start) / (rush.end - rush.start)) ** 2
        queue *= 1 + machine.queue_swing * (1 + 3 * rush.draw) * swell
    return queue + sum(_backlog(seed, machine, moment, share=share, of=of) for of, share in _STANDSTILLS)


# What share of the time lost a machine adds to its queue: a degraded one still works, but slowly.
_STANDSTILLS = ((episodes.MAINTENANCE, 1.0), (episodes.OUTAGE, 1.0), (episodes.DEGRADATION, 0.2))


def _backlog(seed: int, machine: Machine, moment: float, *, of: episodes.Rhythm, share: float) -> float:
    backlog = 0.0
    for episode in episodes.recent(seed, machine.name, of, moment):
        lost = min(moment, episode.end) - episode.start
        since = max(0.0, moment - episode.end)
        backlog += share * lost * math.exp(-since / (2 * _HOUR + lost))
    return backlog


def _energy(seed: int, machine: Machine, moment: float) -> float:
    """Read the meter in kWh: it grows with use, and is set right, up or down, every few weeks."""
    key = (seed, machine.name, "energy")
    hours = (moment - machine.in_service.timestamp()) / _HOUR
    uneven = 6 * smooth(hours / 48, *key, "use") + math.sin(math.tau * (hours - 13) / 24)
    correction = 24 * unit(*key, "correction", math.floor(hours / (24 * 33)))
    return machine.kilowatts * (hours + uneven + 8 + correction)
