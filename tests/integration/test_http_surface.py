"""Responses over HTTP to scrapers, probes, browsers and attackers."""

import gzip
import re
import statistics
import time
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.support.exporter_process import ExporterProcess
from tests.support.exposition import Exposition
from tests.support.upstream import Held, Upstream, ok

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0;q=0.75,application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=0.0.4;q=0.25,*/*;q=0.1"
)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", TEXT),
        ("", TEXT),
        (BROWSER, TEXT),
        ("text/plain", TEXT),
        (PROMETHEUS_2, OPENMETRICS),
        (PROMETHEUS_3, OPENMETRICS),
        ("application/openmetrics-text", OPENMETRICS),
        ("application/openmetrics-text; version=1.0.0", OPENMETRICS),
        # Other servers are known to fail at these:
        ("application/openmetrics-text; version=abc", TEXT),
        ("application/openmetrics-text; version=9.9.9", TEXT),
        ("application/openmetrics-text; version=1.0.0; q=oops", TEXT),
        ("application/openmetrics-text;q=0", TEXT),
        (";;;,,,===", TEXT),
        ("\xff\xfe", TEXT),
        ("application/json", TEXT),
        ("a/b," * 1000, TEXT),
    ],
)
def test_accept_is_negotiated_and_an_odd_one_gets_the_text_format(
    exporter: ExporterProcess, accept: str, content_type: str
) -> None:
    answer = httpx.get(
        exporter.url + "metrics", headers=[(b"Accept", accept.encode("latin-1"))], trust_env=False
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"] == content_type
    assert answer.text.endswith("# EOF\n") == (content_type == OPENMETRICS)
    assert "ionq_up 1.0\n" in answer.text


def test_both_formats_hold_the_same_samples(exporter: ExporterProcess) -> None:
    text = Exposition(exporter.get("metrics").text)
    openmetrics = exporter.get("metrics", Accept="application/openmetrics-text").text
    families = text_string_to_metric_families(openmetrics)  # type: ignore[no-untyped-call]
    names = {sample.name for family in families for sample in family.samples}
    assert names == {sample.name for sample in text.samples}


@pytest.mark.parametrize(
    ("accepted", "is_gzip"),
    [
        ("gzip", True),
        ("deflate, gzip;q=0.5, br", True),
        ("GZIP", True),
        ("*", True),
        ("identity", False),
        ("", False),
        ("gzip;q=0", False),
        ("gzip;q=nonsense", False),
        ("br", False),
    ],
)
def test_gzip_is_used_when_asked_for(exporter: ExporterProcess, accepted: str, is_gzip: bool) -> None:  # noqa: FBT001
    request = httpx.Request("GET", exporter.url + "metrics", headers={"Accept-Encoding": accepted})
    with httpx.Client(trust_env=False) as client:
        answer = client.send(request, stream=True)
        raw = b"".join(answer.iter_raw())
    assert answer.headers.get("content-encoding") == ("gzip" if is_gzip else None)
    assert int(answer.headers["content-length"]) == len(raw)
    assert "accept-encoding" in answer.headers["vary"]
    body = gzip.decompress(raw) if is_gzip else raw
    assert b"\nionq_up 1.0\n" in body


@pytest.mark.parametrize("path", ["-/healthy", "-/ready", "nothing", "-/", "metrics/", "favicon.ico"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_only_a_get_of_the_metrics_or_the_landing_page_reaches_ionq(
    upstream: Upstream, exporter: ExporterProcess, path: str, method: str
) -> None:
    exporter.get(path, method)
    for name in ("", "metrics"):
        exporter.get(name, "HEAD")
        exporter.get(name, "POST")
    assert upstream.connections == []


@pytest.mark.parametrize("path", ["-/healthy", "-/ready"])
def test_probes_succeed_while_ionq_hangs(exporter: ExporterProcess, upstream: Upstream, path: str) -> None:
    answer = Held(ok())
    upstream.answers(answer)
    finish_scrape = exporter.begin_scrape()
    probe = exporter.get(path)
    answer.release()
    assert probe.status_code == 200
    assert probe.text == "OK\n"
    assert finish_scrape().up


@pytest.mark.parametrize(
    "path",
    ["nothing", "metrics/", "metrics/x", "Metrics", "-/", "-/healthy/", "..", "%2e%2e/etc/passwd", "//"],
)
def test_any_other_path_is_404(exporter: ExporterProcess, path: str) -> None:
    assert _raw_status(exporter, f"GET /{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()) == 404


@pytest.mark.parametrize("path", ["", "metrics", "-/healthy", "-/ready"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_any_other_method_is_405_with_the_allowed_ones(
    exporter: ExporterProcess, path: str, method: str
) -> None:
    answer = exporter.get(path, method)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["", "metrics", "-/healthy", "nothing"])
def test_head_is_get_without_a_body(exporter: ExporterProcess, path: str) -> None:
    head, get = exporter.get(path, "HEAD"), exporter.get(path)
    assert head.status_code == get.status_code
    assert head.headers["content-type"] == get.headers["content-type"]
    assert head.content == b""


@pytest.mark.parametrize("query", ["?", "?x=1", "?name[]=ionq_up&collect[]=x", "?%00", "?" + "x" * 8000])
def test_a_query_string_makes_no_difference(
    exporter: ExporterProcess, upstream: Upstream, query: str
) -> None:
    answer = exporter.get("metrics" + query)
    assert answer.status_code == 200
    assert Exposition(answer.text).up
    assert len(upstream.requests) == 1


@pytest.fixture
def elsewhere(upstream: Upstream) -> Iterator[ExporterProcess]:
    with ExporterProcess(upstream.url, "--web.telemetry-path=/ionq/metrics") as exporter:
        yield exporter


def test_the_metrics_can_be_elsewhere(elsewhere: ExporterProcess) -> None:
    assert elsewhere.scrape().up
    base = httpx.URL(elsewhere.urls[0])
    assert base.path == "/ionq/metrics"
    assert httpx.get(base.join("/metrics"), trust_env=False).status_code == 404
    assert '<a href="./ionq/metrics">' in httpx.get(base.join("/"), trust_env=False).text


def test_a_response_does_not_wait_for_a_delayed_acknowledgement(exporter: ExporterProcess) -> None:
    def seconds_for_a_probe() -> float:
        started = time.perf_counter()
        exporter.get("-/healthy")
        return time.perf_counter() - started

    assert statistics.median(seconds_for_a_probe() for _ in range(21)) < 0.03


def test_pipelined_requests_are_served_in_order(exporter: ExporterProcess, upstream: Upstream) -> None:
    paths = ["/metrics", "/-/healthy", "/nothing", "/metrics", "/"]
    with exporter.connect() as connection:
        for path in paths[:-1]:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"200", b"200", b"404", b"200", b"200"]
    assert received.index(b"ionq_up") < received.index(b"OK\n") < received.rindex(b"ionq_up")
    assert len(upstream.requests) == 2


NONSENSE = {
    "no_http": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64 + b"\r\n\r\n",
    "http_2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "unknown_method": b"BREW /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
    "connect": b"CONNECT ionq.test:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "no_path": b"GET  HTTP/1.1\r\nHost: x\r\n\r\n",
    "header_with_nul": b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: \0\r\n\r\n",
    "body_of_nonsense": b"POST /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    "upgrade": b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    "latin_1_path": b"GET /\xe9 HTTP/1.1\r\nHost: x\r\n\r\n",
    "broken_percent_path": b"GET /%zz%ff HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_is_refused_and_never_an_internal_error(
    exporter: ExporterProcess, upstream: Upstream, nonsense: bytes
) -> None:
    status = _raw_status(exporter, nonsense)
    assert status == 200 if b"healthy" in nonsense else status in (400, 404, 405)
    assert upstream.connections == []
    assert exporter.get("-/healthy").status_code == 200


def test_a_request_line_may_have_a_whole_url(exporter: ExporterProcess) -> None:
    assert _raw_status(exporter, b"GET http://x/-/healthy HTTP/1.1\r\nHost: x\r\n\r\n") == 200


def test_http_1_0_is_supported(exporter: ExporterProcess) -> None:
    with exporter.connect() as connection:
        connection.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b"\nionq_up 1.0\n" in received


def _raw_status(exporter: ExporterProcess, request: bytes) -> int:
    with exporter.connect() as connection:
        connection.sendall(request)
        return int(connection.recv(65536).split(b" ", 2)[1])
