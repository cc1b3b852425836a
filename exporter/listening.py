"""Sockets to listen on, opened before anything else so that a taken port is known at once."""

import contextlib
import socket
from collections.abc import Iterable

from exporter.settings import ListenAddress

_BACKLOG = 1024


def open_sockets(addresses: Iterable[ListenAddress]) -> list[socket.socket]:
    """Open a socket for each address. Raises OSError, with a message for the user, and leaves none open."""
    with contextlib.ExitStack() as opened:
        sockets = [opened.enter_context(_open(address)) for address in addresses]
        opened.pop_all()
        return sockets


def url_of(opened: socket.socket) -> str:
    """Return the URL under which a socket can be reached."""
    host, port = opened.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


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
