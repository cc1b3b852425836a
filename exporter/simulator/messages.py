"""HTTP requests and responses as plain values, in IonQ's dress."""

import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

Headers = tuple[tuple[str, str], ...]

_JSON = "application/json; charset=utf-8"
_SMALLEST_GZIP = 256
_GZIP_LEVEL = 5


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks for; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """What the simulator answers; `headers` are those beside length, type and request id."""

    status: int
    body: bytes
    content_type: str = _JSON
    headers: Headers = ()


def json_response(payload: Any, status: int = 200, headers: Headers = ()) -> Response:
    """Answer with a JSON document."""
    body = json.dumps(payload, separators=(",", ":"), allow_nan=False)
    return Response(status, body.encode(), headers=headers)


def error_response(status: HTTPStatus, message: str, headers: Headers = ()) -> Response:
    """Answer with an error in IonQ's shape."""
    payload = {"statusCode": status.value, "error": status.phrase, "message": message}
    return json_response(payload, status, headers)


def compressed(response: Response, accept_encoding: str) -> Response:
    """Compress a response when that is worth it and the client accepts gzip."""
    headers = (*response.headers, ("Vary", "Accept-Encoding"))
    if len(response.body) < _SMALLEST_GZIP or not _accepts_gzip(accept_encoding):
        return replace(response, headers=headers)
    body = gzip.compress(response.body, _GZIP_LEVEL, mtime=0)
    return replace(response, body=body, headers=(*headers, ("Content-Encoding", "gzip")))


def _accepts_gzip(accept_encoding: str) -> bool:
    for offer in accept_encoding.lower().split(","):
        coding, _, weight = (part.strip() for part in offer.partition(";"))
        if coding in {"gzip", "*"}:
            return not re.fullmatch(r"q=0(\.0*)?", weight)
    return False


class Refusal(Exception):  # noqa: N818  # it is an answer on its way out, not an error of the program
    """Ends the handling of a request with an answer in IonQ's error shape."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.response = error_response(status, message)
