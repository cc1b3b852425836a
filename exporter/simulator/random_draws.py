"""Chance without state: the same key always draws the same number, whatever was drawn before it."""

import math
from functools import lru_cache
from hashlib import blake2b
from uuid import UUID


def _digest(key: tuple[str | int, ...], size: int) -> bytes:
    return blake2b(repr(key).encode(), digest_size=size).digest()


# Neighbouring moments share their knots: remembering them makes weeks of rows a matter of seconds.
@lru_cache(maxsize=16384)
def unit(*key: str | int) -> float:
    """Draw a number from 0 up to, but not including, 1."""
    return (int.from_bytes(_digest(key, 8)) >> 11) / (1 << 53)


def between(low: float, high: float, *key: str | int) -> float:
    """Draw a number from `low` up to `high`."""
    return low + (high - low) * unit(*key)


def smooth(position: float, *key: str | int) -> float:
    """Draw from a smooth curve between -1 and 1 that turns about once per unit of `position`."""
    knot = math.floor(position)
    left, right = unit(*key, knot), unit(*key, knot + 1)
    part = position - knot
    return 2 * (left + (right - left) * part * part * (3 - 2 * part)) - 1


def uuid(*key: str | int) -> str:
    """Draw a UUID that looks like a random one (version 4)."""
    return str(UUID(bytes=_digest(key, 16), version=4))
