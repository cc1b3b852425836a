"""The command line: flags in, one of five commands run, an exit status out."""

import asyncio
import contextlib
import os
import platform
import signal
import socket
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

import click
from structlog.typing import FilteringBoundLogger

from exporter import __version__
from exporter.commands.assembly import Exporter, serve_exporter
from exporter.commands.backfill.options import BACKFILL_FLAGS, PAGE_FLAGS
from exporter.commands.demo_guide import demo_guide
from exporter.commands.once import check_output, scrape_once
from exporter.commands.options import (
    API_KEY_FILE_FLAG,
    API_URL_FLAG,
    LOG_FLAGS,
    READ_FLAGS,
    SIMULATOR_FLAGS,
    WEB_CONFIG_FLAGS,
    WEB_FLAGS,
    flags,
)
from exporter.common import event_loop
from exporter.common.build_info import revision
from exporter.common.logging import configure_logs
from exporter.server.sockets import open_sockets, url_of
from exporter.settings import IonQSettings, WebSettings, default_status_url

if TYPE_CHECKING:
    from exporter.server.web_config.reload import WebConfigFile
    from exporter.simulator import Simulator

_USAGE_ERROR = 2
_INTERRUPTED = 130
_TERMINATED = 143


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command, and exit with its status; any mistake of the user's is one line and status 2.

    What fails later, while it serves, is raised.
    """
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
    except asyncio.CancelledError:
        status = _TERMINATED
    sys.exit(status)


def _refuse(problem: str) -> int:
    with contextlib.suppress(OSError):  # nobody reads it: the status says it still
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

    Without a command it serves. Each flag with a dot in its name has an environment variable; the flag wins.
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
@flags(*WEB_FLAGS, *WEB_CONFIG_FLAGS, API_URL_FLAG, API_KEY_FILE_FLAG, *READ_FLAGS, *LOG_FLAGS, _VERSION_FLAG)
def _serve(**values: Any) -> int:
    """Serve metrics (the default)."""
    web, ionq = _web_settings(values), _ionq_settings(values)
    logger = configure_logs(values["log_level"], values["log_format"])
    web_config = _web_config(values["web_config_file"], logger)
    if values["web_config_check"]:
        if web_config is None:
            raise ValueError("--web.config.check needs --web.config.file")
        click.echo(f"{values['web_config_file']} can be used")
        return 0
    sockets = open_sockets(web.listen_addresses)
    exporter = Exporter(ionq, os.environ.get("IONQ_API_KEY"), logger)
    _run(serve_exporter(exporter, sockets, ionq, web, logger, web_config))
    return 0


def _web_config(path: Path | None, logger: FilteringBoundLogger) -> "WebConfigFile | None":
    if path is None:
        return None
    # Who does without does not pay for it.
    from exporter.server.web_config.reload import WebConfigFile  # noqa: PLC0415

    return WebConfigFile(path, logger)


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
    if output:
        check_output(output)
    ionq = _ionq_settings(values)
    logger = configure_logs(values["log_level"], values["log_format"])
    exporter = Exporter(ionq, os.environ.get("IONQ_API_KEY"), logger)

    async def run() -> bool:
        _cancel_on(signal.SIGTERM)
        try:
            return await scrape_once(exporter.scraper, exporter.metrics, ionq.timeout_seconds, output)
        finally:
            await exporter.aclose()

    return 0 if event_loop.run(run()) else 1


@_commands.command(name="backfill")
@flags(*BACKFILL_FLAGS, API_URL_FLAG, API_KEY_FILE_FLAG, *PAGE_FLAGS, *LOG_FLAGS)
def _backfill(**values: Any) -> int:
    """Write the characterizations of years past as OpenMetrics, for Prometheus.

    Each record counts until the next one. A run that was ended goes on where it was. Exits with 1 when
    IonQ cannot be read.
    """
    # As in _simulator.
    from exporter.commands.backfill.command import backfill  # noqa: PLC0415

    return backfill(values)


@_commands.command(name="simulate")
@flags(*SIMULATOR_FLAGS, *LOG_FLAGS)
def _simulate(**values: Any) -> int:
    """Stand in for IonQ's API, and rehearse its failures.

    POST /drill forces a state on a backend or a fault on the API; GET / explains it.
    """
    sockets = open_sockets([values["simulator_listen_address"]])
    logger = configure_logs(values["log_level"], values["log_format"])
    simulator = _simulator(values, logger)
    logger.info("simulator_started", version=__version__, url=url_of(sockets[0]), speed=values["speed"])
    _run(_simulate_until_signalled(simulator, sockets))
    logger.info("simulator_stopped")
    return 0


async def _simulate_until_signalled(simulator: "Simulator", sockets: Sequence[socket.socket]) -> None:
    from exporter.simulator import run_simulator  # noqa: PLC0415 -- as in _simulator

    _cancel_on(signal.SIGTERM, signal.SIGINT)
    with contextlib.suppress(asyncio.CancelledError):
        await simulator.start(sockets=sockets)
        await run_simulator(simulator)


@_commands.command(name="demo")
@flags(*WEB_FLAGS, *READ_FLAGS, *SIMULATOR_FLAGS, *LOG_FLAGS)
def _demo(**values: Any) -> int:
    """Serve metrics of a simulated fleet, without any network."""
    web = _web_settings(values)
    sockets = open_sockets(web.listen_addresses)
    simulator_sockets = open_sockets([values["simulator_listen_address"]])
    simulator_url = url_of(simulator_sockets[0])
    ionq = _ionq_settings({**values, "ionq_api_url": f"{simulator_url}/v0.4", "ionq_api_key_file": None})
    logger = configure_logs(values["log_level"], values["log_format"])
    # A real key is none of a simulator's business.
    exporter = Exporter(ionq, None, logger)
    simulator = _simulator(values, logger)

    async def run() -> None:
        await simulator.start(sockets=simulator_sockets)
        async with simulator:
            await serve_exporter(exporter, sockets, ionq, web, logger)

    click.echo(demo_guide(url_of(sockets[0]), web.telemetry_path, simulator_url))
    _run(run())
    return 0


def _simulator(values: dict[str, Any], logger: FilteringBoundLogger) -> "Simulator":
    # Who serves real metrics does not pay for it.
    from exporter.simulator import Fleet, Simulator, simulated_clock  # noqa: PLC0415

    return Simulator(
        Fleet(values["seed"]),
        clock=simulated_clock(values["speed"]),
        log=logger.debug,
    )


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run what has all that the user gave: what fails now is no mistake of the user's, and shows where."""
    try:
        event_loop.run(work)
    except (OSError, ValueError) as error:
        raise RuntimeError("it failed while it ran") from error


def _cancel_on(*signals: signal.Signals) -> None:
    """Let these signals cancel the task that asks for it."""
    task = cast("asyncio.Task[Any]", asyncio.current_task())
    for number in signals:
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


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
        max_backends=values["ionq_max_backends"],
        characterizations=values["collector_characterizations"],
        status_url=(
            values["ionq_status_url"] or default_status_url(values["ionq_api_url"])
            if values["collector_status_page"]
            else None
        ),
        component_backends=dict(values["ionq_status_component"]),
    )
