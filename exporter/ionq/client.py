"""One HTTP read of IonQ's API: bytes, or an error that says what to do.

The client knows nothing of Prometheus. It sets no deadline of its own either: httpx's timeouts are per
operation, so whoever calls puts a total one around the call.
"""

import asyncio
import functools
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote, urlencode

import httpx

from exporter import __version__
from exporter.common.durations import humanize_duration
from exporter.common.errors import HTTPStatusError, IonQError, RateLimitedError, RedirectError
from exporter.ionq.api_key import ApiKey, ApiKeySource, redact, redacted_excerpt
from exporter.ionq.body import read_body, read_explanation, retry_after_seconds
from exporter.ionq.progress import ReadProgress
from exporter.ionq.transport import ionq_transport, tls_context
from exporter.ionq.transport_errors import DroppedConnectionError, Phases, translate

T = TypeVar("T")

USER_AGENT = f"ionq-exporter/{__version__} (+https://github.com/ionq-exporter/ionq-exporter)"

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_HEADERS = httpx.Headers({"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "gzip"})
_RETRIED_STATUSES = frozenset((502, 503, 504, *range(520, 530)))
_RETRY_PAUSE_SECONDS = (0.1, 0.4)
DEFAULT_MAX_PAUSE_SECONDS = 300.0
"""The longest that a client keeps away, whatever Retry-After asks for."""

_HINTS = {
    401: "check the API key",
    403: "check the API key, and whether a proxy stands between",
    404: "check --ionq.api-url",
    407: "check the credentials in HTTPS_PROXY",
}
_DEFAULT_HINT = "see https://status.ionq.co"


async def _wait_to_retry() -> None:
    await asyncio.sleep(random.uniform(*_RETRY_PAUSE_SECONDS))  # noqa: S311 -- no secret


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of an answer, decompressed, and IonQ's name for it where it has one."""

    body: bytes
    request_id: str | None

    def parse(self, parse: Callable[[bytes], T]) -> T:
        """Parse the body, and let an error that it raises name the answer. Raises IonQError."""
        try:
            return parse(self.body)
        except IonQError as error:
            error.request_id = self.request_id
            raise


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request, and what came of it; None is what did not come, or not whole."""

    url: str
    attempt: int
    reused_connection: bool
    duration_seconds: float
    status: int | None
    body_bytes: int | None
    request_id: str | None


class IonQClient:
    """Connections to IonQ that outlive scrapes.

    A pause that IonQ asks for, and a connection that breaks, are this client's and no other's.
    ``on_request`` is called for each request sent, retries included, and ``on_exchange`` at the end of each;
    ``new_transport`` makes the way to IonQ, and can share what is costly between clients. ``clock``
    (monotonic seconds) and ``wait_to_retry`` are what tests replace.
    """

    def __init__(  # noqa: PLR0913 -- all but one by name
        self,
        api_url: str,
        *,
        max_response_bytes: int,
        api_key: ApiKeySource = lambda: None,
        on_request: Callable[[], None] = lambda: None,
        on_exchange: Callable[[Exchange], None] | None = None,
        new_transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
        max_pause_seconds: float = DEFAULT_MAX_PAUSE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        wait_to_retry: Callable[[], Awaitable[None]] = _wait_to_retry,
    ) -> None:
        """Raise ValueError where the environment names certificates or a proxy that cannot be used."""
        self._backends_url = httpx.URL(f"{api_url}/backends")
        self._max_response_bytes = max_response_bytes
        self._api_key = api_key
        self._on_request = on_request
        self._on_exchange = on_exchange
        self._max_pause_seconds = max_pause_seconds
        self._clock = clock
        self._wait_to_retry = wait_to_retry
        self._rate_limited_until = -float("inf")
        self._new_transport = new_transport or functools.partial(ionq_transport, api_url, tls_context())
        self._transport = self._new_transport()
        self._reads_under_way: Counter[httpx.AsyncBaseTransport] = Counter()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def disconnect(self) -> None:
        """Close the connections; the next read makes new ones, and one under way keeps its own."""
        forsaken, self._transport = self._transport, self._new_transport()
        await self._close_if_forsaken(forsaken)

    @property
    def pause_seconds(self) -> float:
        """How much is left of the pause that IonQ asked for."""
        return max(0.0, self._rate_limited_until - self._clock())

    async def get_backends(self, *, retry: bool = True, progress: ReadProgress | None = None) -> Answer:
        """Read ``GET /backends``.

        Retries once for a dropped connection and for the statuses of a gateway that has lost IonQ, unless
        the caller does that. ``progress`` tells meanwhile how far it got. Raises a subclass of IonQError.
        """
        return await self._read(self._backends_url, retry=retry, progress=progress or ReadProgress())

    async def get_characterizations(
        self,
        backend: str,
        query: Mapping[str, str | int],
        *,
        retry: bool = True,
        progress: ReadProgress | None = None,
    ) -> Answer:
        """Read ``GET /backends/{backend}/characterizations``, newest first.

        Retries, tells and raises as ``get_backends`` does.
        """
        path = f"{self._backends_url}/{quote(backend, safe='')}/characterizations"
        url = httpx.URL(f"{path}?{urlencode(query)}")
        return await self._read(url, retry=retry, progress=progress or ReadProgress())

    async def _read(self, url: httpx.URL, *, retry: bool, progress: ReadProgress) -> Answer:
        if remaining := self.pause_seconds:
            raise RateLimitedError(
                f"no request sent: IonQ asked for a pause, and {humanize_duration(remaining)} of it remain"
            )
        try:
            return await self._get(url, progress)
        except DroppedConnectionError:
            if not retry:
                raise
        except HTTPStatusError as error:
            if not retry or error.status not in _RETRIED_STATUSES:
                raise
            progress.try_again_after(error)
            await self._wait_to_retry()
        return await self._get(url, progress)

    async def _get(self, url: httpx.URL, progress: ReadProgress) -> Answer:
        key = self._api_key()
        headers = _HEADERS.copy()
        if key:
            headers["Authorization"] = f"apiKey {key.reveal()}"
        phases = Phases(secure=url.scheme == "https")
        progress.try_host(url.host, phases)
        request = httpx.Request("GET", url, headers=headers, extensions={"trace": phases})
        response = answer = request_id = None
        started = self._clock() if self._on_exchange else 0.0
        transport = self._transport
        self._reads_under_way[transport] += 1
        self._on_request()
        try:
            response = await transport.handle_async_request(request)
            request_id = _header(response, "x-request-id", key)
            try:
                answer = Answer(await self._body(response, key), request_id)
            finally:
                await response.aclose()
        except IonQError as error:
            error.request_id = request_id
            raise
        except Exception as error:
            translated = translate(error, phases, url, key)
            translated.request_id = request_id
            raise translated from error
        finally:
            self._reads_under_way[transport] -= 1
            if self._on_exchange:
                self._on_exchange(
                    Exchange(
                        url=str(url),
                        attempt=progress.tries,
                        reused_connection=phases.reused_connection,
                        duration_seconds=self._clock() - started,
                        status=response.status_code if response is not None else None,
                        body_bytes=len(answer.body) if answer is not None else None,
                        request_id=request_id,
                    )
                )
            if phases.handshaking:
                # httpcore would forget the socket without closing it, and keep that of a proxy in its pool
                # for ever.
                await phases.disconnect()
                if transport is self._transport:
                    self._transport = self._new_transport()
            await self._close_if_forsaken(transport)
        return answer

    async def _close_if_forsaken(self, transport: httpx.AsyncBaseTransport) -> None:
        """Close a transport that has been replaced, once nothing is read over it."""
        if transport is not self._transport and not self._reads_under_way[transport]:
            del self._reads_under_way[transport]
            await transport.aclose()

    async def _body(self, response: httpx.Response, key: ApiKey | None) -> bytes:
        status = response.status_code
        if status == httpx.codes.OK:
            return redact(await read_body(response, self._max_response_bytes), key)
        location = _header(response, "location", key)
        if status in _REDIRECTS and location is not None:
            raise RedirectError(f"IonQ redirects to {location}, which is not followed: set --ionq.api-url")
        if status == httpx.codes.TOO_MANY_REQUESTS:
            pause = retry_after_seconds(response.headers, self._max_pause_seconds)
            self._rate_limited_until = self._clock() + pause
            raise RateLimitedError(f"IonQ asked for a pause of {humanize_duration(pause)}")
        explanation = await read_explanation(response, lambda received: redact(received, key))
        hint = _HINTS.get(status, _DEFAULT_HINT)
        raise HTTPStatusError(
            f"IonQ answered {status}{explanation}: {hint}",
            status,
            retry_after_seconds(response.headers, self._max_pause_seconds, without=0.0),
        )


def _header(response: httpx.Response, name: str, key: ApiKey | None) -> str | None:
    value = response.headers.get(name)
    return None if value is None else redacted_excerpt(value, key)
