"""A real Prometheus that scrapes one target each second."""

import contextlib
import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.support.exporter_process import clean_environment
from tests.support.upstream import PATIENCE_SECONDS

T = TypeVar("T")

_BETWEEN_POLLS_SECONDS = 0.1


class Prometheus:
    """Prometheus's HTTP API."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, trust_env=False)

    def query(self, expression: str) -> list[tuple[Mapping[str, str], float]]:
        """Return labels and value of each series that an instant query finds."""
        result = self._get("/api/v1/query", query=expression)["result"]
        return [(series["metric"], float(series["value"][1])) for series in result]

    def metadata(self) -> dict[str, list[dict[str, str]]]:
        """Return type, help and unit of each metric."""
        metadata: dict[str, list[dict[str, str]]] = self._get("/api/v1/metadata")
        return metadata

    def close(self) -> None:
        self._http.close()

    def _get(self, path: str, **parameters: str) -> Any:
        return self._http.get(path, params=parameters).raise_for_status().json()["data"]


def eventually(what: Callable[[], T]) -> T:
    """Return the first truthy value of a function, which is asked again and again for a while."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    waiting = threading.Event()
    while not (value := what()) and time.monotonic() < deadline:
        waiting.wait(_BETWEEN_POLLS_SECONDS)
    assert value
    return value


@contextlib.contextmanager
def running_prometheus(
    program: str, target: httpx.URL, folder: Path, *, client: Mapping[str, Any] | None = None
) -> Iterator[Prometheus]:
    """Run Prometheus on a free port, with its data in a folder; ``client`` says how it logs in."""
    configuration = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [
            {
                "job_name": "ionq",
                "scheme": target.scheme,
                **(client or {}),
                "metrics_path": target.path,
                "static_configs": [{"targets": [target.netloc.decode()]}],
            }
        ],
    }
    path = folder / "prometheus.json"
    path.write_text(json.dumps(configuration))  # JSON is YAML
    process = subprocess.Popen(
        [
            program,
            f"--config.file={path}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--web.listen-address=127.0.0.1:0",
        ],
        env=clean_environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    log = _Log(process)
    try:
        prometheus = Prometheus(f"http://{log.await_address()}")
        try:
            yield prometheus
        finally:
            prometheus.close()
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)
        log.close()


class _Log:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr
        self._stream = process.stderr
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def await_address(self) -> str:
        """Wait until it listens and is ready, and return where."""

        def found() -> str | None:
            log = "".join(self._lines)
            address = re.search(r'istening on".* address=(127\.0\.0\.1:\d+)', log)
            return address[1] if address and "Server is ready" in log else None

        with self._changed:
            address = self._changed.wait_for(found, PATIENCE_SECONDS)
        assert address, "".join(self._lines)
        return address

    def close(self) -> None:
        self._thread.join(PATIENCE_SECONDS)
        self._stream.close()

    def _read(self) -> None:
        for line in self._stream:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
