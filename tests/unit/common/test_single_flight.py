"""On an event loop whose clock stands still until there is nothing left to do, then jumps: no test waits."""

import asyncio
import gc
import selectors
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from exporter.common.errors import InvalidJSONError
from exporter.common.single_flight import SingleFlight

pytestmark = pytest.mark.anyio

LIFETIME = 10.0


class JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting for a timer, makes it so that the time has come."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            pytest.fail("everything waits for something that nobody will do")
        self.now += max(timeout, 0)
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.selector = JumpingSelector()
        super().__init__(self.selector)

    def time(self) -> float:
        return self.selector.now


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualTimeLoop}


class Upstream:
    """Answers each call with its number, after some seconds, or with an error."""

    def __init__(self, seconds: float = 1.0, error: Exception | None = None) -> None:
        self.seconds = seconds
        self.error = error
        self.calls = 0
        self.cancelled = 0

    async def __call__(self) -> int:
        self.calls += 1
        number = self.calls
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error:
            raise self.error
        return number


def now() -> float:
    return asyncio.get_running_loop().time()


async def after(seconds: float, function: Callable[[], Awaitable[int]]) -> int:
    await asyncio.sleep(seconds)
    return await function()


async def outcome_and_time(awaitable: Awaitable[int]) -> tuple[object, object]:
    """Await a call, and return its result, or the type of its error, and how long that took."""
    started = now()
    try:
        return await awaitable, now() - started
    except (TimeoutError, InvalidJSONError) as error:
        return type(error), now() - started


async def test_one_call_returns_what_the_function_returns() -> None:
    shared = SingleFlight(Upstream(), LIFETIME)
    assert await outcome_and_time(shared(5)) == (1, pytest.approx(1))


async def test_calls_that_come_while_one_is_under_way_share_it() -> None:
    upstream = Upstream(seconds=2)
    shared = SingleFlight(upstream, LIFETIME)
    results = await asyncio.gather(
        *(outcome_and_time(after(delay, lambda: shared(5))) for delay in (0, 0, 0.5, 1.9))
    )
    assert [result for result, _ in results] == [1, 1, 1, 1]
    assert [seconds for _, seconds in results] == pytest.approx([2, 2, 2, 2])
    assert upstream.calls == 1


async def test_a_call_that_comes_after_the_end_of_another_is_its_own() -> None:
    upstream = Upstream()
    shared = SingleFlight(upstream, LIFETIME)
    assert await shared(5) == 1
    assert await shared(5) == 2
    assert upstream.calls == 2


async def test_each_caller_keeps_its_own_deadline() -> None:
    upstream = Upstream(seconds=4)
    shared = SingleFlight(upstream, LIFETIME)
    results = await asyncio.gather(*(outcome_and_time(shared(budget)) for budget in (1, 5, 2)))
    assert results == [
        (TimeoutError, pytest.approx(1)),
        (1, pytest.approx(4)),
        (TimeoutError, pytest.approx(2)),
    ]
    assert upstream.calls == 1
    assert upstream.cancelled == 0


async def test_the_deadline_of_who_joins_late_counts_from_when_it_joined() -> None:
    shared = SingleFlight(Upstream(seconds=4), LIFETIME)
    first = asyncio.create_task(outcome_and_time(shared(10)))
    await asyncio.sleep(3)
    assert await outcome_and_time(shared(0.5)) == (TimeoutError, pytest.approx(0.5))
    assert await first == (1, pytest.approx(4))


async def test_the_call_outlives_the_caller_that_began_it() -> None:
    upstream = Upstream(seconds=4)
    shared = SingleFlight(upstream, LIFETIME)
    first, second = await asyncio.gather(
        outcome_and_time(shared(1)), outcome_and_time(after(0.5, lambda: shared(5)))
    )
    assert first == (TimeoutError, pytest.approx(1))
    assert second == (1, pytest.approx(4))
    assert upstream.calls == 1


async def test_the_call_ends_once_nobody_waits_for_it() -> None:
    upstream = Upstream(seconds=4)
    shared = SingleFlight(upstream, LIFETIME)
    await asyncio.gather(outcome_and_time(shared(1)), outcome_and_time(shared(2)))
    await asyncio.sleep(0)
    assert upstream.cancelled == 1


async def test_the_next_caller_does_not_join_a_call_that_was_given_up() -> None:
    upstream = Upstream(seconds=4)
    shared = SingleFlight(upstream, LIFETIME)
    first, second = await asyncio.gather(
        outcome_and_time(shared(1)), outcome_and_time(after(1, lambda: shared(5)))
    )
    assert first == (TimeoutError, pytest.approx(1))
    assert second == (2, pytest.approx(5))
    assert upstream.cancelled == 1


