"""Which request is answered by what: IonQ's endpoints, the drill, and a page of help."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

from exporter.simulator.drill import Drill, DrillError
from exporter.simulator.drill_requests import parse_order
from exporter.simulator.faults import FAULTS
from exporter.simulator.help_page import guide
from exporter.simulator.ionq import Ionq, Names
from exporter.simulator.messages import Refusal, Request, Response, error_response, json_response

_READ = ("GET", "HEAD")
_BACKENDS = r"(?:/v0\.4)?/backends"
_BACKEND = rf"{_BACKENDS}/(?P<backend>[^/]+)"


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; `endpoint` names the part of IonQ's API asked, and `fault` what happens to it instead."""

    response: Response
    endpoint: str | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class _Route:
    pattern: re.Pattern[str]
    handle: Callable[[Request, Names, Names], Response]
    methods: tuple[str, ...] = _READ
    endpoint: str | None = None


class Routes:
    """Answers requests without touching a socket; `drill` is what changes between two of them."""

    def __init__(self, ionq: Ionq) -> None:
        self._ionq = ionq
        self._drill: Drill = ionq.drill
        self._routes = (
            _Route(re.compile(_BACKENDS), ionq.backends, endpoint="backends"),
            _Route(re.compile(_BACKEND), ionq.backend, endpoint="backends"),
            _Route(
                re.compile(rf"{_BACKEND}/characterizations"),
                ionq.characterizations,
                endpoint="characterizations",
            ),
            _Route(
                re.compile(rf"{_BACKEND}/characterizations/(?P<id>[^/]+)"),
                ionq.characterization,
                endpoint="characterizations",
            ),
            _Route(re.compile("/drill"), self._handle_drill, (*_READ, "POST", "DELETE")),
            _Route(re.compile("/"), _handle_guide),
        )

    def answer(self, request: Request) -> Answer:
        """Answer whatever a client sends."""
        try:
            url = urlsplit(request.target)
        except ValueError:
            return Answer(error_response(HTTPStatus.BAD_REQUEST, "The target is not a URL."))
        for route in self._routes:
            if found := route.pattern.fullmatch(url.path):
                path = {name: unquote(value) for name, value in found.groupdict().items()}
                return self._answer(route, request, path, dict(parse_qsl(url.query, keep_blank_values=True)))
        return Answer(error_response(HTTPStatus.NOT_FOUND, "There is nothing here: GET / tells what is."))

    def _answer(self, route: _Route, request: Request, path: Names, query: Names) -> Answer:
        fault = self._drill.fault(route.endpoint) if route.endpoint else None
        return Answer(_respond(route, request, path, query), route.endpoint, fault)

    def _handle_drill(self, request: Request, _path: Names, _query: Names) -> Response:
        if request.method == "DELETE":
            return json_response({"ended": self._drill.end()})
        if request.method == "POST":
            self._order(request.body)
        faults = {name: fault.description for name, fault in FAULTS.items()}
        return json_response({"in_force": self._drill.describe(), "faults": faults})

    def _order(self, body: bytes) -> None:
        try:
            order, seconds = parse_order(body, backends=self._ionq.known_backends(), faults=FAULTS)
            self._drill.begin(order, seconds)
        except DrillError as error:
            raise Refusal(HTTPStatus.BAD_REQUEST, str(error)) from error


def _respond(route: _Route, request: Request, path: Names, query: Names) -> Response:
    if request.method not in route.methods:
        allow = (("Allow", ", ".join(route.methods)),)
        message = f"Use {' or '.join(route.methods)} here."
        return error_response(HTTPStatus.METHOD_NOT_ALLOWED, message, allow)
    try:
        return route.handle(request, path, query)
    except Refusal as refusal:
        return refusal.response


def _handle_guide(request: Request, _path: Names, _query: Names) -> Response:
    return guide(request.headers.get("host", "127.0.0.1"), FAULTS)
