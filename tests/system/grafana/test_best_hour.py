"""The best hour of the day: named where there is one, and not where there is none."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from grafana.demo_data.blocks import create_blocks
from tests.support.dashboards import QUERIES
from tests.system.grafana.prometheus import END, Prometheus, prometheus_over

DAY = 86400
DAYS = 14
STEP_SECONDS = 600
SEEDS = 100
NO_PATTERN = "no pattern"
WAIT = "ionq_backend_average_queue_time_seconds"


@dataclass(frozen=True)
class Noise:
    """How a wait varies, as standard deviations of its logarithm; and a swing to be found in it.

    A swing of 0.2 makes the wait 20 % shorter than the average in one hour, 20 % longer twelve hours later.
    """

    name: str
    wandering: float
    jitter: float
    swing: float

    def waits(self, seed: int, swing: float) -> Iterator[tuple[int, float]]:
        """Yield two weeks of waits that wander over days and jitter, shortest at the hour `seed % 24`."""
        source = random.Random(seed)  # noqa: S311  # not for secrets
        memory = math.exp(-STEP_SECONDS / (2 * DAY))
        wandering = source.gauss(0, 1)
        for moment in range(END - DAYS * DAY, END + 1, STEP_SECONDS):
            wandering = memory * wandering + math.sqrt(1 - memory**2) * source.gauss(0, 1)
            noise = self.wandering * wandering + self.jitter * source.gauss(0, 1)
            rhythm = 1 - swing * math.cos(math.tau * (moment % DAY / 3600 - seed % 24) / 24)
            yield moment, 3600 * rhythm * math.exp(noise)


# In the last two, one of 24 hours is 10 % below the average of all in nine of ten cases without a swing.
NOISES = (
    Noise("calm", wandering=0.25, jitter=0.1, swing=0.2),
    Noise("jumping", wandering=0, jitter=0.7, swing=0.2),
    Noise("wandering", wandering=1, jitter=0, swing=0.4),
)

each_noise = pytest.mark.parametrize("noise", NOISES, ids=lambda noise: noise.name)


def with_breaks(seed: int) -> Iterator[tuple[int, float]]:
    """Yield waits of a backend that is not available, with a wait of 0, for two hours of each day."""
    for moment, seconds in NOISES[0].waits(seed, 0):
        yield moment, 0 if (moment // 3600 - seed) % 24 < 2 else seconds


def _lines() -> Iterator[str]:
    for seed in range(SEEDS):
        series = {f"{noise.name}-plain": noise.waits(seed, 0) for noise in NOISES}
        series |= {f"{noise.name}-swing": noise.waits(seed, noise.swing) for noise in NOISES}
        if seed < 24:
            series["breaks"] = with_breaks(seed)
        for name, waits in series.items():
            for moment, seconds in waits:
                yield f'{WAIT}{{backend="{name}-{seed}"}} {seconds:.0f} {moment}\n'


@pytest.fixture(scope="module")
def seeded(program: str, promtool: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    data = tmp_path_factory.mktemp("waits") / "data"
    text = data.parent / "waits.openmetrics"
    with text.open("w", encoding="utf-8") as file:
        file.writelines(_lines())
        file.write("# EOF\n")
    create_blocks(text, data, promtool, hours=486)
    with prometheus_over(program, data) as running:
        yield running


def best_hours(prometheus: Prometheus, name: str, moment: int = END) -> dict[int, str]:
    """Ask the panel's query about all seeds at once."""
    (query,) = (one for one in QUERIES if str(one) == "ionq-backend: Best hour A")
    these = f'backend=~"{name}-.+"'
    expression = query.expression.replace('backend="$backend"', these)
    # The query leaves these to a join, which would be slow with the series of all noises.
    expression = expression.replace(f"({WAIT} > 0)", f"({WAIT}{{{these}}} > 0)")
    return {
        int(labels["backend"].rpartition("-")[2]): labels["hour"]
        for labels, _ in prometheus.instant(expression, moment)
    }


@each_noise
def test_two_weeks_without_a_pattern_name_an_hour_in_at_most_five_of_a_hundred_cases(
    seeded: Prometheus, noise: Noise
) -> None:
    hours = best_hours(seeded, f"{noise.name}-plain")
    assert len(hours) == SEEDS
    named = [hour for hour in hours.values() if hour != NO_PATTERN]
    print(f"{noise.name}: {len(named)} of {SEEDS} without a pattern")  # noqa: T201
    assert len(named) <= 5


@each_noise
def test_two_weeks_with_a_swing_name_the_right_hour_in_at_least_ninety_of_a_hundred_cases(
    seeded: Prometheus, noise: Noise
) -> None:
    hours = best_hours(seeded, f"{noise.name}-swing")
    assert len(hours) == SEEDS
    named = {seed: int(hour.removesuffix(":00 UTC")) for seed, hour in hours.items() if hour != NO_PATTERN}
    right = [seed for seed, hour in named.items() if _apart(hour, seed % 24) <= 3]
    print(f"{noise.name}: {len(right)} of {SEEDS} with a swing of {noise.swing:.0%}")  # noqa: T201
    assert len(right) >= 90


def test_a_break_of_each_day_is_not_the_best_hour(seeded: Prometheus) -> None:
    hours = best_hours(seeded, "breaks")
    assert len(hours) == 24
    assert set(hours.values()) == {NO_PATTERN}


def test_less_than_two_weeks_are_too_short_to_say(seeded: Prometheus) -> None:
    assert best_hours(seeded, "calm-swing", END - 2 * DAY) == {}


def _apart(hour: int, other: int) -> int:
    return abs((hour - other + 12) % 24 - 12)
