"""The best hour of the day: named where there is one, and not where there is none."""

import math
import random
from collections.abc import Iterator

import pytest

from grafana.demo_data.blocks import create_blocks
from tests.support.dashboards import QUERIES
from tests.system.grafana.prometheus import END, Prometheus, prometheus_over

DAY = 86400
DAYS = 14
STEP_SECONDS = 600
SEEDS = 100
SWING = 0.4
NO_PATTERN = "no pattern"

Waits = Iterator[tuple[int, float]]


def waits(seed: int, swing: float) -> Waits:
    """Yield two weeks of waits that wander by a quarter over days and jitter by a tenth.

    The swing is the difference between peak and trough; the trough is at the hour `seed % 24`.
    """
    source = random.Random(seed)  # noqa: S311  # not for secrets
    memory = math.exp(-STEP_SECONDS / (2 * DAY))
    wandering = source.gauss(0, 1)
    for moment in range(END - DAYS * DAY, END + 1, STEP_SECONDS):
        wandering = memory * wandering + math.sqrt(1 - memory**2) * source.gauss(0, 1)
        hours = moment % DAY / 3600 - 0.5 - seed % 24
        rhythm = 1 - swing / 2 * math.cos(math.tau * hours / 24)
        yield moment, 3600 * rhythm * math.exp(0.25 * wandering + source.gauss(0, 0.1))


def with_breaks(seed: int) -> Waits:
    """Yield waits without a pattern of a backend that is not available, with a wait of 0, two hours a day."""
    for moment, seconds in waits(seed, 0):
        yield moment, 0 if (moment // 3600 - seed) % 24 < 2 else seconds


def _lines() -> Iterator[str]:
    for seed in range(SEEDS):
        for name, series in (
            ("plain", waits(seed, 0)),
            ("swing", waits(seed, SWING)),
            ("breaks", with_breaks(seed) if seed < 24 else iter(())),
        ):
            for moment, seconds in series:
                labels = f'backend="{name}-{seed}"'
                yield f"ionq_backend_average_queue_time_seconds{{{labels}}} {seconds:.0f} {moment}\n"


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
    expression = query.expression.replace('backend="$backend"', f'backend=~"{name}-.+"')
    return {
        int(labels["backend"].partition("-")[2]): labels["hour"]
        for labels, _ in prometheus.instant(expression, moment)
    }


@pytest.mark.parametrize("days", [7, 14])
def test_weeks_without_a_pattern_name_an_hour_in_at_most_five_of_a_hundred_cases(
    seeded: Prometheus, days: int
) -> None:
    hours = best_hours(seeded, "plain", END - (DAYS - days) * DAY)
    assert len(hours) == SEEDS
    named = [hour for hour in hours.values() if hour != NO_PATTERN]
    print(f"{len(named)} of {SEEDS} without a pattern, {days} days")  # noqa: T201
    assert len(named) <= 5


@pytest.mark.parametrize("days", [7, 14])
def test_weeks_with_a_swing_of_40_percent_name_the_right_hour_in_at_least_ninety_of_a_hundred_cases(
    seeded: Prometheus, days: int
) -> None:
    hours = best_hours(seeded, "swing", END - (DAYS - days) * DAY)
    right = [
        seed
        for seed, hour in hours.items()
        if hour != NO_PATTERN and _apart(int(hour.removesuffix(":00 UTC")), seed % 24) <= 3
    ]
    print(f"{len(right)} of {SEEDS} with a swing, {days} days")  # noqa: T201
    assert len(right) >= 90


def test_a_break_of_each_day_is_not_the_best_hour(seeded: Prometheus) -> None:
    hours = best_hours(seeded, "breaks")
    assert len(hours) == 24
    assert list(hours.values()).count(NO_PATTERN) >= 22


def test_less_than_a_week_is_too_short_to_say(seeded: Prometheus) -> None:
    assert best_hours(seeded, "swing", END - 9 * DAY) == {}


def _apart(hour: int, other: int) -> int:
    return abs((hour - other + 12) % 24 - 12)
