"""One request and its response on an open connection, sent by HTTP's rules or against them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

import h11

from exporter.simulator.http.messages import Headers, HTTPRequest, HTTPResponse, compressed

Sleep = Callable[[float], Awaitable[object]]

_CHUNK_BYTES = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request, the regular `response` to it, and the means to send that response or something else.

    `write` bypasses `protocol`, so the connection is closed after it.
    """

    request: HTTPRequest
    response: HTTPResponse
    common_headers: Headers
    protocol: h11.Connection
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sleep: Sleep

    async def respond(self, response: HTTPResponse | None = None) -> None:
        """Send a response (default: the regular one) by HTTP's rules."""
        plain = self.response if response is None else response
        sent = compressed(plain, self.request.headers.get("accept-encoding", ""))
        framing = (("Content-Length", str(len(sent.body))), *sent.headers)
        head = h11.Response(
            status_code=sent.status,
            headers=list(self._headers(sent.content_type, framing)),
            reason=reason(sent.status).encode(),
        )
        events: list[h11.Event] = [head]
        if self.request.method != "HEAD":
            events.append(h11.Data(data=sent.body))
        events.append(h11.EndOfMessage())
        await self.write(b"".join(self.protocol.send(event) or b"" for event in events))

    async def send_head(self, *framing: tuple[str, str]) -> None:
        """Send the status line and headers of the regular response, with other framing headers."""
        status = self.response.status
        lines = [f"HTTP/1.1 {status} {reason(status)}"]
        lines += [f"{name}: {value}" for name, value in self._headers(self.response.content_type, framing)]
        await self.write("\r\n".join((*lines, "", "")).encode("latin-1"))

    async def write(self, data: bytes) -> None:
        """Send raw bytes, and wait while the send buffer is full.

        Raises ConnectionError if the client has disconnected.
        """
        self.writer.write(data)
        await self.writer.drain()

    async def wait_for_disconnect(self) -> None:
        """Read and discard until the client closes its side."""
        while await self.reader.read(_CHUNK_BYTES):
            pass

    def _headers(self, content_type: str, framing: Headers) -> Headers:
        return (("Content-Type", content_type), *framing, *self.common_headers)


Action = Callable[[Exchange], Awaitable[None]]
"""What to do with a request instead of responding to it."""


def reason(status: int) -> str:
    """Return the reason phrase of a status; Cloudflare's own statuses have none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
