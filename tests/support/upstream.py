"""A stand-in for IonQ at the level of bytes: each test scripts what goes over the socket.

Every connection has a thread of its own, so that scripts read like what they do; everything that
happens can be awaited, so that no test sleeps.
"""

import contextlib
import json
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

PATIENCE_SECONDS = 20.0
"""How long to wait for what must happen, on a busy machine."""

FLEET = (
    {
        "backend": "qpu.forte-1",
        "status": "available",
        "qubits": 36,
        "average_queue_time": 1533413000,
        "last_updated": "2025-06-16T00:00:00Z",
        "degraded": False,
        "kw": 4902.81,
        "location": "College Park, MD, USA",
        "characterization_id": "aa54e783-0a9b-4f73-ad2f-63983b6aa4a8",
        "has_access": True,
    },
    {
        "backend": "simulator",
        "status": "available",
        "qubits": 29,
        "average_queue_time": 0,
        "last_updated": "2025-06-16T00:00:00Z",
    },
)
FLEET_BODY = json.dumps(FLEET).encode()

CHARACTERIZATION = {
    "id": FLEET[0]["characterization_id"],
    "date": "2025-06-16T00:00:00Z",
    "backend": "qpu.forte-1",
    "qubits": 36,
    "connectivity": [[0, 1], [0, 2], [1, 2]],
    "fidelity": {
        "spam": {"median": 0.9962, "stderr": None},
        "1q": {"median": 0.9998, "stderr": 0},
        "2q": {"median": 0.995, "stderr": 0.0001},
    },
    "timing": {"readout": 0.00015, "reset": 5e-05, "1q": 0.00013, "2q": 0.00097, "t1": 100, "t2": 1},
}

Script = Callable[["Connection"], None]
"""What to do with a connection: send something, hang, close."""


@dataclass(frozen=True)
class Request:
    """A request as it came in."""

    method: str
    target: str
    headers: Mapping[str, str]
    raw: bytes


class Connection:
    """The upstream's end of a connection, for a script to use."""

    def __init__(self, opened: socket.socket) -> None:
        self.requests: list[Request] = []
        self.closed = threading.Event()
        self._socket = opened
        self._received = b""

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def receive(self) -> bytes:
        """Return some bytes, or none where the other end closed."""
        return self._socket.recv(65536)

    def start_tls(self, context: ssl.SSLContext) -> None:
        self._socket = context.wrap_socket(self._socket, server_side=True)

    def is_abandoned_within(self, seconds: float) -> bool:
        """Wait for the other end to close, and return whether it has."""
        readable, _, _ = select.select([self._socket], [], [], seconds)
        return bool(readable) and not self.receive()

    def wait_until_abandoned(self) -> None:
        while self.receive():
            pass

    def close(self) -> None:
        """Close in order, whatever is still to be read."""
        self._end(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Close with a TCP reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._end(None)

    def interrupt(self) -> None:
        """Wake a script that waits for the other end; its thread then closes."""
        with contextlib.suppress(OSError):  # closed already, by either end
            self._socket.shutdown(socket.SHUT_RDWR)

    def read_request(self) -> Request | None:
        while b"\r\n\r\n" not in self._received:
            more = self.receive()
            if not more:
                return None
            self._received += more
        raw, _, self._received = self._received.partition(b"\r\n\r\n")
        start, *lines = raw.decode("latin-1").split("\r\n")
        method, target, _ = start.split(" ")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
        }
        request = Request(method, target, headers, raw)
        self.requests.append(request)
        return request

    def _end(self, how: int | None) -> None:
        if how is not None:
            self.interrupt()
        self._socket.close()
        self.closed.set()


