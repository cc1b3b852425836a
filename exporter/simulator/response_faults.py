"""Faults that are proper HTTP responses with the wrong content: pure functions of the right response."""

import json
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from exporter.simulator.messages import Response, error_response

_HTML = "text/html; charset=UTF-8"
_RETRY_AFTER_SECONDS = 60
_DEPTH = 100_000

_REDIRECT_TARGET = "https://elsewhere.invalid/v0.4/backends"


def page(status: int, title: str) -> Response:
    """Answer as a proxy does: a page for people."""
    html = (
        "<!DOCTYPE html>\n<html><head><title>{0}</title></head>"
        "<body><center><h1>{0}</h1></center><hr><center>cloudflare</center></body></html>\n"
    )
    return Response(status, html.format(title).encode(), _HTML)


def failure(status: HTTPStatus) -> Response:
    """Answer with an error of IonQ's own."""
    return error_response(status, "Something went wrong. Quote x-request-id to support@ionq.co.")


def rate_limited(_: Response) -> Response:
    """Ask the client to come back in a minute."""
    later = (("Retry-After", str(_RETRY_AFTER_SECONDS)),)
    return error_response(HTTPStatus.TOO_MANY_REQUESTS, "Too many requests.", later)


def redirected(_: Response) -> Response:
    """Send the client to another host."""
    return replace(page(302, "302 Found"), headers=(("Location", _REDIRECT_TARGET),))


def cut_in_half(response: Response) -> Response:
    """Stop in the middle of the JSON, with a length that fits."""
    return replace(response, body=response.body[: len(response.body) // 2])


def nested(response: Response) -> Response:
    """Nest arrays deeper than a recursive parser can follow."""
    return replace(response, body=b"[" * _DEPTH + b"]" * _DEPTH)


def wrapped(response: Response) -> Response:
    """Hide the answer in an object that nobody documented."""
    return replace(response, body=b'{"data":{"items":' + response.body + b"}}")


def with_bad_values(response: Response) -> Response:
    """Put every trap that a value can be beside the rows or among the records that are good."""
    payload = json.loads(response.body)
    if isinstance(payload, list):
        rows = [json.dumps(row) for row in payload]
        # The last row comes twice.
        return replace(response, body=f"[{','.join((*rows, *rows[-1:], _BAD_ROWS))}]".encode())
    if isinstance(payload, dict) and isinstance(payload.get("characterizations"), list):
        records = [_bad_record(index, record) for index, record in enumerate(payload["characterizations"])]
        return replace(response, body=json.dumps(payload | {"characterizations": records}).encode())
    return response


# A text, since no serializer would write it.
_BAD_ROWS = r"""
{"backend": "trap.text", "status": "available", "qubits": "36", "average_queue_time": "1181215",
 "last_updated": "yesterday", "degraded": "false", "kw": "4902.81", "characterization_id": "none"},
{"backend": "trap.not-a-number", "status": "available", "qubits": NaN, "average_queue_time": NaN,
 "last_updated": NaN, "degraded": NaN, "kw": NaN},
{"backend": "trap.infinite", "status": "available", "qubits": 1e999, "average_queue_time": 1e999,
 "last_updated": Infinity, "degraded": Infinity, "kw": -Infinity},
{"backend": "trap.negative", "status": "available", "qubits": -36, "average_queue_time": -1181215,
 "last_updated": -99999999999999, "degraded": -1, "kw": -4902.81},
{"backend": "trap.fraction", "status": "available", "qubits": 35.5, "average_queue_time": 0.5,
 "last_updated": "2025-06-16T00:00:00Z"},
{"backend": "trap.boolean", "status": true, "qubits": true, "average_queue_time": false,
 "last_updated": true, "degraded": 1, "kw": true, "location": false, "characterization_id": true},
{"backend": "trap.null", "status": null, "qubits": null, "average_queue_time": null,
 "last_updated": null, "degraded": null, "kw": null, "location": null, "characterization_id": null},
{"backend": "trap.container", "status": ["available"], "qubits": [36], "average_queue_time": {},
 "last_updated": [], "degraded": {}, "kw": [4902.81], "location": {}, "characterization_id": []},
{"backend": "trap.too-large", "status": "available", "qubits": @, "average_queue_time": @,
 "last_updated": "99999-01-01T00:00:00Z", "kw": 1e308},
{"backend": "trap.control", "status": "avail\u0000able", "qubits": 1, "average_queue_time": 1,
 "last_updated": "2025-06-16T00:00:00Z", "location": "\n\"\\", "characterization_id": "\u001b[31m"},
{"backend": "trap.surrogate-\ud800", "status": "\udfff", "qubits": 1, "average_queue_time": 1,
 "last_updated": "2025-06-16T00:00:00Z", "location": "\ud800"},
{"backend": "trap.missing-fields"},
{"status": "available", "qubits": 36, "average_queue_time": 1, "last_updated": "2025-06-16T00:00:00Z"},
{"backend": "", "status": "available", "qubits": 36, "average_queue_time": 1},
{"backend": null, "status": "available", "qubits": 36, "average_queue_time": 1},
{"backend": 36, "status": "available", "qubits": 36, "average_queue_time": 1},
null, "qpu.forte-1", 36, []
""".replace("@", "9" * 400)


def _bad_record(index: int, record: dict[str, Any]) -> dict[str, Any]:
    bad_values: tuple[Any, ...] = ("0.995", float("nan"), float("inf"), -0.5, 1.5, None, True, [], {})
    bad = bad_values[index % len(bad_values)]
    return record | {
        "qubits": bad,
        "connectivity": bad,
        "fidelity": {"spam": {"median": bad, "stderr": bad}, "1q": bad, "2q": {"median": bad}},
        "timing": {"readout": bad, "reset": bad, "2q": bad, "t1": bad, "t2": bad},
    }
