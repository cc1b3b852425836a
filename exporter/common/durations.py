"""Durations as people write them (``1m30s``) and read them (``16d 2h``)."""

import math
import re

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_DURATION = re.compile(rf"(?:{_PART.pattern})+")


def parse_duration(text: str) -> float:
    """Read a duration in Prometheus's notation (``500ms``, ``10s``, ``1h30m``) or in plain seconds.

    Returns seconds. Raises ValueError, with a message for the user, for anything else.
    """
    stripped = text.strip()
    if _DURATION.fullmatch(stripped):
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(stripped))
    else:
        try:
            seconds = float(stripped)
        except ValueError:
            seconds = math.nan
    if math.isfinite(seconds) and seconds >= 0:
        return seconds
    raise ValueError(f"{text!r} is not a duration: write it like 10s, 500ms or 1m30s")


def humanize_duration(seconds: float) -> str:
    """Write a duration in its two largest units, rounded down: ``16d 2h``, ``19m 41s``, ``0s``."""
    remaining = int(seconds)
    parts = []
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, remaining = divmod(remaining, length)
        parts.append((count, unit))
    first = next((index for index, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count}{unit}" for count, unit in parts[first : first + 2] if count) or "0s"
