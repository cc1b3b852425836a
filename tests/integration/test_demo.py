"""The simulator and the demo as a newcomer starts them."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.exporter_process import ExporterProcess, clean_environment, run_exporter
from tests.support.upstream import PATIENCE_SECONDS

ANY_PORT = "--simulator.listen-address=127.0.0.1:0"


@pytest.fixture
def guide(tmp_path: Path) -> Path:
    return tmp_path / "guide.txt"


@pytest.fixture
def demo(guide: Path) -> Iterator[ExporterProcess]:
    environment = {"IONQ_API_KEY": "a-real-key-of-the-users"}
    with (
        guide.open("w") as stdout,
        ExporterProcess(None, ANY_PORT, command="demo", stdout=stdout, environment=environment) as running,
    ):
        yield running


def drill_url(guide: Path) -> str:
    url: str = re.findall(r"http://\S+/drill", guide.read_text())[0]
    return url


def test_the_demo_serves_a_fleet_that_nobody_had_to_reach_for(demo: ExporterProcess) -> None:
    scrape = demo.scrape()
    assert scrape.up
    assert scrape.value("ionq_backend_qubits", backend="qpu.forte-1") == 36
    assert "qpu.forte-1" in demo.read_page()


def test_the_demo_says_where_to_look(demo: ExporterProcess, guide: Path) -> None:
    for url in re.findall(r"http://\S+", guide.read_text()):
        assert httpx.get(url, trust_env=False).status_code == httpx.codes.OK, url
    assert demo.urls[0] in guide.read_text()


def test_the_demo_shows_the_users_key_to_nobody(demo: ExporterProcess) -> None:
    # The simulator lists it for any key.
    assert "qpu.tempo-1" not in demo.get("metrics").text


def test_an_outage_that_is_forced_shows_in_the_next_scrape_and_ends_with_the_drill(
    demo: ExporterProcess, guide: Path
) -> None:
    def is_unavailable() -> float:
        return demo.scrape().value("ionq_backend_status", backend="qpu.forte-1", status="unavailable")

    url = drill_url(guide)
    httpx.post(url, json={"backend": "qpu.forte-1", "status": "available"}, trust_env=False)
    assert is_unavailable() == 0
    httpx.post(url, json={"backend": "qpu.forte-1", "status": "unavailable", "for": "5m"}, trust_env=False)
    assert is_unavailable() == 1
    httpx.post(url, json={"fault": "http_500"}, trust_env=False)
    assert not demo.scrape().up
    httpx.delete(url, trust_env=False)
    assert demo.scrape().up


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_simulator_serves_until_it_is_told_to_end(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "exporter", "simulate", ANY_PORT, "--speed=10000"]
    with subprocess.Popen(command, env=clean_environment(), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        started = process.stderr.readline()
        url = re.search(r"url=(\S+)", started)
        assert "event=simulator_started" in started
        assert url
        assert httpx.get(f"{url[1]}/v0.4/backends", trust_env=False).json()[0]["backend"] == "simulator"
        process.send_signal(number)
        assert process.wait(PATIENCE_SECONDS) == 0
        assert "Traceback" not in process.stderr.read()


def test_the_landing_page_says_that_the_data_are_simulated_in_two_processes_too(
    demo: ExporterProcess, guide: Path
) -> None:
    assert "Simulated data." in demo.read_page()
    simulator_url = drill_url(guide).removesuffix("/drill")
    with ExporterProcess(f"{simulator_url}/v0.4") as exporter:
        assert "Simulated data." in exporter.read_page()


@pytest.mark.parametrize("speed", ["0", "nan"])
def test_a_fleet_that_cannot_be_simulated_is_one_clear_line(speed: str) -> None:
    ended = run_exporter("simulate", f"--speed={speed}")
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "--speed" in ended.stderr
