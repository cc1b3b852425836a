"""How far a read of IonQ has got. A scrape that stops waiting says so in its error."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from exporter.common.errors import (
    ConnectionFailedError,
    DeadlineExceededError,
    HTTPStatusError,
    IonQError,
    TLSError,
    UnexpectedError,
)
from exporter.ionq.network import Network, Step


class ReadProgress:
    """Follows the requests of one read."""

    def __init__(self) -> None:
        self.attempts = 0
        """How many requests were made."""
        self.host = ""
        """Where the request goes, and through which proxy."""
        self.answered = False
        """Whether the head of a response arrived."""
        self.first_response: HTTPStatusError | None = None
        """The response that a second attempt is to replace."""
        self._network: Network | None = None
        self._connections_before = 0

    def begin_attempt(self, host: str, network: Network | None) -> None:
        """Start to follow a request to a host."""
        self.attempts += 1
        self.host = host
        self.answered = False
        self._network = network
        self._connections_before = network.connections if network else 0

    @property
    def reused_connection(self) -> bool:
        """Whether the request went out on a connection that an earlier one opened."""
        return self._network is not None and self._network.connections == self._connections_before

    @property
    def connecting(self) -> bool:
        """Whether a connection was begun and not made. Name lookup and a proxy's tunnel are part of it."""
        return self._network is not None and self._network.step is Step.CONNECTING

    @property
    def handshaking(self) -> bool:
        """Whether a TLS handshake was begun and not completed."""
        return self._network is not None and self._network.step is Step.HANDSHAKING

    @contextlib.asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[None]:
        """Give the read so much time. Whatever ends it early is raised as an IonQError."""
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            raise self.overdue(f"within {seconds:.3g}s") from None
        except IonQError:
            raise
        except Exception as error:
            raise UnexpectedError.of(error) from error

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
