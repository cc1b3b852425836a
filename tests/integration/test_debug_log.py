"""The log lines about each request and each scrape at the level debug, and at no other."""

import re

from tests.support.exporter_process import ExporterProcess
from tests.support.upstream import FLEET_BODY, Held, Upstream, close, ok, status

KEY = "8fQ2-vT7.xW+Za/91"


def lines(exporter: ExporterProcess, event: str) -> list[dict[str, str]]:
    """Return the fields of all lines of an event so far."""
    exporter.await_log(f"event={event} ")
    return [
        dict(re.findall(r'(\w+)=("[^"]*"|\S+)', line)) for line in exporter.log if f"event={event} " in line
    ]


def test_at_debug_each_request_is_logged_with_all_that_support_asks_for(upstream: Upstream) -> None:
    upstream.answers(
        ok(headers={"x-request-id": "req-1"}),
        status(503, {"x-request-id": f"req-2-{KEY}"}),
        ok(headers={"x-request-id": "req-3"}),
    )
    with ExporterProcess(upstream.url, "--log.level=debug", environment={"IONQ_API_KEY": KEY}) as exporter:
        exporter.scrape()
        exporter.scrape()
        exporter.await_log("request_id=req-3")
        first, second, third = lines(exporter, "ionq_request")
    for request in (first, second, third):
        assert request["level"] == "debug"
        assert request["url"] == f"{upstream.url}/backends"
        assert float(request["duration_seconds"]) >= 0
    assert (first["attempt"], first["status"], first["body_bytes"], first["request_id"]) == (
        "1",
        "200",
        str(len(FLEET_BODY)),
        "req-1",
    )
    assert (first["reused_connection"], second["reused_connection"]) == ("false", "true")
    assert (second["attempt"], second["status"], second["request_id"]) == ("1", "503", "req-2-[redacted]")
    assert "body_bytes" not in second
    assert (third["attempt"], third["status"], third["reused_connection"]) == ("2", "200", "false")


def test_at_debug_a_request_without_a_response_is_logged_too(upstream: Upstream) -> None:
    upstream.answers(close)
    with ExporterProcess(upstream.url, "--log.level=debug") as exporter:
        exporter.scrape()
        [request] = lines(exporter, "ionq_request")
    assert "status" not in request
    assert "body_bytes" not in request


def test_at_debug_each_scrape_is_logged_with_its_deadline_and_its_result(upstream: Upstream) -> None:
    answer = Held(ok())
    upstream.answers(answer, status(500))
    with ExporterProcess(upstream.url, "--log.level=debug") as exporter:
        scrapes = [exporter.begin_scrape(timeout) for timeout in ("8", "9")]
        answer.release()
        for finish in scrapes:
            assert finish().up
        exporter.scrape("10")
        exporter.await_log("budget_seconds=9.5")
        logged = sorted(lines(exporter, "scrape"), key=lambda line: line["budget_seconds"])
    assert [line["budget_seconds"] for line in logged] == ["7.5", "8.5", "9.5"]
    assert [line["joined"] for line in logged] == ["false", "true", "false"]
    assert [line.get("backends") for line in logged] == ["2", "2", None]
    assert [line.get("reason") for line in logged] == [None, None, "http_status"]


def test_at_any_other_level_none_of_it_is_logged(exporter: ExporterProcess, upstream: Upstream) -> None:
    upstream.answers(ok(), status(500))
    exporter.scrape()
    exporter.scrape()
    exporter.await_log("ionq_read_failed")
    assert "debug" not in "\n".join(exporter.log)
    assert "ionq_request" not in "\n".join(exporter.log)
