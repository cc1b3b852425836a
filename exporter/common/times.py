"""Times as IonQ and people write them, and as Unix seconds."""

import re
from datetime import UTC, datetime

# A shorter number may be a date: 20251231.
_UNIX_SECONDS = re.compile(r"\d{9,11}(?:\.\d+)?")


def parse_time(text: str) -> float:
    """Parse ``2025-12-31``, an ISO 8601 time (UTC unless it has an offset) or Unix seconds.

    Returns Unix seconds. Raises ValueError with a message for the user.
    """
    if _UNIX_SECONDS.fullmatch(text):
        return float(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is not a time: write 2025-12-31, 2025-12-31T18:00:00Z or Unix seconds"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def format_time(timestamp: float) -> str:
    """Format Unix seconds as IonQ does: ``2025-06-16T00:00:00Z``."""
    return f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%dT%H:%M:%SZ}"
