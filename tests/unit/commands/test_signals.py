"""Signals that stop a command at a safe point."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from exporter.commands.signals import StoppedError, StopSignals

STATUSES = {signal.SIGINT: 130, signal.SIGTERM: 143}

pytestmark = pytest.mark.anyio


@pytest.fixture
def stop_signals() -> Iterator[StopSignals]:
    before = {number: signal.getsignal(number) for number in STATUSES}
    yield StopSignals()
    for number, handler in before.items():
        signal.signal(number, handler)


def test_without_a_signal_nothing_stops(stop_signals: StopSignals) -> None:
    stop_signals.check()


@pytest.mark.parametrize(("number", "status"), STATUSES.items())
def test_a_signal_is_recorded_until_the_command_checks(
    stop_signals: StopSignals, number: signal.Signals, status: int
) -> None:
    os.kill(os.getpid(), number)
    for _ in range(2):
        with pytest.raises(StoppedError) as stopped:
            stop_signals.check()
        assert stopped.value.exit_code == status


@pytest.mark.parametrize(("number", "status"), STATUSES.items())
async def test_a_signal_cancels_what_is_awaited(
    stop_signals: StopSignals, number: signal.Signals, status: int
) -> None:
    async def wait() -> None:
        with stop_signals.cancelling():
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()

    with pytest.raises(StoppedError) as stopped:
        await asyncio.create_task(wait())
    assert stopped.value.exit_code == status


async def test_an_earlier_signal_stops_it_at_once(stop_signals: StopSignals) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(StoppedError), stop_signals.cancelling():
        pytest.fail("it began")


async def test_a_later_signal_cancels_nothing(stop_signals: StopSignals) -> None:
    with stop_signals.cancelling():
        await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(0)
    with pytest.raises(StoppedError):
        stop_signals.check()


async def test_a_cancellation_without_a_signal_passes_through(stop_signals: StopSignals) -> None:
    async def wait() -> None:
        with stop_signals.cancelling():
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
