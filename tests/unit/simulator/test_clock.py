from datetime import UTC, datetime, timedelta

import pytest

from exporter.simulator import simulated_clock, utc_now
from tests.support.simulator import NOW, Stopwatch


def test_a_simulated_clock_lives_so_many_seconds_per_real_second() -> None:
    stopwatch = Stopwatch()
    clock = simulated_clock(60, start=NOW, monotonic=stopwatch)
    assert clock() == NOW
    stopwatch.seconds += 90
    assert clock() == NOW + timedelta(minutes=90)


def test_a_simulated_clock_starts_at_the_real_present() -> None:
    before = utc_now()
    clock = simulated_clock(monotonic=Stopwatch())
    assert before <= clock() <= datetime.now(UTC)


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf"), 1_000_001])
def test_a_speed_that_no_calendar_survives_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="speed must be above 0"):
        simulated_clock(speed)
