"""Redirects are reported, not followed."""

import pytest

from tests.support.exporter_process import ExporterProcess
from tests.support.upstream import Upstream, status


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("place", ["http://{authority}/elsewhere", "/elsewhere", "//{authority}/elsewhere"])
def test_a_redirect_is_not_followed(
    exporter: ExporterProcess, upstream: Upstream, code: int, place: str
) -> None:
    before = exporter.scrape()
    upstream.reset()
    upstream.answers(status(code, {"Location": place.format(authority=upstream.authority)}))
    failed = exporter.scrape()
    assert failed.failures_since(before) == {"redirect": 1}
    assert [request.target for request in upstream.requests] == ["/v0.4/backends"]


def test_the_log_line_says_where_to() -> None:
    with Upstream() as upstream:
        upstream.answers(status(301, {"Location": "https://api.example/v0.5/backends", "x-request-id": "7"}))
        with ExporterProcess(upstream.url) as exporter:
            exporter.scrape()
            line = exporter.await_log("ionq_read_failed", "reason=redirect", "request_id=7")
        assert "IonQ redirects to https://api.example/v0.5/backends" in line
        assert "set --ionq.api-url" in line


PLACES = {
    "no_url": "http://[::1",
    "no_port": "http://localhost:99999/",
    "other_scheme": "javascript:alert(1)",
    "binary": "\xff\xfe",
    "huge": "/" + "x" * 70_000,
    "empty": "",
    "mail": "mailto:somebody",
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_a_redirect_to_nowhere_is_a_failure_like_any_other(
    exporter: ExporterProcess, upstream: Upstream, place: str
) -> None:
    before = exporter.scrape()
    upstream.answers(status(302, {"Location": place}))
    assert exporter.scrape().failures_since(before) == {"redirect": 1}


def test_a_redirect_without_a_place_is_an_answer_with_the_wrong_status(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    before = exporter.scrape()
    upstream.answers(status(302))
    assert exporter.scrape().failures_since(before) == {"http_status": 1}
