"""Limits on what one client may cost, which uvicorn does not set: in time, in size and in number of requests.

Without them a client that sends one byte an hour, or never reads the response, would hold a connection and
its memory for ever.
"""

import asyncio
import enum
import socket
import struct
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from exporter.server.connection_pool import ConnectionPool, EvictionPriority
from exporter.server.response import HeadWithBody

RECEIVE_SECONDS = 10.0
"""For a request to arrive, from its first byte on. The first request's time begins with the connection."""
SEND_SECONDS = 10.0
"""For the client to take a response."""
MAX_REQUEST_BYTES = 16 * 1024
MAX_HEADER_FIELDS = 100
"""A field takes far more memory than it has bytes."""
MAX_PIPELINED_REQUESTS = 16

_NEW_SECONDS = 1.0  # a client that has not sent a request by then is slow
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, for 0 s


class _RefusedError(Exception):
    """Stops the parser. The status of the response is an attribute of the protocol."""


class _Receiving(enum.Enum):
    """The part of a request that a client is sending."""

    NOTHING = enum.auto()
    HEAD = enum.auto()
    BODY = enum.auto()


_TOO_LARGE = {
    _Receiving.HEAD: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    _Receiving.BODY: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}


class LimitedHttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 for clients that are not trusted.

    A request that is too slow gets status 408, one that is too large 431 or 413. A connection holds one
    response at a time: the next request waits until the client has taken the previous response.
    """

    connections: ConnectionPool
    cycle: Any  # the newest request, or None; others may be before it in the pipeline
    _current: Any = None  # the request that is being served, or was the last
    _tcp_transport: asyncio.Transport  # below TLS; without TLS the same as self.transport
    _receiving = _Receiving.NOTHING
    _received_bytes = 0
    _receiving_since: float | None = None
    _sending_since: float | None = None
    _refusal = HTTPStatus.BAD_REQUEST
    _active_at = 0.0

    @property
    def eviction_priority(self) -> tuple[EvictionPriority, float]:
        """How soon the pool may close the connection, and when it was last active."""
        if self._serving:
            priority = EvictionPriority.SERVING
        elif self.cycle is not None and self._receiving is _Receiving.NOTHING:
            priority = EvictionPriority.IDLE
        elif self.loop.time() - self._active_at < _NEW_SECONDS:
            priority = EvictionPriority.NEW
        else:
            priority = EvictionPriority.SLOW
        return priority, self._active_at

    @property
    def unsent_bytes(self) -> int:
        """Return the size of the response that is not written yet, or not taken yet."""
        unwritten: int = self._current.expected_content_length if self._current else 0
        return unwritten + self._tcp_transport.get_write_buffer_size()

    def check_deadlines(self, now: float) -> None:
        """Refuse a request that is too slow, and close a connection whose client does not read."""
        if self._sending_since is not None and now - self._sending_since > SEND_SECONDS:
            self.abort()
        elif self._receiving_since is not None and now - self._receiving_since > RECEIVE_SECONDS:
            if self._receiving is _Receiving.NOTHING:
                self.abort()
            else:
                self._send_refusal(HTTPStatus.REQUEST_TIMEOUT)

    def abort(self) -> None:
        """Close the connection without sending what is left."""
        if self._sending_since is not None:
            # Reset it. Otherwise the kernel keeps the unread data for minutes.
            self._tcp_transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, _RESET
            )
        self._tcp_transport.abort()

    def connection_accepted(self, transport: asyncio.Transport) -> None:
        """Add a new connection to the pool, before any TLS handshake."""
        self.transport = self._tcp_transport = transport
        self._active_at = self._receiving_since = self.loop.time()
        self.connections.add(self)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start HTTP."""
        if self not in self.connections:
            self.connection_accepted(transport)
        # asyncio calls pause_writing() as soon as a client has not taken everything.
        self._tcp_transport.set_write_buffer_limits(high=0)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the response, and release what uvicorn keeps."""
        if self._current:
            self._current.disconnected = True
        self._unset_keepalive_if_required()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what arrives, within the limits of one request."""
        if self._receiving is not _Receiving.NOTHING:
            self._received_bytes += len(data)
        if self._received_bytes > MAX_REQUEST_BYTES:
            self._send_refusal(_TOO_LARGE[self._receiving])
            return
        super().data_received(data)
        # uvicorn stops its timer for idle connections at any byte. Blank lines are no request, so nothing
        # would start it again.
        is_timed = self._serving or self.timeout_keep_alive_task is not None
        if self._receiving is _Receiving.NOTHING and is_timed:
            self._receiving_since = None
        elif self._receiving_since is None:
            self._receiving_since = self.loop.time()

    def on_message_begin(self) -> None:
        """Count the bytes of this request. ``on_headers_complete`` counts those of its first packet."""
        self._receiving = _Receiving.HEAD
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field, unless there are too many."""
        if len(self.headers) >= MAX_HEADER_FIELDS:
            self._refuse(_TOO_LARGE[_Receiving.HEAD])
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Serve a request whose head is within the limits."""
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > MAX_REQUEST_BYTES:
            self._refuse(_TOO_LARGE[_Receiving.HEAD])
        if any(name == b"content-length" and _exceeds_limit(value) for name, value in self.headers):
            self._refuse(_TOO_LARGE[_Receiving.BODY])
        if len(self.pipeline) >= MAX_PIPELINED_REQUESTS:
            self._refuse(HTTPStatus.TOO_MANY_REQUESTS)
        self._active_at = self.loop.time()
        super().on_headers_complete()
        self._receiving = _Receiving.BODY

    def on_body(self, body: bytes) -> None:
        """Drop a request's body: no path of the exporter reads one."""

    def on_message_complete(self) -> None:
        """Note that the request is complete."""
        self._receiving = _Receiving.NOTHING
        self._received_bytes = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Start the next request once the client has taken this response."""
        self._current.transport.flush()
        self._active_at = self.loop.time()
        if not self.flow.write_paused:
            self._sending_since = None
            super().on_response_complete()

    def pause_writing(self) -> None:
        """Start the deadline of a client that does not keep up, and read no further request from it."""
        super().pause_writing()
        self.flow.pause_reading()
        if self._sending_since is None:
            self._sending_since = self.loop.time()
        self.connections.limit_unsent_bytes()

    def resume_writing(self) -> None:
        """Continue once the client has taken everything written so far."""
        if self._tcp_transport.get_write_buffer_size():
            return  # TLS has written more in the meantime
        super().resume_writing()
        if self._current and self._current.response_complete:
            self.on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that cannot be parsed, or that the parser was stopped for."""
        self._send_refusal(self._refusal, msg if self._refusal is HTTPStatus.BAD_REQUEST else "")

    def _send_refusal(self, status: HTTPStatus, problem: str = "") -> None:
        receives_body = self._receiving is _Receiving.BODY
        is_next = receives_body == self._serving and not (self._serving and self.cycle.response_started)
        if not is_next:
            self.abort()  # the client would take the refusal for the response to another request
            return
        body = f"{problem or f'{status.value} {status.phrase}'}\n"
        self.transport.write(
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n{body}".encode("ascii")
        )
        self.transport.close()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._current = cycle
        cycle.transport = HeadWithBody(cycle.transport)
        super()._start_asgi_task(cycle, app)

    @property
    def _serving(self) -> bool:
        is_sending = self._sending_since is not None
        return is_sending or (self.cycle is not None and not self.cycle.response_complete)

    def _refuse(self, status: HTTPStatus) -> None:
        self._refusal = status
        raise _RefusedError


def _exceeds_limit(content_length: bytes) -> bool:
    # The parser would refuse a value that is not a number. Of a long number 20 digits are enough.
    return not content_length.isdigit() or int(content_length[:20]) > MAX_REQUEST_BYTES
