"""``make bench``: measures the exporter beside its peers, in turn, and prints docs/performance.md's tables.

Each response of the upstream is new, as IonQ's are. ``BASELINE=path`` adds another checkout of the exporter.
Where Go and Debian's client_golang are installed, an exporter written in Go for the same page is measured
too.
"""

import contextlib
import math
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from benchmarks.processes import (
    Subject,
    Upstream,
    blackbox_exporter,
    build_go_exporter,
    go_exporter,
    ionq_exporter,
    nginx,
)

_PACKAGE_OF = {
    "nginx": "nginx-light",
    "wrk": "wrk",
    "prometheus-blackbox-exporter": "prometheus-blackbox-exporter",
}
_SIZES = (1_000, 10_000)
_ROUNDS = 20
_SCRAPES_PER_ROUND = 100
_ROUNDS_WITH_MANY_BACKENDS = 3
_ENDURANCE_SCRAPES = 5_000
_STARTS = 7
_LOAD_SECONDS = 2
_LOAD_ROUNDS = 3
_STUCK_SECONDS = 60
_WHOLE_FROM = 100
"""Values from here are shown without decimals."""

Runs = Mapping[str, Callable[[str], AbstractContextManager[Subject]]]
"""How to run each subject against an API URL."""


def main() -> None:
    """Run all measurements, and print their tables."""
    missing = [package for tool, package in _PACKAGE_OF.items() if not shutil.which(tool)]
    if missing:
        print(f"make bench is skipped: it needs more tools (apt-get install {' '.join(missing)})")
        return
    with tempfile.TemporaryDirectory() as name, nginx(Path(name), (10, *_SIZES)) as upstream:
        runs = _runs(
            upstream, Path(name), str(Path(sys.argv[1]).absolute()) if len(sys.argv) > 1 else sys.executable
        )
        _measure_ten_backends(runs, upstream)
        _measure_many_backends(runs, upstream)


def _runs(upstream: Upstream, folder: Path, python: str) -> Runs:
    runs: dict[str, Callable[[str], AbstractContextManager[Subject]]] = {
        "ionq-exporter": lambda url: ionq_exporter(upstream, url, python),
    }
    if baseline := os.environ.get("BASELINE"):
        checkout = Path(baseline).resolve()
        runs["baseline"] = lambda url: ionq_exporter(
            upstream, url, python, checkout=checkout, name="baseline"
        )
    if program := build_go_exporter(folder):
        runs["Go exporter"] = lambda url: go_exporter(upstream, url, program)
    runs["blackbox_exporter"] = lambda url: blackbox_exporter(upstream, url, folder)
    return runs


def _measure_ten_backends(runs: Runs, upstream: Upstream) -> None:
    url = upstream.api_url(10, changing=True)
    starts: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(_STARTS):
        for name, run in runs.items():
            with run(url) as subject:
                starts[name].append(subject.seconds_to_first_response)
    with ExitStack() as running:
        subjects = [running.enter_context(run(url)) for run in runs.values()]
        unchanged = _Scraper(running.enter_context(runs["ionq-exporter"](upstream.api_url(10))))
        scrapers = [_Scraper(subject) for subject in subjects]
        for _ in range(_ROUNDS):
            for scraper in (*scrapers, unchanged):
                scraper.scrape(_SCRAPES_PER_ROUND)
        load = {connections: _throughput(subjects, connections) for connections in (8, 64)}
        for scraper in scrapers:
            scraper.scrape(_ENDURANCE_SCRAPES, measured=False)
        memory = [subject.resident_megabytes() for subject in subjects]
    print(f"| 10 backends over TLS, each response new | {' | '.join(runs)} |")
    print(f"|---|{'---:|' * len(runs)}")
    _row("scrape, p50", [scraper.percentile(0.5) * 1e3 for scraper in scrapers], "ms")
    _row("scrape, p99", [scraper.percentile(0.99) * 1e3 for scraper in scrapers], "ms")
    _row("CPU per scrape", [scraper.cpu_seconds_per_scrape * 1e3 for scraper in scrapers], "ms")
    for connections, rates in load.items():
        _row(f"scrapes per second, {connections} at once", rates, "")
    _row(f"resident after {_ENDURANCE_SCRAPES:,} scrapes and the load", memory, "MB")
    _row("start to first response", [statistics.median(starts[name]) * 1e3 for name in runs], "ms")
    print()
    print(f"Where each response is the same: p50 {unchanged.percentile(0.5) * 1e3:.3g} ms.")


