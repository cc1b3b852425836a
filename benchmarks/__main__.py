"""``make bench``: measure, and print the tables of docs/performance.md."""

import contextlib
import http.client
import itertools
import math
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.history import measure_backfill
from benchmarks.processes import Subject, Upstream, blackbox_exporter, ionq_exporter, nginx

_PACKAGE_OF = {
    "nginx": "nginx-light",
    "wrk": "wrk",
    "prometheus-blackbox-exporter": "prometheus-blackbox-exporter",
}
_SIZES = (10, 1_000, 10_000)
_ROUNDS = 20
_SCRAPES_PER_ROUND = 100
_ENDURANCE_SCRAPES = 5_000
_STARTS = 7
_LOAD_SECONDS = 2
_LOAD_ROUNDS = 3
_STUCK_SECONDS = 15


def main() -> None:
    """Run all measurements, exporters in turn, and print one table each."""
    missing = [package for tool, package in _PACKAGE_OF.items() if not shutil.which(tool)]
    if missing:
        print(f"make bench is skipped: it needs more tools (apt-get install {' '.join(missing)})")
        return
    with tempfile.TemporaryDirectory() as name, nginx(Path(name), _SIZES) as upstream:
        folder = Path(name)
        python = sys.argv[1] if len(sys.argv) > 1 else sys.executable
        _compare(upstream, folder, python)
        _measure_tls_load(upstream, folder, python)
        _measure_sizes(upstream, python)
        measure_backfill(python, folder)


def _compare(upstream: Upstream, folder: Path, python: str) -> None:
    url, changing_url = upstream.api_url(10), upstream.api_url(10, changing=True)
    starts: dict[str, list[float]] = {"ionq-exporter": [], "blackbox_exporter": []}
    for _ in range(_STARTS):
        for run in (ionq_exporter(upstream, url, python), blackbox_exporter(upstream, url, folder)):
            with run as subject:
                starts[subject.name].append(subject.seconds_to_first_answer)
    with ExitStack() as running:
        same = running.enter_context(ionq_exporter(upstream, url, python))
        changing = running.enter_context(ionq_exporter(upstream, changing_url, python))
        blackbox = running.enter_context(blackbox_exporter(upstream, url, folder))
        subjects = (same, changing, blackbox)
        memory_at_start = [subject.resident_megabytes() for subject in subjects]
        sequential = [_Sequential(subject) for subject in subjects]
        for _ in range(_ROUNDS):
            for measurement in sequential:
                measurement.scrape(_SCRAPES_PER_ROUND)
        load = {connections: _throughput(subjects, connections) for connections in (8, 64)}
        for measurement in sequential:
            measurement.scrape(_ENDURANCE_SCRAPES)
        memory_then = [subject.resident_megabytes() for subject in subjects]
        for measurement in sequential:
            measurement.scrape(_ENDURANCE_SCRAPES)
        memory_at_end = [subject.resident_megabytes() for subject in subjects]

    first = [statistics.median(starts[subject.name]) * 1e3 for subject in subjects]
    print("| 10 backends over TLS | ionq-exporter | the same, each answer new | blackbox_exporter |")
    print("|---|---:|---:|---:|")
    _row("scrape, p50", [statistics.median(m.durations) * 1e3 for m in sequential], "ms")
    _row("scrape, p99", [_percentile(m.durations, 0.99) * 1e3 for m in sequential], "ms")
    _row("CPU per scrape", [m.cpu_seconds_per_scrape * 1e3 for m in sequential], "ms")
    for connections, rates in load.items():
        _row(f"scrapes per second, {connections} at once", rates, "")
    _row("resident after start", memory_at_start, "MB")
    _row(f"resident after {_ENDURANCE_SCRAPES:,} scrapes and the load", memory_then, "MB")
    _row(f"resident after {_ENDURANCE_SCRAPES:,} more", memory_at_end, "MB")
    _row("start to first answer", first, "ms")


