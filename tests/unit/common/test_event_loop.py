import asyncio
import socket
import threading

import pytest

from exporter.common.event_loop import MAX_LOOKUPS, run

PATIENCE_SECONDS = 20


async def look_up(name: str) -> set[str]:
    found = await asyncio.get_running_loop().getaddrinfo(name, 443, type=socket.SOCK_STREAM)
    return {str(address[0]) for *_, address in found}


class SilentResolver:
    """Resolves only ``localhost`` until it is repaired."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = 0
        self.repaired = threading.Event()
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._look_up)

    def _look_up(self, name: str, *more: object, **hints: object) -> object:
        if name == "localhost":
            return self._real("localhost", *more, **hints)  # type: ignore[arg-type]
        self.asked += 1
        self.repaired.wait(PATIENCE_SECONDS)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> SilentResolver:
    return SilentResolver(monkeypatch)


def test_a_name_is_looked_up() -> None:
    assert run(look_up("localhost")) & {"127.0.0.1", "::1"}


def test_a_name_that_does_not_exist_is_an_error(resolver: SilentResolver) -> None:
    resolver.repaired.set()
    with pytest.raises(socket.gaierror, match="not known"):
        run(look_up("ionq.invalid"))


def test_an_unanswered_lookup_delays_neither_other_lookups_nor_the_end(resolver: SilentResolver) -> None:
    async def give_up_often() -> set[str]:
        for _ in range(MAX_LOOKUPS - 1):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(look_up("ionq.invalid"), 0.001)
        return await look_up("localhost")

    assert run(give_up_often())
    assert resolver.asked == MAX_LOOKUPS - 1
    resolver.repaired.set()


def test_the_number_of_lookups_that_wait_is_limited(resolver: SilentResolver) -> None:
    async def ask_too_often() -> None:
        waiting = [asyncio.ensure_future(look_up("ionq.invalid")) for _ in range(MAX_LOOKUPS)]
        await asyncio.sleep(0)
        with pytest.raises(socket.gaierror, match="16 DNS lookups are still waiting"):
            await look_up("localhost")
        resolver.repaired.set()
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(answer, socket.gaierror) for answer in answers)
        assert await look_up("localhost")

    run(ask_too_often())
    assert resolver.asked == MAX_LOOKUPS
