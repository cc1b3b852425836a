"""The table of faults."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType

from exporter.simulator.faults import wire_faults
from exporter.simulator.faults.response_faults import (
    cut_in_half,
    failure,
    nested,
    page,
    rate_limited,
    redirected,
    with_bad_values,
    wrapped,
)
from exporter.simulator.http.exchange import Action, Exchange
from exporter.simulator.http.messages import HTTPResponse


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault: a description in one line, and the action that replaces the regular response."""

    description: str
    action: Action


def _responding(change: Callable[[HTTPResponse], HTTPResponse]) -> Action:
    async def respond(exchange: Exchange) -> None:
        await exchange.respond(change(exchange.response))

    return respond


def _always(response: HTTPResponse) -> Action:
    return _responding(lambda _: response)


FAULTS = MappingProxyType(
    {
        "hang": Fault("accept the request and never respond", wire_faults.hang),
        "late": Fault("respond 5 seconds late", wire_faults.late),
        "drip": Fault("send a byte every half second", wire_faults.drip),
        "http_500": Fault("500 with IonQ's JSON", _always(failure(HTTPStatus.INTERNAL_SERVER_ERROR))),
        "http_502": Fault("502 with a proxy's HTML", _always(page(502, "502 Bad Gateway"))),
        "http_503": Fault("503 with IonQ's JSON", _always(failure(HTTPStatus.SERVICE_UNAVAILABLE))),
        "http_504": Fault("504 with a proxy's HTML", _always(page(504, "504 Gateway Time-out"))),
        "http_520": Fault("Cloudflare's 520, with HTML", _always(page(520, "520: unknown error"))),
        "unauthorized": Fault(
            "401 with IonQ's JSON, with or without a key", _always(failure(HTTPStatus.UNAUTHORIZED))
        ),
        "forbidden": Fault(
            "403 with a proxy's HTML, as for a blocked address",
            _always(page(403, "403 Forbidden")),
        ),
        "not_found": Fault(
            "404 with IonQ's JSON, as for an API version that was removed",
            _always(failure(HTTPStatus.NOT_FOUND)),
        ),
        "rate_limit": Fault("429 with Retry-After: 60", _responding(rate_limited)),
        "redirect": Fault("302 to another host", _responding(redirected)),
        "garbage": Fault("200 with an HTML page", _always(page(200, "Scheduled maintenance"))),
        "empty": Fault("200 without a body", _always(HTTPResponse(200, b""))),
        "no_backends": Fault("200 with an empty array", _always(HTTPResponse(200, b"[]"))),
        "invalid_json": Fault("200 with half of the JSON and the right length", _responding(cut_in_half)),
        "deep_nesting": Fault("200 with arrays nested 100,000 deep", _responding(nested)),
        "not_utf8": Fault(
            "200 with bytes that are not UTF-8", _always(HTTPResponse(200, b'[{"backend":"\xff\xfe"}]'))
        ),
        "wrong_shape": Fault("200 with the JSON inside an unknown object", _responding(wrapped)),
        "bad_values": Fault(
            "200 with valid values beside text, NaN, 1e999, negatives, nulls, duplicates and missing names",
            _responding(with_bad_values),
        ),
        "truncate": Fault("close in the middle of the body", wire_faults.truncate),
        "close": Fault("close without a response", wire_faults.close),
        "reset": Fault("reset the connection without a response", wire_faults.reset),
        "reset_in_body": Fault("reset the connection in the middle of the body", wire_faults.reset_in_body),
        "bad_chunk": Fault("a second chunk whose size is not a number", wire_faults.bad_chunk),
        "bad_gzip": Fault("a body that says it is gzip and is not", wire_faults.bad_gzip),
        "not_http": Fault("a response in another protocol", wire_faults.not_http),
        "gzip_bomb": Fault("64 KiB of gzip that decompress to 64 MiB", wire_faults.gzip_bomb),
        "huge": Fault("a body of 64 MiB", wire_faults.huge),
        "endless": Fault("a body that never ends", wire_faults.endless),
    }
)
