"""The simulator as a server on TCP."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from socket import socket
from types import TracebackType
from typing import Self
from uuid import uuid4

from exporter.simulator.clock import Clock, utc_now
from exporter.simulator.connection import Connection
from exporter.simulator.drill import Drill
from exporter.simulator.drill_requests import ENDPOINTS
from exporter.simulator.exchange import Sleep
from exporter.simulator.fleet import Fleet
from exporter.simulator.ionq import Ionq
from exporter.simulator.messages import Request
from exporter.simulator.routes import Answer, Routes

_LOOPBACK = "127.0.0.1"
_IDLE_SECONDS = 600.0


# An event and its fields, for example the `info` of a structlog logger.
Log = Callable[..., object]


class Simulator:
    """A stand-in for IonQ's API: `fleet` at the time that `clock` tells, with a drill in real time.

    As an asynchronous context manager it listens on a free port of the loopback interface, unless it has
    been started already. Its answers wait with `sleep` where a fault needs time.
    """

    def __init__(
        self,
        fleet: Fleet,
        *,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        log: Log | None = None,
        sleep: Sleep = asyncio.sleep,
        request_id: Callable[[], str] = lambda: str(uuid4()),
        idle_seconds: float = _IDLE_SECONDS,
    ) -> None:
        self.drill = Drill(monotonic)
        self._routes = Routes(Ionq(fleet, clock, self.drill))
        self._log = log
        self._sleep = sleep
        self._request_id = request_id
        self._idle_seconds = idle_seconds
        self._counts: Counter[str] = Counter()
        self._servers: list[asyncio.Server] = []
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def start(
        self, host: str | None = _LOOPBACK, port: int = 0, *, sockets: Sequence[socket] = ()
    ) -> None:
        """Listen on a host and port (0: a free one), or on sockets that are bound already.

        Raises OSError when the address cannot be had.
        """
        if self._servers:
            raise RuntimeError("the simulator is running already")
        if sockets:
            self._servers = [await asyncio.start_server(self._accept, sock=one) for one in sockets]
        else:
            self._servers = [await asyncio.start_server(self._accept, host, port)]

    async def close(self) -> None:
        """Stop listening and cut every connection, hanging ones included."""
        servers, self._servers = self._servers, []
        for server in servers:
            server.close()
        for task, writer in self._connections.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*self._connections, return_exceptions=True)
        for server in servers:
            await server.wait_closed()

    async def __aenter__(self) -> Self:
        """Start unless that has been done."""
        if not self._servers:
            await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close, whatever happened."""
        await self.close()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._address()[1]

    @property
    def url(self) -> str:
        """The base URL of the API, for the exporter's ``--ionq.api-url``."""
        return base_url(*self._address())

    @property
    def requests(self) -> int:
        """How many requests reached IonQ's endpoints, whatever came of them."""
        return self._counts.total()

    @property
    def requests_by_endpoint(self) -> Mapping[str, int]:
        """The same for ``backends`` and ``characterizations`` apart."""
        return {endpoint: self._counts[endpoint] for endpoint in ENDPOINTS}

    def _address(self) -> tuple[str, int]:
        if not self._servers:
            raise RuntimeError("the simulator is not running")
        host, port = self._servers[0].sockets[0].getsockname()[:2]
        return host, port

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._servers:  # it was waiting to be accepted while the simulator closed
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(reader, writer))
        self._connections[task] = writer
        task.add_done_callback(self._connections.pop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(
            reader=reader,
            writer=writer,
            answer=self._answer,
            request_id=self._request_id,
            sleep=self._sleep,
            idle_seconds=self._idle_seconds,
        )
        with contextlib.suppress(ConnectionError), contextlib.closing(writer):
            await connection.serve()

    def _answer(self, request: Request) -> Answer:
        answer = self._routes.answer(request)
        if answer.endpoint is not None:
            self._counts[answer.endpoint] += 1
        if self._log is not None:
            self._log(
                "simulated_request",
                method=request.method,
                target=request.target,
                status=answer.response.status,
                fault=answer.fault,
            )
        return answer


async def run_simulator(simulator: Simulator) -> None:
    """Run a simulator until cancelled; it listens as `start` was told before, or on a free port."""
    async with simulator:
        await asyncio.Event().wait()


def base_url(host: str, port: int) -> str:
    """Write the API's URL for a client on this machine, who cannot connect to "all addresses"."""
    reachable = {"0.0.0.0": _LOOPBACK, "::": "::1"}.get(host, host)  # noqa: S104  # nothing is bound to it here
    return f"http://{f'[{reachable}]' if ':' in reachable else reachable}:{port}/v0.4"
