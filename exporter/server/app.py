"""The HTTP surface: which path gets which response. It knows nothing of IonQ's JSON."""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from exporter.metrics.content_negotiation import accepts_gzip, negotiate
from exporter.metrics.exporter import ExporterMetrics
from exporter.metrics.exposition import ScrapeBodies
from exporter.scrape.deadline import Deadline
from exporter.scrape.scraper import Scraper
from exporter.server.response import Receive, Response, Send, plain_response, send_response

Headers = Mapping[str, str]

HEALTH_PATHS = ("/-/healthy", "/-/ready")

_METHODS = ("GET", "HEAD")
_HTML = "text/html; charset=utf-8"
_PAGE_MAX_AGE_SECONDS = 30.0
_PAGE_PATIENCE_SECONDS = 2.0
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
)


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
        self._bodies = ScrapeBodies(exporter_metrics)
        self._started_at = datetime.now(UTC)

    async def __call__(self, scope: dict[str, Any], _receive: Receive, send: Send) -> None:
        """Respond to one request."""
        headers: dict[str, str] = {}
        for raw_name, raw_value in scope["headers"]:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            # Header lines of one name are one list (RFC 9110, 5.2).
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        response = await self._respond(scope["method"], scope["path"], headers)
        await send_response(send, response, scope["method"])

    async def _respond(self, method: str, path: str, headers: Headers) -> Response:
        if path not in (self._telemetry_path, "/", *HEALTH_PATHS):
            return plain_response(HTTPStatus.NOT_FOUND)
        if method not in _METHODS:
            return plain_response(HTTPStatus.METHOD_NOT_ALLOWED, {"allow": ", ".join(_METHODS)})
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
        scrape = await self._scraper.scrape(deadline)
        gzipped = accepts_gzip(headers.get("accept-encoding", ""))
        body = self._bodies.body(scrape, form, gzipped=gzipped)
        coding = {"content-encoding": "gzip"} if gzipped else {}
        return Response(body, form.value, headers={"vary": "accept, accept-encoding", **coding})

    async def _landing_page(self, method: str) -> Response:
        headers = {"content-security-policy": _PAGE_POLICY}
        if method == "HEAD":
            return Response(b"", _HTML, headers=headers)
        is_recent = await self._scraper.refresh(_PAGE_MAX_AGE_SECONDS, _PAGE_PATIENCE_SECONDS)
        # Imported for the first visit: the template engine takes a tenth of the resident memory.
        from exporter.server.landing_page.page import LandingPage  # noqa: PLC0415

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
