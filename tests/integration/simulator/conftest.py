from collections.abc import AsyncIterator

import httpx
import pytest

from exporter.simulator import Fleet, Simulator
from tests.support.simulator import NOW, Naps, Stopwatch, http_client


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def naps() -> Naps:
    return Naps()


@pytest.fixture
async def simulator(
    anyio_backend: str,  # noqa: ARG001  # anyio runs the fixture on it
    stopwatch: Stopwatch,
    naps: Naps,
) -> AsyncIterator[Simulator]:
    async with Simulator(Fleet(1), clock=lambda: NOW, monotonic=stopwatch, sleep=naps) as running:
        yield running


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(simulator.url) as open_client:
        yield open_client
