"""What a caller that stops waiting reports, by how far the read got until then."""

import pytest

from exporter.common.errors import HTTPStatusError
from exporter.ionq.network import Network, Step
from exporter.ionq.progress import ReadProgress

UNAVAILABLE = HTTPStatusError("IonQ answered 503: see https://status.ionq.co", 503)
UNAVAILABLE.request_id = "req-1"


def attempt(
    progress: ReadProgress, step: Step | None, *, host: str = "api.ionq.co", new: bool = True
) -> ReadProgress:
    """Begin an attempt whose connection, a new one or a kept one, gets as far as a step."""
    network = Network(secure=True)
    progress.begin_attempt(host, network)
    network.step = step
    network.connections += new
    return progress


def overdue(progress: ReadProgress) -> tuple[str, str]:
    error = progress.overdue("within 4s", ", or wait")
    return error.reason, error.message


NO_CONNECTION = "no connection to api.ionq.co within 4s: check DNS, firewall and HTTPS_PROXY, or wait"
NO_HANDSHAKE = "no TLS handshake with api.ionq.co within 4s: check firewall and HTTPS_PROXY, or wait"
NO_RESPONSE = "no complete response within 4s: see https://status.ionq.co, or wait"


def test_a_read_that_was_not_begun_has_no_response() -> None:
    assert overdue(ReadProgress()) == ("timeout", NO_RESPONSE)


@pytest.mark.parametrize(
    ("step", "reason", "message"),
    [
        (Step.CONNECTING, "connect", NO_CONNECTION),
        (Step.HANDSHAKING, "tls", NO_HANDSHAKE),
        (Step.OPEN, "timeout", NO_RESPONSE),
        (None, "timeout", NO_RESPONSE),
    ],
)
def test_the_reason_is_the_step_that_did_not_end(step: Step | None, reason: str, message: str) -> None:
    assert overdue(attempt(ReadProgress(), step)) == (reason, message)


def test_a_proxy_is_part_of_the_host() -> None:
    host = "api.ionq.co through the proxy proxy.test:3128"
    progress = attempt(ReadProgress(), Step.CONNECTING, host=host)
    assert f"no connection to {host} within 4s" in overdue(progress)[1]


@pytest.mark.parametrize(
    ("second_step", "second"),
    [
        (None, "no time for a second attempt"),
        (Step.CONNECTING, "no response to a second attempt"),
        (Step.OPEN, "no response to a second attempt"),
    ],
)
def test_the_first_response_is_reported_when_a_second_attempt_has_none(
    second_step: Step | None, second: str
) -> None:
    progress = attempt(ReadProgress(), Step.OPEN)
    progress.first_response = UNAVAILABLE
    if second_step:
        attempt(progress, second_step)
    error = progress.overdue("within 4s")
    assert (error.reason, error.request_id) == ("http_status", "req-1")
    assert error.message == f"IonQ answered 503: see https://status.ionq.co ({second})"
    assert UNAVAILABLE.message == "IonQ answered 503: see https://status.ionq.co", "others may wait longer"


def test_the_last_of_several_attempts_counts() -> None:
    progress = attempt(ReadProgress(), Step.OPEN)
    assert not progress.reused_connection
    attempt(progress, Step.OPEN, new=False)
    progress.answered = True
    assert progress.attempts == 2
    assert progress.reused_connection
    attempt(progress, Step.CONNECTING)
    assert not progress.answered
    assert overdue(progress)[0] == "connect"
