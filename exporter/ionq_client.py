"""One HTTP read of IonQ's API: bytes, or an error that says what to do.

The client knows nothing of Prometheus. It sets no deadline of its own either: httpx's timeouts are per
operation, so whoever calls puts a total one around the call.
"""

import asyncio
import functools
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import httpx

from exporter import __version__
from exporter.api_key import ApiKey, ApiKeySource, excerpt, redact
from exporter.durations import humanize_duration
from exporter.errors import HTTPStatusError, IonQError, RateLimitedError, RedirectError
from exporter.ionq_transport import ionq_transport, tls_context
from exporter.responses import read_body, read_explanation, retry_after_seconds
from exporter.transport_errors import DroppedConnectionError, Phases, translate

USER_AGENT = f"ionq-exporter/{__version__} (+https://github.com/ionq-exporter/ionq-exporter)"

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
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


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of an answer, decompressed, and IonQ's name for it where it has one."""

    body: bytes
    request_id: str | None


class IonQClient:
    """Connections to IonQ that outlive scrapes.

    A pause that IonQ asks for, and a connection that breaks, are this client's and no other's.
    ``on_request`` is called for each request sent, retries included; ``new_transport`` makes the way to
    IonQ, and can share what is costly between clients. ``clock`` (monotonic seconds), ``sleep`` and
    ``jitter`` are what tests replace.
    """

    def __init__(
        self,
        api_url: str,
        *,
        max_response_bytes: int,
        api_key: ApiKeySource = lambda: None,
        on_request: Callable[[], None] = lambda: None,
        new_transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
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
        self._new_transport = new_transport or functools.partial(ionq_transport, api_url, tls_context())
        self._transport = self._new_transport()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def disconnect(self) -> None:
        """Close the connections; the next read makes new ones."""
        forsaken, self._transport = self._transport, self._new_transport()
        await forsaken.aclose()

    @property
    def pause_seconds(self) -> float:
        """How much is left of the pause that IonQ asked for."""
        return max(0.0, self._rate_limited_until - self._clock())

    async def get_backends(self, *, retry: bool = True) -> Answer:
        """Read ``GET /backends``.

        Retries once for a dropped connection and for the statuses of a gateway that has lost IonQ, unless
        the caller does that. Raises a subclass of IonQError.
        """
        return await self._read(self._backends_url, retry=retry)

    async def get_characterizations(
        self, backend: str, query: Mapping[str, str | int], *, retry: bool = True
    ) -> Answer:
        """Read ``GET /backends/{backend}/characterizations``, newest first.

        Retries and raises as ``get_backends`` does.
        """
        path = f"{self._backends_url}/{quote(backend, safe='')}/characterizations"
        return await self._read(httpx.URL(f"{path}?{urlencode(query)}"), retry=retry)

    async def _read(self, url: httpx.URL, *, retry: bool) -> Answer:
        if remaining := self.pause_seconds:
            raise RateLimitedError(
                f"no request sent: IonQ asked for a pause, and {humanize_duration(remaining)} of it remain"
            )
        if not retry:
            return await self._get(url)
        try:
            return await self._get(url)
        except DroppedConnectionError:
            pass
        except HTTPStatusError as error:
            if error.status not in _RETRIED_STATUSES:
                raise
            await self._sleep(self._jitter(*_RETRY_PAUSE_SECONDS))
        return await self._get(url)

    async def _get(self, url: httpx.URL) -> Answer:
        key = self._api_key()
        headers = _HEADERS.copy()
        if key:
            headers["Authorization"] = f"apiKey {key.reveal()}"
        phases = Phases()
        request = httpx.Request("GET", url, headers=headers, extensions={"trace": phases})
        request_id = None
        self._on_request()
        try:
            response = await self._transport.handle_async_request(request)
            request_id = _header(response, "x-request-id", key)
            try:
                return Answer(await self._body(response, key), request_id)
            finally:
                await response.aclose()
        except IonQError as error:
            error.request_id = request_id
            raise
        except (httpx.HTTPError, OSError) as error:
            translated = translate(error, phases, url, key)
            translated.request_id = request_id
            raise translated from error
        finally:
            if phases.handshaking:
                await self._start_over(phases)

    async def _start_over(self, phases: Phases) -> None:
        """Leave nothing of a TLS handshake that was not completed.

        httpcore would forget the socket without closing it, and keep that of a proxy in its pool for ever.
        """
        await self.disconnect()
        await phases.disconnect()

    async def _body(self, response: httpx.Response, key: ApiKey | None) -> bytes:
        status = response.status_code
        if status == httpx.codes.OK:
            return redact(await read_body(response, self._max_response_bytes), key)
        location = _header(response, "location", key)
        if status in _REDIRECTS and location is not None:
            raise RedirectError(f"IonQ redirects to {location}, which is not followed: set --ionq.api-url")
        if status == httpx.codes.TOO_MANY_REQUESTS:
            pause = retry_after_seconds(response.headers)
            self._rate_limited_until = self._clock() + pause
            raise RateLimitedError(f"IonQ asked for a pause of {humanize_duration(pause)}")
        explanation = await read_explanation(response, lambda received: redact(received, key))
        hint = _HINTS.get(status, _DEFAULT_HINT)
        raise HTTPStatusError(f"IonQ answered {status}{explanation}: {hint}", status)


def _header(response: httpx.Response, name: str, key: ApiKey | None) -> str | None:
    value = response.headers.get(name)
    return None if value is None else excerpt(value, key)
