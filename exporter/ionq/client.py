"""Reads of IonQ over HTTP: bytes, or an error that says what to do.

Clients know nothing of Prometheus. They set no deadline either: httpx's timeouts are per operation, so each
caller puts a total one around the call.
"""

import asyncio
import functools
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar
from urllib.parse import quote, urlencode

import httpx
from structlog.typing import FilteringBoundLogger

from exporter import __version__
from exporter.common.errors import (
    DroppedConnectionError,
    HTTPStatusError,
    IonQError,
    RateLimitedError,
    RedirectError,
)
from exporter.ionq.api_key import ApiKey, ApiKeySource, redact, redacted_excerpt
from exporter.ionq.body import read_body, read_explanation
from exporter.ionq.progress import ReadProgress
from exporter.ionq.retry_after import Pause
from exporter.ionq.transport import KeptConnection, TransportFactory
from exporter.ionq.transport_errors import translate

T = TypeVar("T")

USER_AGENT = f"ionq-exporter/{__version__} (+https://github.com/ionq-exporter/ionq-exporter)"

_SIMULATOR_HEADER = "x-ionq-simulator"
"""In every response of the simulator, and in none of IonQ's."""

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_HEADERS = httpx.Headers({"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "gzip"})
_RETRIED_STATUSES = frozenset((502, 503, 504, *range(520, 530)))
_RETRY_DELAY_SECONDS = (0.1, 0.4)
DEFAULT_MAX_PAUSE_SECONDS = 300.0
"""The longest pause that a client keeps, whatever Retry-After asks for."""

_DEFAULT_HINT = "see https://status.ionq.co"


async def _delay_retry() -> None:
    await asyncio.sleep(random.uniform(*_RETRY_DELAY_SECONDS))  # noqa: S311 -- no secret


@dataclass(frozen=True, slots=True)
class Response:
    """A response: its decompressed body, IonQ's ``x-request-id``, and whether the simulator sent it."""

    body: bytes
    request_id: str | None
    simulated: bool = False

    def parse(self, parse: Callable[[bytes], T]) -> T:
        """Parse the body. An IonQError that ``parse`` raises gets the request id."""
        try:
            return parse(self.body)
        except IonQError as error:
            error.request_id = self.request_id
            raise


class Client:
    """A client for one endpoint. No other client shares its connection, or the pause that IonQ asked for.

    With ``keep_connection`` reads must come one after another, and one connection serves them. Without it
    each read has a connection of its own, and reads may overlap.
    """

    server: ClassVar[str]
    """The server's name in error messages."""
    url_flag: ClassVar[str]
    """The flag that names the server."""
    hints: ClassVar[Mapping[int, str]]
    """What to do about an HTTP status."""

    def __init__(  # noqa: PLR0913 -- all but one by name
        self,
        base_url: str,
        *,
        logger: FilteringBoundLogger,
        max_response_bytes: int,
        keep_connection: bool = True,
        api_key: ApiKeySource = lambda: None,
        on_request: Callable[[], None] = lambda: None,
        new_transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
        max_pause_seconds: float = DEFAULT_MAX_PAUSE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        delay_retry: Callable[[], Awaitable[None]] = _delay_retry,
    ) -> None:
        """Raise ValueError where the environment names certificates or a proxy that cannot be used.

        ``on_request`` is called for each request sent, retries included. ``new_transport`` is a
        TransportFactory that clients may share. ``clock`` is in monotonic seconds.
        """
        self._base_url = base_url
        self._logger = logger
        self._max_response_bytes = max_response_bytes
        self._keep_connection = keep_connection
        self._api_key = api_key
        self._on_request = on_request
        self._new_transport = new_transport or TransportFactory(base_url)
        self._pause = Pause(max_pause_seconds, clock)
        self._clock = clock
        self._delay_retry = delay_retry
        self._connection = KeptConnection(self._new_transport, clock)
        proxy = getattr(self._new_transport, "proxy", None)
        self._host = httpx.URL(base_url).host + (f" through the proxy {proxy}" if proxy else "")

    async def aclose(self) -> None:
        """Close the kept connection."""
        await self._connection.close()

    @property
    def pause_seconds(self) -> float:
        """How much is left of the pause that IonQ asked for."""
        return self._pause.remaining_seconds

    async def _read(self, url: httpx.URL, *, retry: bool, progress: ReadProgress) -> Response:
        self._pause.check()
        try:
            return await self._request(url, progress)
        except DroppedConnectionError:
            if not retry:
                raise
        except HTTPStatusError as error:
            if not retry or error.status not in _RETRIED_STATUSES or self.pause_seconds:
                raise
            progress.first_response = error
            await self._delay_retry()
        return await self._request(url, progress)

    async def _request(self, url: httpx.URL, progress: ReadProgress) -> Response:
        """Send one request. A connection whose response was no success is not used again."""
        key = self._api_key()
        headers = _HEADERS.copy()
        if key:
            headers["Authorization"] = f"apiKey {key.reveal()}"
        request = httpx.Request("GET", url, headers=headers)
        status = request_id = response = None
        started = self._clock()
        self._on_request()
        transport = await self._connection.transport() if self._keep_connection else self._new_transport()
        progress.begin_attempt(self._host, getattr(transport, "network", None))
        try:
            raw = await transport.handle_async_request(request)
            progress.answered = True
            status, request_id = raw.status_code, _header(raw, "x-request-id", key)
            response = await self._response(raw, request_id, key)
        except IonQError as error:
            error.request_id = request_id
            raise
        except Exception as error:
            translated = translate(error, progress, key)
            translated.request_id = request_id
            raise translated from error
        finally:
            self._logger.debug(
                "ionq_request",
                url=str(url),
                attempt=progress.attempts,
                reused_connection=progress.reused_connection,
                duration_seconds=round(self._clock() - started, 6),
                status=status,
                body_bytes=None if response is None else len(response.body),
                request_id=request_id,
            )
            if not self._keep_connection:
                await transport.aclose()
            elif response is None:
                await self._connection.close()
        return response

    async def _response(self, raw: httpx.Response, request_id: str | None, key: ApiKey | None) -> Response:
        try:
            if raw.status_code == httpx.codes.OK:
                body = redact(await read_body(raw, self._max_response_bytes), key)
                return Response(body, request_id, _SIMULATOR_HEADER in raw.headers)
            raise await self._refusal(raw, key)
        finally:
            await raw.aclose()

    async def _refusal(self, raw: httpx.Response, key: ApiKey | None) -> IonQError:
        """Return the error for a response without success, and begin the pause that it asks for."""
        status = raw.status_code
        location = _header(raw, "location", key)
        error: IonQError
        if status in _REDIRECTS and location is not None:
            error = RedirectError(
                f"{self.server} redirects to {location}, which is not followed: set {self.url_flag}"
            )
        elif status == httpx.codes.TOO_MANY_REQUESTS:
            error = RateLimitedError(f"{self.server} answered 429")
        else:
            explanation = await read_explanation(raw, lambda received: redact(received, key))
            hint = self.hints.get(status, _DEFAULT_HINT)
            error = HTTPStatusError(f"{self.server} answered {status}{explanation}: {hint}", status)
        return self._pause.begin(error, raw.headers)


class IonQClient(Client):
    """A client for one endpoint of IonQ's API, below its base URL."""

    server = "IonQ"
    url_flag = "--ionq.api-url"
    hints: ClassVar = {
        401: "check the API key",
        403: "check the API key, and whether a proxy is in between",
        404: "check --ionq.api-url",
        407: "check the credentials in HTTPS_PROXY",
    }

    @functools.cached_property
    def _backends_url(self) -> httpx.URL:
        return httpx.URL(f"{self._base_url}/backends")

    async def get_backends(self, *, retry: bool = True, progress: ReadProgress | None = None) -> Response:
        """Read ``GET /backends``.

        With ``retry``, repeats the request once on a new connection after a dropped connection, and after a
        status by which a gateway says that it cannot reach IonQ. ``progress`` follows the read. Raises
        IonQError.
        """
        return await self._read(self._backends_url, retry=retry, progress=progress or ReadProgress())

    async def get_characterizations(
        self,
        backend: str,
        query: Mapping[str, str | int],
        *,
        retry: bool = True,
        progress: ReadProgress | None = None,
    ) -> Response:
        """Read ``GET /backends/{backend}/characterizations``, newest first, as ``get_backends`` does."""
        path = f"{self._backends_url}/{quote(backend, safe='')}/characterizations"
        url = httpx.URL(f"{path}?{urlencode(query)}")
        return await self._read(url, retry=retry, progress=progress or ReadProgress())


class StatusPageClient(Client):
    """A client for IonQ's status page, which is on a host of its own. It is made without an API key."""

    server = "IonQ's status page"
    url_flag = "--ionq.status-url"
    hints: ClassVar = {
        403: "check whether a proxy is in between",
        404: "check --ionq.status-url",
        407: "check the credentials in HTTPS_PROXY",
    }

    async def get_summary(self, *, progress: ReadProgress | None = None) -> Response:
        """Read ``GET /api/v2/summary.json`` with one request. Raises IonQError."""
        url = httpx.URL(f"{self._base_url}/api/v2/summary.json")
        return await self._read(url, retry=False, progress=progress or ReadProgress())


def _header(response: httpx.Response, name: str, key: ApiKey | None) -> str | None:
    value = response.headers.get(name)
    return None if value is None else redacted_excerpt(value, key)
