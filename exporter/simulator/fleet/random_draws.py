"""Random draws without state: equal keys give equal numbers, in any order of calls."""

import math
from functools import lru_cache
from hashlib import blake2b
from uuid import UUID


def _digest(key: tuple[str | int, ...], size: int) -> bytes:
    return blake2b(repr(key).encode(), digest_size=size).digest()


# Neighbouring moments use the same draws: the cache makes weeks of backends a matter of seconds.
@lru_cache(maxsize=16384)
def unit(*key: str | int) -> float:
    """Draw a number from 0 (included) to 1 (excluded)."""
    return (int.from_bytes(_digest(key, 8)) >> 11) / (1 << 53)


def between(low: float, high: float, *key: str | int) -> float:
    """Draw a number from `low` (included) to `high` (excluded)."""
    return low + (high - low) * unit(*key)


def smooth(position: float, *key: str | int) -> float:
    """Return a point of a smooth curve through one random value (-1 to 1) per unit of `position`."""
    knot = math.floor(position)
    left, right = unit(*key, knot), unit(*key, knot + 1)
    part = position - knot
    return 2 * (left + (right - left) * part * part * (3 - 2 * part)) - 1


def token(*key: str | int) -> str:
    """Draw twelve hexadecimal digits."""
    return _digest(key, 6).hex()


@lru_cache(maxsize=4096)
def uuid(*key: str | int) -> str:
    """Draw a UUID of version 4."""
    return str(UUID(bytes=_digest(key, 16), version=4))
