"""When the characterizations of a QPU were published, and under which id."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from exporter.common.times import format_time
from exporter.simulator.fleet.qpus import QPU
from exporter.simulator.fleet.random_draws import between, uuid

_MINUTE = 60
_DAY = 86400


@dataclass(frozen=True, slots=True)
class Publication:
    """The `number`-th characterization of a QPU: `moment` in Unix seconds, `date` as IonQ writes it."""

    number: int
    moment: int
    date: str
    id: str


@lru_cache(maxsize=8192)  # backends and history ask for the same few hundred
def _publication(seed: int, qpu: QPU, number: int) -> Publication:
    # A delay of less than a period keeps them in order.
    delay = between(0.0, 0.8, seed, qpu.name, "publication", number)
    moment = qpu.in_service.timestamp() + (number + delay) * qpu.publication_days * _DAY
    minute = math.floor(moment / _MINUTE) * _MINUTE
    identity = uuid(seed, qpu.name, "characterization", number)
    return Publication(number, minute, format_time(minute), identity)


def latest(seed: int, qpu: QPU, moment: float) -> Publication | None:
    """Return the newest publication at a moment; None before the first one."""
    if qpu.retired is not None:
        moment = min(moment, qpu.retired.timestamp())
    number = math.floor((moment - qpu.in_service.timestamp()) / (qpu.publication_days * _DAY))
    if number < 0:
        return None
    publication = _publication(seed, qpu, number)
    if publication.moment <= moment:
        return publication
    return _publication(seed, qpu, number - 1) if number else None


def newest_first(seed: int, qpu: QPU, moment: float) -> Iterator[Publication]:
    """Return everything published by a moment."""
    newest = latest(seed, qpu, moment)
    numbers = range(newest.number, -1, -1) if newest else ()
    return (_publication(seed, qpu, number) for number in numbers)
