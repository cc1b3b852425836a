"""``ionq-exporter once``: one scrape, written to a file or to standard output."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from exporter.commands.assembly import Exporter
from exporter.commands.options import (
    API_FLAGS,
    LOG_FLAGS,
    READ_FLAGS,
    STATUS_URL_FLAG,
    Command,
    flags,
)
from exporter.commands.signals import StopSignals
from exporter.commands.startup import api_key_source, ionq_settings, start_log
from exporter.common import event_loop
from exporter.common.atomic_files import replacing
from exporter.metrics.encoding import Format
from exporter.metrics.exposition import encode_scrape
from exporter.records.scrape import Scrape
from exporter.scrape.deadline import Deadline

_SUFFIX = ".prom"


@click.command(name="once", cls=Command)
@flags(
    click.option(
        "--output",
        type=click.Path(path_type=Path, dir_okay=False),
        help="File to write instead, for node_exporter's textfile collector. Its name ends in .prom.",
    ),
    *API_FLAGS,
    STATUS_URL_FLAG,
    *READ_FLAGS,
    *LOG_FLAGS,
)
def command(output: Path | None, **values: Any) -> int:
    """Scrape once and write the metrics to standard output.

    A file is replaced atomically. The exit status is 1 if IonQ could not be read.
    """
    stop_signals = StopSignals()
    if output:
        _check_output(output)
    settings = ionq_settings(values)
    logger = start_log(values)
    exporter = Exporter(settings, api_key_source(values, logger), logger)

    async def scrape() -> Scrape:
        try:
            with stop_signals.cancelling():
                return await exporter.scraper.scrape(
                    Deadline(settings.timeout_seconds), wait_for_status_page=True
                )
        finally:
            await exporter.aclose()

    result = event_loop.run(scrape())
    # node_exporter has metrics of its own process and refuses a file that repeats them.
    text = encode_scrape(result, exporter.metrics, Format.TEXT, with_process=False)
    try:
        _write(text, output)
    except OSError as error:
        raise click.ClickException(f"cannot write {output or 'standard output'}: {error.strerror}") from error
    return 0 if result.up else 1


def _check_output(output: Path) -> None:
    """Raise BadParameter, before IonQ is asked, if a file cannot be written or would not be read."""
    if output.suffix != _SUFFIX:
        problem = f"{output} does not end in {_SUFFIX}: node_exporter would not read it"
    elif not output.parent.is_dir():
        problem = f"{output} cannot be written: there is no folder {output.parent}"
    elif not os.access(output.parent, os.W_OK | os.X_OK):
        problem = f"{output} cannot be written: no permission to write in {output.parent}"
    else:
        return
    raise click.BadParameter(problem, param_hint="--output")


def _write(text: bytes, output: Path | None) -> None:
    if output:
        with replacing(output) as file:
            file.write(text)
        return
    # Without sys.stdout's buffer, which would be written again at exit after an error.
    with open(sys.stdout.fileno(), "wb", closefd=False) as file:
        file.write(text)
