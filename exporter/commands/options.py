"""The flags, their types and defaults; each has an environment variable of the same name."""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import click

from exporter.common import logging as logs
from exporter.common.durations import parse_duration
from exporter.records.backends import MAX_ROWS
from exporter.settings import (
    DEFAULT_API_URL,
    DEFAULT_PORT,
    DEFAULT_SIMULATOR_PORT,
    ListenAddress,
    parse_api_url,
)

_TELEMETRY_PATH = re.compile(r"(?!/-/)(?:/[\w.~-]+)+", re.ASCII)

T = TypeVar("T")
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Parsed(click.ParamType[T], Generic[T]):
    """A value that a function reads, or refuses with a ValueError."""

    def __init__(self, name: str, parse: Callable[[str], T]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> T:
        """Read a text; click asks for this."""
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]  # a default that is parsed already
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def flag(name: str, *, can_be_off: bool = False, **attributes: Any) -> Decorator:
    """Declare a flag like ``--ionq.api-url``, with the variable ``IONQ_EXPORTER_IONQ_API_URL``.

    What is on and ``can_be_off`` has a second flag, ``--no-…``; in the variable ``false`` does it.
    """
    identifier = name.translate(str.maketrans(".-", "__"))
    return click.option(
        f"--{name}/--no-{name}" if can_be_off else f"--{name}",
        identifier,
        envvar=f"IONQ_EXPORTER_{identifier.upper()}",
        show_envvar=True,
        show_default="on" if can_be_off else attributes.get("default") is not None,
        **attributes,
    )


def _positive_duration(text: str) -> float:
    seconds = parse_duration(text)
    if not seconds:
        raise ValueError("must be longer than 0s")
    return seconds


def _telemetry_path(text: str) -> str:
    if not _TELEMETRY_PATH.fullmatch(text):
        raise ValueError(f"{text!r} must be a path like /metrics, not below /-/")
    return text


class FiniteRange(click.FloatRange):
    """A range of numbers, to which infinity and what is no number do not belong."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a number; click asks for this."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


DURATION = Parsed("duration", parse_duration)
POSITIVE_DURATION = Parsed("duration", _positive_duration)

WEB_FLAGS = (
    flag(
        "web.listen-address",
        type=Parsed("address", ListenAddress.parse),
        multiple=True,
        default=(f":{DEFAULT_PORT}",),
        help="Where to listen: host:port, :port or [::1]:port. Repeatable (in the variable: blanks between).",
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
        help="What to keep of Prometheus's scrape timeout for the way back; half of it, where that is all.",
    ),
)
WEB_CONFIG_FLAGS = (
    flag(
        "web.config.file",
        type=click.Path(path_type=Path),
        help="File in the format of Prometheus's exporter-toolkit: TLS, passwords, headers, a rate limit.",
    ),
    flag(
        "web.config.check",
        is_flag=True,
        default=None,
        help="Check that file and the certificates that it names, and end.",
    ),
)

API_URL_FLAG = flag(
    "ionq.api-url",
    type=Parsed("url", parse_api_url),
    default=DEFAULT_API_URL,
    help="Base URL of IonQ's API.",
)
API_KEY_FILE_FLAG = flag(
    "ionq.api-key-file",
    type=click.Path(path_type=Path),
    help="File with an API key, read anew for each request. IONQ_API_KEY in the environment does as well; "
    "without either, IonQ lists its public backends.",
)
READ_FLAGS = (
    flag(
        "ionq.timeout",
        type=POSITIVE_DURATION,
        default="10s",
        help="The longest that a scrape may take, whatever Prometheus grants.",
    ),
    flag(
        "ionq.max-response-bytes",
        type=click.IntRange(min=1),
        default=1024 * 1024,
        help="The largest answer to accept, after decompression.",
    ),
    flag(
        "ionq.max-backends",
        type=click.IntRange(min=1),
        default=MAX_ROWS,
        help="The most backends to show: in one answer, and of those that were new within an hour.",
    ),
    flag(
        "collector.characterizations",
        can_be_off=True,
        default=True,
        help="Read a backend's characterization, its fidelities and times, whenever IonQ names a new one.",
    ),
)

LOG_FLAGS = (
    flag(
        "log.level",
        type=click.Choice(logs.LEVELS, case_sensitive=False),
        default="info",
        help="The least severe level to log.",
    ),
    flag("log.format", type=click.Choice(logs.FORMATS), default="logfmt", help="How to write log lines."),
)


SIMULATOR_FLAGS = (
    flag(
        "simulator.listen-address",
        type=Parsed("address", ListenAddress.parse),
        default=f"127.0.0.1:{DEFAULT_SIMULATOR_PORT}",
        help="Where the simulator listens: host:port, :port or [::1]:port.",
    ),
    flag(
        "seed",
        type=click.IntRange(min=0),
        default=1,
        help="Which fleet to simulate; the same again for the same seed.",
    ),
    flag(
        "speed",
        type=FiniteRange(min=0, max=1_000_000, min_open=True),
        default=1.0,
        help="Seconds to live per real second: 10000 makes a week pass in a minute.",
    ),
)


def flags(*decorators: Decorator) -> Decorator:
    """Apply flags so that help lists them in this order."""

    def apply(command: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return apply
