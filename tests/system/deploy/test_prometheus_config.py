"""The example configuration of Prometheus."""

import subprocess

import pytest

from deploy.drill.shipped import ALERTS, DEPLOY, RECORDING, load
from exporter.common.durations import parse_duration
from exporter.settings import DEFAULT_PORT
from tests.support.tools import require_tool, tool_choices
from tests.system.deploy import command_line

FILE = DEPLOY / "prometheus" / "prometheus.yml"
CONFIG = load(FILE)


@pytest.mark.parametrize("program", tool_choices("PROMTOOL"))
def test_prometheus_accepts_it_with_the_rules(program: str | None) -> None:
    promtool = program or require_tool("promtool", package="prometheus")
    done = subprocess.run(
        [promtool, "check", "config", "--lint=all", FILE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 rule files found" in done.stdout


def test_it_loads_the_rules_beside_it() -> None:
    assert [FILE.with_name(name) for name in CONFIG["rule_files"]] == [RECORDING, ALERTS]


def test_it_scrapes_the_default_port_and_leaves_a_scrape_its_time() -> None:
    (job,) = CONFIG["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"localhost:{DEFAULT_PORT}"]}]
    needed = command_line.seconds("--ionq.timeout") + command_line.seconds("--web.timeout-offset")
    interval = parse_duration(CONFIG["global"]["scrape_interval"])
    assert needed < parse_duration(job["scrape_timeout"]) <= interval
