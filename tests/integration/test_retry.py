"""Which requests are repeated once, and on which connection."""

import pytest

from tests.support.exporter_process import ExporterProcess
from tests.support.upstream import (
    FLEET_BODY,
    Connection,
    Script,
    Upstream,
    close,
    hang,
    ok,
    reset,
    response,
    send_and_close,
    status,
)

DROPS: dict[str, Script] = {
    "closed": close,
    "reset": reset,
    "closed_in_mid_head": send_and_close(b"HTTP/1.1 200 OK\r\nContent-Le"),
}


@pytest.mark.parametrize("drop", DROPS.values(), ids=DROPS.keys())
def test_a_dropped_keep_alive_connection_is_replaced_and_the_request_repeated(
    exporter: ExporterProcess, upstream: Upstream, drop: Script
) -> None:
    upstream.answers(ok(), drop, ok())
    before = exporter.scrape()
    after = exporter.scrape()
    assert after.up
    assert after.requests == before.requests + 2
    assert after.failures_since(before) == {}
    assert len(upstream.connections) == 2


def test_a_connection_closed_while_idle_costs_no_retry(exporter: ExporterProcess, upstream: Upstream) -> None:
    upstream.answers(send_and_close(response(FLEET_BODY)), ok())
    before = exporter.scrape()
    assert upstream.connections[0].closed.wait(5)
    assert exporter.scrape().requests == before.requests + 1


def test_a_request_on_a_new_connection_that_is_dropped_is_not_repeated(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    upstream.answers(close, ok())
    assert not exporter.scrape().up
    assert len(upstream.requests) == 1


def test_a_connection_dropped_twice_is_a_failure(exporter: ExporterProcess, upstream: Upstream) -> None:
    upstream.answers(ok(), close)
    before = exporter.scrape()
    failed = exporter.scrape()
    assert failed.failures_since(before) == {"protocol": 1}
    assert len(upstream.requests) == 3


def test_a_request_is_not_repeated_after_half_a_body(exporter: ExporterProcess, upstream: Upstream) -> None:
    upstream.answers(ok(), send_and_close(response(FLEET_BODY)[:-9]), ok())
    before = exporter.scrape()
    assert exporter.scrape().failures_since(before) == {"protocol": 1}
    assert len(upstream.requests) == 2


def test_a_request_is_not_repeated_after_a_response_that_is_not_http(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    upstream.answers(ok(), send_and_close(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), ok())
    before = exporter.scrape()
    assert exporter.scrape().failures_since(before) == {"protocol": 1}
    assert len(upstream.requests) == 2


@pytest.mark.parametrize("code", [502, 503, 504, 520, 524, 529])
def test_a_request_is_repeated_after_the_status_of_a_gateway(
    exporter: ExporterProcess, upstream: Upstream, code: int
) -> None:
    upstream.answers(ok(), status(code, body=b"<html>gateway</html>"), ok())
    before = exporter.scrape()
    after = exporter.scrape()
    assert after.up
    assert after.requests == before.requests + 2
    assert after.failures_since(before) == {}
    assert len(upstream.connections) == 2, "the retry needs a new connection"


def test_a_gateway_that_fails_twice_is_a_failure(exporter: ExporterProcess, upstream: Upstream) -> None:
    upstream.answers(ok(), status(503))
    before = exporter.scrape()
    failed = exporter.scrape()
    assert failed.requests == before.requests + 2
    assert failed.failures_since(before) == {"http_status": 1}
    assert len(upstream.requests) == 3


@pytest.mark.parametrize("code", [201, 204, 304, 400, 401, 403, 404, 408, 500, 501, 505, 519, 530, 599])
def test_a_request_is_not_repeated_after_any_other_status(
    exporter: ExporterProcess, upstream: Upstream, code: int
) -> None:
    upstream.answers(ok(), status(code), ok())
    before = exporter.scrape()
    assert exporter.scrape().failures_since(before) == {"http_status": 1}
    assert len(upstream.requests) == 2


def answered_for_ever_by_an_old_server(upstream: Upstream, script: Script) -> Script:
    """Answer well, except from the second request on the first connection on."""

    def answer(connection: Connection) -> None:
        is_old = connection is upstream.connections[0] and len(connection.requests) > 1
        (script if is_old else ok())(connection)

    return answer


@pytest.mark.parametrize("code", [502, 503, 504])
def test_a_kept_connection_to_a_server_that_went_wrong_is_replaced_by_the_retry(
    exporter: ExporterProcess, upstream: Upstream, code: int
) -> None:
    upstream.answers(answered_for_ever_by_an_old_server(upstream, status(code)))
    assert [exporter.scrape().up for _ in range(4)] == [True] * 4
    assert len(upstream.connections) == 2


@pytest.mark.parametrize(
    "script",
    [
        status(404),
        status(421),
        status(500),
        status(302, {"Location": "/elsewhere"}),
        ok(FLEET_BODY, {"Content-Encoding": "br"}),
    ],
    ids=["404", "421", "500", "302", "an unknown encoding"],
)
def test_a_kept_connection_to_a_server_that_went_wrong_is_replaced_by_the_next_scrape(
    exporter: ExporterProcess, upstream: Upstream, script: Script
) -> None:
    upstream.answers(answered_for_ever_by_an_old_server(upstream, script))
    assert [exporter.scrape().up for _ in range(4)] == [True, False, True, True]
    assert len(upstream.connections) == 2
    upstream.await_open_connections(1)


def test_a_kept_connection_to_a_server_that_hangs_costs_one_scrape() -> None:
    with Upstream() as upstream, ExporterProcess(upstream.url, "--ionq.timeout=2s") as exporter:
        upstream.answers(answered_for_ever_by_an_old_server(upstream, hang))
        assert [exporter.scrape().up for _ in range(4)] == [True, False, True, True]
        assert len(upstream.connections) == 2


def test_a_retry_stays_within_the_deadline_and_the_first_response_is_reported(upstream: Upstream) -> None:
    upstream.answers(status(503, {"x-request-id": "req-1"}, b'{"message": "down"}'), hang)
    with ExporterProcess(upstream.url) as exporter:
        failed = exporter.scrape("2")
        assert failed.value("ionq_exporter_api_failures_total", reason="http_status") == 1
        assert failed.value("ionq_scrape_duration_seconds") >= 1.5
        assert len(upstream.requests) == 2
        exporter.await_log(
            "IonQ answered 503 ('down'): see https://status.ionq.co (no response to a second attempt)",
            "request_id=req-1",
        )
