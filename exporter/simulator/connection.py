"""HTTP/1.1 on one connection: requests in, exchanges out, keep-alive between them."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus

import h11

from exporter.simulator.exchange import Exchange, Sleep
from exporter.simulator.faults import FAULTS
from exporter.simulator.messages import Refusal, Request, Response
from exporter.simulator.routes import Answer

_CHUNK = 65536
_LARGEST_HEAD = 16384
_LARGEST_BODY = 65536
_LINGER_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """An accepted connection; `answer` decides what happens to each request on it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    answer: Callable[[Request], Answer]
    request_id: Callable[[], str]
    sleep: Sleep
    idle_seconds: float

    async def serve(self) -> None:
        """Serve requests until either side has had enough.

        Raises ConnectionError when the client vanishes.
        """
        protocol = h11.Connection(h11.SERVER, max_incomplete_event_size=_LARGEST_HEAD)
        with contextlib.suppress(TimeoutError):
            while await self._serve_one(protocol):
                protocol.start_next_cycle()

    async def _serve_one(self, protocol: h11.Connection) -> bool:
        """Serve one request and tell whether another may follow."""
        try:
            request = await self._read(protocol)
        except Refusal as refusal:
            await self._refuse(protocol, refusal.response)
            return False
        if request is None:
            return False
        answer = self.answer(request)
        exchange = self._exchange(protocol, request, answer.response)
        await (FAULTS[answer.fault].act(exchange) if answer.fault else exchange.respond())
        return protocol.our_state is h11.DONE and protocol.their_state is h11.DONE

    async def _read(self, protocol: h11.Connection) -> Request | None:
        """Read a whole request; None when the client has left instead.

        Raises Refusal when it breaks the rules or is too large, TimeoutError when it takes too long.
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
                    if len(body) > _LARGEST_BODY:
                        message = f"The body may have {_LARGEST_BODY} bytes."
                        raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
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
                raise Refusal(
                    HTTPStatus(error.error_status_hint), f"Not proper HTTP/1.1: {error}."
                ) from error
            if event is not h11.NEED_DATA:
                return event
            if protocol.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=HTTPStatus.CONTINUE, headers=[])
                self.writer.write(protocol.send(go_on) or b"")
            async with asyncio.timeout(self.idle_seconds):
                protocol.receive_data(await self.reader.read(_CHUNK))

    async def _refuse(self, protocol: h11.Connection, response: Response) -> None:
        """Answer a request that was not read to its end, and make sure that the client can read why."""
        ending = replace(response, headers=(*response.headers, ("Connection", "close")))
        exchange = self._exchange(protocol, Request("GET", "", {}), ending)
        await exchange.respond()
        # Closing on unread data would reset the connection, and the answer might be lost with it.
        self.writer.write_eof()
        async with asyncio.timeout(_LINGER_SECONDS):
            await exchange.wait_for_client_to_leave()

    def _exchange(self, protocol: h11.Connection, request: Request, response: Response) -> Exchange:
        return Exchange(
            request=request,
            response=response,
            request_id=self.request_id(),
            protocol=protocol,
            reader=self.reader,
            writer=self.writer,
            sleep=self.sleep,
        )


def _request(head: h11.Request, body: bytes) -> Request:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
    return Request(head.method.decode("ascii"), head.target.decode("ascii"), headers, body)
