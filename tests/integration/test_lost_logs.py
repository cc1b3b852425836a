"""A log that is not read, or for which there is no room, loses lines. Everything else works."""

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.exporter_process import clean_environment, run_exporter
from tests.support.exposition import Exposition
from tests.support.upstream import PATIENCE_SECONDS, Script, Upstream, ok, status

REFUSED = "http://127.0.0.1:1/v0.4"
WORTH_A_LINE: dict[str, tuple[Script, float]] = {
    "a_failure": (status(500), 0),
    "bad_values": (ok(b'[{"backend": "qpu.forte-1", "qubits": "many"}]'), 1),
}


class Serving:
    """An exporter whose standard error a test can break."""

    def __init__(self, folder: Path, stderr: int, api_url: str, *flags: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._address = f"127.0.0.1:{free.getsockname()[1]}"
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._manager.bind(str(folder / "notify"))
        self._manager.settimeout(PATIENCE_SECONDS)
        self._http = httpx.Client(timeout=PATIENCE_SECONDS, trust_env=False)
        self._process = subprocess.Popen(
            [
                sys.executable,
                *("-m", "exporter", f"--web.listen-address={self._address}", f"--ionq.api-url={api_url}"),
                *("--no-collector.characterizations", *flags),
            ],
            env=clean_environment(NOTIFY_SOCKET=str(folder / "notify")),
            stderr=stderr,
        )

    def await_readiness(self) -> None:
        assert self._manager.recv(100) == b"READY=1"

    def scrape(self) -> Exposition:
        headers = {"X-Prometheus-Scrape-Timeout-Seconds": "5"}
        response = self._http.get(f"http://{self._address}/metrics", headers=headers)
        assert response.status_code == httpx.codes.OK
        return Exposition(response.text)

    def dropped_lines(self) -> float:
        return self.scrape().value("ionq_exporter_log_lines_dropped_total")

    def end(self) -> int:
        """Send SIGTERM, and return the exit status."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(PATIENCE_SECONDS)

    def close(self) -> None:
        self._manager.close()
        self._http.close()
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(PATIENCE_SECONDS)


@contextlib.contextmanager
def unread(folder: Path, api_url: str) -> Iterator[Serving]:
    """Start an exporter whose log is a pipe, and close the other end once it is ready."""
    reading, writing = os.pipe()
    with contextlib.closing(Serving(folder, writing, api_url)) as exporter:
        os.close(writing)
        exporter.await_readiness()
        os.close(reading)
        yield exporter


def fill(pipe: int) -> None:
    """Write to a pipe until it is full."""
    flags = fcntl.fcntl(pipe, fcntl.F_GETFL)
    fcntl.fcntl(pipe, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(pipe, b"x" * 63 + b"\n")
    fcntl.fcntl(pipe, fcntl.F_SETFL, flags)  # the exporter shares these flags


def test_a_full_pipe_blocks_nothing_and_the_lost_lines_are_counted_and_reported(
    upstream: Upstream, tmp_path: Path
) -> None:
    reading, writing = os.pipe()
    with (
        contextlib.closing(Serving(tmp_path, writing, upstream.url, "--log.level=debug")) as exporter,
        os.fdopen(reading, encoding="utf-8") as log,
    ):
        exporter.await_readiness()
        fill(writing)
        os.close(writing)
        while not (dropped := exporter.dropped_lines()):
            pass  # each scrape logs a line or two
        line = next(line for line in log if "event=log_lines_dropped" in line)
        assert int(line.partition("lines=")[2]) >= dropped
        assert exporter.end() == 0
        assert "event=exporter_stopped" in log.read()


def test_sigterm_ends_the_process_although_its_log_is_a_full_pipe(upstream: Upstream, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    with contextlib.closing(Serving(tmp_path, writing, upstream.url)) as exporter:
        exporter.await_readiness()
        fill(writing)
        upstream.answers(status(500))
        assert not exporter.scrape().up
        assert exporter.end() == 0
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize(("script", "up"), WORTH_A_LINE.values(), ids=WORTH_A_LINE.keys())
def test_a_closed_log_pipe_disturbs_neither_scrapes_nor_the_exit_status(
    upstream: Upstream, tmp_path: Path, script: Script, up: float
) -> None:
    upstream.answers(script)
    with unread(tmp_path, upstream.url) as exporter:
        assert exporter.scrape().value("ionq_up") == up
        assert exporter.scrape().value("ionq_up") == up
        assert exporter.end() == 0


def test_a_failure_that_cannot_be_logged_is_counted(tmp_path: Path) -> None:
    with unread(tmp_path, REFUSED) as exporter:
        assert exporter.scrape().value("ionq_exporter_api_failures_total", reason="connect") == 1
        assert exporter.end() == 0


def test_a_full_disk_prevents_neither_the_start_nor_scrapes(tmp_path: Path) -> None:
    with (
        Path("/dev/full").open("w") as full,
        contextlib.closing(Serving(tmp_path, full.fileno(), REFUSED)) as exporter,
    ):
        exporter.await_readiness()
        assert not exporter.scrape().up
        assert exporter.end() == 0


def test_a_bad_flag_is_exit_status_2_although_the_message_cannot_be_written() -> None:
    with Path("/dev/full").open("w") as full:
        refused = subprocess.run(
            [sys.executable, "-m", "exporter", "--ionq.timeout=soon"],
            env=clean_environment(),
            stderr=full,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    assert refused.returncode == 2


@pytest.mark.parametrize(("level", "lines"), [("warn", 1), ("WARNING", 1), ("Error", 1), ("DEBUG", 2)])
def test_a_level_may_be_written_in_any_case(level: str, lines: int) -> None:
    ended = run_exporter("once", f"--log.level={level}", f"--ionq.api-url={REFUSED}")
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) >= lines
