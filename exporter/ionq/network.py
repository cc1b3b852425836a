"""httpcore's network backend on asyncio's own streams.

httpcore's default backend goes through anyio, which gives control to the event loop after each step: a
quarter of the CPU time of a read. This one also remembers how far a connection has got, so that a scrape that
stops waiting can say so.

httpcore's locks go through anyio too. Importing this module replaces them by asyncio's, which give control to
the event loop only while another task holds the lock.
"""

# ruff: noqa: ARG001, ARG002, ASYNC109 -- httpcore's signatures; each caller bounds a whole read instead

import asyncio
import contextlib
import enum
import itertools
import socket
import ssl
import types
from collections.abc import Iterable, Iterator
from typing import Any

import httpcore
from httpcore import _synchronization

_CONNECT_SECONDS = 1.0
"""How long to wait for an address before the next one is tried."""


_Address = tuple[Any, ...]
"""What getaddrinfo says of one address: family, type, protocol, canonical name, address."""


def _unshielded(*, shield: bool) -> contextlib.nullcontext[None]:
    """Return no shield from cancellation. httpcore asks for one while it closes, which never waits here."""
    return contextlib.nullcontext()


# No request waits for another's connection here, so anyio's limits for waiting have no counterpart.
_synchronization.anyio = types.SimpleNamespace(  # type: ignore[assignment,attr-defined]
    Lock=asyncio.Lock, Event=asyncio.Event, CancelScope=_unshielded
)


class Step(enum.Enum):
    """How far a connection has got."""

    CONNECTING = enum.auto()
    """The name is looked up, TCP connects, or a proxy opens its tunnel."""
    HANDSHAKING = enum.auto()
    OPEN = enum.auto()


class Network(httpcore.AsyncNetworkBackend):
    """Opens connections, and remembers how far the newest has got.

    With ``secure`` a connection is open after the TLS handshake.
    """

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
            connected = await _connect(host, port, tuple(socket_options or ()))
            reader, writer = await asyncio.open_connection(sock=connected)
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


async def _connect(host: str, port: int, options: tuple[Any, ...]) -> socket.socket:
    """Connect to the first address that accepts, and leave no socket open if it fails or is cancelled.

    asyncio's create_connection leaves a socket open if it is cancelled at the moment the socket connects.
    """
    *others, last = _alternating(
        await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    )
    for other in others:
        with contextlib.suppress(OSError):  # a TimeoutError is one
            async with asyncio.timeout(_CONNECT_SECONDS):
                return await _connect_to(other, options)
    return await _connect_to(last, options)


async def _connect_to(information: _Address, options: tuple[Any, ...]) -> socket.socket:
    family, kind, protocol, _, address = information
    connection = socket.socket(family, kind, protocol)
    try:
        connection.setblocking(False)  # noqa: FBT003 -- it takes no keyword
        for option in options:
            connection.setsockopt(*option)
        await asyncio.get_running_loop().sock_connect(connection, address)
    except BaseException:
        connection.close()
        raise
    return connection


def _alternating(addresses: list[_Address]) -> list[_Address]:
    """Put IPv6 and IPv4 by turns, so that a family that does not work costs one wait."""
    families = dict.fromkeys(address[0] for address in addresses)
    turns = itertools.zip_longest(*([a for a in addresses if a[0] == family] for family in families))
    return [address for turn in turns for address in turn if address]


@contextlib.contextmanager
def _translated(error: type[httpcore.NetworkError]) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeError) as cause:  # the latter for a name that cannot be looked up
        raise error(str(cause)) from cause
