"""A real Alertmanager on a free loopback port, with the shipped configuration."""

import re
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.deploy.files import ALERTMANAGER, TEMPLATE

_LISTENING = re.compile(r'"Listening on" address=(\S+)')


@dataclass(frozen=True)
class Alertmanager:
    """Its version 2 API, as far as the tests need it."""

    url: str

    def post(self, *alerts: dict[str, Any]) -> None:
        httpx.post(f"{self.url}/api/v2/alerts", json=list(alerts)).raise_for_status()

    def alerts(self) -> list[Any]:
        found: list[Any] = httpx.get(f"{self.url}/api/v2/alerts").raise_for_status().json()
        return found


def choices_uncommented() -> Any:
    """Return the shipped configuration with all receivers that it offers."""
    before, line, receivers = ALERTMANAGER.read_text().partition("\nreceivers:\n")
    return yaml.safe_load(before + line + re.sub(r"^    # ", "    ", receivers, flags=re.MULTILINE))


def write(config: Any, directory: Path) -> Path:
    """Write a configuration beside a copy of the template."""
    shutil.copy(TEMPLATE, directory)
    path = directory / "alertmanager.yml"
    path.write_text(yaml.safe_dump(config))
    return path


@contextmanager
def running(program: str, config: Any, directory: Path) -> Iterator[Alertmanager]:
    """Run an Alertmanager until the end of the block."""
    command = [
        program,
        f"--config.file={write(config, directory)}",
        f"--storage.path={directory / 'data'}",
        "--web.listen-address=127.0.0.1:0",
        "--cluster.listen-address=",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        drain = threading.Thread(target=deque, args=(process.stderr,), kwargs={"maxlen": 0})
        try:
            url = _listening(process.stderr)
            drain.start()
            yield Alertmanager(url)
        finally:
            process.terminate()
            if drain.ident:
                drain.join()


def _listening(log: Iterable[str]) -> str:
    lines = []
    for line in log:
        lines.append(line)
        if match := _LISTENING.search(line):
            return f"http://{match[1]}"
    raise AssertionError("".join(lines))
