"""How long a backfill takes: five years of weekly records of ten machines, and promtool's part."""

import json
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from benchmarks.processes import CHARACTERIZATION

_MACHINES = 10
_WEEKS = 5 * 52
_REQUESTS_PER_SECOND = 10


def measure_backfill(python: str, folder: Path) -> None:
    """Run a backfill, and promtool where there is one, and print what they took."""
    output = folder / "history.openmetrics"
    with _ionq() as (api_url, requests):
        command = [python, "-m", "exporter", "backfill", f"--ionq.api-url={api_url}", f"--output={output}"]
        started = time.perf_counter()
        printed = subprocess.run(
            [*command, f"--requests-per-second={_REQUESTS_PER_SECOND}"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        took = time.perf_counter() - started
    print()
    print(f"| backfill of {_WEEKS} weekly records of {_MACHINES} machines | |")
    print("|---|---:|")
    print(f"| requests | {len(requests)} |")
    print(f"| reading and writing, at {_REQUESTS_PER_SECOND} requests per second | {took:.0f} s |")
    print(f"| of which waiting for the next request's turn | {len(requests) / _REQUESTS_PER_SECOND:.0f} s |")
    print(f"| file, with a step of 1h | {output.stat().st_size / 1e6:.0f} MB |")
    if shutil.which("promtool"):
        load = re.search(r"promtool .*", printed)
        assert load  # noqa: S101 -- it is what a user is told to run
        data = folder / "data"
        started = time.perf_counter()
        subprocess.run(load[0].replace("DIRECTORY", str(data)).split(), check=True, stdout=subprocess.DEVNULL)
        print(f"| promtool, from the file to blocks | {time.perf_counter() - started:.0f} s |")
        size = sum(file.stat().st_size for file in data.rglob("*") if file.is_file())
        print(f"| blocks | {size / 1e6:.1f} MB |")


@contextmanager
def _ionq() -> Iterator[tuple[str, list[str]]]:
    """Serve the machines and their pages on a free port, and note each request."""
    requests: list[str] = []
    pages = [json.dumps({"characterizations": page, "pages": left}).encode() for page, left in _pages()]
    names = [f"qpu.bench-{number}" for number in range(_MACHINES)]
    backends = json.dumps([{"backend": name, "characterization_id": "x"} for name in names]).encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            requests.append(self.path)
            number = parse_qs(urlsplit(self.path).query).get("page")
            body = pages[int(number[0]) - 1] if number else backends
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _pages() -> Iterator[tuple[list[object], int]]:
    newest = datetime.now(UTC) - timedelta(days=1)
    records = [
        CHARACTERIZATION | {"id": f"{week}", "date": (newest - timedelta(weeks=week)).isoformat()}
        for week in range(_WEEKS)
    ]
    for first in range(0, _WEEKS, 10):
        yield list(records[first : first + 10]), (_WEEKS - first - 1) // 10
