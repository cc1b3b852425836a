"""What can go wrong with one read of IonQ's API.

Each class carries the ``reason`` that labels ``ionq_exporter_api_failures_total`` and the log line,
so that the metric, the log and the code can never use different words.
"""

import traceback
from typing import ClassVar, Self


class IonQError(Exception):
    """One read of IonQ's API failed.

    ``message`` says what happened and what to do about it. ``request_id`` is IonQ's ``x-request-id``
    where an answer carried one: IonQ's support asks for it. ``trace`` says where in the code it was, if
    that is worth knowing.
    """

    reason: ClassVar[str]

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.request_id: str | None = None
        self.trace: str | None = None


class ConnectionFailedError(IonQError):
    """No connection could be made: refused, unreachable, not in time, or the name did not resolve."""

    reason = "connect"


class TLSError(IonQError):
    """The TLS handshake failed, most often because of a certificate, or did not end in time."""

    reason = "tls"


class DeadlineExceededError(IonQError):
    """There was a connection, but the answer was not complete when the scrape's time was up."""

    reason = "timeout"


class ProtocolError(IonQError):
    """What came over the connection was not one whole HTTP answer."""

    reason = "protocol"


class UnexpectedError(ProtocolError):
    """Something failed that nobody thought of: a bug here, or in a library."""

    @classmethod
    def of(cls, cause: Exception, message: str | None = None) -> Self:
        """Return the error for a cause, with its own message unless there is one that hides secrets."""
        error = cls(f"{type(cause).__name__}: {cause if message is None else message}")
        # Without the messages of a whole traceback, which may hold what a server sent.
        error.trace = "".join(traceback.format_tb(cause.__traceback__))
        return error


class HTTPStatusError(IonQError):
    """IonQ, or a proxy before it, answered with a status that is not 200.

    ``pause_seconds`` is how long its Retry-After asked to be left alone, 0 without one.
    """

    reason = "http_status"

    def __init__(self, message: str, status: int, pause_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.pause_seconds = pause_seconds


class RedirectError(IonQError):
    """IonQ answered with a redirect, which is never followed."""

    reason = "redirect"


class RateLimitedError(IonQError):
    """IonQ asked for a pause (429), and it is not over."""

    reason = "rate_limited"


class ResponseTooLargeError(IonQError):
    """The body, once decompressed, is larger than the limit."""

    reason = "too_large"


class InvalidJSONError(IonQError):
    """The body is not JSON."""

    reason = "invalid_json"


class UnexpectedShapeError(IonQError):
    """The body is JSON, but holds no list of backends."""

    reason = "unexpected_shape"


REASONS = tuple(error.reason for error in IonQError.__subclasses__())
