"""What can go wrong with one read of IonQ's API.

Each class carries the ``reason`` that labels ``ionq_exporter_api_failures_total`` and the log line,
so that the metric, the log and the code can never use different words.
"""

from typing import ClassVar


class IonQError(Exception):
    """One read of IonQ's API failed.

    ``message`` says what happened and what to do about it. ``request_id`` is IonQ's ``x-request-id``
    where an answer carried one: IonQ's support asks for it.
    """

    reason: ClassVar[str]

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.request_id: str | None = None


class ConnectionFailedError(IonQError):
    """No connection could be made: refused, unreachable, or the name did not resolve."""

    reason = "connect"


class TLSError(IonQError):
    """The TLS handshake failed, most often because of a certificate."""

    reason = "tls"


class DeadlineExceededError(IonQError):
    """The answer was not complete when the scrape's time was up."""

    reason = "timeout"


class ProtocolError(IonQError):
    """What came over the connection was not one whole HTTP answer."""

    reason = "protocol"


class HTTPStatusError(IonQError):
    """IonQ, or a proxy before it, answered with a status that is not 200."""

    reason = "http_status"

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


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
