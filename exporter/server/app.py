"""The HTTP surface: which path gets which response. It knows nothing of IonQ's JSON."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from exporter.metrics.encoding import accepts_gzip, negotiate, render_scrape
from exporter.metrics.exporter import ExporterMetrics
from exporter.scrape.deadline import scrape_budget_seconds
from exporter.scrape.scraper import Scraper
from exporter.server.response import Receive, Response, Send, plain_response, send_response

Headers = Mapping[str, str]

HEALTH_PATHS = ("/-/healthy", "/-/ready")

_METHODS = ("GET", "HEAD")
_HTML = "text/html; charset=utf-8"
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
)


class WebApp:
    """An ASGI application: metrics, landing page and probes."""

    def __init__(
        self,
        scraper: Scraper,
        telemetry: ExporterMetrics,
        *,
        telemetry_path: str,
        timeout_seconds: float,
        timeout_offset_seconds: float,
        api_url: str,
    ) -> None:
        self._scraper = scraper
        self._telemetry = telemetry
        self._telemetry_path = telemetry_path
        self._timeout_seconds = timeout_seconds
        self._timeout_offset_seconds = timeout_offset_seconds
        self._api_url = api_url
        self._rendering = asyncio.Lock()

    async def __call__(self, scope: dict[str, Any], _receive: Receive, send: Send) -> None:
        """Respond to one request."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        await send_response(
            send, await self._respond(scope["method"], scope["path"], headers), scope["method"]
        )

    async def _respond(self, method: str, path: str, headers: Headers) -> Response:
        if path not in (self._telemetry_path, "/", *HEALTH_PATHS):
            return plain_response(HTTPStatus.NOT_FOUND)
        if method not in _METHODS:
            return plain_response(HTTPStatus.METHOD_NOT_ALLOWED, {"allow": ", ".join(_METHODS)})
        if path == self._telemetry_path:
            return await self._metrics(method, headers)
        if path == "/":
            return self._landing_page()
        return Response(b"OK\n")

    async def _metrics(self, method: str, headers: Headers) -> Response:
        form = negotiate(headers.get("accept", ""))
        if method == "HEAD":
            return Response(b"", form.value)
        budget = scrape_budget_seconds(
            headers.get("x-prometheus-scrape-timeout-seconds"),
            offset_seconds=self._timeout_offset_seconds,
            timeout_seconds=self._timeout_seconds,
        )
        scrape = await self._scraper.scrape(budget)
        async with self._rendering:
            # If many scrapes end together, render one per iteration of the event loop. In between, responses
            # to clients that do not read can be freed.
            await asyncio.sleep(0)
            exposition = render_scrape(scrape, self._telemetry, form)
        vary = {"vary": "accept, accept-encoding"}
        if accepts_gzip(headers.get("accept-encoding", "")):
            return Response(exposition.gzipped, form.value, headers={**vary, "content-encoding": "gzip"})
        return Response(exposition.plain, form.value, headers=vary)

    def _landing_page(self) -> Response:
        # Imported for the first visit: the template engine takes a tenth of the resident memory.
        from exporter.server.landing_page import render_landing_page  # noqa: PLC0415

        page = render_landing_page(
            self._scraper.last,
            datetime.now(UTC),
            telemetry_path=self._telemetry_path,
            api_url=self._api_url,
        )
        return Response(page.encode(), _HTML, headers={"content-security-policy": _PAGE_POLICY})
