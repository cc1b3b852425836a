"""IonQ's API and status page over a simulated fleet, as functions from request to response."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from exporter.common.times import parse_time
from exporter.simulator.clock import Clock
from exporter.simulator.drill.drill import Drill
from exporter.simulator.fleet.backends import BackendFields, Fleet
from exporter.simulator.fleet.characterizations import PAGE_LIMIT, Characterizations, Span
from exporter.simulator.fleet.status_page import StatusPage
from exporter.simulator.http.messages import HTTPError, HTTPRequest, HTTPResponse, json_response

Parameters = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class IonQAPI:
    """The endpoints. Each takes the request and the parameters of path and query, and may raise HTTPError."""

    fleet: Fleet
    clock: Clock
    drill: Drill

    def backends(self, request: HTTPRequest, _path: Parameters, _query: Parameters) -> HTTPResponse:
        """List the backends that the client may see."""
        return json_response(self._visible(request))

    def backend(self, request: HTTPRequest, path: Parameters, _query: Parameters) -> HTTPResponse:
        """Return one backend."""
        return json_response(self._find(request, path["backend"]))

    def characterizations(self, request: HTTPRequest, path: Parameters, query: Parameters) -> HTTPResponse:
        """Return a page of a backend's characterizations, newest first."""
        self._find(request, path["backend"])
        history = Characterizations(self.fleet.seed)
        return json_response(history.page(path["backend"], self.clock(), _span(query)))

    def characterization(self, request: HTTPRequest, path: Parameters, _query: Parameters) -> HTTPResponse:
        """Return one characterization; unlike the list, it needs an API key."""
        if not _has_key(request):
            raise HTTPError(HTTPStatus.UNAUTHORIZED, "A characterization by its id needs an API key.")
        self._find(request, path["backend"])
        found = Characterizations(self.fleet.seed).find(path["backend"], path["id"], self.clock())
        if found is None:
            raise HTTPError(HTTPStatus.NOT_FOUND, "This backend has no such characterization.")
        return json_response(found)

    def status_page(self, _request: HTTPRequest, _path: Parameters, _query: Parameters) -> HTTPResponse:
        """Return the summary of the status page."""
        page = StatusPage(self.fleet.seed)
        return json_response(page.summary(self.clock(), self.drill.incidents(), self.drill.maintenances()))

    def known_backends(self) -> list[str]:
        """Return the names of all backends, with those that need a key or that a drill has removed."""
        return [backend["backend"] for backend in self.fleet.backends(self.clock(), with_key=True)]

    def _visible(self, request: HTTPRequest) -> list[BackendFields]:
        return self.drill.apply(self.fleet.backends(self.clock(), with_key=_has_key(request)))

    def _find(self, request: HTTPRequest, name: str) -> BackendFields:
        for backend in self._visible(request):
            if backend["backend"] == name:
                return backend
        raise HTTPError(HTTPStatus.NOT_FOUND, "There is no such backend.")


def _has_key(request: HTTPRequest) -> bool:
    authorization = request.headers.get("authorization")
    if authorization is None:
        return False
    scheme, _, key = authorization.strip().partition(" ")
    if scheme.lower() != "apikey" or not key.strip():
        raise HTTPError(HTTPStatus.UNAUTHORIZED, "Invalid key provided: send Authorization: apiKey KEY.")
    return True


def _span(query: Parameters) -> Span:
    given: dict[str, float] = {}
    for name in ("start", "end"):
        if name in query:
            try:
                given[name] = parse_time(query[name])
            except (ValueError, OverflowError) as error:
                message = f"{name} must be a date or a timestamp in ISO 8601."
                raise HTTPError(HTTPStatus.BAD_REQUEST, message) from error
    limit = _integer(query, "limit", default=PAGE_LIMIT, highest=PAGE_LIMIT)
    return Span(**given, limit=limit, page=_integer(query, "page", default=1, highest=1_000_000))


def _integer(query: Parameters, name: str, *, default: int, highest: int) -> int:
    text = query.get(name, str(default))
    if text.isascii() and text.isdigit() and len(text) <= len(str(highest)) and 1 <= int(text) <= highest:
        return int(text)
    raise HTTPError(HTTPStatus.BAD_REQUEST, f"{name} must be an integer from 1 to {highest}.")
