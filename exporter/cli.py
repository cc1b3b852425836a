"""The command line: flags in, one of four commands run, an exit status out."""

import asyncio
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from exporter import __version__
from exporter.flags import (
    API_KEY_FILE_FLAG,
    API_URL_FLAG,
    LOG_FLAGS,
    READ_FLAGS,
    WEB_FLAGS,
    flags,
)
from exporter.listening import open_sockets
from exporter.logs import configure_logs
from exporter.once import scrape_once
from exporter.serving import Exporter, serve
from exporter.settings import IonQSettings, WebSettings
from exporter.telemetry import revision

_USAGE_ERROR = 2
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command, and exit with its status; any mistake of the user's is one line and status 2."""
    try:
        status = _commands.main(arguments, prog_name="ionq-exporter", standalone_mode=False)
    except click.exceptions.Exit as request:
        status = request.exit_code
    except click.ClickException as error:
        status = _refuse(error.format_message())
    except (OSError, ValueError) as error:
        status = _refuse(str(error))
    except (click.Abort, KeyboardInterrupt):
        status = _INTERRUPTED
    sys.exit(status)


def _refuse(problem: str) -> int:
    click.echo(f"ionq-exporter: {' '.join(problem.split())} (see ionq-exporter --help)", err=True)
    return _USAGE_ERROR


class _ServesByDefault(click.Group):
    """A group that takes flags without a command for those of ``serve``, and shows them in its help."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args.insert(0, "serve")
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.commands["serve"].format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


@click.group(cls=_ServesByDefault, options_metavar="[FLAGS]", subcommand_metavar="[COMMAND] [FLAGS]")
def _commands() -> None:
    """Prometheus exporter for IonQ's quantum cloud: reads GET /backends once for each scrape.

    Without a command it serves. Each flag has an environment variable of the same name; the flag wins.
    """


def _print_version(_ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:  # noqa: FBT001
    if wanted:
        click.echo(f"ionq-exporter {__version__} (revision {revision()}, Python {platform.python_version()})")
        raise click.exceptions.Exit(0)


_VERSION_FLAG = click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version.",
)


@_commands.command(name="serve")
@flags(*WEB_FLAGS, API_URL_FLAG, API_KEY_FILE_FLAG, *READ_FLAGS, *LOG_FLAGS, _VERSION_FLAG)
def _serve(**values: Any) -> int:
    """Serve metrics (the default)."""
    web, ionq = _web_settings(values), _ionq_settings(values)
    sockets = open_sockets(web.listen_addresses)
    logger = configure_logs(values["log_level"], values["log_format"])
    exporter = Exporter(ionq, os.environ.get("IONQ_API_KEY"), logger)
    asyncio.run(serve(exporter, sockets, ionq, web, logger))
    return 0


@_commands.command(name="once")
@flags(
    click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write instead."),
    API_URL_FLAG,
    API_KEY_FILE_FLAG,
    *READ_FLAGS,
    *LOG_FLAGS,
)
def _once(output: Path | None, **values: Any) -> int:
    """Scrape once and write the metrics to standard output.

    With --output they go into a file for node_exporter's textfile collector, whose name must end in
    .prom, and which is replaced in one step. Exits with 1 when IonQ could not be read.
    """
    ionq = _ionq_settings(values)
    logger = configure_logs(values["log_level"], values["log_format"])
    exporter = Exporter(ionq, os.environ.get("IONQ_API_KEY"), logger)

    async def run() -> bool:
        try:
            return await scrape_once(exporter.scraper, exporter.telemetry, ionq.timeout_seconds, output)
        finally:
            await exporter.client.aclose()

    return 0 if asyncio.run(run()) else 1


def _web_settings(values: dict[str, Any]) -> WebSettings:
    return WebSettings(
        listen_addresses=values["web_listen_address"],
        telemetry_path=values["web_telemetry_path"],
        timeout_offset_seconds=values["web_timeout_offset"],
    )


def _ionq_settings(values: dict[str, Any]) -> IonQSettings:
    return IonQSettings(
        api_url=values["ionq_api_url"],
        api_key_file=values["ionq_api_key_file"],
        timeout_seconds=values["ionq_timeout"],
        max_response_bytes=values["ionq_max_response_bytes"],
    )
