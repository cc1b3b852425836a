"""The simulator and the demo as processes."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.command_line import assert_refused, run_command
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


def test_the_demo_serves_a_simulated_fleet(demo: ExporterProcess) -> None:
    scrape = demo.scrape()
    assert scrape.up
    assert scrape.value("ionq_backend_qubits", backend="qpu.forte-1") == 36
    assert "qpu.forte-1" in demo.read_page()


def test_the_urls_in_the_guide_respond(demo: ExporterProcess, guide: Path) -> None:
    for url in re.findall(r"http://\S+", guide.read_text()):
        assert httpx.get(url, trust_env=False).status_code == httpx.codes.OK, url
    assert demo.urls[0] in guide.read_text()


def test_the_demo_shows_what_its_text_announces(demo: ExporterProcess, guide: Path) -> None:
    assert "qpu.forte-enterprise-2 is degraded" in guide.read_text()
    assert demo.scrape().value("ionq_backend_degraded", backend="qpu.forte-enterprise-2") == 1
    assert "maintenance of qpu.forte-1 begins in 6 hours" in guide.read_text()
    (page,) = re.findall(r"http://\S+/summary.json", guide.read_text())
    names = [one["name"] for one in httpx.get(page, trust_env=False).json()["scheduled_maintenances"]]
    assert "Maintenance of the demo" in names


def test_the_demo_reads_the_simulated_status_page(demo: ExporterProcess) -> None:
    assert demo.scrape().value("ionq_exporter_status_page_requests_total") == 1


def test_the_demo_does_not_send_the_users_key_to_the_simulator(demo: ExporterProcess) -> None:
    # The simulator lists this backend only for requests with a key.
    assert "qpu.tempo-1" not in demo.scrape().backends


def test_an_outage_of_the_drill_is_in_the_next_scrape(demo: ExporterProcess, guide: Path) -> None:
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
def test_the_simulator_serves_until_a_signal(number: signal.Signals) -> None:
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


@pytest.mark.parametrize("speed", ["0", "nan", "fast"])
def test_a_bad_speed_is_refused(speed: str) -> None:
    problem = f"'{speed}' is not a number from 0.001 to 1000000"
    assert_refused(run_command("simulate", f"--speed={speed}"), problem)


@pytest.mark.parametrize("command", [["simulate"], ["demo", "--web.listen-address=127.0.0.1:0"]])
def test_a_taken_port_is_refused_by_the_name_of_the_flag(command: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = run_exporter(*command, f"--simulator.listen-address={address}")
    assert_refused(ended, f"Invalid value for --simulator.listen-address: cannot listen on {address}: ")
