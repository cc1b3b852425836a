"""The command line: a group of commands that are imported when they are used."""

import contextlib
import gc
import importlib
import sys
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import NoReturn, cast

import click

_MODULES = {
    "serve": "exporter.commands.serve",
    "once": "exporter.commands.once",
    "backfill": "exporter.commands.backfill.command",
    "simulate": "exporter.commands.simulate",
    "demo": "exporter.commands.demo",
}
_USAGE_ERROR = 2
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit with its status. A mistake of the user's is one line and status 2."""
    try:
        status = commands.main(arguments, prog_name="ionq-exporter", standalone_mode=False)
    except click.ClickException as error:
        _print_error(error)
        status = _USAGE_ERROR
    except click.Abort:
        status = _INTERRUPTED
    sys.exit(status)


def _print_error(error: click.ClickException) -> None:
    message = " ".join(error.format_message().split())
    hint = " (see ionq-exporter --help)" if isinstance(error, click.UsageError) else ""
    # If standard error is closed, the exit status still reports the mistake.
    with contextlib.suppress(OSError):
        click.echo(f"ionq-exporter: {message}{hint}", err=True)


class _LazyCommands(Mapping[str, click.Command]):
    """Imports a command's module when the command is looked up.

    ``once``, which may run every minute, does not wait for the imports of the others.
    """

    def __getitem__(self, name: str) -> click.Command:
        command: click.Command = importlib.import_module(_MODULES[name]).command
        if not gc.isenabled():  # disabled by __main__ for the time of the imports
            gc.freeze()
            gc.enable()
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


class _Group(click.Group):
    """A group whose default command is ``serve``. Its help includes the flags of ``serve``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args.insert(0, "serve")
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)
        self.commands["serve"].format_options(ctx, formatter)


@click.group(
    cls=_Group,
    commands=cast("MutableMapping[str, click.Command]", _LazyCommands()),
    options_metavar="[FLAGS]",
    subcommand_metavar="[COMMAND] [FLAGS]",
)
def commands() -> None:
    """Prometheus exporter for IonQ's quantum cloud.

    It reads GET /backends once for each scrape. Without a command it serves.

    A flag with [env var: ...] can also be set by that environment variable. The flag wins.
    """
