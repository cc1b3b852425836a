"""The HTTP surface: which path answers what. It knows nothing of IonQ's JSON."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from exporter.metrics.content_negotiation import accepts_gzip, negotiate
from exporter.metrics.exporter import ExporterMetrics
from exporter.metrics.exposition import compress, encode_scrape
from exporter.scrape.deadline import Deadline
from exporter.scrape.scraper import Scraper

Headers = Mapping[str, str]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

HEALTH_PATHS = ("/-/healthy", "/-/ready")

_METHODS = ("GET", "HEAD")
_HTML = "text/html; charset=utf-8"
_PLAIN = "text/plain; charset=utf-8"
_PAGE_MAX_AGE_SECONDS = 30.0
_PAGE_PATIENCE_SECONDS = 2.0
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response with a body that is whole before it is sent."""

    body: bytes
    content_type: str = _PLAIN
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


class WebApp:
    """An ASGI application: metrics, landing page and probes."""

    def __init__(
        self,
        scraper: Scraper,
        exporter_metrics: ExporterMetrics,
        *,
        telemetry_path: str,
        timeout_seconds: float,
        timeout_offset_seconds: float,
        api_url: str,
    ) -> None:
        self._scraper = scraper
        self._exporter_metrics = exporter_metrics
        self._telemetry_path = telemetry_path
        self._timeout_seconds = timeout_seconds
        self._timeout_offset_seconds = timeout_offset_seconds
        self._api_url = api_url
        self._started_at = datetime.now(UTC)

    async def __call__(self, scope: dict[str, Any], _receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers: dict[str, str] = {}
        for raw_name, raw_value in scope["headers"]:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            # Header lines of one name are one list (RFC 9110, 5.2).
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        response = await self._respond(scope["method"], scope["path"], headers)
        await send(
            {
                "type": "http.response.start",
                "status": int(response.status),
                "headers": [
                    (name.encode("latin-1"), value.encode("latin-1"))
                    for name, value in _complete_headers(response, scope["method"]).items()
                ],
            }
        )
        await send({"type": "http.response.body", "body": response.body})

    async def _respond(self, method: str, path: str, headers: Headers) -> Response:
        if path not in (self._telemetry_path, "/", *HEALTH_PATHS):
            return Response(b"404 Not Found\n", status=HTTPStatus.NOT_FOUND)
        if method not in _METHODS:
            return Response(
                b"405 Method Not Allowed\n",
                status=HTTPStatus.METHOD_NOT_ALLOWED,
                headers={"allow": ", ".join(_METHODS)},
            )
        if path == self._telemetry_path:
            return await self._scrape(method, headers)
        if path == "/":
            return await self._landing_page(method)
        return Response(b"OK\n")

    async def _scrape(self, method: str, headers: Headers) -> Response:
        form = negotiate(headers.get("accept", ""))
        if method == "HEAD":
            return Response(b"", form.value)
        deadline = Deadline.from_header(
            headers.get("x-prometheus-scrape-timeout-seconds"),
            offset_seconds=self._timeout_offset_seconds,
            timeout_seconds=self._timeout_seconds,
        )
        body = encode_scrape(await self._scraper.scrape(deadline), self._exporter_metrics, form)
        vary = {"vary": "accept, accept-encoding"}
        if accepts_gzip(headers.get("accept-encoding", "")):
            return Response(compress(body), form.value, headers={**vary, "content-encoding": "gzip"})
        return Response(body, form.value, headers=vary)

    async def _landing_page(self, method: str) -> Response:
        headers = {"content-security-policy": _PAGE_POLICY}
        if method == "HEAD":
            return Response(b"", _HTML, headers=headers)
        is_recent = await self._scraper.refresh(_PAGE_MAX_AGE_SECONDS, _PAGE_PATIENCE_SECONDS)
        # Nobody may ever look, and the template engine costs a tenth of the resident memory.
        from exporter.server.landing_page import LandingPage  # noqa: PLC0415

        page = LandingPage(
            last=self._scraper.last,
            last_up=self._scraper.last_up,
            reading=not is_recent,
            simulated=self._scraper.simulated,
            metrics=self._exporter_metrics,
            started_at=self._started_at,
            now=datetime.now(UTC),
            telemetry_path=self._telemetry_path,
            api_url=self._api_url,
        )
        return Response(page.render().encode(), _HTML, headers=headers)


def _complete_headers(response: Response, method: str) -> dict[str, str]:
    headers = {"content-type": response.content_type, "x-content-type-options": "nosniff", **response.headers}
    if method != "HEAD" or response.body:
        headers["content-length"] = str(len(response.body))
    return headers
