"""An HTTP response, and how it is sent over ASGI."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_PLAIN = "text/plain; charset=utf-8"

_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Response:
    """A response whose body is complete before it is sent."""

    body: bytes
    content_type: str = _PLAIN
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


def plain_response(status: HTTPStatus, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response with the status as its text."""
    return Response(f"{int(status)} {status.phrase}\n".encode(), status=status, headers=headers or {})


async def send_response(send: Send, response: Response, method: str) -> None:
    """Send a response in chunks, so that a client that does not read leaves only one of them in a buffer."""
    headers = {"content-type": response.content_type, "x-content-type-options": "nosniff", **response.headers}
    if method != "HEAD" or response.body:
        headers["content-length"] = str(len(response.body))
    fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": int(response.status), "headers": fields})
    size = len(response.body)
    for position in range(0, size or 1, _CHUNK_BYTES):
        end = position + _CHUNK_BYTES
        chunk = response.body[position:end]
        await send({"type": "http.response.body", "body": chunk, "more_body": end < size})


class HeadWithBody:
    """A response's way to the client, on which its head goes out with its body: one packet instead of two."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._head: bytes | None = None

    def write(self, data: bytes) -> None:
        """Hold the head back until the body follows. uvicorn writes the head first, and in one piece."""
        if self._head is None:
            self._head = data
        else:
            self._transport.write(self._head + data)
            self._head = b""

    def flush(self) -> None:
        """Write the head of a response without a body."""
        if self._head:
            self.write(b"")

    def close(self) -> None:
        """Close the connection once everything is sent."""
        self.flush()
        self._transport.close()
