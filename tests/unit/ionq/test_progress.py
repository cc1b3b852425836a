"""What a caller that stops waiting reports, by how far the read got until then."""

import asyncio

import pytest

from exporter.common.errors import HTTPStatusError
from exporter.ionq.progress import ReadProgress

UNAVAILABLE = HTTPStatusError("IonQ answered 503: see https://status.ionq.co", 503)
UNAVAILABLE.request_id = "req-1"


def attempt(
    progress: ReadProgress, *events: str, host: str = "api.ionq.co", secure: bool = True
) -> ReadProgress:
    """Begin an attempt for which httpcore reports these events."""
    progress.begin_attempt(host, secure=secure)
    for event in events:
        asyncio.run(progress.trace(f"connection.{event}", {"return_value": None}))
    return progress


def overdue(progress: ReadProgress) -> tuple[str, str]:
    error = progress.overdue("within 4s", ", or wait")
    return error.reason, error.message


CONNECTING = ("connect_tcp.started",)
CONNECTED = (*CONNECTING, "connect_tcp.complete")
HANDSHAKING = (*CONNECTED, "start_tls.started")
ASKED = (*HANDSHAKING, "start_tls.complete", "send_request_headers.started")
REUSED = ("send_request_headers.started",)
NO_CONNECTION = "no connection to api.ionq.co within 4s: check DNS, firewall and HTTPS_PROXY, or wait"
NO_HANDSHAKE = "no TLS handshake with api.ionq.co within 4s: check firewall and HTTPS_PROXY, or wait"
NO_RESPONSE = "no complete response within 4s: see https://status.ionq.co, or wait"


def test_a_read_that_was_not_begun_has_no_response() -> None:
    assert overdue(ReadProgress()) == ("timeout", NO_RESPONSE)


@pytest.mark.parametrize(
    ("events", "reason", "message"),
    [
        (CONNECTING, "connect", NO_CONNECTION),
        (CONNECTED, "connect", NO_CONNECTION),
        ((*CONNECTED, "receive_response_headers.started"), "connect", NO_CONNECTION),
        (HANDSHAKING, "tls", NO_HANDSHAKE),
        (ASKED, "timeout", NO_RESPONSE),
        (REUSED, "timeout", NO_RESPONSE),
    ],
)
def test_the_reason_is_the_step_that_did_not_end(events: tuple[str, ...], reason: str, message: str) -> None:
    assert overdue(attempt(ReadProgress(), *events)) == (reason, message)


@pytest.mark.parametrize(("events", "reason"), [(CONNECTING, "connect"), (CONNECTED, "timeout")])
def test_without_tls_a_connection_is_made_once_tcp_is_connected(events: tuple[str, ...], reason: str) -> None:
    assert overdue(attempt(ReadProgress(), *events, secure=False))[0] == reason


def test_a_proxy_is_part_of_the_host() -> None:
    progress = attempt(ReadProgress(), *CONNECTING, host="api.ionq.co through the proxy proxy.test:3128")
    assert "no connection to api.ionq.co through the proxy proxy.test:3128 within 4s" in overdue(progress)[1]


@pytest.mark.parametrize(
    ("events", "second"),
    [
        (None, "no time for a second attempt"),
        (CONNECTING, "no response to a second attempt"),
        (ASKED, "no response to a second attempt"),
    ],
)
def test_the_first_response_is_reported_when_a_second_attempt_has_none(
    events: tuple[str, ...] | None, second: str
) -> None:
    progress = attempt(ReadProgress(), *ASKED)
    progress.first_response = UNAVAILABLE
    if events is not None:
        attempt(progress, *events)
    error = progress.overdue("within 4s")
    assert (error.reason, error.request_id) == ("http_status", "req-1")
    assert error.message == f"IonQ answered 503: see https://status.ionq.co ({second})"
    assert UNAVAILABLE.message == "IonQ answered 503: see https://status.ionq.co", "others may wait longer"


def test_the_last_of_several_attempts_counts() -> None:
    progress = attempt(ReadProgress(), *ASKED)
    assert not progress.reused_connection
    attempt(progress, *REUSED, "receive_response_headers.complete")
    assert progress.attempts == 2
    assert progress.reused_connection
    assert progress.answered
    attempt(progress, *CONNECTING)
    assert not progress.answered
    assert overdue(progress)[0] == "connect"
