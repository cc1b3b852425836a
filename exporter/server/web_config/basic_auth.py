"""Who may read: names and bcrypt hashes, checked so that neither time nor memory tells a secret."""

import asyncio
import base64
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable

import bcrypt

from exporter.server.web_config.settings import cost_of

_REMEMBERED_FAILURES = 100
_REMEMBERED_SUCCESSES = 100
_MAX_WAITING = 16

# What bcrypt has always looked at; its library refuses more.
_MAX_PASSWORD_BYTES = 72
_DEFAULT_COST = 10


class TooManyLoginsError(Exception):
    """So many log-ins wait to be checked that another one would wait for too long."""


class BasicAuth:
    """Checks log-ins, one at a time beside the event loop, and remembers what came of them.

    Whoever fails has taken as long as the costliest hash, whether the user exists or not.
    """

    def __init__(
        self,
        users: tuple[tuple[str, str], ...],
        check: Callable[[bytes, bytes], bool] = bcrypt.checkpw,
    ) -> None:
        self._hashes = {name.encode(): bcrypt_hash.encode() for name, bcrypt_hash in users}
        self._cost = max((cost_of(bcrypt_hash) for _, bcrypt_hash in users), default=_DEFAULT_COST)
        self._check = check
        self._salt = secrets.token_bytes(32)
        self._one_at_a_time = asyncio.Lock()
        self._waiting = 0
        # Apart, so that no flood of wrong passwords makes the right ones forgotten.
        self._failures: OrderedDict[bytes, None] = OrderedDict()
        self._successes: OrderedDict[bytes, None] = OrderedDict()

    async def admits(self, authorization: bytes) -> bool:
        """Return whether the header's user may read. Raises TooManyLoginsError."""
        login = _login(authorization)
        if login is None:
            return False
        key = self._key(*login)
        known = self._known(key)
        if known is not None:
            return known
        if self._waiting >= _MAX_WAITING:
            raise TooManyLoginsError
        self._waiting += 1
        try:
            async with self._one_at_a_time:
                known = self._known(key)
                if known is None:
                    known = await asyncio.to_thread(self._verify, *login)
                    self._remember(key, admitted=known)
                return known
        finally:
            self._waiting -= 1

    def _known(self, key: bytes) -> bool | None:
        for admitted, memory in ((True, self._successes), (False, self._failures)):
            if key in memory:
                memory.move_to_end(key)
                return admitted
        return None

    def _remember(self, key: bytes, *, admitted: bool) -> None:
        memory, limit = (
            (self._successes, _REMEMBERED_SUCCESSES) if admitted else (self._failures, _REMEMBERED_FAILURES)
        )
        memory[key] = None
        if len(memory) > limit:
            memory.popitem(last=False)

    def _verify(self, user: bytes, password: bytes) -> bool:
        password = password[:_MAX_PASSWORD_BYTES]
        bcrypt_hash = self._hashes.get(user)
        if bcrypt_hash is None:
            self._check(password, _dummy_hash(self._cost))
            return False
        if self._check(password, bcrypt_hash):
            return True
        # Each step costs twice the one before: together with the first they cost what the costliest does.
        for cost in range(cost_of(bcrypt_hash.decode()), self._cost):
            self._check(password, _dummy_hash(cost))
        return False

    def _key(self, user: bytes, password: bytes) -> bytes:
        """Return what stands for a log-in in memory: no password, and of no use to another process."""
        whole = len(user).to_bytes(8, "big") + user + password
        return hashlib.blake2b(whole, key=self._salt).digest()


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
