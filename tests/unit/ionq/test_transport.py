import httpx
import pytest

from exporter.ionq.transport import KeptConnection, TransportFactory
from tests.support.clock import Clock

API_URL = "https://ionq.test/v0.4"


class Transport(httpx.AsyncBaseTransport):
    closed = False

    async def aclose(self) -> None:
        self.closed = True


@pytest.mark.anyio
async def test_a_connection_is_kept_for_four_minutes_and_closed_after_five(clock: Clock) -> None:
    connection = KeptConnection(Transport, clock)
    first = await connection.transport()
    assert isinstance(first, Transport)
    clock.now += 239
    assert await connection.transport() is first
    assert not first.closed
    clock.now += 61
    assert await connection.transport() is not first
    assert first.closed


@pytest.mark.anyio
async def test_connections_that_are_made_together_are_not_replaced_together(clock: Clock) -> None:
    connections = [KeptConnection(Transport, clock) for _ in range(100)]
    first = [await connection.transport() for connection in connections]
    clock.now += 270
    kept = [await connection.transport() for connection in connections]
    assert 0 < len({*first} & {*kept}) < len(connections)


@pytest.mark.anyio
async def test_a_closed_connection_is_replaced(clock: Clock) -> None:
    connection = KeptConnection(Transport, clock)
    await connection.close()
    first = await connection.transport()
    await connection.close()
    assert isinstance(first, Transport)
    assert first.closed
    assert await connection.transport() is not first


@pytest.mark.parametrize(
    ("variables", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://user:hunter2@proxy.test:3128"}, "proxy.test:3128"),
        ({"HTTPS_PROXY": "http://user:p%40ss@[::1]:3128/"}, "[::1]:3128"),
        ({"HTTPS_PROXY": "proxy.test"}, "proxy.test"),
        ({"ALL_PROXY": "http://proxy.test"}, "proxy.test"),
        ({"HTTP_PROXY": "http://proxy.test"}, None),
        ({"HTTPS_PROXY": "http://proxy.test", "NO_PROXY": "ionq.test"}, None),
    ],
)
def test_the_proxy_is_named_without_its_credentials(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], proxy: str | None
) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert TransportFactory(API_URL).proxy == proxy
