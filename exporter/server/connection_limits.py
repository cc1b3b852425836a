"""What one client may cost: bounds in time, size and number that uvicorn does not set.

Without them a client that sends its request a byte an hour, or never reads the answer, keeps a connection
and its memory for ever, and a few hundred such clients keep Prometheus out.
"""

import asyncio
import operator
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

RECEIVE_SECONDS = 10.0
"""From a request's first byte, or from connecting, to its last byte."""
SEND_SECONDS = 10.0
"""For a client to take what it was answered."""
MAX_REQUEST_BYTES = 16 * 1024
MAX_HEADER_FIELDS = 100
"""Each costs far more memory than it has bytes."""
MAX_PIPELINED_REQUESTS = 16
MAX_CONNECTIONS = 512
"""Half of the file descriptors that a process has by default."""
MAX_ACCEPTED_AT_ONCE = MAX_CONNECTIONS // 8
"""asyncio accepts three times as many before it reads from the first, which must not have to go by then."""

_CLOSED_AT_ONCE = MAX_CONNECTIONS // 16  # looking for the oldest has its price

_PATIENCE_SECONDS = 1.0  # with a client that has sent nothing whole yet, when others want its place


class _RefusedError(Exception):
    """Stops the parser; the status to answer is on the protocol."""


class LimitedHttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, for clients that are not to be trusted.

    A request that is too slow is answered 408, one that is too large 431 or 413. Beyond the largest number
    of connections room is made by closing the oldest of those that are slow to ask, then of those that idle,
    then of those that have just begun, and only then of those that are being answered.
    """

    _deadline: asyncio.TimerHandle | None = None
    _write_deadline: asyncio.TimerHandle | None = None
    _receiving = False
    _receiving_body = False
    _has_asked = False
    _received_bytes = 0
    _refusal = HTTPStatus.BAD_REQUEST
    _active_at = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Make room for a connection, and give its first request a deadline."""
        if len(self.connections) >= MAX_CONNECTIONS:
            self._make_room()
        super().connection_made(transport)
        # So that pause_writing() is called whenever a client has not taken all that was written.
        transport.set_write_buffer_limits(high=1, low=0)
        self._active_at = self.loop.time()
        self._deadline = self.loop.call_later(RECEIVE_SECONDS, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines."""
        self._disarm()
        self.resume_writing()
        self._unset_keepalive_if_required()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, within the bounds of one request."""
        if self._receiving:
            self._received_bytes += len(data)
            if self._received_bytes > MAX_REQUEST_BYTES:
                self._refuse_unfinished(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE
                    if self._receiving_body
                    else HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
                )
                return
        super().data_received(data)
        if self.transport.is_closing():
            return
        # Blank lines between requests stop uvicorn's timer for idle connections, so they start this one.
        if self._receiving or (not self._serving and self.timeout_keep_alive_task is None):
            if self._deadline is None:
                self._deadline = self.loop.call_later(RECEIVE_SECONDS, self._give_up)
        else:
            self._disarm()

    def on_message_begin(self) -> None:
        """Begin to count a request's bytes; what came with its first byte is counted with its headers."""
        self._receiving = True
        self._receiving_body = False
        self._received_bytes = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field, if there are not too many."""
        if len(self.headers) >= MAX_HEADER_FIELDS:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Serve a request whose head is within bounds."""
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > MAX_REQUEST_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if any(name == b"content-length" and _exceeds(value) for name, value in self.headers):
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if len(self.pipeline) >= MAX_PIPELINED_REQUESTS:
            self._refuse(HTTPStatus.TOO_MANY_REQUESTS)
        self._active_at = self.loop.time()
        super().on_headers_complete()
        self._receiving_body = self._has_asked = True

    def on_body(self, body: bytes) -> None:
        """Drop a request's body, which no path of the exporter's looks at."""

    def on_message_complete(self) -> None:
        """Note that a request is whole."""
        self._receiving = self._receiving_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Note when a connection was last of use."""
        self._active_at = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Give a client that does not keep up a deadline."""
        super().pause_writing()
        self._write_deadline = self.loop.call_later(SEND_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Forget it: the client has taken everything."""
        if self._write_deadline is not None:
            self._write_deadline.cancel()
            self._write_deadline = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse a request, with a status where that cannot be taken for the answer to another."""
        if not self._may_refuse_in_words:
            self.transport.abort()
            return
        status, self._refusal = self._refusal, HTTPStatus.BAD_REQUEST
        body = f"{status.value} {status.phrase}\n" if status is not HTTPStatus.BAD_REQUEST else f"{msg}\n"
        self.transport.write(
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n{body}".encode("ascii")
        )
        self.transport.close()

    @property
    def _serving(self) -> bool:
        return self._has_asked and not self.cycle.response_complete

    @property
    def _may_refuse_in_words(self) -> bool:
        if self._serving:
            return self._receiving_body and not self.cycle.response_started
        return not self._receiving_body

    @property
    def _eviction_priority(self) -> tuple[int, float]:
        if self._serving:
            rank = 3
        elif self._has_asked and not self._receiving:
            rank = 1
        else:
            rank = 2 if self.loop.time() - self._active_at < _PATIENCE_SECONDS else 0
        return rank, self._active_at

    def _make_room(self) -> None:
        known = [protocol for protocol in self.connections if isinstance(protocol, LimitedHttpProtocol)]
        for protocol in sorted(known, key=operator.attrgetter("_eviction_priority"))[:_CLOSED_AT_ONCE]:
            self.connections.discard(protocol)
            protocol.transport.abort()

    def _refuse(self, status: HTTPStatus) -> None:
        self._refusal = status
        raise _RefusedError

    def _refuse_unfinished(self, status: HTTPStatus) -> None:
        self._refusal = status
        self.send_400_response("")

    def _give_up(self) -> None:
        self._deadline = None
        if self._receiving:
            self._refuse_unfinished(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.abort()

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _exceeds(content_length: bytes) -> bool:
    # The parser has checked that it is a number, or will.
    return not content_length.isdigit() or int(content_length[:20]) > MAX_REQUEST_BYTES
