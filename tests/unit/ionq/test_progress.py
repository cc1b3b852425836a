"""What is said to who gives up, by how far the read has got until then."""

import asyncio

import pytest

from exporter.common.errors import HTTPStatusError, IonQError
from exporter.ionq.progress import ReadProgress
from exporter.ionq.transport_errors import Phases

UNAVAILABLE = HTTPStatusError("IonQ answered 503: see https://status.ionq.co", 503)
UNAVAILABLE.request_id = "req-1"


def phases(*events: str, secure: bool = True) -> Phases:
    """Return the phases of a request for which httpcore reported these events."""
    told = Phases(secure=secure)
    for event in events:
        asyncio.run(told(f"connection.{event}", {"return_value": None}))
    return told


def told_of(progress: ReadProgress) -> tuple[str, str]:
    error = progress.overdue("within 4s", ", or wait")
    return error.reason, error.message


def test_a_read_that_was_not_begun_has_no_answer() -> None:
    assert told_of(ReadProgress()) == (
        "timeout",
        "no complete answer within 4s: see https://status.ionq.co, or wait",
    )


CONNECTING = ("connect_tcp.started",)
CONNECTED = (*CONNECTING, "connect_tcp.complete")
HANDSHAKING = (*CONNECTED, "start_tls.started")
ASKED = (*HANDSHAKING, "start_tls.complete", "send_request_headers.started")
NO_CONNECTION = "no connection to api.ionq.co within 4s: check DNS, firewall and HTTPS_PROXY, or wait"
NO_HANDSHAKE = "no TLS handshake with api.ionq.co within 4s: check firewall and HTTPS_PROXY, or wait"
NO_ANSWER = "no complete answer within 4s: see https://status.ionq.co, or wait"


@pytest.mark.parametrize(
    ("events", "reason", "message"),
    [
        (CONNECTING, "connect", NO_CONNECTION),
        (CONNECTED, "connect", NO_CONNECTION),
        ((*CONNECTED, "receive_response_headers.started"), "connect", NO_CONNECTION),
        (HANDSHAKING, "tls", NO_HANDSHAKE),
        (ASKED, "timeout", NO_ANSWER),
        (("send_request_headers.started",), "timeout", NO_ANSWER),
    ],
)
def test_a_read_is_told_by_the_step_that_it_could_not_complete(
    events: tuple[str, ...], reason: str, message: str
) -> None:
    progress = ReadProgress()
    progress.try_host("api.ionq.co", phases(*events))
    assert told_of(progress) == (reason, message)


def test_without_tls_a_connection_is_made_once_tcp_is_connected() -> None:
    progress = ReadProgress()
    progress.try_host("ionq.test", phases(*CONNECTING, secure=False))
    assert told_of(progress)[0] == "connect"
    progress.try_host("ionq.test", phases(*CONNECTED, secure=False))
    assert told_of(progress)[0] == "timeout"


@pytest.mark.parametrize(
    ("events", "second"),
    [
        (None, "no time for a second try"),
        ((), "no time for a second try"),
        (CONNECTING, "no answer to a second try"),
        (("send_request_headers.started",), "no answer to a second try"),
    ],
)
def test_an_answer_is_told_though_another_try_was_to_follow(
    events: tuple[str, ...] | None, second: str
) -> None:
    progress = ReadProgress()
    progress.try_host("api.ionq.co", phases(*ASKED))
    progress.try_again_after(UNAVAILABLE)
    if events is not None:
        progress.try_host("api.ionq.co", phases(*events))
    error: IonQError = progress.overdue("within 4s")
    assert (error.reason, error.request_id) == ("http_status", "req-1")
    assert error.message == f"IonQ answered 503: see https://status.ionq.co ({second})"
    assert UNAVAILABLE.message == "IonQ answered 503: see https://status.ionq.co", "others may wait for more"


def test_the_last_of_several_tries_counts() -> None:
    progress = ReadProgress()
    progress.try_host("api.ionq.co", phases("send_request_headers.started"))
    progress.try_host("api.ionq.co", phases(*CONNECTING))
    assert told_of(progress)[0] == "connect"
