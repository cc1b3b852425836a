"""IonQ's endpoints over a simulated fleet, as pure answers to requests."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from exporter.common.times import parse_time
from exporter.simulator.characterizations import PAGE_LIMIT, Characterizations, Span
from exporter.simulator.clock import Clock
from exporter.simulator.drill import Drill
from exporter.simulator.fleet import Fleet, Row
from exporter.simulator.messages import Refusal, Request, Response, json_response

Names = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ionq:
    """The endpoints; each takes the request, the names in its path and its query, and may raise Refusal."""

    fleet: Fleet
    clock: Clock
    drill: Drill

    def backends(self, request: Request, _path: Names, _query: Names) -> Response:
        """List what the client may see."""
        return json_response(self._visible(request))

    def backend(self, request: Request, path: Names, _query: Names) -> Response:
        """Show one row."""
        return json_response(self._row(request, path["backend"]))

    def characterizations(self, request: Request, path: Names, query: Names) -> Response:
        """Show a page of a backend's history, newest first."""
        self._row(request, path["backend"])
        history = Characterizations(self.fleet.seed)
        return json_response(history.page(path["backend"], self.clock(), _span(query)))

    def characterization(self, request: Request, path: Names, _query: Names) -> Response:
        """Show one record; unlike the list, it needs a key."""
        if not _has_key(request):
            raise Refusal(HTTPStatus.UNAUTHORIZED, "A characterization by its id needs an API key.")
        self._row(request, path["backend"])
        record = Characterizations(self.fleet.seed).find(path["backend"], path["id"], self.clock())
        if record is None:
            raise Refusal(HTTPStatus.NOT_FOUND, "This backend has no such characterization.")
        return json_response(record)

    def known_backends(self) -> list[str]:
        """Name everything that the fleet holds now, with a key or without, removed by a drill or not."""
        return [row["backend"] for row in self.fleet.rows(self.clock(), with_key=True)]

    def _visible(self, request: Request) -> list[Row]:
        return self.drill.rows(self.fleet.rows(self.clock(), with_key=_has_key(request)))

    def _row(self, request: Request, backend: str) -> Row:
        for row in self._visible(request):
            if row["backend"] == backend:
                return row
        raise Refusal(HTTPStatus.NOT_FOUND, "There is no such backend.")


def _has_key(request: Request) -> bool:
    authorization = request.headers.get("authorization")
    if authorization is None:
        return False
    scheme, _, key = authorization.strip().partition(" ")
    if scheme.lower() != "apikey" or not key.strip():
        raise Refusal(HTTPStatus.UNAUTHORIZED, "Invalid key provided: send Authorization: apiKey KEY.")
    return True


def _span(query: Names) -> Span:
    given: dict[str, float] = {}
    for name in ("start", "end"):
        if name in query:
            try:
                given[name] = parse_time(query[name])
            except (ValueError, OverflowError) as error:
                message = f"{name} must be a date or a timestamp in ISO 8601."
                raise Refusal(HTTPStatus.BAD_REQUEST, message) from error
    limit = _whole(query, "limit", default=PAGE_LIMIT, highest=PAGE_LIMIT)
    return Span(**given, limit=limit, page=_whole(query, "page", default=1, highest=1_000_000))


def _whole(query: Names, name: str, *, default: int, highest: int) -> int:
    text = query.get(name, str(default))
    if text.isascii() and text.isdigit() and len(text) <= len(str(highest)) and 1 <= int(text) <= highest:
        return int(text)
    raise Refusal(HTTPStatus.BAD_REQUEST, f"{name} must be a whole number from 1 to {highest}.")
