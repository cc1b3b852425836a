"""The health check of the container image."""

import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from exporter import healthcheck
from exporter.settings import DEFAULT_PORT, ListenAddress

VARIABLE = "IONQ_EXPORTER_WEB_LISTEN_ADDRESS"


class _Handler(http.server.BaseHTTPRequestHandler):
    status = 200
    paths: list[str]

    def do_GET(self) -> None:
        self.paths.append(self.path)
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        pass


@contextmanager
def responding(status: int) -> Iterator[tuple[int, list[str]]]:
    """Respond with that status on a free port. Yield the port and the requested paths."""
    handler = type("Handler", (_Handler,), {"status": status, "paths": []})
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port, handler.paths  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", ""])  # noqa: S104 -- connected to
def test_an_exporter_that_responds_is_healthy(host: str) -> None:
    with responding(200) as (port, paths):
        assert healthcheck.check({VARIABLE: f"{host}:{port}"}) is None
    assert paths == ["/-/healthy"]


def test_the_first_of_several_addresses_is_checked() -> None:
    with responding(200) as (port, _):
        assert healthcheck.check({VARIABLE: f"127.0.0.1:{port} nonsense:1"}) is None


def test_another_status_is_not_healthy() -> None:
    with responding(500) as (port, _):
        assert (
            healthcheck.check({VARIABLE: f"127.0.0.1:{port}"}) == f"127.0.0.1:{port} responds with status 500"
        )


def test_a_closed_port_is_not_healthy() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as closed:
        port = closed.getsockname()[1]
    problem = healthcheck.check({VARIABLE: f"[::1]:{port}"})
    assert problem is not None
    assert problem.startswith(f"[::1]:{port} does not respond: ")


def test_a_bad_address_is_a_problem_and_not_a_traceback() -> None:
    assert str(healthcheck.check({VARIABLE: "localhost:http"})).startswith(
        "localhost:http does not respond: "
    )


def test_a_server_of_another_protocol_is_not_healthy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_chatter, args=[server])
        thread.start()
        problem = healthcheck.check({VARIABLE: f"127.0.0.1:{server.getsockname()[1]}"})
        thread.join()
    assert problem is not None


def _chatter(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(b"nonsense\r\n\r\n")


def test_the_default_address_is_that_of_the_exporter() -> None:
    assert ListenAddress.parse(healthcheck.DEFAULT_ADDRESS) == ListenAddress("", DEFAULT_PORT)
