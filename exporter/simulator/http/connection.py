"""HTTP/1.1 on one connection, with keep-alive."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus

import h11

from exporter.simulator.http.exchange import Action, Exchange, Sleep
from exporter.simulator.http.messages import Headers, HTTPError, HTTPRequest, HTTPResponse

_CHUNK_BYTES = 65536
_MAX_HEAD_BYTES = 16384
_MAX_BODY_BYTES = 65536
_LINGER_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """An accepted connection.

    `handle` returns the regular response to a request, and the action that replaces it, if any.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    handle: Callable[[HTTPRequest], tuple[HTTPResponse, Action | None]]
    common_headers: Callable[[], Headers]
    sleep: Sleep
    idle_seconds: float

    async def serve(self) -> None:
        """Serve requests until one side closes the connection.

        Raises ConnectionError if the client disconnects while a response is sent.
        """
        protocol = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD_BYTES)
        with contextlib.suppress(TimeoutError):
            while await self._serve_one(protocol):
                protocol.start_next_cycle()

    async def _serve_one(self, protocol: h11.Connection) -> bool:
        """Serve one request; return whether another may follow."""
        try:
            request = await self._read(protocol)
        except HTTPError as error:
            await self._refuse(protocol, error.response)
            return False
        if request is None:
            return False
        response, action = self.handle(request)
        exchange = self._exchange(protocol, request, response)
        await (action(exchange) if action else exchange.respond())
        return protocol.our_state is h11.DONE and protocol.their_state is h11.DONE

    async def _read(self, protocol: h11.Connection) -> HTTPRequest | None:
        """Read a whole request; return None if the client disconnects.

        Raises HTTPError if it is malformed or too large, TimeoutError if it takes too long.
        """
        head: h11.Request | None = None
        body = b""
        while True:
            event = await self._next_event(protocol)
            match event:
                case h11.Request():
                    head = event
                case h11.Data():
                    body += event.data
                    if len(body) > _MAX_BODY_BYTES:
                        message = f"The body may have at most {_MAX_BODY_BYTES} bytes."
                        raise HTTPError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
                case h11.EndOfMessage() if head is not None:
                    return _request(head, body)
                case _:
                    return None

    async def _next_event(
        self, protocol: h11.Connection
    ) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        while True:
            try:
                event = protocol.next_event()
            except h11.RemoteProtocolError as error:
                status = HTTPStatus(error.error_status_hint)
                raise HTTPError(status, f"The request is not valid HTTP/1.1: {error}.") from error
            if event is not h11.NEED_DATA:
                return event
            if protocol.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=HTTPStatus.CONTINUE, headers=[])
                self.writer.write(protocol.send(go_on) or b"")
            async with asyncio.timeout(self.idle_seconds):
                protocol.receive_data(await self.reader.read(_CHUNK_BYTES))

    async def _refuse(self, protocol: h11.Connection, response: HTTPResponse) -> None:
        """Respond to a request that was not read to its end, and let the client read the response."""
        final = replace(response, headers=(*response.headers, ("Connection", "close")))
        exchange = self._exchange(protocol, HTTPRequest("GET", "", {}), final)
        await exchange.respond()
        # Closing with unread data would reset the connection, and the client could lose the response.
        self.writer.write_eof()
        async with asyncio.timeout(_LINGER_SECONDS):
            await exchange.wait_for_disconnect()

    def _exchange(self, protocol: h11.Connection, request: HTTPRequest, response: HTTPResponse) -> Exchange:
        return Exchange(
            request=request,
            response=response,
            common_headers=self.common_headers(),
            protocol=protocol,
            reader=self.reader,
            writer=self.writer,
            sleep=self.sleep,
        )


def _request(head: h11.Request, body: bytes) -> HTTPRequest:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
    return HTTPRequest(head.method.decode("ascii"), head.target.decode("ascii"), headers, body)