class _Sequential:
    """One scraper that keeps its connection, as Prometheus does."""

    def __init__(self, subject: Subject) -> None:
        self.durations: list[float] = []
        self._subject = subject
        self._cpu_seconds = 0.0
        self._connection = socket.create_connection(("127.0.0.1", subject.port), timeout=_STUCK_SECONDS)
        self._request = (
            f"GET {subject.path} HTTP/1.1\r\nHost: localhost\r\n"
            "Accept: text/plain;version=0.0.4\r\nAccept-Encoding: gzip\r\n\r\n"
        ).encode()

    @property
    def cpu_seconds_per_scrape(self) -> float:
        return self._cpu_seconds / len(self.durations)

    def scrape(self, count: int) -> None:
        before = self._subject.cpu_seconds()
        for _ in range(count):
            started = time.perf_counter()
            self._connection.sendall(self._request)
            self._read_response()
            self.durations.append(time.perf_counter() - started)
        self._cpu_seconds += self._subject.cpu_seconds() - before

    def _read_response(self) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            more = self._connection.recv(65536)
            if not more:
                raise ConnectionError("the exporter closed the connection")
            received += more
        head, _, body = received.partition(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])  # type: ignore[index]
        remaining = length - len(body)
        while remaining:
            remaining -= len(self._connection.recv(min(remaining, 1 << 20)))


def _throughput(subjects: tuple[Subject, ...], connections: int) -> list[float]:
    rates: list[list[float]] = [[] for _ in subjects]
    for _, (subject, measured) in itertools.product(range(_LOAD_ROUNDS), zip(subjects, rates, strict=True)):
        command = ["wrk", "-t1", f"-c{connections}", f"-d{_LOAD_SECONDS}s", "-H", "Accept-Encoding: gzip"]
        output = subprocess.run([*command, subject.url], check=True, capture_output=True, text=True).stdout
        measured.append(float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]))  # type: ignore[index]
    return [statistics.median(measured) for measured in rates]


def _measure_tls_load(upstream: Upstream, folder: Path, python: str) -> None:
    url = upstream.api_url(10)
    with (
        ionq_exporter(upstream, url, python, tls=True) as ours,
        blackbox_exporter(upstream, url, folder, tls=True) as blackbox,
    ):
        print()
        print("| scraped over TLS too | ionq-exporter | blackbox_exporter |")
        print("|---|---:|---:|")
        for connections in (8, 64):
            rates = _throughput((ours, blackbox), connections)
            _row(f"scrapes per second, {connections} at once", rates, "")


def _measure_sizes(upstream: Upstream, python: str) -> None:
    print()
    print("| backends | scrape, answer unchanged, p50 | scrape, each answer new, p50 | resident |")
    print("|---:|---:|---:|---:|")
    for size in _SIZES:
        cells = []
        for changing in (False, True):
            api_url = upstream.api_url(size, changing=changing)
            with ionq_exporter(upstream, api_url, python) as subject:
                _await_characterizations(subject)
                measurement = _Sequential(subject)
                measurement.scrape(20)
                cells.append(statistics.median(measurement.durations) * 1e3)
                resident = subject.resident_megabytes()
        print(f"| {size:,} | {cells[0]:.3g} ms | {cells[1]:.3g} ms | {resident:.0f} MB |")


def _await_characterizations(subject: Subject) -> None:
    """Scrape until all records have been read, which takes more than one scrape when there are thousands."""
    while b"} 0.0" in b"".join(re.findall(rb"ionq_backend_characterization_current{.*", _body(subject))):
        pass


def _body(subject: Subject) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", subject.port, timeout=_STUCK_SECONDS)
    with contextlib.closing(connection):
        connection.request("GET", subject.path)
        return connection.getresponse().read()


def _row(title: str, values: list[float], unit: str) -> None:
    *ours, reference = values
    cells = [f"{value:.3g} {unit} ({value / reference:.2f})" for value in ours]
    print(f"| {title} | {' | '.join(cells)} | {reference:.3g} {unit} |")


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[math.ceil(share * len(values)) - 1]


if __name__ == "__main__":
    main()
