"""The exporter under a supervisor: systemd, a container engine, or being process 1 itself."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.exporter_process import ExporterProcess, clean_environment
from tests.support.upstream import PATIENCE_SECONDS, Upstream, hang


def test_systemd_is_told_when_it_answers_and_when_it_stops(upstream: Upstream, tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(PATIENCE_SECONDS)
        with ExporterProcess(upstream.url, environment={"NOTIFY_SOCKET": path}) as exporter:
            assert manager.recv(100) == b"READY=1"
            assert exporter.get("-/ready").status_code == 200
            exporter.signal(signal.SIGTERM)
            assert manager.recv(100) == b"STOPPING=1"
            assert exporter.exit_status() == 0


def test_a_service_manager_that_went_away_is_a_line_in_the_log(upstream: Upstream, tmp_path: Path) -> None:
    environment = {"NOTIFY_SOCKET": str(tmp_path / "nobody")}
    with ExporterProcess(upstream.url, environment=environment) as exporter:
        line = exporter.await_log("event=service_manager_not_notified", 'state="READY=1"')
        assert "level=warning" in line
        assert exporter.scrape().up


def test_its_health_check_finds_it_where_the_environment_says(upstream: Upstream) -> None:
    with ExporterProcess(upstream.url) as exporter:
        host, port = exporter.address
        for address, status in ((f"{host}:{port}", 0), ("127.0.0.1:1", 1)):
            checked = subprocess.run(
                [sys.executable, "-m", "exporter.healthcheck"],
                env=clean_environment(IONQ_EXPORTER_WEB_LISTEN_ADDRESS=address),
                capture_output=True,
                text=True,
                check=False,
            )
            assert checked.returncode == status, checked.stderr
            assert checked.stderr.count("\n") == status
    assert not upstream.requests


@pytest.mark.parametrize(
    ("arguments", "number", "status"),
    [
        ([], signal.SIGTERM, 0),
        (["--log.level=debug"], signal.SIGINT, 0),
        (["serve"], signal.SIGTERM, 0),
        (["demo"], signal.SIGTERM, 0),
        (["once"], signal.SIGTERM, 128 + signal.SIGTERM),
        (["backfill"], signal.SIGINT, 128 + signal.SIGINT),
    ],
)
def test_a_signal_while_it_starts_ends_it_at_once_and_only_a_server_with_status_0(
    tmp_path: Path, arguments: list[str], number: signal.Signals, status: int
) -> None:
    # The kernel delivers SIGTERM to process 1 only if there is a handler. The exit status shows that
    # there is one while the imports run.
    (tmp_path / "httpx.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    with subprocess.Popen(
        [sys.executable, "-m", "exporter", *arguments],
        env=clean_environment(PYTHONPATH=str(tmp_path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "importing\n"
        process.send_signal(number)
        assert process.wait(PATIENCE_SECONDS) == status
        assert process.communicate() == ("", "")


@pytest.mark.parametrize(("name", "number"), [("ionq.prom", signal.SIGTERM), (None, signal.SIGINT)])
def test_a_signal_ends_a_single_scrape_with_the_status_of_a_shell(
    upstream: Upstream, tmp_path: Path, name: str | None, number: signal.Signals
) -> None:
    upstream.answers(hang)
    output = [f"--output={tmp_path / name}"] if name else []
    with subprocess.Popen(
        [sys.executable, "-m", "exporter", "once", f"--ionq.api-url={upstream.url}", *output],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        upstream.await_requests(1)
        process.send_signal(number)
        assert process.wait(PATIENCE_SECONDS) == 128 + number
        assert process.communicate() == ("", "")
    assert list(tmp_path.iterdir()) == []
    upstream.await_open_connections(0)
