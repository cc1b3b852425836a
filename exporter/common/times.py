"""Times as IonQ and people write them, and as Unix seconds."""

from datetime import UTC, datetime


def parse_time(text: str) -> float:
    """Read ``2025-12-31`` or an ISO 8601 time, UTC unless it says otherwise, as Unix seconds.

    Raises ValueError, with a message for the user.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a time: write 2025-12-31 or 2025-12-31T18:00:00Z") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def format_time(timestamp: float) -> str:
    """Write Unix seconds as IonQ does: ``2025-06-16T00:00:00Z``."""
    return f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%dT%H:%M:%SZ}"
