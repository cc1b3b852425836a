"""``ionq-exporter serve``: answers scrapes."""

import platform
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import sniffio
from structlog.typing import FilteringBoundLogger

from exporter import __version__
from exporter.commands.assembly import Exporter
from exporter.commands.options import (
    API_FLAGS,
    LOG_FLAGS,
    READ_FLAGS,
    STATUS_URL_FLAG,
    WEB_CONFIG_FLAGS,
    WEB_FLAGS,
    Command,
    flags,
)
from exporter.commands.signals import STOP, on_signals
from exporter.commands.startup import api_key_source, ionq_settings, listen, start_log, web_settings
from exporter.common import event_loop
from exporter.common.build_info import revision
from exporter.server.app import WebApp
from exporter.server.http_server import http_server
from exporter.server.sockets import address_of, url_of
from exporter.settings import IonQSettings, WebSettings

if TYPE_CHECKING:
    from exporter.server.web_config.reload import WebConfigFile

_GRACE_SECONDS = 1.0


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
    help="Show the version and exit.",
)


@click.command(name="serve", cls=Command)
@flags(*WEB_FLAGS, *WEB_CONFIG_FLAGS, *API_FLAGS, STATUS_URL_FLAG, *READ_FLAGS, *LOG_FLAGS, _VERSION_FLAG)
def command(**values: Any) -> int:
    """Serve metrics (the default command)."""
    ionq, web = ionq_settings(values), web_settings(values)
    logger = start_log(values)
    web_config = _web_config(values["web_config_file"], logger)
    if values["web_config_check"]:
        if web_config is None:
            raise click.UsageError("--web.config.check needs --web.config.file")
        click.echo(f"{values['web_config_file']} can be used")
        return 0
    exporter = Exporter(ionq, api_key_source(values, logger), logger)
    sockets = listen("--web.listen-address", web.listen_addresses)
    event_loop.run(serve_exporter(exporter, sockets, ionq, web, logger, web_config))
    return 0


def _web_config(path: Path | None, logger: FilteringBoundLogger) -> "WebConfigFile | None":
    if path is None:
        return None
    # Imported here so that bcrypt and PyYAML load only if the flag is set.
    from exporter.server.web_config.reload import WebConfigFile  # noqa: PLC0415
    from exporter.server.web_config.yaml_document import WebConfigError  # noqa: PLC0415

    try:
        return WebConfigFile(path, logger)
    except WebConfigError as error:
        raise click.BadParameter(str(error), param_hint="--web.config.file") from error


async def serve_exporter(
    exporter: Exporter,
    sockets: Sequence[socket.socket],
    ionq: IonQSettings,
    web: WebSettings,
    logger: FilteringBoundLogger,
    web_config: "WebConfigFile | None" = None,
) -> None:
    """Answer scrapes until SIGTERM or SIGINT, then finish the running ones and close the connections."""
    app = WebApp(
        exporter.scraper,
        exporter.metrics,
        telemetry_path=web.telemetry_path,
        timeout_seconds=ionq.timeout_seconds,
        timeout_offset_seconds=web.timeout_offset_seconds,
        api_url=ionq.api_url,
    )
    server = http_server(
        app, shutdown_seconds=ionq.timeout_seconds + _GRACE_SECONDS, logger=logger, web_config=web_config
    )
    for opened in sockets:
        url = url_of(opened, server.scheme) + web.telemetry_path
        logger.info("listening", address=str(address_of(opened)), url=url)
    logger.info(
        "exporter_started",
        version=__version__,
        revision=revision(),
        python=platform.python_version(),
        api_url=ionq.api_url,
        timeout_seconds=ionq.timeout_seconds,
    )
    on_signals(server.stop, *STOP)
    on_signals(server.reload, signal.SIGHUP)
    # httpcore would look at the current task at each step to find out which library runs it, which costs
    # 4 % of a scrape.
    sniffio.thread_local.name = "asyncio"
    try:
        await server.serve(sockets=list(sockets))
    finally:
        await exporter.aclose()
    logger.info("exporter_stopped")
