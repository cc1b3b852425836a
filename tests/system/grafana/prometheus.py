"""A real Prometheus over data of the past, and Grafana's part: variables, tables, texts of values."""

import contextlib
import math
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
from tests.support.dashboards import Dashboard, Json

END = int(datetime(2026, 1, 28, 21, tzinfo=UTC).timestamp())
DAYS = 8
SCRAPE_SECONDS = 240
PAST_DAYS = 400
PAST_STEP_SECONDS = 6 * 3600

_STEP_SECONDS = 1200
_TIMEOUT_SECONDS = 60

VALUES = {
    "job": "ionq-exporter",
    "instance": ".*",
    "backend": ".*",
    "gates": "100",
    "qubits": "10",
    "shots": "1000",
    "__interval": f"{_STEP_SECONDS}s",
    "__rate_interval": f"{_STEP_SECONDS + 60}s",
    "__range": f"{DAYS * 86400}s",
    "__range_s": f"{DAYS * 86400}",
}

Sample = tuple[Mapping[str, str], float]
Row = dict[str, Any]


def filled_in(text: str, **values: str) -> str:
    """Replace variables as Grafana does for a range of all the data at about a thousand pixels."""
    known = VALUES | values
    return re.sub(r"\$([a-z_]\w*)", lambda name: known[name[1]], text)


class Prometheus:
    """Prometheus's HTTP API at moments of the past."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=_TIMEOUT_SECONDS)

    def instant(self, expression: str, moment: int = END) -> list[Sample]:
        """Return labels and value of each series."""
        result = self._get("query", query=expression, time=moment)["result"]
        return [(series["metric"], float(series["value"][1])) for series in result]

    def by_backend(self, expression: str, moment: int = END, **values: str) -> dict[str, float]:
        """Return the value of each backend, of an expression with variables to fill in."""
        found = self.instant(filled_in(expression, **values), moment)
        assert len({labels["backend"] for labels, _ in found}) == len(found)
        return {labels["backend"]: value for labels, value in found}

    def range(self, expression: str) -> list[Mapping[str, str]]:
        """Return the labels of each series that is there at any time."""
        times = {"start": END - DAYS * 86400, "end": END, "step": _STEP_SECONDS}
        return [series["metric"] for series in self._get("query_range", query=expression, **times)["result"]]

    def label_values(self, selector: str, label: str) -> list[str]:
        """Return what Grafana's function of this name does."""
        times = {"start": END - DAYS * 86400, "end": END}
        values: list[str] = self._get(f"label/{label}/values", **{"match[]": selector}, **times)
        return values

    def panel(self, dashboard: Dashboard, title: str, moment: int = END, **values: str) -> list[list[Sample]]:
        """Return the result of each query of a panel."""
        targets = dashboard.panel(title)["targets"]
        return [self.instant(filled_in(target["expr"], **values), moment) for target in targets]

    def stat(
        self, dashboard: Dashboard, title: str, moment: int = END, **values: str
    ) -> list[tuple[str, float]]:
        """Return name and value of each number of a stat panel."""
        panel = dashboard.panel(title)
        results = self.panel(dashboard, title, moment, **values)
        return [
            (_legend(target["legendFormat"], labels), value)
            for target, samples in zip(panel["targets"], results, strict=True)
            for labels, value in samples
        ]

    def table(self, dashboard: Dashboard, title: str, moment: int = END, **values: str) -> list[Row]:
        """Return the rows of a table as it shows them, with raw values."""
        panel = dashboard.panel(title)
        results = self.panel(dashboard, title, moment, **values)
        frames = {target["refId"]: result for target, result in zip(panel["targets"], results, strict=True)}
        return _transformed({ref_id: result for ref_id, result in frames.items() if result}, panel)

    def close(self) -> None:
        self._http.close()

    def is_ready(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return self._http.get("/-/ready").is_success
        return False

    def _get(self, endpoint: str, **parameters: str | int) -> Any:
        response = self._http.get(f"/api/v1/{endpoint}", params=parameters)
        assert response.is_success, response.text
        return response.json()["data"]


def _legend(template: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda name: labels[name[1]], template)


def text_of(panel: Json, column: str, value: Any) -> Any:
    """Return the text that the mappings of a panel or of one of its columns give a value, or the value."""
    overrides = [rule for rule in panel["fieldConfig"]["overrides"] if rule["matcher"]["options"] == column]
    properties = {one["id"]: one["value"] for rule in overrides for one in rule["properties"]}
    if value is None:
        return properties.get("noValue", "-")
    for mapping in properties.get("mappings", panel["fieldConfig"]["defaults"].get("mappings", [])):
        if mapping["type"] == "value":
            for key, result in mapping["options"].items():
                if key == value or (not isinstance(value, str) and float(key) == value):
                    return result["text"]
    return value


def _transformed(frames: Mapping[str, list[Sample]], panel: Json) -> list[Row]:
    merge, *others = panel["transformations"]
    assert merge["id"] == "merge"
    rows: list[Row] = []
    for ref_id, samples in frames.items():
        name = f"Value #{ref_id}" if len(frames) > 1 else "Value"
        for labels, value in samples:
            new = {**labels, name: value}
            fitting = [row for row in rows if all(row.get(key, item) == item for key, item in new.items())]
            if fitting and fitting[0].keys() & new.keys():
                fitting[0].update(new)
            else:
                rows.append(new)
    for transformation in others:
        options = transformation["options"]
        if transformation["id"] == "filterByValue":
            (required,) = (one["fieldName"] for one in options["filters"])
            if any(required in row for row in rows):
                rows = [row for row in rows if required in row]
        elif transformation["id"] == "sortBy":
            rows = _sorted(rows, **options["sort"][0])
        else:
            assert transformation["id"] == "organize"
            names = options["renameByName"]
            hidden = {name for name, is_hidden in options["excludeByName"].items() if is_hidden}
            rows = [
                {names.get(name, name): value for name, value in row.items() if name not in hidden}
                for row in rows
            ]
    return rows


def _sorted(rows: list[Row], field: str, *, desc: bool = False) -> list[Row]:
    nothing = "" if any(isinstance(row.get(field), str) for row in rows) else -math.inf
    return sorted(rows, key=lambda row: row.get(field, nothing), reverse=desc)


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
        process.wait(_TIMEOUT_SECONDS)


def _wait_until_ready(client: Prometheus) -> None:
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while not client.is_ready():
        assert time.monotonic() < deadline
        threading.Event().wait(0.1)
