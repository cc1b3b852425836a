"""The table of faults that a drill can break the API with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType

from exporter.simulator import wire_faults
from exporter.simulator.exchange import Exchange
from exporter.simulator.messages import Response
from exporter.simulator.response_faults import (
    cut_in_half,
    failure,
    nested,
    page,
    rate_limited,
    redirected,
    with_bad_values,
    wrapped,
)

Act = Callable[[Exchange], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """A way to break: what it does in one line, and the coroutine that does it in place of an answer."""

    description: str
    act: Act


def _answering(make: Callable[[Response], Response]) -> Act:
    async def act(exchange: Exchange) -> None:
        await exchange.respond(make(exchange.response))

    return act


def _always(response: Response) -> Act:
    return _answering(lambda _: response)


FAULTS = MappingProxyType(
    {
        "hang": Fault("accept the request and never answer", wire_faults.hang),
        "late": Fault("answer properly, 5 seconds late", wire_faults.late),
        "drip": Fault("answer a byte each half second", wire_faults.drip),
        "http_500": Fault("500 with IonQ's JSON", _always(failure(HTTPStatus.INTERNAL_SERVER_ERROR))),
        "http_502": Fault("502 with a proxy's HTML", _always(page(502, "502 Bad Gateway"))),
        "http_503": Fault("503 with IonQ's JSON", _always(failure(HTTPStatus.SERVICE_UNAVAILABLE))),
        "http_504": Fault("504 with a proxy's HTML", _always(page(504, "504 Gateway Time-out"))),
        "http_520": Fault("Cloudflare's 520, with HTML", _always(page(520, "520: unknown error"))),
        "unauthorized": Fault("401 with IonQ's JSON, key or not", _always(failure(HTTPStatus.UNAUTHORIZED))),
        "forbidden": Fault(
            "403 with a proxy's HTML, as for a blocked address",
            _always(page(403, "403 Forbidden")),
        ),
        "not_found": Fault(
            "404 with IonQ's JSON, as for a withdrawn version of the API",
            _always(failure(HTTPStatus.NOT_FOUND)),
        ),
        "rate_limit": Fault("429 with Retry-After: 60", _answering(rate_limited)),
        "redirect": Fault("302 to another host", _answering(redirected)),
        "garbage": Fault("200 with an HTML page", _always(page(200, "Scheduled maintenance"))),
        "empty": Fault("200 without a body", _always(Response(200, b""))),
        "no_backends": Fault("200 with an empty array", _always(Response(200, b"[]"))),
        "invalid_json": Fault("200 with half of the JSON and the right length", _answering(cut_in_half)),
        "deep_nesting": Fault("200 with arrays nested 100,000 deep", _answering(nested)),
        "not_utf8": Fault(
            "200 with bytes that are no UTF-8", _always(Response(200, b'[{"backend":"\xff\xfe"}]'))
        ),
        "wrong_shape": Fault("200 with the rows inside an unknown object", _answering(wrapped)),
        "bad_values": Fault(
            "200 with text, NaN, 1e999, negatives, nulls, duplicates and nameless rows beside good ones",
            _answering(with_bad_values),
        ),
        "truncate": Fault("close in the middle of the body", wire_faults.truncate),
        "close": Fault("close without an answer", wire_faults.close),
        "reset": Fault("reset the connection without an answer", wire_faults.reset),
        "reset_in_body": Fault("reset the connection in the middle of the body", wire_faults.reset_in_body),
        "bad_chunk": Fault("a second chunk whose size is no number", wire_faults.bad_chunk),
        "bad_gzip": Fault("a body that claims to be gzip and is not", wire_faults.bad_gzip),
        "not_http": Fault("an answer in another protocol", wire_faults.not_http),
        "gzip_bomb": Fault("64 KiB of gzip that become 64 MiB", wire_faults.gzip_bomb),
        "huge": Fault("a body of 64 MiB", wire_faults.huge),
        "endless": Fault("a body that never ends", wire_faults.endless),
    }
)
