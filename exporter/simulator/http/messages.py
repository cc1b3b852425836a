"""HTTP requests and responses as values."""

import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

Headers = tuple[tuple[str, str], ...]

_JSON = "application/json; charset=utf-8"
_MIN_GZIP_BYTES = 256
_GZIP_LEVEL = 5


@dataclass(frozen=True, slots=True)
class HTTPRequest:
    """A request; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class HTTPResponse:
    """A response; `headers` are those beyond the ones that every response carries."""

    status: int
    body: bytes
    content_type: str = _JSON
    headers: Headers = ()


class HTTPError(Exception):
    """An error that becomes a response in IonQ's format."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.response = error_response(status, message)


def json_response(payload: Any, status: int = 200, headers: Headers = ()) -> HTTPResponse:
    """Return a response with a JSON document."""
    body = json.dumps(payload, separators=(",", ":"), allow_nan=False)
    return HTTPResponse(status, body.encode(), headers=headers)


def error_response(status: HTTPStatus, message: str, headers: Headers = ()) -> HTTPResponse:
    """Return an error in IonQ's format."""
    payload = {"statusCode": status.value, "error": status.phrase, "message": message}
    return json_response(payload, status, headers)


def compressed(response: HTTPResponse, accept_encoding: str) -> HTTPResponse:
    """Compress a response if the client accepts gzip and the body is not tiny."""
    headers = (*response.headers, ("Vary", "Accept-Encoding"))
    if len(response.body) < _MIN_GZIP_BYTES or not _accepts_gzip(accept_encoding):
        return replace(response, headers=headers)
    body = gzip.compress(response.body, _GZIP_LEVEL, mtime=0)
    return replace(response, body=body, headers=(*headers, ("Content-Encoding", "gzip")))


def _accepts_gzip(accept_encoding: str) -> bool:
    for offer in accept_encoding.lower().split(","):
        coding, _, weight = (part.strip() for part in offer.partition(";"))
        if coding in {"gzip", "*"}:
            return not re.fullmatch(r"q=0(\.0*)?", weight)
    return False
