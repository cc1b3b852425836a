"""The pause that a response asks for by its header Retry-After (RFC 9110, 10.2.3), and whether it is over."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from exporter.common.durations import humanize_duration
from exporter.common.errors import IonQError, RateLimitedError

DEFAULT_SECONDS = 30.0
"""The pause where Retry-After cannot be read, and after a 429 without it."""


class Pause:
    """The pause of one client. ``clock`` is in monotonic seconds."""

    def __init__(self, longest_seconds: float, clock: Callable[[], float]) -> None:
        self._longest_seconds = longest_seconds
        self._clock = clock
        self._until = -float("inf")
        self._error: IonQError | None = None

    @property
    def remaining_seconds(self) -> float:
        """How much of it is left, 0 where there is none."""
        return max(0.0, self._until - self._clock())

    def check(self) -> None:
        """Raise the error that began the pause, while it lasts."""
        if self._error and (remaining := self.remaining_seconds):
            raise self._error.with_message(
                f"no request sent: {self._error.message}, {humanize_duration(remaining)} remain"
            )

    def begin(self, error: IonQError, headers: httpx.Headers) -> IonQError:
        """Begin a pause if the response asks for one. Return the error, which then says so."""
        seconds = retry_after_seconds(headers, self._longest_seconds)
        if seconds is None and isinstance(error, RateLimitedError):
            seconds = DEFAULT_SECONDS
        if seconds:
            error = error.with_message(
                f"{error.message}; it asks for a pause of {humanize_duration(seconds)}"
            )
            self._until = self._clock() + seconds
            self._error = error
        return error


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
