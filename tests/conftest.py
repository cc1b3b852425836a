"""What all tests share."""

import pytest
from hypothesis import settings

from tests.support.clock import Clock

# The same examples each time, so that a red run stays red; `--hypothesis-profile=explore` looks further.
settings.register_profile("deterministic", derandomize=True, deadline=None, database=None)
# `make unit` tries fewer, to take seconds.
settings.register_profile("quick", derandomize=True, deadline=None, database=None, max_examples=10)
settings.register_profile("explore", deadline=None, max_examples=5_000)
settings.load_profile("deterministic")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run asynchronous tests on the event loop that the exporter runs on."""
    return "asyncio"


@pytest.fixture
def clock() -> Clock:
    """Hand out a clock to whatever wants to know the time."""
    return Clock()
