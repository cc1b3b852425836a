"""Signals that end a backfill where it chooses."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from exporter.commands.backfill.stop_signals import EndedError, Ending

STATUSES = {signal.SIGINT: 130, signal.SIGTERM: 143}

pytestmark = pytest.mark.anyio


@pytest.fixture
def ending() -> Iterator[Ending]:
    before = {number: signal.getsignal(number) for number in STATUSES}
    ending = Ending()
    ending.listen()
    yield ending
    for number, handler in before.items():
        signal.signal(number, handler)


def test_without_a_signal_nothing_ends(ending: Ending) -> None:
    ending.check()


@pytest.mark.parametrize(("number", "status"), STATUSES.items())
def test_a_signal_disturbs_nothing_until_it_is_asked_for(
    ending: Ending, number: signal.Signals, status: int
) -> None:
    os.kill(os.getpid(), number)
    for _ in range(2):
        with pytest.raises(EndedError) as ended:
            ending.check()
        assert ended.value.status == status


@pytest.mark.parametrize(("number", "status"), STATUSES.items())
async def test_a_signal_ends_what_is_awaited(ending: Ending, number: signal.Signals, status: int) -> None:
    async def wait() -> None:
        with ending.cancelling():
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()

    with pytest.raises(EndedError) as ended:
        await asyncio.create_task(wait())
    assert ended.value.status == status


async def test_a_signal_that_came_before_ends_it_at_once(ending: Ending) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(EndedError), ending.cancelling():
        pytest.fail("it began")


async def test_a_signal_that_comes_afterwards_disturbs_nothing(ending: Ending) -> None:
    with ending.cancelling():
        await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(0)
    with pytest.raises(EndedError):
        ending.check()


async def test_who_is_cancelled_for_another_reason_is_cancelled(ending: Ending) -> None:
    async def wait() -> None:
        with ending.cancelling():
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
