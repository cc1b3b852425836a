"""Log-ins: who is admitted, what it costs, what is remembered."""

import asyncio
import base64
import threading

import bcrypt
import pytest

from exporter.server.web_config.basic_auth import BasicAuth, TooManyLoginsError

pytestmark = pytest.mark.anyio

CHEAP, DEAR = (bcrypt.hashpw(b"secret", bcrypt.gensalt(cost)).decode() for cost in (4, 6))


class Checks:
    """bcrypt, with a record of the costs."""

    def __init__(self) -> None:
        self.costs: list[int] = []
        self.begun = threading.Event()
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def __call__(self, password: bytes, bcrypt_hash: bytes) -> bool:
        self.costs.append(int(bcrypt_hash[4:6]))
        self.begun.set()
        self.may_go_on.wait()
        return bcrypt.checkpw(password, bcrypt_hash)

    @property
    def work(self) -> int:
        """What all checks cost since the last time."""
        work = sum(1 << cost for cost in self.costs)
        self.costs.clear()
        return work


def login(user: str, password: str) -> bytes:
    return b"Basic " + base64.b64encode(f"{user}:{password}".encode())


async def test_the_right_password_of_a_known_user_is_admitted() -> None:
    auth = BasicAuth((("alice", CHEAP), ("bob", DEAR)))
    assert await auth.admits(login("alice", "secret"))
    assert await auth.admits(login("bob", "secret"))
    assert await auth.admits(b"bAsIc  " + login("bob", "secret").split()[1])
    assert not await auth.admits(login("alice", "Secret"))
    assert not await auth.admits(login("carol", "secret"))
    assert not await auth.admits(login("", ""))


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"Basic",
        b"Basic !",
        b"Basic \xff",
        b"Bearer " + b"x" * 20,
        b"Basic " + base64.b64encode(b"alice"),
    ],
)
async def test_a_header_that_is_no_log_in_is_refused_without_any_work(header: bytes) -> None:
    checks = Checks()
    assert not await BasicAuth((("alice", CHEAP),), checks).admits(header)
    assert checks.costs == []


async def test_a_failed_log_in_costs_the_same_whether_the_user_exists_or_not() -> None:
    checks = Checks()
    auth = BasicAuth((("alice", CHEAP), ("bob", DEAR)), checks)
    for user in ("alice", "bob", "nobody", "x" * 10_000):
        assert not await auth.admits(login(user, "wrong"))
        assert checks.work == 2**6, user


async def test_results_are_remembered_by_a_digest_and_never_the_password() -> None:
    checks = Checks()
    auth = BasicAuth((("alice", CHEAP),), checks)
    for _ in range(3):
        assert await auth.admits(login("alice", "secret"))
        assert not await auth.admits(login("alice", "wrong"))
    assert len(checks.costs) == 2
    memory = repr((auth._successes, auth._failures))
    assert "secret" not in memory
    assert "wrong" not in memory


async def test_wrong_passwords_by_the_thousand_neither_grow_memory_nor_push_the_right_one_out() -> None:
    checks = Checks()
    auth = BasicAuth((("alice", CHEAP),), checks)
    assert await auth.admits(login("alice", "secret"))
    for number in range(1000):
        assert not await auth.admits(login("alice", str(number)))
    assert len(auth._failures) == 100
    checks.costs.clear()
    assert await auth.admits(login("alice", "secret"))
    assert checks.costs == []


async def test_right_passwords_that_bcrypt_cannot_tell_apart_do_not_grow_memory_either() -> None:
    long_hash = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    auth = BasicAuth((("alice", long_hash),))
    for number in range(150):
        assert await auth.admits(login("alice", "x" * 72 + str(number)))
    assert len(auth._successes) == 100


async def test_the_event_loop_goes_on_while_one_check_runs_and_others_wait_in_a_short_queue() -> None:
    checks = Checks()
    auth = BasicAuth((("alice", CHEAP),), checks)
    assert await auth.admits(login("alice", "secret"))
    checks.costs.clear()
    checks.may_go_on.clear()
    checks.begun.clear()
    waiting = [asyncio.ensure_future(auth.admits(login("alice", str(number)))) for number in range(16)]
    await asyncio.to_thread(checks.begun.wait)
    assert len(checks.costs) == 1
    with pytest.raises(TooManyLoginsError):
        await auth.admits(login("alice", "one too many"))
    assert await auth.admits(login("alice", "secret")), "who is known does not wait"
    checks.may_go_on.set()
    assert await asyncio.gather(*waiting) == [False] * 16
    assert len(checks.costs) == 16


async def test_who_waits_for_the_same_log_in_shares_its_result() -> None:
    checks = Checks()
    auth = BasicAuth((("alice", CHEAP),), checks)
    assert await asyncio.gather(*(auth.admits(login("alice", "secret")) for _ in range(5))) == [True] * 5
    assert len(checks.costs) == 1
