"""The real exporter as a subprocess, started and ended as an operator would."""

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import IO, Self

import httpx

from tests.support.exposition import Exposition
from tests.support.upstream import PATIENCE_SECONDS

# Show what is normally hidden: sockets left open, and coroutines nobody awaits.
_WARNINGS = ("-W", "default")
# The same, and calls into the event loop from other threads. It takes a quarter more CPU time.
DEVELOPMENT_MODE = ("-X", "dev")

_RELOADS_SOON = '<meta http-equiv="refresh" content="3">'

_SIGNS_OF_A_BUG = re.compile(r"Traceback|Warning|library_error|was never|Exception ignored")


def clean_environment(**variables: str) -> dict[str, str]:
    """Return an environment that nothing of the machine's, such as its proxy, has a part in."""
    kept = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("COV")}
    return {**kept, "HOME": "/nonexistent", **variables}


def run_exporter(
    *arguments: str, environment: Mapping[str, str] | None = None, stdout: IO[str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command of the exporter's that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "exporter", *arguments],
        env=clean_environment(**(environment or {})),
        stdout=stdout or subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


class ExporterProcess:
    """An exporter that serves on free ports of loopback; leaving it ends it and checks its log."""

    def __init__(
        self,
        api_url: str | None,
        *flags: str,
        environment: Mapping[str, str] | None = None,
        listen: bool = True,
        characterizations: bool = False,
        command: str = "serve",
        stdout: IO[str] | None = None,
        prefix: Sequence[str] = (),
        python_flags: Sequence[str] = _WARNINGS,
    ) -> None:
        self.log: list[str] = []
        self._logged = threading.Condition()
        self._ended = False
        address = ["--web.listen-address=127.0.0.1:0"] if listen else []
        self.process = subprocess.Popen(
            [
                *prefix,
                sys.executable,
                *python_flags,
                "-m",
                "exporter",
                command,
                *address,
                *([] if api_url is None else [f"--ionq.api-url={api_url}"]),
                # Most upstreams are scripted for /backends alone.
                *([] if api_url is None or characterizations else ["--no-collector.characterizations"]),
                *flags,
            ],
            env=clean_environment(**(environment or {})),
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read_log)
        self._reader.start()
        self._http = httpx.Client(trust_env=False, verify=False, timeout=PATIENCE_SECONDS)  # noqa: S501 -- plain HTTP
        try:
            self.await_log("event=exporter_started")
        except AssertionError:
            self.__exit__(None, None, None)
            raise

    @property
    def urls(self) -> list[str]:
        """The URLs of the metrics, one for each address."""
        return re.findall(r"event=listening .*url=(\S+)", "\n".join(self.log))

    @property
    def url(self) -> str:
        """The URL of the landing page, with a slash at the end."""
        return self.urls[0].rpartition("/")[0] + "/"

    @property
    def address(self) -> tuple[str, int]:
        """The first address, for a raw socket."""
        url = httpx.URL(self.url)
        return url.host, url.port or 0

    def connect(self) -> socket.socket:
        """Open a connection to the first address, for bytes that no HTTP client sends."""
        return socket.create_connection(self.address, PATIENCE_SECONDS)

    def get(self, path: str = "", method: str = "GET", **headers: str) -> httpx.Response:
        """Send a request for a path without its leading slash."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._http.request(method, self.url + path, headers=names)

    def read_page(self) -> str:
        """Return the landing page. Like a browser, load it again while the exporter reads IonQ for it."""
        while _RELOADS_SOON in (page := self.fetch(self.url)):
            pass
        return page

    def scrape(self, timeout: str | None = None) -> Exposition:
        """Scrape, as a Prometheus with this scrape_timeout would."""
        answer = self._http.get(self.urls[0], headers=_timeout_header(timeout))
        assert answer.status_code == httpx.codes.OK, answer.text
        return Exposition(answer.text)

    def fetch(self, url: str) -> str:
        """Return what is at a URL of the exporter's."""
        answer = self._http.get(url)
        assert answer.status_code == httpx.codes.OK
        return answer.text

    def begin_scrape(self, timeout: str | None = None) -> Callable[[], Exposition]:
        """Begin a scrape, wait until the exporter knows of it, and return how to finish it."""
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE_SECONDS)
        connection.request("GET", "/metrics", headers=_timeout_header(timeout))
        # The exporter reads its sockets in turn, so what it answers now came after the scrape; to accept
        # a connection and to begin to read it takes it a few turns.
        for _ in range(5):
            self.get("-/healthy")

        def finish() -> Exposition:
            with contextlib.closing(connection), connection.getresponse() as answer:
                assert answer.status == http.client.OK
                return Exposition(answer.read().decode())

        return finish

    def await_log(self, *parts: str) -> str:
        """Wait for a log line that holds all of these, and return it."""

        def matching() -> str | None:
            return next((line for line in self.log if all(part in line for part in parts)), None)

        with self._logged:
            self._logged.wait_for(lambda: matching() or self._ended, PATIENCE_SECONDS)
            line = matching()
        assert line is not None, "\n".join(self.log)
        return line

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def exit_status(self) -> int:
        """Wait for the end, and return the status."""
        status = self.process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        return status

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()
        if self.process.poll() is None:
            self.process.terminate()
        try:
            status = self.exit_status()
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.exit_status()
        if self.process.stderr:
            self.process.stderr.close()
        if kind is None:
            log = "\n".join(self.log)
            assert status == 0, log
            assert not _SIGNS_OF_A_BUG.search(log), log

    def _read_log(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            with self._logged:
                self.log.append(line.rstrip("\n"))
                self._logged.notify_all()
        with self._logged:
            self._ended = True
            self._logged.notify_all()


def _timeout_header(timeout: str | None) -> dict[str, str]:
    return {} if timeout is None else {"X-Prometheus-Scrape-Timeout-Seconds": timeout}
