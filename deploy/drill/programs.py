"""The programs that take part, each on a free port of loopback and ended with its block."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from deploy.drill.shipped import TEMPLATE

_LOOPBACK = "127.0.0.1:0"
_START_SECONDS = 30
_END_SECONDS = 10
_ADDRESS = re.compile(r'"Listening on".* address=(?P<address>\S+)')
_URL = re.compile(r"event=(?:simulator_started|listening) .*url=http://(?P<address>[^/\s]+)")


class ProgramError(Exception):
    """A program did not start."""


def simulator() -> AbstractContextManager[str]:
    """Run the stand-in for IonQ's API."""
    command = [sys.executable, "-m", "exporter", "simulate", f"--simulator.listen-address={_LOOPBACK}"]
    return _running("the simulator", command, _URL)


def exporter(api_url: str) -> AbstractContextManager[str]:
    """Run the exporter."""
    command = [sys.executable, "-m", "exporter", f"--web.listen-address={_LOOPBACK}"]
    return _running("the exporter", [*command, f"--ionq.api-url={api_url}"], _URL)


def prometheus(program: str, config: Any, directory: Path, *flags: str) -> AbstractContextManager[str]:
    """Run a Prometheus with its data in a directory."""
    command = [
        program,
        f"--config.file={write(config, directory / 'prometheus.yml')}",
        f"--storage.tsdb.path={directory / 'prometheus'}",
        f"--web.listen-address={_LOOPBACK}",
        *flags,
    ]
    return _running("Prometheus", command, _ADDRESS)


def alertmanager(program: str, config: Any, directory: Path) -> AbstractContextManager[str]:
    """Run an Alertmanager with its data in a directory."""
    command = [
        program,
        f"--config.file={write_alertmanager_config(config, directory)}",
        f"--storage.path={directory / 'alertmanager'}",
        f"--web.listen-address={_LOOPBACK}",
        "--cluster.listen-address=",
    ]
    return _running("Alertmanager", command, _ADDRESS)


def write(config: Any, path: Path) -> Path:
    """Write a configuration, as JSON, which is YAML."""
    path.write_text(json.dumps(config, indent=2))
    return path


def write_alertmanager_config(config: Any, directory: Path) -> Path:
    """Write an Alertmanager's configuration beside a copy of the template, which it names."""
    shutil.copy(TEMPLATE, directory)
    return write(config, directory / "alertmanager.yml")


@contextmanager
def _running(name: str, command: Sequence[str], listening: re.Pattern[str]) -> Iterator[str]:
    """Run a program until the end of the block, and yield its URL. Raises ProgramError without one."""
    with subprocess.Popen(
        command,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,  # Ctrl+C is for the drill, which then ends its programs one by one
    ) as process:
        log = _Log(name, process.stderr, listening)
        log.start()
        try:
            yield log.url()
        finally:
            process.terminate()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            log.join()


class _Log(threading.Thread):
    """Reads what a program logs to its end, and finds the address there."""

    def __init__(self, program: str, lines: Iterable[str] | None, listening: re.Pattern[str]) -> None:
        super().__init__()
        self._program = program
        self._lines = lines or ()
        self._listening = listening
        self._urls: SimpleQueue[str | None] = SimpleQueue()
        self._last_line = ""

    def run(self) -> None:
        for line in self._lines:
            self._last_line = line.strip()
            if match := self._listening.search(line):
                self._urls.put(f"http://{match['address']}")
        self._urls.put(None)

    def url(self) -> str:
        try:
            url = self._urls.get(timeout=_START_SECONDS)
        except Empty:
            url = None
        if url is None:
            raise ProgramError(f"{self._program} did not start; it said: {self._last_line}")
        return url


def _environment() -> dict[str, str]:
    """Leave out what would change the drill: a real API key, the exporter's flags, proxies."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("IONQ_") and not name.lower().endswith("_proxy")
    }