async def test_a_call_that_takes_its_time_to_end_holds_up_nobody() -> None:
    ended = asyncio.Event()
    calls = 0

    async def slow_to_end() -> int:
        nonlocal calls
        calls += 1
        if calls == 1:
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(3)  # as closing a connection may
                ended.set()
        return calls

    shared = SingleFlight(slow_to_end, LIFETIME)
    assert await outcome_and_time(shared(1)) == (TimeoutError, pytest.approx(1))
    assert await outcome_and_time(shared(1)) == (2, pytest.approx(0))
    assert not ended.is_set()
    await ended.wait()


async def test_a_call_lasts_no_longer_than_its_lifetime() -> None:
    upstream = Upstream(seconds=60)
    shared = SingleFlight(upstream, LIFETIME)
    assert await outcome_and_time(shared(30)) == (TimeoutError, pytest.approx(LIFETIME))
    assert upstream.calls == 1
    assert upstream.cancelled == 1


async def test_who_joined_late_spends_what_time_it_has_left_on_a_call_of_its_own() -> None:
    upstream = Upstream(seconds=60)
    shared = SingleFlight(upstream, LIFETIME)
    first = asyncio.create_task(outcome_and_time(shared(LIFETIME + 1)))
    await asyncio.sleep(7)
    late = [asyncio.create_task(outcome_and_time(shared(8))) for _ in range(3)]
    assert await first == (TimeoutError, pytest.approx(LIFETIME))
    assert await asyncio.gather(*late) == [(TimeoutError, pytest.approx(8))] * 3
    assert upstream.calls == 2


async def test_a_second_call_for_who_joined_late_answers_all_of_them() -> None:
    upstream = Upstream(seconds=60)
    shared = SingleFlight(upstream, LIFETIME)
    first = asyncio.create_task(outcome_and_time(shared(LIFETIME)))
    await asyncio.sleep(7)
    upstream.seconds = 2
    late = [asyncio.create_task(outcome_and_time(shared(8))) for _ in range(3)]
    assert await asyncio.gather(*late) == [(2, pytest.approx(5))] * 3
    assert await first == (TimeoutError, pytest.approx(LIFETIME))
    assert upstream.calls == 2


async def test_a_failure_is_everybodys() -> None:
    upstream = Upstream(error=InvalidJSONError("not JSON"))
    shared = SingleFlight(upstream, LIFETIME)
    results = await asyncio.gather(*(outcome_and_time(shared(5)) for _ in range(3)))
    assert results == [(InvalidJSONError, pytest.approx(1))] * 3
    assert upstream.calls == 1


async def test_a_failure_is_not_kept_for_later_callers() -> None:
    upstream = Upstream(error=InvalidJSONError("not JSON"))
    shared = SingleFlight(upstream, LIFETIME)
    await outcome_and_time(shared(5))
    upstream.error = None
    assert await shared(5) == 2


@pytest.mark.parametrize("budget", [0, -1])
async def test_a_caller_without_time_gets_a_timeout_and_leaves_nothing_running(budget: float) -> None:
    upstream = Upstream()
    shared = SingleFlight(upstream, LIFETIME)
    assert await outcome_and_time(shared(budget)) == (TimeoutError, pytest.approx(0))
    await asyncio.sleep(2)
    assert upstream.calls == upstream.cancelled


async def test_a_caller_that_is_cancelled_takes_nothing_from_the_others() -> None:
    upstream = Upstream(seconds=4)
    shared = SingleFlight(upstream, LIFETIME)
    cancelled = asyncio.create_task(shared(5))
    patient = asyncio.create_task(shared(5))
    await asyncio.sleep(1)
    cancelled.cancel()
    assert await patient == 1
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert upstream.calls == 1


async def test_a_failure_after_everybody_gave_up_is_reported_nowhere() -> None:
    reports: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    usual = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: reports.append(context))

    async def fail_at_the_end() -> int:
        try:
            await asyncio.sleep(60)
        finally:
            raise InvalidJSONError("half an answer")

    try:
        shared = SingleFlight(fail_at_the_end, LIFETIME)
        await outcome_and_time(shared(1))
        await asyncio.sleep(1)
        del shared
        gc.collect()
    finally:
        loop.set_exception_handler(usual)
    assert reports == []


async def test_a_failure_after_one_caller_gave_up_is_reported_to_the_others_only() -> None:
    reports: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    usual = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: reports.append(context))
    try:
        shared = SingleFlight(Upstream(seconds=4, error=InvalidJSONError("not JSON")), LIFETIME)
        first, second = await asyncio.gather(outcome_and_time(shared(1)), outcome_and_time(shared(5)))
    finally:
        loop.set_exception_handler(usual)
    assert first == (TimeoutError, pytest.approx(1))
    assert second == (InvalidJSONError, pytest.approx(4))
    assert reports == []
