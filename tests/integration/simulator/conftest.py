from collections.abc import AsyncIterator

import httpx
import pytest

from exporter.simulator import Fleet, Simulator
from tests.support.clock import Clock
from tests.support.simulator import NOW, HeldSleep, http_client


@pytest.fixture
def sleep() -> HeldSleep:
    return HeldSleep()


@pytest.fixture
async def simulator(
    anyio_backend: str,  # noqa: ARG001  # anyio runs the fixture on it
    clock: Clock,
    sleep: HeldSleep,
) -> AsyncIterator[Simulator]:
    async with Simulator(Fleet(1), clock=lambda: NOW, monotonic=clock, sleep=sleep) as running:
        yield running


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(simulator.url) as open_client:
        yield open_client
