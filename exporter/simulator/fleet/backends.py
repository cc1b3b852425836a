"""The fleet as ``/backends`` lists it, computed from a seed and a moment alone."""

import math
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from exporter.common.times import format_time
from exporter.simulator.fleet import episodes
from exporter.simulator.fleet.characterizations import current_id
from exporter.simulator.fleet.qpus import QPU, QPUS
from exporter.simulator.fleet.random_draws import between, smooth, unit

BackendFields = dict[str, Any]

SIMULATOR = "simulator"
_MINUTE = 60
_HOUR = 3600
_DAY = 86400
_WEEK = 7 * _DAY
_UPDATE_SECONDS = 660
_TIME_OF_REQUEST = ""
_CALIBRATION_CHANCE = 0.3
_CALIBRATION_SECONDS = 900
_ZERO_QUEUE_CHANCE = 0.3

# The fields are IonQ's. The names in them are plausible, not recorded.
_GATES = ["x", "y", "z", "h", "s", "si", "t", "ti", "v", "vi", "rx", "ry", "rz", "cnot", "swap"]
_ERROR_MITIGATIONS = ["debiasing"]
_NOISE_MODELS = ["ideal", "harmony", "aria-1", "aria-2", "forte-1", "forte-enterprise-1"]


@dataclass(frozen=True, slots=True)
class Fleet:
    """IonQ's backends as a pure function of `seed` and a moment; every moment costs the same."""

    seed: int = 1

    def backends(self, moment: datetime, *, with_key: bool = False) -> list[BackendFields]:
        """Return the backends that ``/backends`` lists at an aware moment; some need an API key."""
        timestamp = moment.timestamp()
        now = format_time(timestamp)
        access = {"has_access": True} if with_key else {}
        # All other values change once a minute at most.
        return [
            {**backend, "last_updated": backend["last_updated"] or now, **access}
            for backend in _backends(self.seed, math.floor(timestamp / _MINUTE))
            if with_key or backend["backend"] == SIMULATOR or not QPUS[backend["backend"]].needs_key
        ]


@lru_cache(maxsize=16)
def _backends(seed: int, minute: int) -> tuple[BackendFields, ...]:
    moment = minute * _MINUTE
    in_service = (qpu for qpu in QPUS.values() if qpu.in_service.timestamp() <= moment)
    return (_SIMULATOR_FIELDS, *(_qpu(seed, qpu, moment) for qpu in in_service))


_SIMULATOR_FIELDS: BackendFields = {
    "average_queue_time": 0,
    "backend": SIMULATOR,
    "degraded": False,
    "last_updated": _TIME_OF_REQUEST,
    "noise_models": _NOISE_MODELS,
    "qubits": 29,
    "status": "available",
    "supported_error_mitigations": [],
    "supported_gates": _GATES,
    "supported_native_gates": ["gpi", "gpi2", "ms", "zz"],
}


def _qpu(seed: int, qpu: QPU, moment: float) -> BackendFields:
    """Return the fields in the order of IonQ's schema, without those that it leaves out."""
    if qpu.retired is not None and moment >= qpu.retired.timestamp():
        return _retired(seed, qpu)
    status = _status(seed, qpu, moment)
    backend: BackendFields = {
        "average_queue_time": round(_queue_seconds(seed, qpu, moment, status) * 1000),
        "backend": qpu.name,
        "characterization_id": current_id(seed, qpu, moment),
        "degraded": episodes.current(seed, qpu.name, episodes.DEGRADATION, moment) is not None,
        "kw": None if status == "unavailable" else _kilowatts(seed, qpu, moment),
        "last_updated": _last_updated(seed, qpu, moment),
        "location": qpu.location,
        "qubits": qpu.qubits,
        "status": status,
        **_supported(qpu),
    }
    return {field: value for field, value in backend.items() if value is not None}


@lru_cache(maxsize=64)
def _retired(seed: int, qpu: QPU) -> BackendFields:
    return {
        "average_queue_time": 0,
        "backend": qpu.name,
        "characterization_id": current_id(seed, qpu, math.inf),
        "degraded": False,
        "last_updated": _TIME_OF_REQUEST,
        "qubits": qpu.qubits,
        "status": "retired",
        **_supported(qpu),
    }


def _supported(qpu: QPU) -> BackendFields:
    return {
        "supported_error_mitigations": _ERROR_MITIGATIONS,
        "supported_gates": _GATES,
        "supported_native_gates": ["gpi", "gpi2", qpu.two_qubit_gate],
    }


def _last_updated(seed: int, qpu: QPU, moment: float) -> str:
    phase = math.floor(between(0, _UPDATE_SECONDS, seed, qpu.name, "update"))
    return format_time(moment - (moment + phase) % _UPDATE_SECONDS)


def _status(seed: int, qpu: QPU, moment: float) -> str:
    maintenance = episodes.current(seed, qpu.name, episodes.MAINTENANCE, moment)
    if maintenance is not None:
        last_minutes = maintenance.end - moment <= _CALIBRATION_SECONDS
        return "calibrating" if last_minutes and maintenance.draw < _CALIBRATION_CHANCE else "unavailable"
    if episodes.current(seed, qpu.name, episodes.OUTAGE, moment) is not None:
        return "unavailable"
    return "available"


def _queue_seconds(seed: int, qpu: QPU, moment: float, status: str) -> float:
    key = (seed, qpu.name, "queue")
    if status == "unavailable" and unit(*key, "zero", math.floor(moment / _DAY)) < _ZERO_QUEUE_CHANCE:
        return 0
    # Most jobs arrive in the American afternoon, and few at weekends (1970 began on a Thursday).
    rhythm = 0.6 * math.sin(math.tau * (moment / _DAY - 13 / 24))
    rhythm += 0.35 * math.cos(math.tau * (moment - 6 * _DAY) / _WEEK)
    wandering = smooth(moment / (3 * _DAY), *key, "days") + 0.4 * smooth(moment / (5 * _HOUR), *key, "hours")
    jitter = 0.15 * smooth(moment / (6 * _MINUTE), *key, "minutes")
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


def _kilowatts(seed: int, qpu: QPU, moment: float) -> float:
    return round(qpu.kilowatts * (1 + 0.04 * smooth(moment / (6 * _HOUR), seed, qpu.name, "power")), 5)
