"""How far a read has got, for who stops waiting for it: the client itself sets no deadline."""

from exporter.common.errors import (
    ConnectionFailedError,
    DeadlineExceededError,
    HTTPStatusError,
    IonQError,
    TLSError,
)
from exporter.ionq.transport_errors import Phases

_NOTHING_BEGUN = Phases()


class ReadProgress:
    """What a read knows of itself while it is under way."""

    def __init__(self) -> None:
        self.tries = 0
        """How many requests were made."""
        self._host = ""
        self._phases = _NOTHING_BEGUN
        self._first_answer: HTTPStatusError | None = None

    def try_host(self, host: str, phases: Phases) -> None:
        """Note that a request is made."""
        self.tries += 1
        self._host = host
        self._phases = phases

    def try_again_after(self, answer: HTTPStatusError) -> None:
        """Note an answer that another try is to follow."""
        self._first_answer = answer
        self._phases = _NOTHING_BEGUN

    def overdue(self, when: str, advice: str = "") -> IonQError:
        """Return the error for who gave up: ``when``, like "within 4s", and with what further advice."""
        if self._first_answer:
            return self._no_second_answer(self._first_answer)
        if self._phases.connecting:
            return ConnectionFailedError(
                f"no connection to {self._host} {when}: check DNS, firewall and HTTPS_PROXY{advice}"
            )
        if self._phases.handshaking:
            return TLSError(
                f"no TLS handshake with {self._host} {when}: check firewall and HTTPS_PROXY{advice}"
            )
        return DeadlineExceededError(f"no complete answer {when}: see https://status.ionq.co{advice}")

    def _no_second_answer(self, first: HTTPStatusError) -> HTTPStatusError:
        second = "no answer to a second try" if self._phases.begun else "no time for a second try"
        error = HTTPStatusError(f"{first.message} ({second})", first.status, first.pause_seconds)
        error.request_id = first.request_id
        return error