class Upstream:
    """A server on a free port of loopback.

    It answers with a fleet until a test calls ``answers``, and with the characterization of its machine
    until one calls ``characterizes``; requests for those are recorded apart, and the others in
    ``requests``. ``greeting`` is run on each new connection before a request is read; ``tls`` wraps each
    connection.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        greeting: Script | None = None,
        scheme: str | None = None,
        host: str = "localhost",
    ) -> None:
        self.requests: list[Request] = []
        self.characterization_requests: list[Request] = []
        self.connections: list[Connection] = []
        self._tls = tls
        self._greeting = greeting
        self._changed = threading.Condition()
        self._script: list[Script] = [ok()]
        self._characterize: Callable[[Request], Script] = characterized
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.authority = f"{host}:{self.port}"
        self.url = f"{scheme or ('https' if tls else 'http')}://{self.authority}/v0.4"

    def answers(self, *scripts: Script) -> None:
        """Answer the next requests with one script each, and all further ones with the last."""
        with self._changed:
            self._script = list(scripts)

    def characterizes(self, characterize: Callable[[Request], Script]) -> None:
        """Answer requests for characterizations, by what they ask for, with these scripts."""
        with self._changed:
            self._characterize = characterize

    def reset(self) -> None:
        """Close all connections and forget what was recorded and scripted."""
        self._interrupt_all()
        with self._changed:
            self.requests.clear()
            self.characterization_requests.clear()
            self._characterize = characterized
            self.connections.clear()
            self._script = [ok()]

    def await_requests(self, count: int) -> Sequence[Request]:
        """Wait until so many requests came in all."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.requests) >= count, PATIENCE_SECONDS), (
                self.requests
            )
            return self.requests

    def await_characterization_requests(self, count: int) -> None:
        """The same for characterizations."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: len(self.characterization_requests) >= count, PATIENCE_SECONDS
            )

    def await_connections(self, count: int) -> Sequence[Connection]:
        """Wait until so many connections were made in all."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.connections) >= count, PATIENCE_SECONDS)
            return self.connections

    def await_open_connections(self, count: int) -> None:
        """Wait until so many connections are left open."""

        def are_open() -> int:
            return sum(not connection.closed.is_set() for connection in self.connections)

        with self._changed:
            assert self._changed.wait_for(lambda: are_open() == count, PATIENCE_SECONDS), are_open()

    def __enter__(self) -> Self:
        accepting = threading.Thread(target=self._accept)
        accepting.start()
        self._threads.append(accepting)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(PATIENCE_SECONDS)
        self._listener.close()
        self._interrupt_all()

    def _interrupt_all(self) -> None:
        with self._changed:
            connections = list(self.connections)
        for connection in connections:
            connection.interrupt()
        for connection in connections:
            assert connection.closed.wait(PATIENCE_SECONDS), "a script does not end"

    def _accept(self) -> None:
        while True:
            try:
                opened, _ = self._listener.accept()
            except OSError:
                return
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(opened)
            with self._changed:
                self.connections.append(connection)
                self._changed.notify_all()
            thread = threading.Thread(target=self._converse, args=[connection], daemon=True)
            thread.start()

    def _converse(self, connection: Connection) -> None:
        try:
            if self._greeting:
                self._greeting(connection)
            if self._tls:
                connection.start_tls(self._tls)
            while not connection.closed.is_set() and (request := connection.read_request()):
                self._next_script(request)(connection)
        except OSError:
            pass  # the exporter closed or reset the connection, as many tests make it do
        finally:
            connection.close()
            with self._changed:
                self._changed.notify_all()

    def _next_script(self, request: Request) -> Script:
        with self._changed:
            if "/characterizations?" in request.target:
                self.characterization_requests.append(request)
                self._changed.notify_all()
                return self._characterize(request)
            self.requests.append(request)
            self._changed.notify_all()
            return self._script.pop(0) if len(self._script) > 1 else self._script[0]


class Held:
    """A script that waits until the test lets it go on."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._released = threading.Event()

    def __call__(self, connection: Connection) -> None:
        self._released.wait(PATIENCE_SECONDS)
        self._script(connection)

    def release(self) -> None:
        self._released.set()


def response(body: bytes = b"", status: int = 200, headers: Mapping[str, str] | None = None) -> bytes:
    """Return the bytes of a whole HTTP response."""
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode("latin-1") + body


def ok(body: bytes = FLEET_BODY, headers: Mapping[str, str] | None = None) -> Script:
    """Answer 200 with a body, the fleet's unless another is given."""
    return send(response(body, headers=headers))


def characterized(_: Request, *records: Mapping[str, Any], pages: int = 0) -> Script:
    """Answer a request for characterizations with records, by default with one."""
    return ok(json.dumps({"characterizations": records or [CHARACTERIZATION], "pages": pages}).encode())


def status(code: int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Script:
    """Answer with a status."""
    return send(response(body, code, headers))


def send(*pieces: bytes) -> Script:
    """Send bytes, and keep the connection."""

    def script(connection: Connection) -> None:
        for piece in pieces:
            connection.send(piece)

    return script


def send_and_close(*pieces: bytes) -> Script:
    """Send bytes, then close the connection."""

    def script(connection: Connection) -> None:
        send(*pieces)(connection)
        connection.close()

    return script


def hang(connection: Connection) -> None:
    """Answer nothing until the exporter closes the connection."""
    connection.wait_until_abandoned()


def drip(data: bytes, every_seconds: float) -> Script:
    """Send a byte now and then, until the exporter closes the connection or all is sent."""

    def script(connection: Connection) -> None:
        for position in range(len(data)):
            connection.send(data[position : position + 1])
            if connection.is_abandoned_within(every_seconds):
                return

    return script


def close(connection: Connection) -> None:
    """Close without an answer."""
    connection.close()


def reset(connection: Connection) -> None:
    """Reset the connection without an answer."""
    connection.reset()
