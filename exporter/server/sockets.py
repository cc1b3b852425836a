"""Sockets to listen on. A command opens them first, so that an address in use is known at once."""

import contextlib
import socket
from collections.abc import Iterable

from exporter.settings import ListenAddress

_BACKLOG = 1024
_UNSENT_BYTES = 128 * 1024
_ANY = ("", "::")
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "localhost"}  # noqa: S104 -- nothing is bound to it here


def open_sockets(addresses: Iterable[ListenAddress]) -> list[socket.socket]:
    """Open a socket for each address, or none at all. Raises OSError, with a message for the user."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(_open(address)) for address in addresses]
        for opened in sockets:
            # Connections inherit both options. Without the first, a body waits 40 ms for the delayed
            # acknowledgement of the headers; asyncio sets it only if a socket names TCP as its protocol.
            # Without the second, the kernel buffers megabytes for a client that reads nothing.
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
        stack.pop_all()
        return sockets


def queue_connections(opened: socket.socket) -> None:
    """Let the kernel queue as many connections as a burst may bring."""
    opened.listen(_BACKLOG)


def address_of(opened: socket.socket) -> ListenAddress:
    """Return the address that a socket listens on."""
    host, port = opened.getsockname()[:2]
    return ListenAddress(host, port)


def url_of(opened: socket.socket, scheme: str = "http") -> str:
    """Return a URL that reaches a socket from this machine."""
    address = address_of(opened)
    return f"{scheme}://{ListenAddress(_LOOPBACK.get(address.host, address.host), address.port)}"


def _open(address: ListenAddress) -> socket.socket:
    try:
        if address.host in _ANY and socket.has_dualstack_ipv6():
            # One socket for IPv6 and IPv4, as in Go.
            return socket.create_server(
                ("", address.port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG
            )
        host = address.host or "0.0.0.0"  # noqa: S104 -- the user asked for all addresses
        family, _, _, _, where = socket.getaddrinfo(host, address.port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(where[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        raise OSError(f"cannot listen on {address}: {error.strerror or error}") from error
