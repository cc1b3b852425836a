"""A real Prometheus that scrapes one target each second."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx

from deploy.drill import programs
from tests.support.upstream import PATIENCE_SECONDS

T = TypeVar("T")

_BETWEEN_POLLS_SECONDS = 0.1


class Prometheus:
    """Prometheus's HTTP API."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, trust_env=False)

    def query(self, expression: str, at: float | None = None) -> list[tuple[Mapping[str, str], float]]:
        """Return labels and value of each series that an instant query finds, now or at a moment."""
        when = {} if at is None else {"time": at}
        result = self._get("/api/v1/query", query=expression, **when)["result"]
        return [(series["metric"], float(series["value"][1])) for series in result]

    def range(
        self, expression: str, start: float, end: float, step: int
    ) -> list[tuple[Mapping[str, str], dict[float, float]]]:
        """Return labels of each series that a range query finds, and its values by moment."""
        times = {"start": start, "end": end, "step": step}
        result = self._get("/api/v1/query_range", query=expression, **times)["result"]
        return [
            (series["metric"], {moment: float(value) for moment, value in series["values"]})
            for series in result
        ]

    def metadata(self) -> dict[str, list[dict[str, str]]]:
        """Return type, help and unit of each metric."""
        metadata: dict[str, list[dict[str, str]]] = self._get("/api/v1/metadata")
        return metadata

    def is_ready(self) -> bool:
        """Whether it has begun to answer queries."""
        return self._http.get("/-/ready").is_success

    def close(self) -> None:
        self._http.close()

    def _get(self, path: str, **parameters: str | float) -> Any:
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
    with programs.prometheus(program, configuration, folder) as url:
        prometheus = Prometheus(url)
        try:
            eventually(prometheus.is_ready)
            yield prometheus
        finally:
            prometheus.close()
