"""How long a response asks to be left alone, by its header Retry-After (RFC 9110, 10.2.3)."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

DEFAULT_SECONDS = 30.0
"""The pause where Retry-After cannot be read."""


def retry_after_seconds(headers: httpx.Headers, longest: float) -> float | None:
    """Return the pause in seconds, from 0 to ``longest``, or None without the header."""
    text = headers.get("Retry-After")
    if text is None:
        return None
    text = text.strip()
    if text.isdecimal() and text.isascii():
        seconds = float(text)
    else:
        moment = _parse_date(text)
        if moment is None:
            return DEFAULT_SECONDS
        # Against the server's own clock, which may differ from this machine's.
        now = _parse_date(headers.get("Date", "")) or datetime.now(UTC)
        seconds = (moment - now).total_seconds()
    return min(max(seconds, 0.0), longest)


def _parse_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
