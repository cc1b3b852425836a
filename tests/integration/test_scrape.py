"""A scrape is one read of IonQ, and a failed read is a scrape too."""

from collections.abc import Callable

import pytest

from tests.support.exporter_process import ExporterProcess
from tests.support.upstream import FLEET_BODY, Script, Upstream, close, ok, send_and_close, status


def test_each_get_of_the_metrics_makes_one_get_of_backends(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    for count in (1, 2, 3):
        assert exporter.scrape().up
        assert [(request.method, request.target) for request in upstream.requests] == [
            ("GET", "/v0.4/backends")
        ] * count


def test_what_ionq_says_is_exported_at_once(exporter: ExporterProcess, upstream: Upstream) -> None:
    upstream.answers(
        ok(b'[{"backend": "qpu.new", "qubits": 1}]'), ok(b'[{"backend": "qpu.new", "qubits": 2}]')
    )
    assert exporter.scrape().value("ionq_backend_qubits", backend="qpu.new") == 1
    assert exporter.scrape().value("ionq_backend_qubits", backend="qpu.new") == 2


@pytest.mark.usefixtures("upstream")
def test_requests_are_counted(exporter: ExporterProcess) -> None:
    before = exporter.scrape().requests
    assert exporter.scrape().requests == before + 1


def test_the_request_names_the_exporter_and_accepts_what_it_understands(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    exporter.scrape()
    headers = upstream.requests[0].headers
    assert headers["host"] == upstream.authority
    assert headers["user-agent"].startswith("ionq-exporter/")
    assert headers["accept-encoding"] == "gzip"
    assert "authorization" not in headers


def test_many_scrapes_use_one_connection(exporter: ExporterProcess, upstream: Upstream) -> None:
    for _ in range(20):
        assert exporter.scrape().up
    assert len(upstream.requests) == 20
    assert len(upstream.connections) == 1


FAILURES: dict[str, tuple[Script, str]] = {
    "server_error": (status(500), "http_status"),
    "no_answer": (close, "protocol"),
    "no_http": (send_and_close(b"SSH-2.0-OpenSSH_9.2\r\n"), "protocol"),
    "no_json": (ok(b"<html>hello</html>"), "invalid_json"),
    "truncated_json": (ok(FLEET_BODY[:-10]), "invalid_json"),
    "empty": (ok(b""), "invalid_json"),
    "no_list": (ok(b'{"hello": "world"}'), "unexpected_shape"),
    "no_usable_row": (ok(b'[{"name": "qpu.forte-1"}, {"name": "simulator"}]'), "unexpected_shape"),
    "redirect": (status(302, {"Location": "https://example.com/"}), "redirect"),
    "no_content": (status(204), "http_status"),
    "not_modified": (status(304), "http_status"),
}


@pytest.mark.parametrize(("script", "reason"), FAILURES.values(), ids=FAILURES.keys())
def test_a_failure_is_http_200_with_ionq_up_0_no_backends_and_its_reason_counted_once(
    exporter: ExporterProcess, upstream: Upstream, script: Script, reason: str
) -> None:
    before = exporter.scrape()
    assert before.backends == {"qpu.forte-1", "simulator"}
    upstream.reset()
    upstream.answers(script)
    failed = exporter.scrape()
    assert not failed.up
    assert failed.backends == set()
    assert failed.failures_since(before) == {reason: 1}
    assert failed.value("ionq_scrape_duration_seconds") > 0
    upstream.answers(ok())
    after = exporter.scrape()
    assert after.up
    assert after.backends == before.backends
    assert after.failures_since(failed) == {}


def test_a_refused_connection_is_reason_connect() -> None:
    with Upstream() as upstream:
        nobody_listens_here = upstream.url
    with ExporterProcess(nobody_listens_here) as exporter:
        failed = exporter.scrape()
        assert not failed.up
        assert failed.value("ionq_exporter_api_failures_total", reason="connect") == 1
        line = exporter.await_log("ionq_read_failed", "reason=connect")
    assert "no connection to localhost" in line
    assert "check DNS, firewall and HTTPS_PROXY" in line


def test_a_name_that_does_not_resolve_is_reason_connect() -> None:
    with ExporterProcess("http://ionq.invalid/v0.4") as exporter:
        assert exporter.scrape().value("ionq_exporter_api_failures_total", reason="connect") == 1
        assert "ionq.invalid" in exporter.await_log("ionq_read_failed", "reason=connect")


def test_a_failure_is_logged_once_when_it_begins_and_once_when_it_ends(upstream: Upstream) -> None:
    upstream.answers(status(503, {"x-request-id": "4711"}, b'{"statusCode": 503, "message": "back soon"}'))
    with ExporterProcess(upstream.url) as exporter:
        for _ in range(3):
            assert not exporter.scrape().up
        upstream.answers(ok())
        assert exporter.scrape().up
        exporter.await_log("ionq_read_recovered", "failed_scrapes=3")
        failures = [line for line in exporter.log if "event=ionq_read_failed" in line]
    assert len(failures) == 1
    assert "level=error" in failures[0]
    assert "reason=http_status" in failures[0]
    assert "request_id=4711" in failures[0]
    assert "IonQ answered 503 ('back soon'): see https://status.ionq.co" in failures[0]


@pytest.mark.parametrize(
    ("reason", "script"),
    [
        ("invalid_json", ok(b"<html>", {"x-request-id": "4711"})),
        ("unexpected_shape", ok(b"{}", {"x-request-id": "4711"})),
        ("too_large", ok(b" " * 10_000, {"x-request-id": "4711"})),
        ("protocol", ok(headers={"x-request-id": "4711", "Content-Encoding": "br"})),
        ("protocol", send_and_close(b"HTTP/1.1 200 OK\r\nx-request-id: 4711\r\nContent-Length: 9\r\n\r\n[")),
    ],
)
def test_ionqs_request_id_is_logged_whatever_is_wrong_with_the_response(
    reason: str, script: Script, upstream: Upstream
) -> None:
    upstream.answers(script)
    with ExporterProcess(upstream.url, "--ionq.max-response-bytes=9999") as exporter:
        assert not exporter.scrape().up
        exporter.await_log("ionq_read_failed", f"reason={reason}", "request_id=4711")


def test_a_bad_value_costs_that_sample_and_is_counted_and_logged(upstream: Upstream) -> None:
    body = b'[{"backend": "a", "qubits": "many", "average_queue_time": 1500}, {"backend": 7}, 8]'
    upstream.answers(ok(body))
    with ExporterProcess(upstream.url) as exporter:
        exporter.scrape()
        scraped = exporter.scrape()
        assert scraped.up
        assert scraped.backends == {"a"}
        assert scraped.value("ionq_backend_average_queue_time_seconds", backend="a") == 1.5
        assert "ionq_backend_qubits{" not in scraped.text
        counted = {
            field: scraped.value("ionq_exporter_rejected_values_total", field=field)
            for field in ("qubits", "backend", "row", "kw")
        }
        assert counted == {"qubits": 2, "backend": 2, "row": 2, "kw": 0}
        exporter.await_log("ionq_values_rejected", "a: qubits 'many' is not a number")
        assert sum("ionq_values_rejected" in line for line in exporter.log) == 1


@pytest.mark.parametrize("shape", [lambda rows: rows, lambda rows: b'{"backends": ' + rows + b"}"])
def test_an_empty_list_is_up_without_backends(
    exporter: ExporterProcess, upstream: Upstream, shape: Callable[[bytes], bytes]
) -> None:
    upstream.answers(ok(shape(b"[]")))
    scraped = exporter.scrape()
    assert scraped.up
    assert scraped.backends == set()
