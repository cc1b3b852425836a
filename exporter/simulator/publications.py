"""When each machine's characterizations were published, and under which id."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from exporter.common.times import format_time
from exporter.simulator.machines import Machine
from exporter.simulator.random_draws import between, uuid

_MINUTE = 60
_DAY = 86400


@dataclass(frozen=True, slots=True)
class Publication:
    """A machine's `number`-th characterization: `moment` in Unix seconds, `date` as IonQ writes it."""

    number: int
    moment: int
    date: str
    id: str


@lru_cache(maxsize=8192)  # rows and history ask for the same few hundred again and again
def _publication(seed: int, machine: Machine, number: int) -> Publication:
    # Less than a whole period of delay keeps them in order without looking at the neighbours.
    delay = between(0.0, 0.8, seed, machine.name, "publication", number)
    moment = machine.in_service.timestamp() + (number + delay) * machine.publication_days * _DAY
    minute = math.floor(moment / _MINUTE) * _MINUTE
    identity = uuid(seed, machine.name, "characterization", number)
    return Publication(number, minute, format_time(minute), identity)


def latest(seed: int, machine: Machine, moment: float) -> Publication | None:
    """Return the newest publication at a moment; None before the first one."""
    if machine.retired is not None:
        moment = min(moment, machine.retired.timestamp())
    number = math.floor((moment - machine.in_service.timestamp()) / (machine.publication_days * _DAY))
    if number < 0:
        return None
    publication = _publication(seed, machine, number)
    if publication.moment <= moment:
        return publication
    return _publication(seed, machine, number - 1) if number else None


def newest_first(seed: int, machine: Machine, moment: float) -> Iterator[Publication]:
    """Return everything published by a moment, back to the machine's first days."""
    newest = latest(seed, machine, moment)
    numbers = range(newest.number, -1, -1) if newest else ()
    return (_publication(seed, machine, number) for number in numbers)
