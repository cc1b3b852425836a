"""The web configuration before the application: headers, the rate limit, log-ins."""

import math
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from exporter.server.app import HEALTH_PATHS, Receive, Send
from exporter.server.web_config.basic_auth import TooManyLoginsError
from exporter.server.web_config.reload import Rules

Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

_Headers = list[tuple[bytes, bytes]]
_CHALLENGE = (b"www-authenticate", b'Basic realm="ionq-exporter", charset="UTF-8"')


class WebConfigMiddleware:
    """An ASGI application around another, which sees what the rules let through.

    The health paths need no log-in and count for no limit: kubelets and load balancers have no password.
    """

    def __init__(self, application: Application, rules: Callable[[], Rules]) -> None:
        self._application = application
        self._rules = rules

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        rules = self._rules()

        async def send_with_headers(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                # What the application sets itself knows the page better.
                present = {name for name, _ in message["headers"]}
                added = [header for header in rules.headers if header[0] not in present]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        if scope["path"] not in HEALTH_PATHS and (refusal := await _refusal(rules, scope["headers"])):
            await _refuse(send_with_headers, *refusal)
        else:
            await self._application(scope, receive, send_with_headers)


async def _refusal(rules: Rules, headers: _Headers) -> tuple[HTTPStatus, _Headers] | None:
    if rules.limiter and (seconds := rules.limiter.wait_seconds()):
        return HTTPStatus.TOO_MANY_REQUESTS, [(b"retry-after", str(math.ceil(seconds)).encode())]
    if rules.auth is None:
        return None
    authorization = next((value for name, value in headers if name == b"authorization"), b"")
    try:
        admitted = await rules.auth.admits(authorization)
    except TooManyLoginsError:
        return HTTPStatus.SERVICE_UNAVAILABLE, [(b"retry-after", b"1")]
    return None if admitted else (HTTPStatus.UNAUTHORIZED, [_CHALLENGE])


async def _refuse(send: Send, status: HTTPStatus, headers: _Headers) -> None:
    body = f"{int(status)} {status.phrase}\n".encode()
    await send(
        {
            "type": "http.response.start",
            "status": int(status),
            "headers": [
                (b"content-type", b"text/plain; charset=utf-8"),
                (b"content-length", str(len(body)).encode()),
                (b"x-content-type-options", b"nosniff"),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
