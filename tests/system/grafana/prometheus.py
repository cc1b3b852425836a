"""A real Prometheus over two weeks of simulated data, and the variables that Grafana would fill in."""

import contextlib
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from benchmarks.processes import free_port

END = int(datetime(2026, 1, 28, 21, tzinfo=UTC).timestamp())
"""A moment at which one of the simulated QPUs is unavailable and two are degraded."""
DAYS = 14
SCRAPE_SECONDS = 240
PAST_DAYS = 400
PAST_STEP_SECONDS = 6 * 3600

_STEP_SECONDS = 1200
_PATIENCE_SECONDS = 20

VALUES = {
    "job": "ionq-exporter",
    "instance": ".*",
    "location": ".*",
    "backend": ".*",
    "gates": "100",
    "qubits": "10",
    "before": "1w",
    "__interval": f"{_STEP_SECONDS}s",
    "__rate_interval": f"{_STEP_SECONDS + 60}s",
    "__range": f"{DAYS * 86400}s",
    "__range_s": f"{DAYS * 86400}",
}


def filled_in(text: str, **values: str) -> str:
    """Replace variables as Grafana does for a range of all the data at about a thousand pixels."""
    known = VALUES | values
    return re.sub(r"\$([a-z_]\w*)", lambda name: known[name[1]], text)


class Prometheus:
    """Prometheus's HTTP API, asked about the simulated weeks."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=_PATIENCE_SECONDS)

    def instant(self, expression: str, moment: int = END) -> list[tuple[Mapping[str, str], float]]:
        """Return labels and value of each series."""
        result = self._get("query", query=expression, time=moment)["result"]
        return [(series["metric"], float(series["value"][1])) for series in result]

    def instant_labels(
        self, expression: str, first: str, second: str, moment: int = END
    ) -> list[tuple[str, str]]:
        """Return two labels of each series of an expression whose variables may be left to fill in."""
        return [(labels[first], labels[second]) for labels, _ in self.instant(filled_in(expression), moment)]

    def range(self, expression: str) -> list[Mapping[str, str]]:
        """Return the labels of each series that is there at any time."""
        times = {"start": END - DAYS * 86400, "end": END, "step": _STEP_SECONDS}
        return [series["metric"] for series in self._get("query_range", query=expression, **times)["result"]]

    def label_values(self, selector: str, label: str) -> list[str]:
        """Return what Grafana's function of this name does."""
        times = {"start": END - DAYS * 86400, "end": END}
        values: list[str] = self._get(f"label/{label}/values", **{"match[]": selector}, **times)
        return values

    def close(self) -> None:
        self._http.close()

    def is_ready(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return self._http.get("/-/ready").is_success
        return False

    def _get(self, endpoint: str, **parameters: str | int) -> Any:
        answer = self._http.get(f"/api/v1/{endpoint}", params=parameters)
        assert answer.is_success, answer.text
        return answer.json()["data"]


@contextlib.contextmanager
def prometheus_over(program: str, data: Path) -> Iterator[Prometheus]:
    """Run Prometheus on a free port of loopback, without anything to scrape."""
    port = free_port()
    configuration = data.parent / "prometheus.yml"
    configuration.write_text("{}")
    command = [program, f"--config.file={configuration}", f"--storage.tsdb.path={data}", "--log.level=error"]
    command += ["--storage.tsdb.retention.time=100y", f"--web.listen-address=127.0.0.1:{port}"]
    process = subprocess.Popen(command)
    client = Prometheus(f"http://127.0.0.1:{port}")
    try:
        _wait_until_ready(client)
        yield client
    finally:
        client.close()
        process.terminate()
        process.wait(_PATIENCE_SECONDS)


def _wait_until_ready(client: Prometheus) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not client.is_ready():
        assert time.monotonic() < deadline
        threading.Event().wait(0.1)
