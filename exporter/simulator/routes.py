"""Which function handles which request: IonQ's API and status page, the drill, and the help page."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

from exporter.simulator.drill.parsing import Parser
from exporter.simulator.drill.requests import STATUS_ENDPOINT, DrillError
from exporter.simulator.faults.table import FAULTS
from exporter.simulator.help_page import help_page
from exporter.simulator.http.messages import (
    HTTPError,
    HTTPRequest,
    HTTPResponse,
    error_response,
    json_response,
)
from exporter.simulator.ionq_api import IonQAPI, Parameters

API_PATH = "/v0.4"

_READ = ("GET", "HEAD")
_BACKENDS = rf"(?:{re.escape(API_PATH)})?/backends"
_BACKEND = rf"{_BACKENDS}/(?P<backend>[^/]+)"


@dataclass(frozen=True, slots=True)
class RoutedResponse:
    """The regular response, the endpoint of IonQ, if any, and the fault that replaces the response."""

    response: HTTPResponse
    endpoint: str | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class _Route:
    pattern: re.Pattern[str]
    handle: Callable[[HTTPRequest, Parameters, Parameters], HTTPResponse]
    methods: tuple[str, ...] = _READ
    endpoint: str | None = None

    def respond(self, request: HTTPRequest, path: Parameters, query: Parameters) -> HTTPResponse:
        if request.method not in self.methods:
            allow = (("Allow", ", ".join(self.methods)),)
            message = f"Use {' or '.join(self.methods)}."
            return error_response(HTTPStatus.METHOD_NOT_ALLOWED, message, allow)
        try:
            return self.handle(request, path, query)
        except HTTPError as error:
            return error.response


class Routes:
    """Responds to requests without touching a socket."""

    def __init__(self, api: IonQAPI) -> None:
        self._api = api
        self._drill = api.drill
        self._routes = (
            _Route(re.compile(_BACKENDS), api.backends, endpoint="backends"),
            _Route(re.compile(_BACKEND), api.backend, endpoint="backends"),
            _Route(
                re.compile(rf"{_BACKEND}/characterizations"),
                api.characterizations,
                endpoint="characterizations",
            ),
            _Route(
                re.compile(rf"{_BACKEND}/characterizations/(?P<id>[^/]+)"),
                api.characterization,
                endpoint="characterizations",
            ),
            _Route(re.compile(r"/api/v2/summary\.json"), api.status_page, endpoint=STATUS_ENDPOINT),
            _Route(re.compile("/drill"), self._handle_drill, (*_READ, "POST", "DELETE")),
            _Route(re.compile("/"), _handle_help),
        )

    def respond(self, request: HTTPRequest) -> RoutedResponse:
        """Respond to any request."""
        try:
            url = urlsplit(request.target)
        except ValueError:
            return RoutedResponse(error_response(HTTPStatus.BAD_REQUEST, "The target is not a URL."))
        for route in self._routes:
            if found := route.pattern.fullmatch(url.path):
                path = {name: unquote(value) for name, value in found.groupdict().items()}
                response = route.respond(request, path, dict(parse_qsl(url.query, keep_blank_values=True)))
                fault = self._drill.fault(route.endpoint) if route.endpoint else None
                return RoutedResponse(response, route.endpoint, fault)
        return RoutedResponse(error_response(HTTPStatus.NOT_FOUND, "Not found. GET / explains the paths."))

    def _handle_drill(self, request: HTTPRequest, _path: Parameters, _query: Parameters) -> HTTPResponse:
        match request.method:
            case "DELETE":
                response = json_response({"ended": self._drill.end()})
            case "POST":
                response = self._begin(request.body)
            case _:
                response = json_response({"active": self._drill.active()})
        # A person reads it in a terminal.
        return replace(response, body=response.body + b"\n")

    def _begin(self, body: bytes) -> HTTPResponse:
        parser = Parser(backends=self._api.known_backends(), faults=FAULTS, now=self._api.clock().timestamp())
        try:
            return json_response(self._drill.begin(*parser.parse(body)))
        except DrillError as error:
            return error_response(HTTPStatus.BAD_REQUEST, str(error))


def _handle_help(request: HTTPRequest, _path: Parameters, _query: Parameters) -> HTTPResponse:
    return help_page(request.headers.get("host", "127.0.0.1"), FAULTS)
