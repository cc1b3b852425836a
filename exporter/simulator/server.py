"""The simulator as a TCP server."""

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
from exporter.simulator.drill.demo import demo_requests
from exporter.simulator.drill.drill import Drill
from exporter.simulator.drill.requests import ENDPOINTS
from exporter.simulator.faults.table import FAULTS
from exporter.simulator.fleet.backends import Fleet
from exporter.simulator.http.connection import Connection
from exporter.simulator.http.exchange import Action, Sleep
from exporter.simulator.http.messages import Headers, HTTPRequest, HTTPResponse
from exporter.simulator.ionq_api import IonQAPI
from exporter.simulator.routes import API_PATH, Routes

_LOOPBACK = "127.0.0.1"
_IDLE_SECONDS = 600.0


# Logs an event and its fields, for example the `info` method of a structlog logger.
Log = Callable[..., object]


class Simulator:
    """A stand-in for IonQ's API: `fleet` at the time of `clock`, and a drill in real time.

    As an asynchronous context manager it listens on a free loopback port, unless it has been started.
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
        self.drill = Drill(monotonic, clock)
        self._fleet = fleet
        self._clock = clock
        self._routes = Routes(IonQAPI(fleet, clock, self.drill))
        self._log = log
        self._sleep = sleep
        self._request_id = request_id
        self._idle_seconds = idle_seconds
        self._requests: Counter[str] = Counter()
        self._servers: list[asyncio.Server] = []
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def begin_demo(self) -> None:
        """Begin a drill with something to see: a degraded backend, a maintenance within a day."""
        for request in demo_requests(self._clock().timestamp()):
            self.drill.begin(request)

    async def start(
        self, host: str | None = _LOOPBACK, port: int = 0, *, sockets: Sequence[socket] = ()
    ) -> None:
        """Listen on a host and port (0: a free one), or on sockets that are bound already.

        Raises OSError if the address is not available.
        """
        if self._servers:
            raise RuntimeError("the simulator is already running")
        if sockets:
            self._servers = [await asyncio.start_server(self._accept, sock=one) for one in sockets]
        else:
            self._servers = [await asyncio.start_server(self._accept, host, port)]

    async def close(self) -> None:
        """Stop listening and abort every connection."""
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
        """Start, unless it has been started."""
        if not self._servers:
            await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
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
    def status_url(self) -> str:
        """The base URL of the status page, for the exporter's ``--ionq.status-url``."""
        return self.url.removesuffix(API_PATH)

    @property
    def requests_by_endpoint(self) -> Mapping[str, int]:
        """The number of requests by endpoint, failed ones included."""
        return {endpoint: self._requests[endpoint] for endpoint in ENDPOINTS}

    def _address(self) -> tuple[str, int]:
        if not self._servers:
            raise RuntimeError("the simulator is not running")
        host, port = self._servers[0].sockets[0].getsockname()[:2]
        return host, port

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._servers:  # the connection was pending while the simulator closed
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(reader, writer))
        self._connections[task] = writer
        task.add_done_callback(self._connections.pop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(
            reader=reader,
            writer=writer,
            handle=self._handle,
            common_headers=self._common_headers,
            sleep=self._sleep,
            idle_seconds=self._idle_seconds,
        )
        with contextlib.suppress(ConnectionError), contextlib.closing(writer):
            await connection.serve()

    def _common_headers(self) -> Headers:
        # The first header says that the data is simulated, also to whoever reads it behind a proxy.
        return (("X-IonQ-Simulator", f"seed={self._fleet.seed}"), ("x-request-id", self._request_id()))

    def _handle(self, request: HTTPRequest) -> tuple[HTTPResponse, Action | None]:
        routed = self._routes.respond(request)
        if routed.endpoint is not None:
            self._requests[routed.endpoint] += 1
        if self._log is not None:
            self._log(
                "simulated_request",
                method=request.method,
                target=request.target,
                status=routed.response.status,
                fault=routed.fault,
            )
        return routed.response, FAULTS[routed.fault].action if routed.fault else None


async def run_simulator(simulator: Simulator) -> None:
    """Run a simulator until cancelled, on the address that `start` was given, or on a free port."""
    async with simulator:
        await asyncio.Event().wait()


def base_url(host: str, port: int) -> str:
    """Return the API's URL for a client on this machine, which cannot connect to a wildcard address."""
    reachable = {"0.0.0.0": _LOOPBACK, "::": "::1"}.get(host, host)  # noqa: S104  # nothing is bound to it here
    return f"http://{f'[{reachable}]' if ':' in reachable else reachable}:{port}{API_PATH}"
