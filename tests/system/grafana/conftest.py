import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from grafana.demo_data.blocks import write_blocks
from grafana.demo_data.history import DAY_SECONDS, live
from grafana.demo_data.past import write_past
from tests.support.tools import require_tool
from tests.system.grafana.prometheus import (
    DAYS,
    END,
    PAST_DAYS,
    PAST_STEP_SECONDS,
    SCRAPE_SECONDS,
    Prometheus,
    prometheus_over,
)
from tests.system.grafana.scenes import write_scenes


@pytest.fixture(scope="session")
def program() -> str:
    return require_tool("prometheus", package="prometheus")


@pytest.fixture(scope="session")
def promtool() -> str:
    return require_tool("promtool", package="prometheus")


@pytest.fixture(scope="session")
def prometheus(
    program: str, promtool: str, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[Prometheus]:
    """A Prometheus that scraped two exporters for eight days, after a backfill of the year before."""
    own = tmp_path_factory.mktemp("prometheus") / "data"
    # It takes half a minute, so one of pytest's workers writes it and each takes a copy.
    folder = tmp_path_factory.getbasetemp()
    shared = (folder if worker_id == "master" else folder.parent) / "grafana"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "complete").exists():
            shutil.rmtree(shared / "data", ignore_errors=True)
            _write_data(shared / "data", promtool)
            (shared / "complete").touch()
    shutil.copytree(shared / "data", own)
    with prometheus_over(program, own) as running:
        yield running


def _write_data(data: Path, promtool: str) -> None:
    begin = END - DAYS * DAY_SECONDS
    write_past(data, promtool, begin=END - PAST_DAYS * DAY_SECONDS, end=begin, step_seconds=PAST_STEP_SECONDS)
    write_blocks(live(END, days=DAYS, step_seconds=SCRAPE_SECONDS), data, promtool)


@pytest.fixture(scope="session")
def scenes(program: str, promtool: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus with the moments that were written by hand."""
    data = tmp_path_factory.mktemp("scenes") / "data"
    write_scenes(data, promtool)
    with prometheus_over(program, data) as running:
        yield running
