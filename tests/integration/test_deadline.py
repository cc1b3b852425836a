"""A scrape ends before Prometheus gives up, whatever IonQ does."""

import pytest

from tests.support.exporter_process import ExporterProcess
from tests.support.upstream import FLEET_BODY, Connection, Script, Upstream, drip, hang, ok, response, send


@pytest.fixture(scope="module")
def flags() -> tuple[str, ...]:
    return ("--ionq.timeout=1.5s", "--web.timeout-offset=0.1s")


def _body_dripping(connection_bytes: bytes) -> Script:
    head, _, body = connection_bytes.partition(b"\r\n\r\n")

    def script(connection: Connection) -> None:
        connection.send(head + b"\r\n\r\n")
        drip(body, 0.1)(connection)

    return script


SLOW: dict[str, Script] = {
    "silence": hang,
    "a_dripping_head": drip(response(FLEET_BODY), 0.1),
    "a_dripping_body": _body_dripping(response(FLEET_BODY)),
    "a_dripping_error": _body_dripping(response(b'{"message": "' + b"x" * 400 + b'"}', 400)),
    "endless_interim_answers": drip(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100, 0.01),
    "half_a_body": send(response(FLEET_BODY)[:-20]),
}


def duration(exporter: ExporterProcess, upstream: Upstream, timeout: str | None) -> float:
    """Scrape a server that gives no whole response, and return how long the scrape waited for it.

    Waits until the read has ended, too: the next scrape would share it.
    """
    failed = exporter.scrape(timeout)
    assert not failed.up
    upstream.await_open_connections(0)
    return failed.value("ionq_scrape_duration_seconds")


@pytest.mark.parametrize("script", SLOW.values(), ids=SLOW.keys())
def test_the_deadline_is_a_total(exporter: ExporterProcess, upstream: Upstream, script: Script) -> None:
    before = exporter.scrape()
    upstream.answers(script)
    # Without a total, a byte each 0.1 s would take a minute.
    assert 0.3 <= duration(exporter, upstream, "0.4") < 15
    upstream.answers(ok())
    after = exporter.scrape()
    assert after.up
    assert after.failures_since(before) == {"timeout": 1}


@pytest.mark.parametrize(
    ("header", "budget"),
    [
        (None, 1.5),
        ("0.4", 0.3),
        ("1.6", 1.5),
        ("60", 1.5),
        ("nan", 1.5),
        ("9" * 5000, 1.5),
    ],
)
def test_the_deadline_is_prometheus_timeout_minus_the_offset_and_at_most_the_configured_timeout(
    exporter: ExporterProcess, upstream: Upstream, header: str | None, budget: float
) -> None:
    upstream.answers(hang)
    assert budget <= duration(exporter, upstream, header) < 15


@pytest.mark.parametrize("header", ["0.05", "0.001", "5e-324"])
def test_a_hopelessly_short_timeout_is_a_failure_with_reason_timeout_or_connect(
    exporter: ExporterProcess, upstream: Upstream, header: str
) -> None:
    before = exporter.scrape()
    upstream.reset()
    upstream.answers(hang)
    failed = exporter.scrape(header)
    assert failed.failures_since(before) in ({"timeout": 1}, {"connect": 1})
    upstream.await_requests(1)
    upstream.await_open_connections(0)
    upstream.answers(ok())
    assert exporter.scrape().up


def test_the_log_line_of_a_timeout_says_how_long_the_scrape_waited(upstream: Upstream) -> None:
    upstream.answers(ok(), hang)
    with ExporterProcess(upstream.url) as exporter:
        assert exporter.scrape().up
        exporter.scrape("0.7")
        line = exporter.await_log("ionq_read_failed", "reason=timeout")
    assert "no complete response within 0.2s" in line
    assert "--ionq.timeout" in line


def test_many_timeouts_leave_no_connection_open(exporter: ExporterProcess, upstream: Upstream) -> None:
    upstream.answers(hang)
    for _ in range(10):
        assert not exporter.scrape("0.15").up
    upstream.await_open_connections(0)
