"""httpcore's network backend on asyncio's own streams.

httpcore's default backend goes through anyio, which gives control to the event loop after each step: a
quarter of the CPU time of a read. This one also remembers how far a connection has got, so that a scrape that
stops waiting can say so.
"""

# ruff: noqa: ARG002, ASYNC109 -- httpcore's signatures; each caller bounds a whole read instead

import asyncio
import contextlib
import enum
import ssl
from collections.abc import Iterable, Iterator
from typing import Any

import httpcore

_HAPPY_EYEBALLS_SECONDS = 0.25
"""How long to wait for IPv6 before IPv4 is tried too (RFC 8305, 5)."""


class Step(enum.Enum):
    """How far a connection has got."""

    CONNECTING = enum.auto()
    """The name is looked up, TCP connects, or a proxy opens its tunnel."""
    HANDSHAKING = enum.auto()
    OPEN = enum.auto()


class Network(httpcore.AsyncNetworkBackend):
    """Opens connections, and remembers how far the newest has got. With ``secure`` it is open after TLS."""

    def __init__(self, *, secure: bool) -> None:
        self.step: Step | None = None
        """None before the first connection."""
        self.connections = 0
        """How many connections were begun."""
        self._secure = secure

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a host. Raises httpcore.ConnectError."""
        self.step = Step.CONNECTING
        self.connections += 1
        with _translated(httpcore.ConnectError):
            reader, writer = await asyncio.open_connection(
                host, port, happy_eyeballs_delay=_HAPPY_EYEBALLS_SECONDS
            )
        for option in socket_options or ():
            writer.get_extra_info("socket").setsockopt(*option)
        if not self._secure:
            self.step = Step.OPEN
        return _Stream(self, reader, writer)

    async def sleep(self, seconds: float) -> None:
        """Wait, as httpcore asks for."""
        await asyncio.sleep(seconds)


class _Stream(httpcore.AsyncNetworkStream):
    def __init__(self, network: Network, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._network = network
        self._reader = reader
        self._writer = writer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _translated(httpcore.ReadError):
            return await self._reader.read(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if buffer:
            with _translated(httpcore.WriteError):
                self._writer.write(buffer)
                await self._writer.drain()

    async def aclose(self) -> None:
        # At once: asyncio's orderly end of TLS waits for a far end that may be gone.
        self._writer.transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self._network.step = Step.HANDSHAKING
        try:
            with _translated(httpcore.ConnectError):
                await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        except BaseException:
            # httpcore forgets a connection whose handshake is cancelled without closing it.
            self._writer.transport.abort()
            raise
        self._network.step = Step.OPEN
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            # An idle connection on which the far end says anything, or closes, is not used again.
            return self._reader.at_eof() or bool(self._reader._buffer)  # type: ignore[attr-defined]  # noqa: SLF001
        return self._writer.get_extra_info(info)


@contextlib.contextmanager
def _translated(error: type[httpcore.NetworkError]) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeError) as cause:  # the latter for a name that cannot be looked up
        raise error(str(cause)) from cause
