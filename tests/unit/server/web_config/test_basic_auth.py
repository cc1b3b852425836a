"""Logins: which are admitted, what a check costs, what is remembered."""

import asyncio
import base64
import threading
import time

import bcrypt
import pytest

from exporter.server.web_config.basic_auth import (
    CHECKS_AT_ONCE,
    MAX_REMEMBERED,
    MAX_WAITING,
    BasicAuth,
    TooManyLoginsError,
)
from tests.support.upstream import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

CHEAP, DEAR = (bcrypt.hashpw(b"secret", bcrypt.gensalt(cost)).decode() for cost in (4, 6))


async def no_sleep(_seconds: float) -> None:
    pass


class Checks:
    """bcrypt, with a record of the costs."""

    def __init__(self) -> None:
        self.costs: list[int] = []
        self._begun = threading.Condition()
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def __call__(self, password: bytes, bcrypt_hash: bytes) -> bool:
        with self._begun:
            self.costs.append(int(bcrypt_hash[4:6]))
            self._begun.notify_all()
        assert self.may_go_on.wait(PATIENCE_SECONDS)
        return bcrypt.checkpw(password, bcrypt_hash)

    def await_checks(self, count: int) -> None:
        """Wait until so many checks have begun. If they do not, let the others go on."""
        with self._begun:
            if not self._begun.wait_for(lambda: len(self.costs) >= count, PATIENCE_SECONDS):
                self.may_go_on.set()

    @property
    def work(self) -> int:
        """The cost of all checks since the last call."""
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
async def test_a_header_without_a_login_is_refused_without_a_check(header: bytes) -> None:
    checks = Checks()
    assert not await BasicAuth((("alice", CHEAP),), checks).admits(header)
    assert checks.costs == []


async def test_a_check_costs_what_the_user_s_hash_costs_and_for_an_unknown_user_the_cheapest_hash() -> None:
    checks = Checks()
    auth = BasicAuth((("alice", CHEAP), ("bob", DEAR)), checks, no_sleep)
    for user, cost in (("alice", 4), ("bob", 6), ("nobody", 4), ("x" * 10_000, 4)):
        assert not await auth.admits(login(user, "wrong"))
        assert checks.work == 2**cost, user


async def test_results_are_remembered_by_a_digest_and_never_the_password() -> None:
    checks = Checks()
    auth = BasicAuth((("alice", CHEAP),), checks)
    for _ in range(3):
        assert await auth.admits(login("alice", "secret"))
        assert not await auth.admits(login("alice", "wrong"))
    assert len(checks.costs) == 2
    memory = repr(auth._results)
    assert "secret" not in memory
    assert "wrong" not in memory


async def test_many_wrong_passwords_neither_grow_memory_nor_displace_the_right_one() -> None:
    checks = Checks()
    auth = BasicAuth((("alice", CHEAP),), checks, no_sleep)
    assert await auth.admits(login("alice", "secret"))
    for number in range(1000):
        assert not await auth.admits(login("alice", str(number)))
    assert len(auth._results[False]) == MAX_REMEMBERED
    checks.costs.clear()
    assert await auth.admits(login("alice", "secret"))
    assert checks.costs == []


async def test_right_passwords_that_bcrypt_cannot_distinguish_do_not_grow_memory() -> None:
    long_hash = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    auth = BasicAuth((("alice", long_hash),))
    for number in range(150):
        assert await auth.admits(login("alice", "x" * 72 + str(number)))
    assert len(auth._results[True]) == MAX_REMEMBERED


async def test_the_newest_login_is_checked_first_and_of_too_many_the_oldest_is_refused() -> None:
    checks = Checks()
    auth = BasicAuth((("alice", CHEAP),), checks, no_sleep)
    checks.may_go_on.clear()
    checked: list[int] = []

    async def try_wrong_password(number: int) -> None:
        await auth.admits(login("alice", str(number)))
        checked.append(number)

    wrong = [asyncio.ensure_future(try_wrong_password(n)) for n in range(CHECKS_AT_ONCE + MAX_WAITING)]
    await asyncio.sleep(0)
    right = asyncio.ensure_future(auth.admits(login("alice", "secret")))
    with pytest.raises(TooManyLoginsError):
        await wrong[CHECKS_AT_ONCE]
    checks.may_go_on.set()
    assert await right
    assert len(checked) <= 2 * CHECKS_AT_ONCE, "the right one waited for no more than those under way"
    await asyncio.gather(*wrong, return_exceptions=True)
    assert CHECKS_AT_ONCE + 1 in checked[-CHECKS_AT_ONCE:]


async def test_a_user_whose_hash_is_expensive_does_not_delay_another() -> None:
    checks = Checks()
    auth = BasicAuth((("alice", CHEAP), ("bob", DEAR)), checks, no_sleep)
    checks.may_go_on.clear()
    flood = [asyncio.ensure_future(auth.admits(login("bob", str(number)))) for number in range(9)]
    await asyncio.to_thread(checks.await_checks, CHECKS_AT_ONCE)
    right = asyncio.ensure_future(auth.admits(login("alice", "secret")))
    await asyncio.to_thread(checks.await_checks, CHECKS_AT_ONCE + 1)
    costs = list(checks.costs)
    checks.may_go_on.set()
    assert costs == [6] * CHECKS_AT_ONCE + [4]
    assert await right
    await asyncio.gather(*flood)


async def test_a_login_that_is_known_does_not_wait() -> None:
    checks = Checks()
    auth = BasicAuth((("alice", CHEAP),), checks, no_sleep)
    assert await auth.admits(login("alice", "secret"))
    checks.may_go_on.clear()
    waiting = [asyncio.ensure_future(auth.admits(login("alice", str(number)))) for number in range(9)]
    await asyncio.sleep(0)
    assert await auth.admits(login("alice", "secret"))
    checks.may_go_on.set()
    assert await asyncio.gather(*waiting) == [False] * 9


async def test_responses_to_wrong_logins_are_delayed_so_that_checks_take_half_of_a_thread() -> None:
    delays: list[float] = []

    async def sleep(seconds: float) -> None:
        delays.append(seconds)

    def check(_password: bytes, _bcrypt_hash: bytes) -> bool:
        time.sleep(0.01)
        return False

    auth = BasicAuth((("alice", CHEAP),), check, sleep)
    began = time.monotonic()
    await asyncio.gather(*(auth.admits(login("alice", str(number))) for number in range(20)))
    answered = time.monotonic() - began + max(delays)
    assert answered >= 20 * 2 * 0.01
    delays.clear()
    await asyncio.gather(*(auth.admits(login("alice", str(number))) for number in range(20)))
    assert delays == [], "a login known to be wrong takes no time"


async def test_requests_that_wait_for_the_same_login_share_its_result() -> None:
    checks = Checks()
    auth = BasicAuth((("alice", CHEAP),), checks)
    assert await asyncio.gather(*(auth.admits(login("alice", "secret")) for _ in range(5))) == [True] * 5
    assert len(checks.costs) <= CHECKS_AT_ONCE
