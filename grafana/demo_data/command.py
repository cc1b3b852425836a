"""Makes the data and says how to look at it: ``make demo-data``."""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from exporter.commands.signals import StoppedError, StopSignals
from grafana.demo_data.blocks import Sample, write_blocks
from grafana.demo_data.history import DAY_SECONDS, DAYS, STEP_SECONDS, live, scrape_times
from grafana.demo_data.past import YEARS, write_past
from grafana.demo_data.scrapes import JOB
from grafana.demo_data.story import FIRST

_YEAR_SECONDS = 365 * DAY_SECONDS
_RULES = Path(__file__).parents[2] / "deploy" / "prometheus"

_GUIDE = """\
{days:g} days of two exporters, until now, and before them {years:g} years of characterizations, are in
{folder}. Start Prometheus on them

  prometheus --config.file={folder}/prometheus.yml --storage.tsdb.path={folder}/data \\
    --storage.tsdb.retention.time=10y --web.listen-address=127.0.0.1:9090

and, in another terminal, the same backends for it to scrape

  make demo ARGS=--seed={seed}

Queries for http://127.0.0.1:9090: the wait for available QPUs, and how much of the week each was available

  sort(max by (backend) (ionq_backend_average_queue_time_seconds{{backend=~"qpu[.].+"}})
    and on (backend) ionq_backend_status{{status="available"}} == 1)
  avg_over_time(max by (backend) (ionq_backend_status{{backend=~"qpu[.].+", status="available"}})[7d:5m])
"""


def main() -> None:
    """Write a Prometheus data directory, and a configuration with which the data goes on."""
    parser = argparse.ArgumentParser(prog="make demo-data", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build/demo-data"))
    parser.add_argument("--days", type=float, default=DAYS, help="how long the data reaches back")
    parser.add_argument(
        "--years", type=float, default=YEARS, help="how long characterizations reach back before that"
    )
    parser.add_argument(
        "--step", type=int, default=STEP_SECONDS, help="seconds between two scrapes of the last day"
    )
    parser.add_argument("--seed", type=int, default=1, help="which fleet to simulate, as in `make demo`")
    given = parser.parse_args()
    promtool = shutil.which("promtool")
    if promtool is None:
        sys.exit("needs promtool, which comes with Prometheus: apt-get install prometheus")
    if given.folder.exists():
        sys.exit(f'there is a {given.folder} already: remove it, or name another with ARGS="FOLDER"')
    given.folder.parent.mkdir(parents=True, exist_ok=True)
    signals = StopSignals()
    # An interrupted run leaves nothing behind that the next one would find.
    with TemporaryDirectory(prefix=f".{given.folder.name}-", dir=given.folder.parent) as scratch:
        folder = Path(scratch, given.folder.name)
        try:
            try:
                _write(folder, given, promtool, signals.check)
            finally:
                signals.check()  # Ctrl+C ends promtool, too
        except StoppedError:
            sys.exit("interrupted: nothing was written")
        except subprocess.CalledProcessError as error:
            sys.exit(f"promtool ended with status {error.returncode}")
        folder.rename(given.folder)
    sys.stdout.write(_GUIDE.format(**vars(given)))


def _write(folder: Path, given: argparse.Namespace, promtool: str, check: Callable[[], None]) -> None:
    """Write the data, and the configuration with which it goes on.

    Raises StoppedError, or CalledProcessError.
    """
    data = folder / "data"
    start = int(time.time()) // given.step * given.step
    begin = start - round(given.days * DAY_SECONDS)
    click.echo("Years of characterizations", err=True)
    first = begin - round(given.years * _YEAR_SECONDS)
    write_past(data, promtool, begin=first, end=begin, seed=given.seed, check=check)
    times = tuple(scrape_times(start, days=given.days, step_seconds=given.step))
    samples = live(start, seed=given.seed, days=given.days, step_seconds=given.step, clock=time.time)
    with click.progressbar(samples, len(times), "Days of scrapes", file=sys.stderr) as progress:
        write_blocks(_checked(progress, check), data, promtool)
    (folder / "prometheus.yml").write_text(json.dumps(_configuration(), indent=2) + "\n", "utf-8")


def _checked(samples: Iterable[Sample], check: Callable[[], None]) -> Iterator[Sample]:
    for sample in samples:
        check()
        yield sample


def _configuration() -> dict[str, object]:
    """Return a Prometheus configuration; JSON is YAML, too."""
    return {
        "global": {"scrape_interval": "30s", "evaluation_interval": "30s"},
        "rule_files": [str(_RULES / name) for name in ("recording.yml", "alerts.yml")],
        "scrape_configs": [{"job_name": JOB, "static_configs": [{"targets": [FIRST]}]}],
    }
