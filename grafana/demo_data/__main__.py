"""Makes the data and says how to look at it: ``make demo-data``."""

import argparse
import json
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from grafana.demo_data.blocks import write_blocks
from grafana.demo_data.history import DAY_SECONDS, DAYS, STEP_SECONDS, live
from grafana.demo_data.past import YEARS, write_past
from grafana.demo_data.scrapes import JOB
from grafana.demo_data.story import FIRST

_YEAR_SECONDS = 365 * DAY_SECONDS
_RULES = Path(__file__).parents[2] / "deploy" / "prometheus"

_GUIDE = """\
{days:g} days of two exporters, until {end:%Y-%m-%d %H:%M} UTC, and before them {years:g} years of
characterizations, are in {folder}. Look at them with

  prometheus --config.file={folder}/prometheus.yml --storage.tsdb.path={folder}/data \\
    --storage.tsdb.retention.time=10y --web.listen-address=127.0.0.1:9090

and, in another terminal, let the same backends live on: make demo
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
    end = int(time.time()) // given.step * given.step
    begin = end - round(given.days * DAY_SECONDS)
    samples = live(end, seed=given.seed, days=given.days, step_seconds=given.step)
    data = given.folder / "data"
    try:
        write_past(
            data, promtool, begin=begin - round(given.years * _YEAR_SECONDS), end=begin, seed=given.seed
        )
        write_blocks(samples, data, promtool)
    except subprocess.CalledProcessError as error:
        sys.exit(f"promtool ended with status {error.returncode}")
    (given.folder / "prometheus.yml").write_text(json.dumps(_configuration(), indent=2) + "\n", "utf-8")
    sys.stdout.write(
        _GUIDE.format(
            days=given.days, years=given.years, end=datetime.fromtimestamp(end, UTC), folder=given.folder
        )
    )


def _configuration() -> dict[str, object]:
    """Return a Prometheus configuration; JSON is YAML, too."""
    return {
        "global": {"scrape_interval": "30s", "evaluation_interval": "30s"},
        "rule_files": [str(_RULES / name) for name in ("recording.yml", "alerts.yml")],
        "scrape_configs": [{"job_name": JOB, "static_configs": [{"targets": [FIRST]}]}],
    }


main()
