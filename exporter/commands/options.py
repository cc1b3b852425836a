"""The flags and their types. A flag made by ``flag`` has an environment variable of the same name."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import click

from exporter.common import logging as logs
from exporter.common.durations import parse_duration
from exporter.records.backends import MAX_BACKENDS
from exporter.records.component_backends import parse_component_backend
from exporter.settings import (
    DEFAULT_API_URL,
    DEFAULT_PORT,
    DEFAULT_SIMULATOR_PORT,
    DEFAULT_STATUS_URL,
    ListenAddress,
    parse_api_url,
    parse_status_url,
)

T = TypeVar("T")
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

VARIABLES: list[str] = []
"""The environment variables of all flags, of every command."""

_SECTIONS = {
    "web": "Web server",
    "ionq": "IonQ",
    "collector": "Collectors",
    "simulator": "Simulator",
    "seed": "Simulator",
    "speed": "Simulator",
    "log": "Log",
}
_TELEMETRY_PATH = re.compile(r"(?!/-/)(?:/[\w.~-]+)+", re.ASCII)
_SIZE = re.compile(r"(\d+) ?(?:([KMG])i)?B?", re.ASCII | re.IGNORECASE)
_SIZE_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}


class Command(click.Command):
    """A command whose help groups the flags by the first part of their names."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections. click calls this."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            title = _SECTIONS.get((parameter.name or "").partition("_")[0], "Options")
            if record := parameter.get_help_record(ctx):
                sections.setdefault(title, []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


class Parsed(click.ParamType[T], Generic[T]):
    """The type of a flag whose value a function parses. The function raises ValueError to refuse it."""

    def __init__(self, name: str, parse: Callable[[str], T], separator: str | None = None) -> None:
        """``separator`` is between several values in a variable. Without it, whitespace is."""
        self.name = name
        self._parse = parse
        self.envvar_list_splitter = separator  # type: ignore[misc]  # click reads it from the instance

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> T:
        """Parse a text. click calls this."""
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]  # a default that has the right type already
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def flag(name: str, *, can_be_off: bool = False, **attributes: Any) -> Decorator:
    """Declare a flag like ``--ionq.api-url`` with the variable ``IONQ_EXPORTER_IONQ_API_URL``.

    A flag that ``can_be_off`` is on by default. ``--no-…``, or ``false`` in the variable, turns it off.
    """
    identifier = name.translate(str.maketrans(".-", "__"))
    variable = f"IONQ_EXPORTER_{identifier.upper()}"
    VARIABLES.append(variable)
    return click.option(
        f"--{name}/--no-{name}" if can_be_off else f"--{name}",
        identifier,
        envvar=variable,
        show_envvar=True,
        show_default="on" if can_be_off else attributes.get("default") is not None,
        **attributes,
    )


