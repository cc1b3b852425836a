"""What commands do first: turn flags and environment variables into settings, a log and sockets.

This is the only module that reads IONQ_API_KEY. click reads the variables of the flags.
"""

import os
import socket
from collections.abc import Iterable, Mapping
from typing import Any

import click
from structlog.typing import FilteringBoundLogger

from exporter.commands.options import VARIABLES
from exporter.common.logging import configure_logs
from exporter.ionq.api_key import ApiKey, ApiKeyFile, ApiKeySource
from exporter.server.sockets import open_sockets
from exporter.settings import (
    IonQSettings,
    ListenAddress,
    WebSettings,
    default_status_url,
    is_unencrypted,
)

_API_KEY_VARIABLE = "IONQ_API_KEY"
_SIMILARITY = 0.85

Values = Mapping[str, Any]
"""The values of a command's flags by their names, for example ``ionq_timeout``."""


def ionq_settings(values: Values, **others: Any) -> IonQSettings:
    """Return the settings for IonQ's API and status page. ``others`` replace values of flags."""
    values = {**values, **others}
    status_url = values["ionq_status_url"] or default_status_url(values["ionq_api_url"])
    return IonQSettings(
        api_url=values["ionq_api_url"],
        timeout_seconds=values["ionq_timeout"],
        max_response_bytes=values["ionq_max_response_bytes"],
        max_backends=values["ionq_max_backends"],
        characterizations=values["collector_characterizations"],
        status_url=status_url if values["collector_status_page"] else None,
        component_backends=dict(values["ionq_status_component"]),
    )


def web_settings(values: Values) -> WebSettings:
    """Return the settings of the web server."""
    return WebSettings(
        listen_addresses=values["web_listen_address"],
        telemetry_path=values["web_telemetry_path"],
        timeout_offset_seconds=values["web_timeout_offset"],
    )


def start_log(values: Values) -> FilteringBoundLogger:
    """Return the logger, and warn about environment variables with a typing error."""
    logger = configure_logs(values["log_level"], values["log_format"])
    for name, intended in misspelt_variables(os.environ):
        logger.warning("environment_variable_ignored", variable=name, did_you_mean=intended)
    return logger


def misspelt_variables(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return the names that are almost one of the exporter's variables, and that one.

    Kubernetes sets others that begin alike, for a service named ionq-exporter: IONQ_EXPORTER_SERVICE_HOST.
    """
    known = {_API_KEY_VARIABLE, *VARIABLES}
    unknown = [name for name in names if name.startswith("IONQ") and name not in known]
    if not unknown:
        return []
    import difflib  # noqa: PLC0415 -- rarely needed

    matches = ((name, difflib.get_close_matches(name, known, n=1, cutoff=_SIMILARITY)) for name in unknown)
    return [(name, match[0]) for name, match in matches if match]


def api_key_source(values: Values, logger: FilteringBoundLogger) -> ApiKeySource:
    """Return the source of the API key: the file of the flag, the variable, or none. Raises UsageError."""
    path, text = values["ionq_api_key_file"], os.environ.get(_API_KEY_VARIABLE, "")
    if not path and not text:
        return lambda: None
    if is_unencrypted(values["ionq_api_url"]) and not values["ionq_allow_insecure_key"]:
        raise click.UsageError(
            "--ionq.api-url has no TLS, so others could read the API key: use https://, or accept that with "
            "--ionq.allow-insecure-key"
        )
    try:
        if path:
            return ApiKeyFile(
                path,
                on_unreadable=lambda problem: logger.error(
                    "api_key_file_unreadable", error=problem, kept="last good key"
                ),
            )
        key = ApiKey(text)
    except ValueError as error:
        raise click.BadParameter(
            str(error), param_hint="--ionq.api-key-file" if path else _API_KEY_VARIABLE
        ) from error
    return lambda: key


def listen(flag: str, addresses: Iterable[ListenAddress]) -> list[socket.socket]:
    """Open sockets on the addresses of a flag. Raises UsageError."""
    try:
        return open_sockets(addresses)
    except OSError as error:
        raise click.BadParameter(str(error), param_hint=flag) from error
