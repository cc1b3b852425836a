"""Years of history and what is scraped today, as one series in a real Prometheus."""

import contextlib
import math
import re
import shlex
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from exporter.commands.backfill.command import FIRST_SCRAPE
from exporter.common.times import format_time, parse_time
from exporter.metrics.characterizations import HISTORY_FAMILIES
from exporter.simulator import Fleet, Simulator
from tests.support.backfill import DAY, SimulatedHistory
from tests.support.exporter_process import ExporterProcess, run_exporter
from tests.support.prometheus import Prometheus, eventually, running_prometheus
from tests.support.tools import require_tool

HOUR = 3600
BACKEND = "qpu.forte-1"
LOOKBACK = 300
FORTE = f'{{backend="{BACKEND}"}}'
FIDELITY = f'ionq_backend_fidelity_ratio{{backend="{BACKEND}",operation="2q"}}'


@dataclass(frozen=True)
class Past:
    """A Prometheus with a backfill of some years that scrapes on, and what the simulator published."""

    prometheus: Prometheus
    records: SimulatedHistory
    first_sample: int
    last_sample: int

    def told(self, moment: float | None = None, expression: str = FIDELITY) -> list[float]:
        """Return what an instant query finds, at a moment or now."""
        return [value for _, value in self.prometheus.query(expression, at=moment)]

    def published(self, moment: float) -> list[float]:
        """Return what the record in force at a moment says."""
        fidelity = self.records.fidelity(moment)
        return [] if fidelity is None else [fidelity]


def quiet_simulation(now: float) -> tuple[int, SimulatedHistory]:
    """Return the seed of a fleet whose machine publishes nothing within a day of now, and what it does.

    Between two scrapes, or two questions of a test, nothing then changes.
    """
    for seed in count(1):
        history = SimulatedHistory.of(BACKEND, now + DAY, seed)
        two_years_ago = {history.fidelity(now - (2 * 365 + days) * DAY) for days in range(-5, 5)}
        if max(history.by_date) < now - DAY and history.fidelity(now) not in two_years_ago:
            return seed, history
    raise AssertionError


@contextlib.contextmanager
def simulator(seed: int) -> Iterator[str]:
    """Run the simulator in a thread, and yield the URL of its API."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Simulator(Fleet(seed))) as running,
    ):
        yield running.url


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    program, promtool = (require_tool(name, package="prometheus") for name in ("prometheus", "promtool"))
    folder = tmp_path_factory.mktemp("past")
    with contextlib.ExitStack() as stack:
        now = time.time()
        seed, records = quiet_simulation(now)
        api_url = stack.enter_context(simulator(seed))
        exporter = stack.enter_context(ExporterProcess(api_url, characterizations=True))
        target = httpx.URL(exporter.urls[0])
        start = now - 3 * 365 * DAY
        told = backfill(api_url, folder, start, job="ionq", instance=target.netloc.decode())
        # Where the Prometheus of the tests keeps its data.
        load = told.splitlines()[-1].replace("DIRECTORY", shlex.quote(str(folder / "prometheus")))
        subprocess.run([promtool, *shlex.split(load)[1:]], check=True, capture_output=True, timeout=60)
        prometheus = stack.enter_context(
            running_prometheus(that_keeps_years(program, folder), target, folder)
        )
        eventually(lambda: prometheus.query(FIDELITY))
        (end,) = re.findall(r" to (\S+), as ", told)
        # Nothing counts at the end itself.
        last_sample = (int(parse_time(end)) - 1) // HOUR * HOUR
        yield Past(prometheus, records, -(-int(start) // HOUR) * HOUR, last_sample)


def backfill(api_url: str, folder: Path, start: float, **labels: str) -> str:
    """Run the command, and return what it tells."""
    ended = run_exporter(
        "backfill",
        f"--ionq.api-url={api_url}",
        f"--output={folder / 'history.openmetrics'}",
        f"--backend={BACKEND}",
        f"--start={format_time(start)}",
        "--requests-per-second=10",
        *(f"--label={name}={value}" for name, value in labels.items()),
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def that_keeps_years(program: str, folder: Path) -> str:
    """Return a Prometheus as the summary says that it must be started."""
    script = folder / "prometheus.sh"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(program)} --storage.tsdb.retention.time=10y "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return str(script)


def test_one_query_tells_the_fidelity_of_two_years_ago_and_of_now(past: Past) -> None:
    two_years_ago = past.last_sample - 2 * 365 * DAY
    assert past.told(two_years_ago) == past.published(two_years_ago) != []
    assert past.told() == past.published(time.time()) != past.told(two_years_ago)


def test_the_years_are_one_series_with_the_value_of_each_time(past: Past) -> None:
    start = past.last_sample - 3 * 365 * DAY + 2 * DAY
    ((_, values),) = past.prometheus.range(FIDELITY, start, past.last_sample, 6 * HOUR)
    assert values == {
        moment: fidelity
        for moment in range(start, past.last_sample + 1, 6 * HOUR)
        for fidelity in past.published(moment)
    }
    assert len(set(values.values())) > 50


def test_history_and_scrapes_are_one_series_across_the_seam(past: Past) -> None:
    now = math.ceil(time.time())
    ((_, values),) = past.prometheus.range(FIDELITY, now - 48 * HOUR, now, 60)
    until = past.last_sample + LOOKBACK
    history = {moment: value for moment, value in values.items() if moment <= until}
    assert history == {
        moment: past.records.fidelity(moment - moment % HOUR)
        for moment in range(now - 48 * HOUR, until + 1, 60)
        # Prometheus looks for a sample five minutes back.
        if moment % HOUR <= LOOKBACK
    }
    scraped = {moment: value for moment, value in values.items() if moment > until}
    assert min(scraped) > past.last_sample + 3 * HOUR, "nothing is between them"
    assert [scraped[now]] == past.published(now)


def test_every_metric_of_the_history_has_the_labels_of_the_one_that_is_scraped(past: Past) -> None:
    def labels(name: str, at: float | None = None) -> set[frozenset[tuple[str, str]]]:
        return {frozenset(labels.items()) for labels, _ in past.prometheus.query(name + FORTE, at=at)}

    for metric in HISTORY_FAMILIES:
        assert labels(metric.name, past.last_sample) == labels(metric.name) != set(), metric.name


def test_the_query_that_is_told_finds_the_first_sample_as_a_time_to_end_at(past: Past) -> None:
    asked_at = past.first_sample + 200 * DAY + 1234
    assert past.told(asked_at, FIRST_SCRAPE) == [past.first_sample]


def test_between_full_hours_the_last_value_of_an_hour_is_the_value(past: Past) -> None:
    moment = past.last_sample - 100 * DAY - HOUR // 2
    assert past.told(moment) == []
    assert past.told(moment, f"last_over_time({FIDELITY}[1h])") == past.published(moment) != []


def test_the_gap_before_the_first_scrape_is_bridged_by_as_much_as_a_query_looks_back(past: Past) -> None:
    for hours in (1, 2):
        expression = f"last_over_time({FIDELITY}[{hours}h])"
        edge = past.last_sample + hours * HOUR
        assert past.told(edge - 1, expression) == past.published(past.last_sample)
        assert past.told(edge + 1, expression) == []
    now = math.ceil(time.time())
    bridged = past.prometheus.range(f"last_over_time({FIDELITY}[5h])", past.last_sample, now, 60)
    assert [len(values) for _, values in bridged] == [(now - past.last_sample) // 60 + 1]
