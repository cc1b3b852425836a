"""Sockets to listen on, opened before anything else so that a taken port is known at once."""

import contextlib
import socket
from collections.abc import Iterable

from exporter.settings import ListenAddress

_BACKLOG = 1024
_WILDCARDS = ("::", "0.0.0.0")  # noqa: S104 -- recognised here, not bound


def open_sockets(addresses: Iterable[ListenAddress]) -> list[socket.socket]:
    """Open a socket for each address. Raises OSError, with a message for the user, and leaves none open."""
    with contextlib.ExitStack() as opened:
        sockets = [opened.enter_context(_open(address)) for address in addresses]
        for listener in sockets:
            # Connections inherit it. asyncio sets it only where a socket names TCP as its protocol, and
            # without it a body waits 40 ms for the client's delayed acknowledgement of the headers.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.pop_all()
        return sockets


def queue_connections(opened: socket.socket) -> None:
    """Let the kernel hold connections that wait to be accepted, as many as a burst may bring."""
    opened.listen(_BACKLOG)


def address_of(opened: socket.socket) -> ListenAddress:
    """Return where a socket listens."""
    host, port = opened.getsockname()[:2]
    return ListenAddress(host, port)


def url_of(opened: socket.socket, scheme: str = "http") -> str:
    """Return a URL under which a socket can be reached from this machine."""
    address = address_of(opened)
    return f"{scheme}://localhost:{address.port}" if address.host in _WILDCARDS else f"{scheme}://{address}"


def _open(address: ListenAddress) -> socket.socket:
    try:
        if not address.host:
            # One socket for IPv6 and IPv4 where the machine has both, as Go's servers do.
            dual = socket.has_dualstack_ipv6()
            return socket.create_server(
                ("", address.port),
                family=socket.AF_INET6 if dual else socket.AF_INET,
                dualstack_ipv6=dual,
                backlog=_BACKLOG,
            )
        family, _, _, _, where = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(where[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        raise OSError(f"cannot listen on {address}: {error.strerror or error}") from error
