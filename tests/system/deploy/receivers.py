"""What an Alertmanager talks to, on loopback: a web server that answers every POST, and a mail server."""

import email
import email.policy
from email.message import EmailMessage
from itertools import takewhile
from queue import Queue
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

from deploy.drill.receiver import Receiver


class WebReceiver(Receiver):
    """Keeps the JSON of each POST, by path."""

    def __init__(self) -> None:
        super().__init__(lambda path, body: self.posts(path).put(body))
        self._posts: dict[str, Queue[Any]] = {}

    def posts(self, path: str) -> "Queue[Any]":
        return self._posts.setdefault(path, Queue())


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
        lines = takewhile(lambda line: line != b".\r\n", self.rfile)  # or until the sender is gone
        return email.message_from_bytes(b"".join(lines), policy=email.policy.default)

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")
