"""What an Alertmanager talks to, on loopback: a web server that answers every POST, and a mail server."""

import email
import email.policy
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from socketserver import BaseServer, StreamRequestHandler, ThreadingTCPServer
from typing import Any, TypeVar

Server = TypeVar("Server", bound=BaseServer)


class WebReceiver(ThreadingHTTPServer):
    """Keeps the JSON of each POST, by path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _WebHandler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self._posts: dict[str, Queue[Any]] = {}

    def posts(self, path: str) -> "Queue[Any]":
        return self._posts.setdefault(path, Queue())


class _WebHandler(BaseHTTPRequestHandler):
    server: WebReceiver
    wbufsize = -1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(202 if self.path == "/pagerduty" else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}" if self.path == "/pagerduty" else b"ok")
        self.wfile.flush()
        # Last, since a test that has what it waits for ends the Alertmanager.
        self.server.posts(self.path).put(json.loads(body))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        pass


class MailReceiver(ThreadingTCPServer):
    """Speaks just enough SMTP to be handed a message."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _MailHandler)
        self.address = f"127.0.0.1:{self.server_address[1]}"
        self.messages: Queue[EmailMessage] = Queue()


class _MailHandler(StreamRequestHandler):
    server: MailReceiver

    def handle(self) -> None:
        message = EmailMessage()
        self._say("220 ready")
        for line in self.rfile:
            match line[:4].upper().strip():
                case b"DATA":
                    self._say("354 go on")
                    message = self._message()
                    self._say("250 taken")
                case b"QUIT":
                    self._say("221 bye")
                    self.server.messages.put(message)
                case _:
                    self._say("250 fine")

    def _message(self) -> EmailMessage:
        lines = iter(self.rfile.readline, b".\r\n")
        return email.message_from_bytes(b"".join(lines), policy=email.policy.default)

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
