"""Which address of a host is connected to, and what is left open."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest

from exporter.ionq.network import Network

pytestmark = pytest.mark.anyio

Address = tuple[str, int]


@pytest.fixture
def accepting() -> Iterator[Address]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


@pytest.fixture
def refusing() -> Address:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address: Address = server.getsockname()
        return address


@pytest.fixture
def silent() -> Iterator[Address]:
    """An address that answers no SYN: the queue of its listener is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, contextlib.ExitStack() as stack:
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(server.getsockname())
        yield server.getsockname()


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: Address) -> None:
    async def getaddrinfo(*_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize("kind", ["refusing", "silent"])
async def test_an_address_that_does_not_accept_is_followed_by_the_next(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, accepting: Address, kind: str
) -> None:
    resolve_to(monkeypatch, request.getfixturevalue(kind), accepting)
    stream = await Network(secure=False).connect_tcp("api.test", 443)
    assert stream.get_extra_info("socket").getpeername() == accepting
    await stream.aclose()


@pytest.mark.parametrize("turns", range(1, 12))
async def test_a_cancelled_connection_leaves_no_socket_open(
    monkeypatch: pytest.MonkeyPatch, accepting: Address, turns: int
) -> None:
    """An open one would be a ResourceWarning, which fails the test. Cancelled at each step of the loop."""
    resolve_to(monkeypatch, accepting, accepting)
    connecting = asyncio.create_task(Network(secure=False).connect_tcp("api.test", 443))
    for _ in range(turns):
        await asyncio.sleep(0)
    connecting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await (await connecting).aclose()
