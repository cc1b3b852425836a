"""The web configuration as ASGI middleware: response headers, the rate limit, passwords."""

import math
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from exporter.server.app import HEALTH_PATHS
from exporter.server.response import Receive, Response, Send, plain_response, send_response
from exporter.server.web_config.basic_auth import TooManyLoginsError
from exporter.server.web_config.reload import Rules

Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

_CHALLENGE = {"www-authenticate": 'Basic realm="ionq-exporter", charset="UTF-8"'}


class WebConfigMiddleware:
    """An ASGI application that passes on to another what the rules admit.

    The health paths need no password and do not count towards the limit, since kubelets and load balancers
    probe them.
    """

    def __init__(self, application: Application, rules: Callable[[], Rules]) -> None:
        self._application = application
        self._rules = rules

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Respond to one request."""
        rules = self._rules()

        async def send_with_headers(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                # A header of the application itself wins: it fits the page.
                present = {name for name, _ in message["headers"]}
                added = [header for header in rules.headers if header[0] not in present]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        if scope["path"] not in HEALTH_PATHS and (refusal := await _refusal(rules, scope["headers"])):
            await send_response(send_with_headers, refusal, scope["method"])
        else:
            await self._application(scope, receive, send_with_headers)


async def _refusal(rules: Rules, headers: list[tuple[bytes, bytes]]) -> Response | None:
    if rules.limiter and (seconds := rules.limiter.wait_seconds()):
        return plain_response(HTTPStatus.TOO_MANY_REQUESTS, {"retry-after": str(math.ceil(seconds))})
    if rules.auth is None:
        return None
    authorization = next((value for name, value in headers if name == b"authorization"), b"")
    try:
        admitted = await rules.auth.admits(authorization)
    except TooManyLoginsError:
        return plain_response(HTTPStatus.SERVICE_UNAVAILABLE, {"retry-after": "1"})
    return None if admitted else plain_response(HTTPStatus.UNAUTHORIZED, _CHALLENGE)
