"""On an event loop whose clock jumps from timer to timer, so that no test waits."""

import asyncio
import gc
import selectors
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from exporter.common.errors import InvalidJSONError
from exporter.common.single_flight import SingleFlight

pytestmark = pytest.mark.anyio


class JumpingSelector(selectors.DefaultSelector):
    """Moves the clock to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            pytest.fail("all tasks wait, and no timer is set")
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


class Read:
    """Returns its number after some seconds, or raises."""

    def __init__(self, seconds: float = 1.0, error: Exception | None = None) -> None:
        self.seconds = seconds
        self.error = error
        self.calls = 0
        self.ended = 0
        self.most_at_once = 0

    async def __call__(self) -> int:
        self.calls += 1
        number, error = self.calls, self.error
        self.most_at_once = max(self.most_at_once, self.calls - self.ended)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.ended += 1
        if error:
            raise error
        return number


async def wait_for(
    shared: SingleFlight[int], read: Callable[[], Awaitable[int]], *, seconds: float = 60, after: float = 0
) -> tuple[object, object]:
    """Wait for a call so long, and return its result, or the type of its error, and how long that took."""
    await asyncio.sleep(after)
    started = asyncio.get_running_loop().time()
    result: object
    try:
        async with asyncio.timeout(seconds):
            result = await shared(read)
    except (TimeoutError, InvalidJSONError) as error:
        result = type(error)
    return result, pytest.approx(asyncio.get_running_loop().time() - started)


@pytest.fixture
def shared() -> SingleFlight[int]:
    return SingleFlight()


async def test_a_call_returns_what_the_function_returns(shared: SingleFlight[int]) -> None:
    assert await wait_for(shared, Read()) == (1, 1)


async def test_callers_that_come_while_a_call_is_under_way_share_it(shared: SingleFlight[int]) -> None:
    read = Read(seconds=2)
    results = await asyncio.gather(*(wait_for(shared, read, after=delay) for delay in (0, 0, 0.5, 1.9)))
    assert results == [(1, 2), (1, 2), (1, 1.5), (1, 0.1)]
    assert read.calls == 1


async def test_a_caller_that_comes_after_the_end_of_a_call_starts_a_new_one(
    shared: SingleFlight[int],
) -> None:
    read = Read()
    assert not shared.under_way
    assert await wait_for(shared, read) == (1, 1)
    assert not shared.under_way
    assert await wait_for(shared, read) == (2, 1)


async def test_each_caller_bounds_its_own_waiting(shared: SingleFlight[int]) -> None:
    read = Read(seconds=4)
    results = await asyncio.gather(*(wait_for(shared, read, seconds=seconds) for seconds in (1, 5, 2)))
    assert results == [(TimeoutError, 1), (1, 4), (TimeoutError, 2)]
    assert read.calls == 1


async def test_a_call_that_nobody_waits_for_runs_to_its_end_and_serves_the_next_caller(
    shared: SingleFlight[int],
) -> None:
    read = Read(seconds=4)
    assert await wait_for(shared, read, seconds=1) == (TimeoutError, 1)
    assert shared.under_way
    assert await wait_for(shared, read, after=2) == (1, 1)
    assert read.calls == 1


@pytest.mark.parametrize("seconds", [-1, 0, 0.002, 0.3])
async def test_impatient_callers_never_start_more_than_one_call_at_once(
    shared: SingleFlight[int], seconds: float
) -> None:
    read = Read(seconds=4)
    for _ in range(500):
        await wait_for(shared, read, seconds=seconds, after=0.01)
    elapsed = asyncio.get_running_loop().time()
    assert read.most_at_once == 1
    assert read.calls <= 1 + elapsed / read.seconds


async def test_a_call_that_times_out_is_a_timeout_for_its_first_caller(shared: SingleFlight[int]) -> None:
    read = Read(error=TimeoutError())
    assert await wait_for(shared, read) == (TimeoutError, 1)
    assert read.calls == 1


async def test_callers_that_shared_a_call_that_timed_out_share_a_new_one(shared: SingleFlight[int]) -> None:
    read = Read(seconds=10, error=TimeoutError())
    first = asyncio.create_task(wait_for(shared, read))
    late = [asyncio.create_task(wait_for(shared, read, after=7)) for _ in range(3)]
    await asyncio.sleep(9)
    read.error, read.seconds = None, 2
    assert await first == (TimeoutError, 10)
    assert await asyncio.gather(*late) == [(2, 5)] * 3
    assert read.calls == 2


async def test_a_failure_reaches_every_caller(shared: SingleFlight[int]) -> None:
    read = Read(error=InvalidJSONError("not JSON"))
    results = await asyncio.gather(*(wait_for(shared, read) for _ in range(3)))
    assert results == [(InvalidJSONError, 1)] * 3
    assert read.calls == 1


async def test_a_failure_is_not_kept_for_later_callers(shared: SingleFlight[int]) -> None:
    read = Read(error=InvalidJSONError("not JSON"))
    assert await wait_for(shared, read) == (InvalidJSONError, 1)
    read.error = None
    assert await wait_for(shared, read) == (2, 1)


async def test_a_cancelled_caller_takes_nothing_from_the_others(shared: SingleFlight[int]) -> None:
    read = Read(seconds=4)
    cancelled, patient = (asyncio.create_task(wait_for(shared, read)) for _ in range(2))
    await asyncio.sleep(1)
    cancelled.cancel()
    assert await patient == (1, 4)
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert read.calls == 1


async def test_closing_ends_a_call_that_nobody_waits_for(shared: SingleFlight[int]) -> None:
    read = Read(seconds=4)
    await wait_for(shared, read, seconds=1)
    started = asyncio.get_running_loop().time()
    await shared.aclose()
    assert asyncio.get_running_loop().time() == started
    assert read.ended == 1
    assert not shared.under_way


async def test_closing_waits_until_a_call_has_cleaned_up(shared: SingleFlight[int]) -> None:
    ended = asyncio.Event()

    async def clean_up() -> int:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(3)  # as closing a connection may
            ended.set()
        return 1

    await wait_for(shared, clean_up, seconds=1)
    await shared.aclose()
    assert ended.is_set()


async def test_closing_without_a_call_does_nothing(shared: SingleFlight[int]) -> None:
    await shared.aclose()
    await wait_for(shared, Read())
    await shared.aclose()


@pytest.mark.parametrize("others", [0, 1])
async def test_asyncio_logs_no_failure_of_a_call_that_was_given_up(others: int) -> None:
    reports: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    usual = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: reports.append(context))
    shared: SingleFlight[int] = SingleFlight()
    read = Read(seconds=4, error=InvalidJSONError("not JSON"))
    try:
        results = await asyncio.gather(
            wait_for(shared, read, seconds=1), *(wait_for(shared, read) for _ in range(others))
        )
        await asyncio.sleep(4)
        del shared
        gc.collect()
        await asyncio.sleep(0)
    finally:
        loop.set_exception_handler(usual)
    assert results == [(TimeoutError, 1), *[(InvalidJSONError, 4)] * others]
    assert reports == []