def _measure_many_backends(runs: Runs, upstream: Upstream) -> None:
    runs = {name: run for name, run in runs.items() if name != "blackbox_exporter"}
    print()
    print(f"| backends, each response new: scrape, p50 | {' | '.join(runs)} |")
    print(f"|---|{'---:|' * len(runs)}")
    for size in _SIZES:
        with ExitStack() as running:
            url = upstream.api_url(size, changing=True)
            scrapers = [_Scraper(running.enter_context(run(url))) for run in runs.values()]
            for _ in range(_ROUNDS_WITH_MANY_BACKENDS):
                for scraper in scrapers:
                    scraper.scrape(max(5, 20_000 // size))
            _row(f"{size:,}", [scraper.percentile(0.5) * 1e3 for scraper in scrapers], "ms")


class _Scraper:
    """Scrapes one after another on a kept connection, with the headers of Prometheus."""

    def __init__(self, subject: Subject) -> None:
        self._durations: list[float] = []
        self._subject = subject
        self._cpu_seconds = 0.0
        self._connection = socket.create_connection(("127.0.0.1", subject.port), timeout=_STUCK_SECONDS)
        self._request = (
            f"GET {subject.path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/openmetrics-text;"
            "version=1.0.0,text/plain;version=0.0.4;q=0.5\r\nAccept-Encoding: gzip\r\n\r\n"
        ).encode()

    @property
    def cpu_seconds_per_scrape(self) -> float:
        return self._cpu_seconds / len(self._durations)

    def percentile(self, share: float) -> float:
        return sorted(self._durations)[math.ceil(share * len(self._durations)) - 1]

    def scrape(self, count: int, *, measured: bool = True) -> None:
        durations = []
        before = self._subject.cpu_seconds()
        for _ in range(count):
            started = time.perf_counter()
            self._connection.sendall(self._request)
            self._read_response()
            durations.append(time.perf_counter() - started)
        if measured:
            self._cpu_seconds += self._subject.cpu_seconds() - before
            self._durations += durations

    def _read_response(self) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._receive()
        head, _, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if length:
            remaining = int(length[1]) - len(body)
            while remaining > 0:
                remaining -= len(self._receive())
        else:
            while not body.endswith(b"0\r\n\r\n"):
                body += self._receive()

    def _receive(self) -> bytes:
        received = self._connection.recv(1 << 20)
        if not received:
            raise ConnectionError(f"{self._subject.name} closed the connection")
        return received


def _throughput(subjects: list[Subject], connections: int) -> list[float]:
    rates: list[list[float]] = [[] for _ in subjects]
    for _ in range(_LOAD_ROUNDS):
        for subject, measured in zip(subjects, rates, strict=True):
            command = ["wrk", "-t1", f"-c{connections}", f"-d{_LOAD_SECONDS}s", "-H", "Accept-Encoding: gzip"]
            output = subprocess.run(
                [*command, subject.url], check=True, capture_output=True, text=True
            ).stdout
            measured.append(float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]))  # type: ignore[index]
    return [statistics.median(measured) for measured in rates]


def _row(title: str, values: list[float], unit: str) -> None:
    """Print values, and in brackets the ratio of the first, the exporter's, to each of the others."""
    first, *others = values
    cells = [_cell(first, unit), *(f"{_cell(other, unit)} ({first / other:.2f})" for other in others)]
    print(f"| {title} | {' | '.join(cells)} |", flush=True)


def _cell(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}".strip() if value >= _WHOLE_FROM else f"{value:.3g} {unit}".strip()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
