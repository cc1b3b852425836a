"""The ways in which a read of IonQ can fail.

Each class carries the ``reason`` that labels the failure metrics and the log line, so that metric, log and
code use the same words.
"""

import copy
import traceback
from typing import ClassVar, Self


class IonQError(Exception):
    """A read of IonQ failed.

    ``message`` says what happened and what to do about it. ``request_id`` is IonQ's ``x-request-id``, which
    its support asks for. ``trace`` is a stack for errors that are bugs.
    """

    reason: ClassVar[str]

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.request_id: str | None = None
        self.trace: str | None = None

    def with_message(self, message: str) -> Self:
        """Return a copy with another message. Scrapes that share a read also share its error."""
        error = copy.copy(self)
        error.message = message
        error.args = (message,)
        return error


class ConnectionFailedError(IonQError):
    """No connection could be made: refused, unreachable, too late, or the name did not resolve."""

    reason = "connect"


class TLSError(IonQError):
    """The TLS handshake failed, most often because of a certificate, or did not end in time."""

    reason = "tls"


class DeadlineExceededError(IonQError):
    """There was a connection, but no complete response in time."""

    reason = "timeout"


class ProtocolError(IonQError):
    """What came over the connection was not one whole HTTP response."""

    reason = "protocol"


class DroppedConnectionError(ProtocolError):
    """A kept connection turned out to be closed before it answered."""


class UnexpectedError(ProtocolError):
    """An exception that the code does not expect: a bug here or in a library."""

    @classmethod
    def of(cls, cause: Exception, message: str | None = None) -> Self:
        """Return the error for a cause. ``message`` replaces the cause's own where that may hold a secret."""
        error = cls(f"{type(cause).__name__}: {cause if message is None else message}")
        # Frames only: the messages of a whole traceback may hold what a server sent.
        error.trace = "".join(traceback.format_tb(cause.__traceback__))
        return error


class HTTPStatusError(IonQError):
    """IonQ, or a proxy before it, answered with a status other than 200."""

    reason = "http_status"

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class RedirectError(IonQError):
    """IonQ answered with a redirect. Redirects are not followed."""

    reason = "redirect"


class RateLimitedError(IonQError):
    """IonQ answered 429, or the pause that a 429 asked for is not over."""

    reason = "rate_limited"


class ResponseTooLargeError(IonQError):
    """The body, once decompressed, is larger than the limit."""

    reason = "too_large"


class InvalidJSONError(IonQError):
    """The body is not JSON."""

    reason = "invalid_json"


class UnexpectedShapeError(IonQError):
    """The body is JSON, but not what IonQ documents."""

    reason = "unexpected_shape"


REASONS = tuple(error.reason for error in IonQError.__subclasses__())
