"""Clients that are slow, greedy or malicious, while a well-behaved one scrapes."""

import contextlib
import http.client
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporter.server.connection_limits import MAX_HEADER_FIELDS, MAX_PIPELINED_REQUESTS, MAX_REQUEST_BYTES
from exporter.server.connection_pool import MAX_CONNECTIONS, ConnectionPool
from tests.support.exporter_process import ExporterProcess
from tests.support.exposition import Exposition
from tests.support.upstream import PATIENCE_SECONDS, Held, Upstream, ok
from tests.support.web_config import CERTIFICATE, WebConfigFolder

LIMIT_BYTES = 128 * 1024 * 1024
"""The memory limit of the shipped manifests for Kubernetes."""
HEAD = b"GET /metrics HTTP/1.1\r\nHost: x\r\n"
PROBE = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"

LARGE_FLEET = json.dumps(
    [
        {
            "backend": f"qpu.{number:0240}",
            "status": "available",
            "qubits": 36,
            "average_queue_time": number,
            "degraded": False,
            "last_updated": 1_790_000_000,
        }
        for number in range(500)
    ]
).encode()

Attack = Callable[[ExporterProcess, contextlib.ExitStack], None]


def most_resident_bytes(exporter: ExporterProcess) -> int:
    """Return the most memory that the process has ever had."""
    status = Path(f"/proc/{exporter.process.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) * 1024


def scrape_anew(exporter: ExporterProcess) -> Exposition:
    """Scrape on a new connection: an idle one may be closed, and httpx does not retry, as Go does."""
    with contextlib.closing(http.client.HTTPConnection(*exporter.address, timeout=PATIENCE_SECONDS)) as new:
        new.request("GET", "/metrics", headers={"X-Prometheus-Scrape-Timeout-Seconds": str(PATIENCE_SECONDS)})
        return Exposition(new.getresponse().read().decode())


def descriptors(exporter: ExporterProcess) -> int:
    return sum(1 for _ in Path(f"/proc/{exporter.process.pid}/fd").iterdir())


def send(connection: socket.socket, data: bytes) -> bool:
    """Send, and return whether the connection is open."""
    try:
        connection.sendall(data)
    except OSError:
        return False
    return True


def is_closed(connection: socket.socket) -> bool:
    """Wait for the end of a connection, by FIN or reset."""
    connection.settimeout(PATIENCE_SECONDS)
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def opened(exporter: ExporterProcess, stack: contextlib.ExitStack, count: int) -> list[socket.socket]:
    return [stack.enter_context(exporter.connect()) for _ in range(count)]


def idle_connections(exporter: ExporterProcess, stack: contextlib.ExitStack) -> None:
    opened(exporter, stack, 1_000)


def kept_connections(exporter: ExporterProcess, stack: contextlib.ExitStack) -> None:
    for connection in opened(exporter, stack, 500):
        send(connection, PROBE)


def slow_heads(exporter: ExporterProcess, stack: contextlib.ExitStack) -> None:
    connections = opened(exporter, stack, 500)
    for piece in (HEAD, b"X-A: a\r\n", b"X-B: b\r\n"):
        for connection in connections:
            send(connection, piece)


def slow_bodies(exporter: ExporterProcess, stack: contextlib.ExitStack) -> None:
    connections = opened(exporter, stack, 500)
    for piece in (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 16000\r\n\r\n", b"a", b"b"):
        for connection in connections:
            send(connection, piece)


def blank_lines(exporter: ExporterProcess, stack: contextlib.ExitStack) -> None:
    for connection in opened(exporter, stack, 300):
        send(connection, b"\r\n" * 100)


def huge_heads(exporter: ExporterProcess, stack: contextlib.ExitStack) -> None:
    for connection in opened(exporter, stack, 50):
        send(connection, HEAD + b"X-Padding: ")
        for _ in range(100):
            if not send(connection, b"x" * 65536):
                break


def many_fields(exporter: ExporterProcess, stack: contextlib.ExitStack) -> None:
    for connection in opened(exporter, stack, 50):
        send(connection, HEAD + b"a:b\r\n" * 100_000)


def huge_bodies(exporter: ExporterProcess, stack: contextlib.ExitStack) -> None:
    for connection in opened(exporter, stack, 50):
        send(connection, b"POST /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(100):
            if not send(connection, b"10000\r\n" + b"x" * 65536 + b"\r\n"):
                break


def pipelines(exporter: ExporterProcess, stack: contextlib.ExitStack) -> None:
    for connection in opened(exporter, stack, 50):
        send(connection, PROBE * 10_000)


def readers_that_do_not_read(exporter: ExporterProcess, stack: contextlib.ExitStack) -> None:
    for connection in opened(exporter, stack, 100):
        send(connection, (HEAD + b"\r\n") * MAX_PIPELINED_REQUESTS)


def nonsense(exporter: ExporterProcess, stack: contextlib.ExitStack) -> None:
    for number, connection in enumerate(opened(exporter, stack, 300)):
        send(connection, bytes((number * step) % 256 for step in range(1, 2000)))


ATTACKS: tuple[Attack, ...] = (
    idle_connections,
    kept_connections,
    slow_heads,
    slow_bodies,
    blank_lines,
    huge_heads,
    many_fields,
    huge_bodies,
    pipelines,
    readers_that_do_not_read,
    nonsense,
)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_no_attack_disturbs_a_scraper_or_takes_more_memory_than_shipped_limits_allow(
    exporter: ExporterProcess, upstream: Upstream, attack: Attack
) -> None:
    upstream.answers(ok())
    scrape_anew(exporter)
    over, all_worked = threading.Event(), threading.Event()

    def scrape_on() -> None:
        while not over.wait(0.05):
            assert scrape_anew(exporter).up
        all_worked.set()

    scraper = threading.Thread(target=scrape_on)
    with contextlib.ExitStack() as stack:
        scraper.start()
        try:
            attack(exporter, stack)
            at_most = descriptors(exporter)
        finally:
            over.set()
            scraper.join()
    assert all_worked.is_set()
    assert most_resident_bytes(exporter) < LIMIT_BYTES
    assert at_most < MAX_CONNECTIONS + 4 * ConnectionPool().accepted_at_once + 50


@pytest.mark.parametrize("descriptors", [64, 256])
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_more_connections_than_file_descriptors_neither_end_the_process_nor_fill_the_log(
    upstream: Upstream,
    tmp_path: Path,
    tls: bool,  # noqa: FBT001
    descriptors: int,
) -> None:
    web = WebConfigFolder(tmp_path)
    web.write(**({"tls_server_config": CERTIFICATE} if tls else {}))
    limited = ("prlimit", f"--nofile={descriptors}:{descriptors}")
    with ExporterProcess(upstream.url, web.flag, prefix=limited) as exporter:
        with contextlib.ExitStack() as stack:
            opened(exporter, stack, 2 * descriptors)
        assert exporter.scrape().up
        assert len("\n".join(exporter.log)) < 200_000


@pytest.fixture(params=[False, True], ids=["http", "https"])
def large(
    request: pytest.FixtureRequest, upstream: Upstream, tmp_path: Path
) -> Iterator[tuple[ExporterProcess, Callable[[], socket.socket]]]:
    """An exporter with large responses, and a function that connects to it."""
    web = WebConfigFolder(tmp_path)
    web.write(**({"tls_server_config": CERTIFICATE} if request.param else {}))
    context = web.client_context()
    with ExporterProcess(upstream.url, web.flag) as exporter, contextlib.ExitStack() as stack:

        def connect() -> socket.socket:
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(exporter.address)
            if request.param:
                connection = context.wrap_socket(connection, server_hostname="localhost")
            return stack.enter_context(connection)

        yield exporter, connect


def test_clients_that_do_not_read_large_responses_do_not_exhaust_memory(
    upstream: Upstream, large: tuple[ExporterProcess, Callable[[], socket.socket]]
) -> None:
    exporter, connect = large
    response = Held(ok(LARGE_FLEET))
    upstream.answers(response)
    for _ in range(MAX_CONNECTIONS - 10):
        send(connect(), HEAD + b"\r\n")
    response.release()  # for all clients at once
    for _ in range(2 * MAX_CONNECTIONS):
        send(connect(), (HEAD + b"\r\n") * MAX_PIPELINED_REQUESTS)
    assert exporter.scrape().up
    assert len(exporter.get("metrics").content) > 1_000_000
    assert most_resident_bytes(exporter) < LIMIT_BYTES


def status_of(exporter: ExporterProcess, request: bytes) -> int:
    with exporter.connect() as connection:
        connection.sendall(request)
        return int(connection.recv(65536).split(b" ", 2)[1])


def test_a_head_as_large_as_allowed_is_served_and_a_larger_one_is_431(exporter: ExporterProcess) -> None:
    def request(size: int) -> bytes:
        return b"GET /-/healthy HTTP/1.1\r\nX-Padding: " + b"x" * size + b"\r\n\r\n"

    assert status_of(exporter, request(MAX_REQUEST_BYTES - 100)) == 200
    assert status_of(exporter, request(MAX_REQUEST_BYTES)) == 431


def test_as_many_fields_as_allowed_are_served_and_more_are_431(exporter: ExporterProcess) -> None:
    def request(fields: int) -> bytes:
        return b"GET /-/healthy HTTP/1.1\r\n" + b"X-A: a\r\n" * fields + b"\r\n"

    assert status_of(exporter, request(MAX_HEADER_FIELDS)) == 200
    assert status_of(exporter, request(MAX_HEADER_FIELDS + 1)) == 431


def test_a_content_length_that_is_too_large_is_413(exporter: ExporterProcess) -> None:
    announcement = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    assert status_of(exporter, announcement % (MAX_REQUEST_BYTES + 1)) == 413
    assert status_of(exporter, announcement % 10**40) in (400, 413)
    assert status_of(exporter, announcement % MAX_REQUEST_BYTES) == 405


def test_a_full_pipeline_is_served_in_order(exporter: ExporterProcess) -> None:
    paths = ["/-/healthy", "/nothing"] * (MAX_PIPELINED_REQUESTS // 2)
    requests = "".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n" for path in paths)
    with exporter.connect() as connection:
        connection.sendall(requests.encode())
        received = b""
        while received.count(b"HTTP/1.1") < len(paths):
            received += connection.recv(65536)
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"200", b"404"] * (len(paths) // 2)


SLOW = {
    "nothing": b"",
    "half_a_head": HEAD,
    "half_a_body": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf",
    "blank_lines_after_a_request": b"\r\n\r\n",
    "half_a_second_request": b"GET ",
}


@pytest.fixture(scope="module")
def slow_clients(exporter: ExporterProcess) -> Iterator[dict[str, socket.socket]]:
    """All clients at the same time: each takes 10 s."""
    with contextlib.ExitStack() as stack:
        clients = dict(zip(SLOW, opened(exporter, stack, len(SLOW)), strict=True))
        for name, connection in clients.items():
            if "after" in name or "second" in name:
                send(connection, PROBE)
                connection.recv(65536)
            send(connection, SLOW[name])
        yield clients


@pytest.mark.parametrize("name", SLOW)
def test_a_client_that_stops_sending_is_disconnected(
    slow_clients: dict[str, socket.socket], name: str
) -> None:
    assert is_closed(slow_clients[name])
