"""Response faults: valid HTTP with the wrong content, as pure functions of the regular response."""

import json
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from exporter.simulator.http.messages import HTTPResponse, error_response

_HTML = "text/html; charset=UTF-8"
_RETRY_AFTER_SECONDS = 60
_DEPTH = 100_000

_REDIRECT_TARGET = "https://elsewhere.invalid/v0.4/backends"


def page(status: int, title: str) -> HTTPResponse:
    """Return an HTML page, as a proxy does."""
    html = (
        "<!DOCTYPE html>\n<html><head><title>{0}</title></head>"
        "<body><center><h1>{0}</h1></center><hr><center>cloudflare</center></body></html>\n"
    )
    return HTTPResponse(status, html.format(title).encode(), _HTML)


def failure(status: HTTPStatus) -> HTTPResponse:
    """Return an error of IonQ's own."""
    return error_response(status, "Something went wrong. Quote x-request-id to support@ionq.co.")


def rate_limited(_: HTTPResponse) -> HTTPResponse:
    """Ask the client to retry in a minute."""
    later = (("Retry-After", str(_RETRY_AFTER_SECONDS)),)
    return error_response(HTTPStatus.TOO_MANY_REQUESTS, "Too many requests.", later)


def redirected(_: HTTPResponse) -> HTTPResponse:
    """Redirect to another host."""
    return replace(page(302, "302 Found"), headers=(("Location", _REDIRECT_TARGET),))


def cut_in_half(response: HTTPResponse) -> HTTPResponse:
    """Return half of the JSON, with the length of that half."""
    return replace(response, body=response.body[: len(response.body) // 2])


def nested(response: HTTPResponse) -> HTTPResponse:
    """Nest arrays too deep for a recursive parser."""
    return replace(response, body=b"[" * _DEPTH + b"]" * _DEPTH)


def wrapped(response: HTTPResponse) -> HTTPResponse:
    """Wrap the JSON in an undocumented object."""
    return replace(response, body=b'{"data":{"items":' + response.body + b"}}")


def with_bad_values(response: HTTPResponse) -> HTTPResponse:
    """Add backends, components, incidents with invalid values, or spoil values of characterizations."""
    payload = json.loads(response.body)
    if isinstance(payload, list):
        backends = [json.dumps(backend) for backend in payload]
        # The last backend comes twice.
        return replace(response, body=f"[{','.join((*backends, *backends[-1:], _BAD_BACKENDS))}]".encode())
    if isinstance(payload, dict) and "components" in payload:
        bad = {name: [*payload[name], *values] for name, values in _BAD_STATUS_PAGE.items()}
        return replace(response, body=json.dumps(payload | bad).encode())
    if isinstance(payload, dict) and isinstance(payload.get("characterizations"), list):
        changed = [_with_bad_value(index, one) for index, one in enumerate(payload["characterizations"])]
        return replace(response, body=json.dumps(payload | {"characterizations": changed}).encode())
    return response


# Text, because a serializer would not write all of it.
_BAD_BACKENDS = r"""
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


_TRAP: dict[str, Any] = {"id": "trap", "name": "trap", "status": "investigating", "impact": "major"}
_BAD_STATUS_PAGE: dict[str, list[Any]] = {
    "components": [
        {"id": "trap", "name": "trap.unknown", "status": "on_fire"},
        {"id": "trap", "name": 'trap.control \n"\\\u0000\ud800', "status": "operational"},
        {"id": "trap", "name": "trap.long " * 500, "status": "operational"},
        {"id": "trap", "name": "trap.null", "status": None},
        {"id": "trap", "name": "trap.number", "status": 36},
        {"id": "trap", "name": "API", "status": "major_outage"},  # a name that occurs already
        {"name": ["trap"], "status": "operational"},
        {"name": "", "status": "operational"},
        {"status": "operational"},
        *(None, "IonQ Forte", 36, []),
    ],
    "incidents": [
        _TRAP | {"started_at": "yesterday", "components": "all"},
        _TRAP | {"id": "trap.null", "started_at": None, "created_at": None, "components": None},
        _TRAP | {"id": "trap.number", "impact": 5, "status": ["investigating"], "started_at": float("inf")},
        _TRAP | {"id": "trap.link", "shortlink": "javascript:alert(1)", "name": "<script>alert(1)</script>"},
        _TRAP | {"id": "trap.component", "components": [None, 36, {"name": None}]},
        _TRAP | {"id": None},
        *(None, "trap", 36, []),
    ],
    "scheduled_maintenances": [
        _TRAP | {"scheduled_for": "soon", "scheduled_until": -1},
        _TRAP | {"id": "trap.null", "scheduled_for": None, "scheduled_until": None},
        _TRAP
        | {
            "id": "trap.order",
            "scheduled_for": "2030-01-02T00:00:00Z",
            "scheduled_until": "2030-01-01T00:00:00Z",
        },
        _TRAP | {"id": {}, "scheduled_for": float("nan")},
        *(None, "trap", 36, []),
    ],
}


def _with_bad_value(index: int, characterization: dict[str, Any]) -> dict[str, Any]:
    bad_values: tuple[Any, ...] = ("0.995", float("nan"), float("inf"), -0.5, 1.5, None, True, [], {})
    bad = bad_values[index % len(bad_values)]
    return characterization | {
        "qubits": bad,
        "connectivity": bad,
        "fidelity": {"spam": {"median": bad, "stderr": bad}, "1q": bad, "2q": {"median": bad}},
        "timing": {"readout": bad, "reset": bad, "2q": bad, "t1": bad, "t2": bad},
    }
