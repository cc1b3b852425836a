"""Logins with bcrypt hashes. Neither time nor memory reveals a password, and a flood locks no user out."""

import asyncio
import base64
import hashlib
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from types import TracebackType

import bcrypt

from exporter.server.web_config.settings import cost_of

MAX_REMEMBERED = 100
MAX_WAITING = 64
CHECKS_AT_ONCE = 2

_MAX_REFUSAL_DELAY_SECONDS = 10.0

# bcrypt ignores further bytes; its library refuses them.
_MAX_PASSWORD_BYTES = 72


class TooManyLoginsError(Exception):
    """More logins wait than can be checked soon."""


class BasicAuth:
    """Checks logins in threads, and remembers the results.

    A check takes a noticeable part of a second. Three rules let a right login in during a flood of wrong
    ones: each user has a queue, the newest login in a queue is checked first, and the response to a wrong one
    is delayed until wrong ones have taken no more than half the time of one thread.
    """

    def __init__(
        self,
        users: tuple[tuple[str, str], ...],
        check: Callable[[bytes, bytes], bool] = bcrypt.checkpw,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._queues = {name.encode(): _Queue(bcrypt_hash.encode()) for name, bcrypt_hash in users}
        # An unknown user takes as long as a known one with the cheapest hash.
        self._unknown = _Queue(_dummy_hash(min(cost_of(bcrypt_hash) for _, bcrypt_hash in users)))
        self._check = check
        self._sleep = sleep
        self._salt = secrets.token_bytes(32)
        # Separate, so that many wrong logins do not displace the right ones.
        self._results: dict[bool, OrderedDict[bytes, None]] = {True: OrderedDict(), False: OrderedDict()}

    async def admits(self, authorization: bytes) -> bool:
        """Return whether the user in the header may read. Raises TooManyLoginsError."""
        login = _login(authorization)
        if login is None:
            return False
        user, password = login
        key = self._key(user, password)
        if (result := self._known(key)) is not None:
            return result
        queue = self._queues.get(user, self._unknown)
        async with queue:
            if (result := self._known(key)) is not None:  # another request has brought the same login
                return result
            began = time.monotonic()
            matches = await asyncio.to_thread(self._check, password[:_MAX_PASSWORD_BYTES], queue.bcrypt_hash)
            seconds = time.monotonic() - began
            admitted = matches and queue is not self._unknown
            self._remember(key, admitted=admitted)
        if not admitted:
            await self._sleep(queue.refusal_delay(seconds))
        return admitted

    def _known(self, key: bytes) -> bool | None:
        for admitted, logins in self._results.items():
            if key in logins:
                logins.move_to_end(key)
                return admitted
        return None

    def _remember(self, key: bytes, *, admitted: bool) -> None:
        logins = self._results[admitted]
        logins[key] = None
        if len(logins) > MAX_REMEMBERED:
            logins.popitem(last=False)

    def _key(self, user: bytes, password: bytes) -> bytes:
        """Return a digest of a login that is of no use to another process."""
        return hashlib.blake2b(len(user).to_bytes(8, "big") + user + password, key=self._salt).digest()


class _Queue:
    """The checks of one user's logins: two at a time, and the newest first. Of too many, the oldest fails."""

    def __init__(self, bcrypt_hash: bytes) -> None:
        self.bcrypt_hash = bcrypt_hash
        self._free = CHECKS_AT_ONCE
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._next_refusal = 0.0

    def refusal_delay(self, check_seconds: float) -> float:
        """Return how long to delay the response to a wrong login."""
        now = time.monotonic()
        self._next_refusal = max(self._next_refusal, now) + 2 * check_seconds
        return min(self._next_refusal - now, _MAX_REFUSAL_DELAY_SECONDS)

    async def __aenter__(self) -> None:
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        if len(self._waiting) > MAX_WAITING and not (oldest := self._waiting.popleft()).done():
            oldest.set_exception(TooManyLoginsError)
        await turn

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._waiting:
            if not (newest := self._waiting.pop()).done():  # done means cancelled
                newest.set_result(None)
                return
        self._free += 1


def _dummy_hash(cost: int) -> bytes:
    return f"$2b${cost:02}$".encode() + b"." * 53


def _login(authorization: bytes) -> tuple[bytes, bytes] | None:
    scheme, _, encoded = authorization.partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except ValueError:
        return None
    return (user, password) if colon else None
