"""Header lines of one name count as one list."""

import httpx
import pytest

from tests.support.exporter_process import ExporterProcess

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.parametrize(
    ("lines", "content_type"),
    [
        (["application/openmetrics-text;version=1.0.0", "text/plain;q=0.5"], OPENMETRICS),
        (["text/plain;q=0.5", "application/openmetrics-text;version=1.0.0"], OPENMETRICS),
        (["text/plain", "application/openmetrics-text;q=0.5"], TEXT),
        (["application/openmetrics-text;q=0.5", "text/plain"], TEXT),
        (["application/openmetrics-text", "*/*;q=0.1", "text/html"], OPENMETRICS),
    ],
)
@pytest.mark.usefixtures("upstream")
def test_accept_may_have_several_lines(
    exporter: ExporterProcess, lines: list[str], content_type: str
) -> None:
    response = httpx.get(exporter.urls[0], headers=[("Accept", line) for line in lines], trust_env=False)
    assert response.headers["content-type"] == content_type


@pytest.mark.parametrize("lines", [["gzip", "identity;q=0.5"], ["identity", "gzip"]])
@pytest.mark.usefixtures("upstream")
def test_accept_encoding_may_have_several_lines(exporter: ExporterProcess, lines: list[str]) -> None:
    headers = [("Accept-Encoding", line) for line in lines]
    response = httpx.get(exporter.urls[0], headers=headers, trust_env=False)
    assert response.headers["content-encoding"] == "gzip"
