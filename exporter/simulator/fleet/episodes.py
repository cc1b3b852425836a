"""Episodes of a QPU: maintenance, outages, degradation, rushes of jobs, gaps between characterizations."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from exporter.simulator.fleet.random_draws import between, unit

_HOUR = 3600
_DAY = 86400
_STEP = 300  # episodes begin and end on multiples of five minutes


# Compared by identity, which makes it a fast cache key. There are only the instances below.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rhythm:
    """How often a kind of episode occurs, at most once per period, and how long it lasts.

    `hours` are the hours of the day (UTC) between which it begins.
    """

    name: str
    period_days: float
    chance: float = 1.0
    shortest_hours: float
    longest_hours: float
    hours: tuple[float, float] = (0.0, 24.0)


@dataclass(frozen=True, slots=True)
class Episode:
    """A time span in Unix seconds, end excluded; `draw` (0 to 1) says how severe it is."""

    start: int
    end: int
    draw: float


MAINTENANCE = Rhythm(
    name="maintenance", period_days=4.5, shortest_hours=1.0, longest_hours=9.0, hours=(13.0, 21.0)
)
OUTAGE = Rhythm(name="outage", period_days=6.0, chance=0.6, shortest_hours=0.1, longest_hours=0.6)
DEGRADATION = Rhythm(name="degradation", period_days=4.5, shortest_hours=1.5, longest_hours=22.0)
RUSH = Rhythm(name="rush", period_days=5.0, chance=0.7, shortest_hours=6.0, longest_hours=30.0)
GAP = Rhythm(name="gap", period_days=40.0, chance=0.5, shortest_hours=2 * 24, longest_hours=16 * 24)
LONG_GAP = Rhythm(
    name="long gap", period_days=600.0, chance=0.4, shortest_hours=30 * 24, longest_hours=150 * 24
)


def _period(seed: int, qpu: str, rhythm: Rhythm, moment: float) -> int:
    return math.floor(moment / (rhythm.period_days * _DAY) - unit(seed, qpu, rhythm.name, "phase"))


@lru_cache(maxsize=4096)  # every moment of a period asks for the same episode
def _episode(seed: int, qpu: str, rhythm: Rhythm, number: int) -> Episode | None:
    key = (seed, qpu, rhythm.name)
    if unit(*key, number, "chance") >= rhythm.chance:
        return None
    # At 30 to 50 % of the period, so that it still begins within the period after the move to its hour.
    part = number + between(0.3, 0.5, *key, number, "part")
    day = math.floor((part + unit(*key, "phase")) * rhythm.period_days) * _DAY
    start = day + between(*rhythm.hours, *key, number, "hour") * _HOUR
    # Squared, so that short episodes are common and long ones rare.
    weight = unit(*key, number, "length") ** 2
    length = (rhythm.shortest_hours + (rhythm.longest_hours - rhythm.shortest_hours) * weight) * _HOUR
    begin = round(start / _STEP) * _STEP
    return Episode(begin, begin + max(_STEP, round(length / _STEP) * _STEP), unit(*key, number, "draw"))


def around(seed: int, qpu: str, rhythm: Rhythm, moment: float) -> Iterator[Episode]:
    """Yield the episodes of the next, this and the last period."""
    number = _period(seed, qpu, rhythm, moment)
    episodes = (_episode(seed, qpu, rhythm, candidate) for candidate in (number + 1, number, number - 1))
    return (episode for episode in episodes if episode is not None)


def recent(seed: int, qpu: str, rhythm: Rhythm, moment: float) -> Iterator[Episode]:
    """Yield the episodes of this and the last period that have begun by `moment`, newest first."""
    number = _period(seed, qpu, rhythm, moment)
    for candidate in (number, number - 1):
        episode = _episode(seed, qpu, rhythm, candidate)
        if episode is not None and episode.start <= moment:
            yield episode


def current(seed: int, qpu: str, rhythm: Rhythm, moment: float) -> Episode | None:
    """Return the episode at a moment, if there is one."""
    return next((one for one in recent(seed, qpu, rhythm, moment) if moment < one.end), None)
