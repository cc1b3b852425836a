"""The years before the exporters ran, filled in as `ionq-exporter backfill` does."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from exporter.commands.backfill.series import Timeline, write_history
from exporter.records.backends import Backend, parse_backends
from exporter.records.characterizations import Characterization, parse_characterizations
from exporter.simulator import Characterizations, Fleet, Span
from grafana.demo_data.blocks import create_blocks
from grafana.demo_data.history import DAY_SECONDS
from grafana.demo_data.scrapes import JOB
from grafana.demo_data.story import FIRST

YEARS = 3.0
STEP_SECONDS = 3 * 3600

_LONGEST_IN_FORCE = 30 * DAY_SECONDS
_ALL = 10_000
_BLOCK_HOURS = 13122  # the longer they are, the less often promtool reads its input


def write_past(
    directory: Path,
    promtool: str,
    *,
    begin: int,
    end: int,
    seed: int = 1,
    step_seconds: int = STEP_SECONDS,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Store what was in force between two Unix times. Raises CalledProcessError, or what ``check`` does."""
    directory.mkdir(parents=True, exist_ok=True)
    timelines = []
    for backend in _backends(seed, end):
        check()
        records = _records(seed, backend.name, begin, end)
        timelines.append(
            Timeline.of(backend.name, backend.location, records, start=begin, end=end, step=step_seconds)
        )
    text = directory / "past.openmetrics"
    with text.open("w", encoding="utf-8") as file:
        write_history(file, timelines, {"job": JOB, "instance": FIRST}, check)
    create_blocks(text, directory, promtool, hours=_BLOCK_HOURS)


def _backends(seed: int, end: int) -> Iterator[Backend]:
    backends = Fleet(seed).backends(datetime.fromtimestamp(end, UTC))
    for backend in parse_backends(json.dumps(backends).encode()).backends:
        if backend.characterization_id:
            yield backend


def _records(seed: int, backend: str, begin: int, end: int) -> tuple[Characterization, ...]:
    span = Span(start=begin - _LONGEST_IN_FORCE, limit=_ALL)
    page = Characterizations(seed).page(backend, datetime.fromtimestamp(end, UTC), span)
    body = json.dumps(page).encode()
    return parse_characterizations(body, backend, max_characterizations=_ALL).characterizations
