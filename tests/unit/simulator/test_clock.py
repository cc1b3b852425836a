from datetime import UTC, datetime, timedelta

import pytest

from exporter.simulator import simulated_clock, utc_now
from tests.support.clock import Clock
from tests.support.simulator import NOW


def test_a_simulated_clock_runs_faster_than_real_time(clock: Clock) -> None:
    simulated = simulated_clock(60, start=NOW, monotonic=clock)
    assert simulated() == NOW
    clock.now += 90
    assert simulated() == NOW + timedelta(minutes=90)


def test_a_simulated_clock_starts_at_the_real_time(clock: Clock) -> None:
    before = utc_now()
    assert before <= simulated_clock(monotonic=clock)() <= datetime.now(UTC)


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf"), 1_000_001])
def test_a_speed_out_of_range_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="speed must be above 0"):
        simulated_clock(speed)
