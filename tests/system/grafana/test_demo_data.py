import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from grafana.demo_data import story
from grafana.demo_data.history import live
from tests.support.repository import ROOT
from tests.system.grafana.prometheus import END, Prometheus, prometheus_over

DEPLOY = ROOT / "deploy"
SELECTOR = '{job="ionq-exporter",instance="127.0.0.1:10065"}'


def test_a_moment_brings_what_prometheus_would_store_of_each_exporter() -> None:
    ((moment, lines),) = live(END, days=0)
    assert moment == END
    for line in lines:
        assert re.fullmatch(rf"[\w:]+(\{{.+\}})? \S+ {END}\n", line)
    for instance in story.INSTANCES:
        mine = [line for line in lines if f'instance="{instance}"' in line]
        names = {line.partition("{")[0] for line in mine}
        assert names >= {
            *("up", "scrape_duration_seconds", "ionq_up", "ionq_backend_status", "python_info"),
            *("ionq_status_component", "ionq_status_maintenance_end_timestamp_seconds"),
        }
        assert all('job="ionq-exporter"' in line for line in mine)


def test_that_rules_are_loaded_can_be_seen_by_a_series_that_the_recording_rules_record() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus" / "recording.yml").read_text("utf-8"))
    recorded = {rule["record"] for group in rules["groups"] for rule in group["rules"]}
    ((_, lines),) = live(END, days=0)
    stored = {line.partition(" ")[0] for line in lines if ":" in line.partition("{")[0]}
    assert stored
    assert stored <= recorded


def test_the_same_end_brings_the_same_data() -> None:
    def without_process(lines: object) -> list[str]:
        return [line for line in lines if not line.startswith("process_")]  # type: ignore[attr-defined]

    first, second = ([without_process(lines) for _, lines in live(END, days=0.01)] for _ in range(2))
    assert first == second


def test_counters_start_anew_after_the_restart_only(prometheus: Prometheus) -> None:
    for instance, restarts in ((story.FIRST, 1), (story.SECOND, 0)):
        series = f'{{instance="{instance}"}}[14d]'
        ((_, resets),) = prometheus.instant(f"resets(ionq_exporter_api_requests_total{series})")
        assert resets == restarts
        ((_, starts),) = prometheus.instant(f"changes(process_start_time_seconds{series})")
        assert starts == restarts


def test_the_weeks_hold_each_kind_of_trouble(prometheus: Prometheus) -> None:
    def total(counter: str, label: str) -> dict[str, float]:
        expression = f"sum by ({label}) (increase({counter}[14d])) > 0.5"
        return {labels[label]: value for labels, value in prometheus.instant(expression)}

    assert set(total("ionq_exporter_api_failures_total", "reason")) == {
        "http_status",
        "timeout",
        "rate_limited",
    }
    assert set(total("ionq_exporter_rejected_values_total", "field")) == {"kw", "qubits"}
    assert set(total("ionq_exporter_characterization_failures_total", "reason")) == {"http_status"}
    ((_, down),) = prometheus.instant(f"count_over_time((up{SELECTOR} == 0)[14d:4m])")
    assert down >= 1
    ((_, moved),) = prometheus.instant(
        'count_over_time(count(ionq_backend_qubits{backend="qpu.forte-1",location=""})[14d:1h])'
    )
    assert moved == pytest.approx(24, abs=1)


def test_a_backend_in_its_announced_maintenance_raises_no_warning(prometheus: Prometheus) -> None:
    # That of IonQ Forte is from 25 January 17:30 to 26 January 02:15.
    day_before, within = END - 80 * 3600, END - 68 * 3600
    down = 'ionq_backend_status{backend="qpu.forte-1",status="available"} == 0'
    assert prometheus.instant(
        'ALERTS{alertname="IonQBackendMaintenanceSoon",backend="qpu.forte-1"}', day_before
    )
    assert prometheus.instant(down, within)
    assert not prometheus.instant('ALERTS{alertname="IonQBackendUnavailable",backend="qpu.forte-1"}', within)


def make_demo_data(folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "grafana.demo_data", str(folder), "--years=0.1", *arguments]


def printed_queries(guide: str) -> list[str]:
    return re.split(r"\n(?=  \S)", guide.partition("Queries for")[2].partition("\n\n")[2].rstrip())


def test_make_demo_data_leaves_a_data_directory_and_says_how_to_start_prometheus(
    program: str, promtool: str, tmp_path: Path
) -> None:
    folder = tmp_path / "demo"
    command = make_demo_data(folder, "--days=0.1")
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    now = int(time.time())
    assert f"--storage.tsdb.path={folder}/data" in done.stdout
    assert f"--config.file={folder}/prometheus.yml" in done.stdout
    checked = subprocess.run(
        [promtool, "check", "config", folder / "prometheus.yml"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert list(tmp_path.iterdir()) == [folder]
    assert not list((folder / "data").glob("*.openmetrics"))

    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "already" in again.stderr

    queries = printed_queries(done.stdout)
    assert len(queries) == 2
    with prometheus_over(program, folder / "data") as prometheus:
        for query in queries:
            # Which ones is open: the simulated QPUs have maintenance now and then.
            assert any(backend.startswith("qpu.") for backend in prometheus.by_backend(query, now))


@pytest.mark.parametrize("line", ["Years of characterizations", "Days of scrapes"])
def test_interrupted_demo_data_leaves_nothing(promtool: str, tmp_path: Path, line: str) -> None:
    assert promtool
    command = make_demo_data(tmp_path / "demo", "--days=30")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        assert any(line in shown for shown in process.stderr)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert rest.endswith("interrupted: nothing was written\n")
    assert "Traceback" not in rest
    assert process.returncode == 1
    assert not list(tmp_path.iterdir())
