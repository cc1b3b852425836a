"""How far a read of IonQ has got. A scrape that stops waiting says so in its error."""

from collections.abc import Mapping
from typing import Any

from exporter.common.errors import (
    ConnectionFailedError,
    DeadlineExceededError,
    HTTPStatusError,
    IonQError,
    TLSError,
)


class ReadProgress:
    """Follows the requests of one read through httpcore's trace extension.

    https://www.encode.io/httpcore/extensions/#trace names the events.
    """

    def __init__(self) -> None:
        self.attempts = 0
        """How many requests were made."""
        self.first_response: HTTPStatusError | None = None
        """The response that a second attempt is to replace."""
        self.host = ""
        """Where the request goes, and through which proxy."""
        self._secure = False
        self._events: set[str] = set()
        self._connection: Any = None

    def begin_attempt(self, host: str, *, secure: bool) -> None:
        """Start to follow a request to a host, over TLS if ``secure``."""
        self.attempts += 1
        self.host = host
        self._secure = secure
        self._events = set()

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Take an event from httpcore, such as "connection.connect_tcp.complete"."""
        _, _, step = event.partition(".")
        self._events.add(step)
        if step == "connect_tcp.complete":
            self._connection = info["return_value"]

    @property
    def reused_connection(self) -> bool:
        """Whether the request went out on a connection that an earlier one opened."""
        return "connect_tcp.started" not in self._events

    @property
    def connecting(self) -> bool:
        """Whether a connection was begun and not made. Name lookup and a proxy's tunnel are part of it."""
        first_step_beyond = "start_tls.started" if self._secure else "connect_tcp.complete"
        return "connect_tcp.started" in self._events and first_step_beyond not in self._events

    @property
    def handshaking(self) -> bool:
        """Whether a TLS handshake was begun and not completed."""
        return "start_tls.started" in self._events and "start_tls.complete" not in self._events

    @property
    def answered(self) -> bool:
        """Whether the head of a response arrived."""
        return "receive_response_headers.complete" in self._events

    async def close_unfinished_handshake(self) -> None:
        """Close a connection whose handshake was cancelled: httpcore forgets it without closing it."""
        if self.handshaking:
            await self._connection.aclose()

    def overdue(self, when: str, advice: str = "") -> IonQError:
        """Return the error of a caller that stops waiting. ``when`` is like "within 4s"."""
        if self.first_response:
            second = "no response to" if self.attempts > 1 else "no time for"
            return self.first_response.with_message(
                f"{self.first_response.message} ({second} a second attempt)"
            )
        if self.connecting:
            return ConnectionFailedError(
                f"no connection to {self.host} {when}: check DNS, firewall and HTTPS_PROXY{advice}"
            )
        if self.handshaking:
            return TLSError(
                f"no TLS handshake with {self.host} {when}: check firewall and HTTPS_PROXY{advice}"
            )
        return DeadlineExceededError(f"no complete response {when}: see https://status.ionq.co{advice}")
