"""One exporter and one upstream for each module; every test finds the upstream as new."""

from collections.abc import Iterator

import pytest

from tests.support.exporter_process import DEVELOPMENT_MODE, ExporterProcess
from tests.support.upstream import Upstream


@pytest.fixture(scope="module")
def flags() -> tuple[str, ...]:
    """Flags of the module's exporter; a module that needs others has a fixture of this name."""
    return ()


@pytest.fixture(scope="module")
def shared_upstream() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def exporter(shared_upstream: Upstream, flags: tuple[str, ...]) -> Iterator[ExporterProcess]:
    with ExporterProcess(shared_upstream.url, *flags, python_flags=DEVELOPMENT_MODE) as exporter:
        yield exporter


@pytest.fixture
def upstream(shared_upstream: Upstream) -> Upstream:
    """The module's upstream, with no connection, no record and its usual answer."""
    shared_upstream.reset()
    return shared_upstream