def flags(*decorators: Decorator) -> Decorator:
    """Apply flags so that help lists them in this order."""

    def apply(command: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return apply


def number_between(minimum: float, maximum: float) -> Parsed[float]:
    """Return a type for numbers, which refuses NaN too."""

    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if minimum <= number <= maximum:
            return number
        raise ValueError(f"{text!r} is not a number from {minimum} to {maximum}")

    return Parsed("number", parse)


def _positive_duration(text: str) -> float:
    seconds = parse_duration(text)
    if not seconds:
        raise ValueError("must be longer than 0s")
    return seconds


def _size(text: str) -> int:
    match = _SIZE.fullmatch(text.strip())
    size = int(match[1]) * _SIZE_UNITS[(match[2] or "").upper()] if match else 0
    if not size:
        raise ValueError(f"{text!r} is not a size: write bytes, or like 512KiB or 1MiB")
    return size


def _telemetry_path(text: str) -> str:
    if not _TELEMETRY_PATH.fullmatch(text):
        raise ValueError(f"{text!r} must be a path like /metrics, not below /-/")
    return text


DURATION = Parsed("duration", parse_duration)
POSITIVE_DURATION = Parsed("duration", _positive_duration)
SIZE = Parsed("size", _size)
_ADDRESS = Parsed("address", ListenAddress.parse)

WEB_FLAGS = (
    flag(
        "web.listen-address",
        type=_ADDRESS,
        multiple=True,
        default=(f":{DEFAULT_PORT}",),
        help="Address to listen on: host:port, :port or [::1]:port. Repeatable; in the variable, separate "
        "several with spaces.",
    ),
    flag(
        "web.telemetry-path",
        type=Parsed("path", _telemetry_path),
        default="/metrics",
        help="Path of the metrics.",
    ),
    flag(
        "web.timeout-offset",
        type=DURATION,
        default="0.5s",
        help="Time to subtract from the scrape timeout so that the response arrives before Prometheus "
        "gives up.",
    ),
)
WEB_CONFIG_FLAGS = (
    flag(
        "web.config.file",
        type=click.Path(path_type=Path),
        help="File with TLS, passwords, headers and a rate limit, in the format of Prometheus's "
        "exporter-toolkit.",
    ),
    flag(
        "web.config.check",
        is_flag=True,
        default=None,
        help="Check that file and the certificates in it, and exit.",
    ),
)

API_FLAGS = (
    flag(
        "ionq.api-url",
        type=Parsed("url", parse_api_url),
        default=DEFAULT_API_URL,
        help="Base URL of IonQ's API.",
    ),
    flag(
        "ionq.api-key-file",
        type=click.Path(path_type=Path),
        help="File with an API key, read before each request. The variable IONQ_API_KEY may hold the key "
        "instead. Without a key, IonQ lists its public backends.",
    ),
    flag(
        "ionq.allow-insecure-key",
        is_flag=True,
        default=None,
        help="Send the API key to an http:// URL of another machine, where others can read it.",
    ),
)
STATUS_URL_FLAG = flag(
    "ionq.status-url",
    type=Parsed("url", parse_status_url),
    help=f"Base URL of IonQ's status page. By default {DEFAULT_STATUS_URL}, and none if --ionq.api-url is "
    "not IonQ's.",
)
READ_FLAGS = (
    flag(
        "ionq.timeout",
        type=POSITIVE_DURATION,
        default="10s",
        help="Maximum duration of a scrape, even if Prometheus allows more.",
    ),
    flag(
        "ionq.max-response-bytes",
        type=SIZE,
        default="1MiB",
        help="Maximum size of a response after decompression.",
    ),
    flag(
        "ionq.max-backends",
        type=click.IntRange(min=1),
        default=MAX_BACKENDS,
        help="Maximum number of backends in a response, and of new backends in an hour.",
    ),
    flag(
        "collector.characterizations",
        can_be_off=True,
        default=True,
        help="Read the characterization of each backend (fidelities and times) when IonQ names a new one.",
    ),
    flag(
        "collector.status-page",
        can_be_off=True,
        default=True,
        help="Read IonQ's status page (incidents and maintenances), at most once a minute.",
    ),
    flag(
        "ionq.status-component",
        type=Parsed("component=backend", parse_component_backend, separator=","),
        multiple=True,
        help="Backend of a component of the status page, like 'IonQ Tempo=qpu.tempo-1'. Repeatable; in the "
        "variable, separate several with commas.",
    ),
)

LOG_FLAGS = (
    flag(
        "log.level",
        type=click.Choice(logs.LEVELS, case_sensitive=False),
        default="info",
        help="Lowest level to log.",
    ),
    flag("log.format", type=click.Choice(logs.FORMATS), default="logfmt", help="Format of log lines."),
)

SIMULATOR_FLAGS = (
    flag(
        "simulator.listen-address",
        type=_ADDRESS,
        default=f"127.0.0.1:{DEFAULT_SIMULATOR_PORT}",
        help="Address on which the simulator listens: host:port, :port or [::1]:port.",
    ),
    flag(
        "seed",
        type=click.IntRange(min=0),
        default=1,
        help="Seed of the random fleet. The same seed gives the same fleet.",
    ),
    flag(
        "speed",
        type=number_between(0.001, 1_000_000),
        default=1.0,
        help="Simulated seconds per real second: at 10000 a week passes in a minute.",
    ),
)
