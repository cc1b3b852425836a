"""One HTTP read of IonQ's API: bytes, or an error that says what to do.

The client knows nothing of Prometheus. It sets no deadline of its own either: httpx's timeouts are per
operation, so whoever calls puts a total one around the call.
"""

import asyncio
import functools
import random
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import h11
import httpx

from exporter import __version__
from exporter.api_key import ApiKey, ApiKeySource
from exporter.durations import humanize_duration
from exporter.errors import (
    ConnectionFailedError,
    HTTPStatusError,
    IonQError,
    ProtocolError,
    RateLimitedError,
    RedirectError,
    TLSError,
)
from exporter.ionq_transport import ionq_transport, tls_context
from exporter.responses import read_body, read_explanation, retry_after_seconds

USER_AGENT = f"ionq-exporter/{__version__} (+https://github.com/ionq-exporter/ionq-exporter)"

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_MAX_EXCERPT_LENGTH = 256
_HEADERS = httpx.Headers({"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "gzip"})
_RETRIED_STATUSES = frozenset((502, 503, 504, *range(520, 530)))
_RETRY_PAUSE_SECONDS = (0.1, 0.4)

_HINTS = {
    401: "check the API key",
    403: "check the API key, and whether a proxy stands between",
    404: "check --ionq.api-url",
    407: "check the credentials in HTTPS_PROXY",
}
_DEFAULT_HINT = "see https://status.ionq.co"


class _DroppedConnectionError(ProtocolError):
    """A connection kept alive turned out to be closed before it answered."""


class IonQClient:
    """A connection to IonQ that outlives scrapes.

    ``on_request`` is called for each request sent, retries included. ``transport``, ``clock``
    (monotonic seconds), ``sleep`` and ``jitter`` are what tests replace.
    """

    def __init__(
        self,
        api_url: str,
        *,
        max_response_bytes: int,
        api_key: ApiKeySource = lambda: None,
        on_request: Callable[[], None] = lambda: None,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """Raise ValueError where the environment names certificates or a proxy that cannot be used."""
        self._backends_url = httpx.URL(f"{api_url}/backends")
        self._max_response_bytes = max_response_bytes
        self._api_key = api_key
        self._on_request = on_request
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._rate_limited_until = -float("inf")
        self._new_transport: Callable[[], httpx.AsyncBaseTransport] = (
            functools.partial(ionq_transport, api_url, tls_context())
            if transport is None
            else lambda: transport
        )
        self._transport = self._new_transport()

    async def aclose(self) -> None:
        """Close the connection."""
        await self._transport.aclose()

    async def get_backends(self) -> bytes:
        """Return the body of ``GET /backends``, decompressed.

        Retries once for a dropped connection and for the statuses of a gateway that has lost IonQ.
        Raises a subclass of IonQError.
        """
        remaining = self._rate_limited_until - self._clock()
        if remaining > 0:
            raise RateLimitedError(
                f"no request sent: IonQ asked for a pause, and {humanize_duration(remaining)} of it remain"
            )
        try:
            return await self._get(self._backends_url)
        except _DroppedConnectionError:
            pass
        except HTTPStatusError as error:
            if error.status not in _RETRIED_STATUSES:
                raise
            await self._sleep(self._jitter(*_RETRY_PAUSE_SECONDS))
        return await self._get(self._backends_url)

    async def _get(self, url: httpx.URL) -> bytes:
        key = self._api_key()
        headers = _HEADERS.copy()
        if key:
            headers["Authorization"] = f"apiKey {key.reveal()}"
        phases = _Phases()
        request = httpx.Request("GET", url, headers=headers, extensions={"trace": phases})
        self._on_request()
        try:
            response = await self._transport.handle_async_request(request)
            try:
                return await self._body(response, key)
            finally:
                await response.aclose()
        except (httpx.HTTPError, OSError) as error:
            raise _translate(error, phases, url, key) from error
        finally:
            if phases.handshaking:
                await self._start_over(phases)

    async def _start_over(self, phases: "_Phases") -> None:
        """Leave nothing of a TLS handshake that was not completed.

        httpcore would forget the socket without closing it, and keep that of a proxy in its pool for ever.
        """
        forsaken, self._transport = self._transport, self._new_transport()
        await phases.disconnect()
        await forsaken.aclose()

    async def _body(self, response: httpx.Response, key: ApiKey | None) -> bytes:
        if response.status_code == httpx.codes.OK:
            return _redact(await read_body(response, self._max_response_bytes), key)
        request_id = _header(response, "x-request-id", key)
        location = _header(response, "location", key)
        if response.status_code in _REDIRECTS and location is not None:
            raise RedirectError(
                f"IonQ redirects to {location}, which is not followed: set --ionq.api-url", request_id
            )
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            pause = retry_after_seconds(response.headers)
            self._rate_limited_until = self._clock() + pause
            raise RateLimitedError(f"IonQ asked for a pause of {humanize_duration(pause)}", request_id)
        status = response.status_code
        explanation = await read_explanation(response, lambda received: _redact(received, key))
        raise HTTPStatusError(
            f"IonQ answered {status}{explanation}: {_HINTS.get(status, _DEFAULT_HINT)}", status, request_id
        )


class _Phases:
    """How far httpcore got with a request, told through its trace extension."""

    def __init__(self) -> None:
        self._events: set[str] = set()
        self._connection: Any = None

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        _, _, name = event.partition(".")
        self._events.add(name)
        if name == "connect_tcp.complete":
            self._connection = info["return_value"]

    async def disconnect(self) -> None:
        await self._connection.aclose()

    @property
    def reused_connection(self) -> bool:
        return "connect_tcp.started" not in self._events

    @property
    def answered(self) -> bool:
        return "receive_response_headers.complete" in self._events

    @property
    def handshaking(self) -> bool:
        return "start_tls.started" in self._events and "start_tls.complete" not in self._events


def _translate(
    error: httpx.HTTPError | OSError, phases: _Phases, url: httpx.URL, key: ApiKey | None
) -> IonQError:
    root = _root_cause(error)
    # An excerpt of what was received may be in it.
    cause = _excerpt(str(root), key)
    if phases.handshaking or isinstance(root, ssl.SSLError):
        return TLSError(
            f"TLS with {url.host} failed: {cause}; for a private certificate authority set SSL_CERT_FILE"
        )
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return ConnectionFailedError(
            f"no connection to {url.host}: {cause}; check DNS, firewall and HTTPS_PROXY"
        )
    if phases.reused_connection and not phases.answered and not isinstance(root, h11.RemoteProtocolError):
        return _DroppedConnectionError(f"{url.host} closed the kept connection: {cause}")
    return ProtocolError(f"the answer of {url.host} broke off or is no HTTP: {cause}")


def _root_cause(error: BaseException) -> BaseException:
    """Follow the chain to what the operating system or the TLS library said."""
    while (deeper := error.__cause__ or error.__context__) is not None:
        error = deeper
    if isinstance(error, BaseExceptionGroup):
        return _root_cause(error.exceptions[0])
    return error


def _header(response: httpx.Response, name: str, key: ApiKey | None) -> str | None:
    value = response.headers.get(name)
    return None if value is None else _excerpt(value, key)


def _excerpt(received: str, key: ApiKey | None) -> str:
    return _redact_text(received, key)[:_MAX_EXCERPT_LENGTH]


def _redact_text(received: str, key: ApiKey | None) -> str:
    return _redact(received.encode(errors="replace"), key).decode()


def _redact(received: bytes, key: ApiKey | None) -> bytes:
    return key.redact(received) if key else received
