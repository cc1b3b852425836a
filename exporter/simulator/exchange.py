"""One request and its answer on an open connection: through HTTP's rules, or past them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

import h11

from exporter.simulator.messages import Headers, Request, Response, compressed

Sleep = Callable[[float], Awaitable[object]]

_CHUNK = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request, the proper `response` to it, and the means to send that one or something else.

    Whatever is sent with `write` bypasses `protocol`, so that the connection cannot be kept alive after it.
    """

    request: Request
    response: Response
    request_id: str
    protocol: h11.Connection
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sleep: Sleep

    async def respond(self, response: Response | None = None) -> None:
        """Send a response (by default the proper one) by the rules."""
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

    async def begin(self, *framing: tuple[str, str]) -> None:
        """Send only a head, with the proper response's status and type and the framing headers given."""
        status = self.response.status
        lines = [f"HTTP/1.1 {status} {reason(status)}"]
        lines += [f"{name}: {value}" for name, value in self._headers(self.response.content_type, framing)]
        await self.write("\r\n".join((*lines, "", "")).encode("latin-1"))

    async def write(self, data: bytes) -> None:
        """Send raw bytes and wait until there is room for more.

        Raises ConnectionError when the client is gone.
        """
        self.writer.write(data)
        await self.writer.drain()

    async def wait_for_client_to_leave(self) -> None:
        """Read and forget until the client closes its side."""
        while await self.reader.read(_CHUNK):
            pass

    def _headers(self, content_type: str, framing: Headers) -> Headers:
        return (
            ("Content-Type", content_type),
            *framing,
            ("Server", "ionq-simulator"),
            ("x-request-id", self.request_id),
        )


def reason(status: int) -> str:
    """Put a status in words; Cloudflare's own ones have none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
