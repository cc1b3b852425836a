import pytest

from tests.support.simulator import Stopwatch


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()
