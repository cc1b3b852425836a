"""What went wrong below HTTP, in the exporter's words."""

import ssl
from collections.abc import Mapping
from typing import Any

import h11
import httpx

from exporter.common.errors import ConnectionFailedError, IonQError, ProtocolError, TLSError, UnexpectedError
from exporter.ionq.api_key import ApiKey, redacted_excerpt


class DroppedConnectionError(ProtocolError):
    """A connection kept alive turned out to be closed before it answered."""


class Phases:
    """How far httpcore got with a request, told through its trace extension.

    ``secure`` is whether it is to go over TLS.
    """

    def __init__(self, *, secure: bool = False) -> None:
        self._secure = secure
        self._events: set[str] = set()
        self._connection: Any = None

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Take an event of httpcore's."""
        _, _, name = event.partition(".")
        self._events.add(name)
        if name == "connect_tcp.complete":
            self._connection = info["return_value"]

    async def disconnect(self) -> None:
        """Close the connection, whatever httpcore did with it."""
        await self._connection.aclose()

    @property
    def begun(self) -> bool:
        """Whether anything was done for the request."""
        return bool(self._events)

    @property
    def connecting(self) -> bool:
        """Whether a connection was begun and not made.

        The lookup of the host's name is a part of that, and so is the tunnel that a proxy opens.
        """
        first_beyond = "start_tls.started" if self._secure else "connect_tcp.complete"
        return "connect_tcp.started" in self._events and first_beyond not in self._events

    @property
    def reused_connection(self) -> bool:
        """Whether the request went out on a connection kept from an earlier one."""
        return "connect_tcp.started" not in self._events

    @property
    def answered(self) -> bool:
        """Whether the head of an answer arrived."""
        return "receive_response_headers.complete" in self._events

    @property
    def handshaking(self) -> bool:
        """Whether a TLS handshake was begun and not completed."""
        return "start_tls.started" in self._events and "start_tls.complete" not in self._events


def translate(error: Exception, phases: Phases, url: httpx.URL, key: ApiKey | None) -> IonQError:
    """Return the error to raise for one of httpx's, by how far the request got, or for any other."""
    root = _root_cause(error)
    # An excerpt of what was received may be in it.
    cause = redacted_excerpt(str(root), key)
    if not isinstance(error, httpx.HTTPError | OSError):
        return UnexpectedError.of(error, redacted_excerpt(str(error), key))
    if phases.handshaking or isinstance(root, ssl.SSLError):
        return TLSError(
            f"TLS with {url.host} failed: {cause}; for a private certificate authority set SSL_CERT_FILE"
        )
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return ConnectionFailedError(
            f"no connection to {url.host}: {cause}; check DNS, firewall and HTTPS_PROXY"
        )
    if phases.reused_connection and not phases.answered and not isinstance(root, h11.RemoteProtocolError):
        return DroppedConnectionError(f"{url.host} closed the kept connection: {cause}")
    return ProtocolError(f"the answer of {url.host} broke off or is no HTTP: {cause}")


def _root_cause(error: BaseException) -> BaseException:
    """Follow the chain to what the operating system or the TLS library said."""
    while (deeper := error.__cause__ or error.__context__) is not None:
        error = deeper
    if isinstance(error, BaseExceptionGroup):
        return _root_cause(error.exceptions[0])
    return error
