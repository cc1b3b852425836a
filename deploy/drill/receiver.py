"""A web server on loopback that answers every POST, as an Alertmanager's receiver does."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer
from typing import Any, TypeVar

Server = TypeVar("Server", bound=BaseServer)


class Receiver(ThreadingHTTPServer):
    """Hands on the path and the JSON of each POST, from a thread of its own."""

    def __init__(self, on_post: Callable[[str, Any], None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.on_post = on_post


class _Handler(BaseHTTPRequestHandler):
    server: Receiver
    wbufsize = -1

    def do_POST(self) -> None:
        """Answer, and only then hand on: who has what it waits for may end the Alertmanager."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
        self.wfile.flush()
        self.server.on_post(self.path, json.loads(body))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Log nothing."""


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Serve in a thread until the end of the block."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
