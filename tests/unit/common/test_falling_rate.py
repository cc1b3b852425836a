from exporter.common.falling_rate import MAX_KINDS, FallingRate
from tests.support.clock import Clock


def test_the_number_of_kinds_logged_at_once_is_bounded(clock: Clock) -> None:
    rate = FallingRate(clock)
    logged = sum(rate.should_log(f"kind {number}") for number in range(10_000))
    assert logged == MAX_KINDS


def test_more_kinds_than_that_are_logged_at_the_falling_rate(clock: Clock) -> None:
    rate = FallingRate(clock)
    for number in range(MAX_KINDS):
        assert rate.should_log(number)
    assert not rate.should_log("one more")
    clock.now += 60
    assert rate.should_log("one more")
    assert not rate.should_log("one more")


def test_an_hour_without_events_starts_afresh(clock: Clock) -> None:
    rate = FallingRate(clock)
    for number in range(MAX_KINDS):
        rate.should_log(number)
    clock.now += 3601
    assert rate.should_log("one more")
    assert rate.should_log(0)
