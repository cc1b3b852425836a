"""The token bucket."""

from exporter.server.web_config.rate_limit import RateLimiter
from exporter.server.web_config.settings import RateLimit


def test_a_burst_passes_at_once_and_then_one_request_for_each_interval() -> None:
    now = 0.0
    limiter = RateLimiter(RateLimit(interval_seconds=2.0, burst=3), clock=lambda: now)
    assert [limiter.wait_seconds() for _ in range(4)] == [0, 0, 0, 2]
    now = 1.5
    assert limiter.wait_seconds() == 0.5
    now = 2.0
    assert [limiter.wait_seconds() for _ in range(2)] == [0, 2]


def test_a_long_pause_fills_the_bucket_to_its_burst_and_no_further() -> None:
    now = 0.0
    limiter = RateLimiter(RateLimit(interval_seconds=1.0, burst=2), clock=lambda: now)
    now = 1000.0
    assert [limiter.wait_seconds() for _ in range(3)] == [0, 0, 1]
