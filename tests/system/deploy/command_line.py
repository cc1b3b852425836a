"""What the exporter's command line offers, for what is deployed to be held against."""

from typing import Any

import click

from exporter.commands.main import commands
from exporter.common.durations import parse_duration


def variables(command: str = "serve") -> set[str]:
    """Return the environment variables that a command reads."""
    return {str(option.envvar) for option in _options(command) if option.envvar} | {"IONQ_API_KEY"}


def flags(command: str = "serve") -> set[str]:
    return {name for option in _options(command) for name in (*option.opts, *option.secondary_opts)}


def default(flag: str) -> Any:
    """Return a flag's default as help shows it."""
    return next(option.default for option in _options("serve") if flag in option.opts)


def seconds(flag: str) -> float:
    """Return a flag's default, which is a duration."""
    return parse_duration(default(flag))


def unknown_flags(arguments: list[str]) -> set[str]:
    """Return what a command line has of flags that its command does not."""
    command = arguments[0] if arguments and not arguments[0].startswith("-") else "serve"
    used = {argument.partition("=")[0] for argument in arguments if argument.startswith("-")}
    return used - flags(command)


def _options(command: str) -> list[click.Option]:
    return [option for option in commands.commands[command].params if isinstance(option, click.Option)]
