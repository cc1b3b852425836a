"""The command: its flags, and the steps from a plan to a file."""

import re
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from exporter.commands.assembly import client_factory
from exporter.commands.backfill.checkpoint import Checkpoint
from exporter.commands.backfill.output import write_file
from exporter.commands.backfill.plan import Plan, check_span, progress
from exporter.commands.backfill.reader import HistoryReader
from exporter.commands.backfill.retry import MAX_PAUSE_SECONDS, RetryingReader
from exporter.commands.options import (
    API_FLAGS,
    LOG_FLAGS,
    POSITIVE_DURATION,
    SIZE,
    Command,
    Parsed,
    flag,
    flags,
    number_between,
)
from exporter.commands.signals import StoppedError, StopSignals
from exporter.commands.startup import api_key_source, start_log
from exporter.common import event_loop
from exporter.common.durations import parse_duration
from exporter.common.errors import IonQError
from exporter.common.times import format_time, parse_time
from exporter.metrics.characterizations import HISTORY_FAMILIES
from exporter.records.characterizations import MAX_CHARACTERIZATIONS

DEFAULT_OUTPUT = Path("ionq-history.openmetrics")

FIRST_SCRAPE = "min(min_over_time(timestamp(ionq_backend_fidelity_ratio)[1y:1h]))"
"""A query for the time of the first scrape in a year, in Unix seconds and to the hour."""

_DEFAULT_END = f"""\
ionq-exporter: the history will end at {{}}. If Prometheus has scraped these metrics for longer, stop
here and set --end to the time of its first scrape, which this query returns:
{FIRST_SCRAPE}"""

_LABEL = re.compile(r"(?P<name>(?!__)[a-zA-Z_][a-zA-Z0-9_]*)=(?P<value>.+)")
_RESERVED_LABELS = frozenset(label for family in HISTORY_FAMILIES for label in family.label_names)


def _step(text: str) -> int:
    seconds = parse_duration(text)
    if seconds < 1 or seconds != int(seconds):
        raise ValueError(f"{text!r} is not a step: write whole seconds or longer, like 5m or 1h")
    return int(seconds)


def _label(text: str) -> tuple[str, str]:
    match = _LABEL.fullmatch(text)
    if not match or not text.isprintable():
        raise ValueError(f"{text!r} is not a label: write name=value, like job=ionq-exporter")
    if match["name"] in _RESERVED_LABELS:
        raise ValueError(f"the history has a label {match['name']} of its own")
    return match["name"], match["value"]


@click.command(name="backfill", cls=Command)
@flags(
    click.option(
        "--output",
        type=click.Path(path_type=Path, dir_okay=False),
        default=DEFAULT_OUTPUT,
        show_default=True,
        help="File to write, for promtool tsdb create-blocks-from openmetrics.",
    ),
    click.option(
        "--backend",
        "backends",
        multiple=True,
        help="Backend to read. Repeatable. Without it, all backends that have a characterization.",
    ),
    click.option(
        "--start",
        type=Parsed("time", parse_time),
        help="First time of the history, like 2023-12-31, 2023-12-31T18:00:00Z or Unix seconds. Without it, "
        "as far back as IonQ goes.",
    ),
    click.option(
        "--end",
        type=Parsed("time", parse_time),
        help="End of the history: the time of Prometheus's first scrape. Without it, three hours ago.",
    ),
    click.option(
        "--step",
        type=Parsed("duration", _step),
        default="1h",
        show_default=True,
        help="Time between samples.",
    ),
    click.option(
        "--label",
        "labels",
        type=Parsed("name=value", _label),
        multiple=True,
        help="Label that Prometheus adds to scrapes, like job=ionq-exporter, so that history and scrapes are "
        "the same series. Repeatable.",
    ),
    click.option(
        "--one-by-one",
        is_flag=True,
        help="Read one characterization per request, for exact values. This needs up to "
        f"{MAX_CHARACTERIZATIONS} times as many requests and as much time.",
    ),
    click.option(
        "--requests-per-second",
        type=number_between(0.01, 10),
        default=2.0,
        show_default=True,
        help="Maximum number of requests per second.",
    ),
    *API_FLAGS,
    flag("ionq.timeout", type=POSITIVE_DURATION, default="30s", help="Maximum duration of a request."),
    flag(
        "ionq.max-response-bytes",
        type=SIZE,
        default="16MiB",
        help="Maximum size of a response after decompression.",
    ),
    *LOG_FLAGS,
)
def command(**values: Any) -> int:
    """Write past characterizations for Prometheus.

    The file has OpenMetrics with timestamps. Each characterization is in force until the next one. An
    interrupted backfill resumes where it stopped if you repeat the command.

    On a page of several characterizations, IonQ seems to fill a missing value with that of the next newer
    characterization. With --one-by-one each value is exact.

    The exit status is 1 if IonQ cannot be read or has no characterizations.
    """
    stop_signals = StopSignals()
    output: Path = values["output"]
    if not output.name:
        raise click.BadParameter("the name of the file is empty", param_hint="--output")
    wanted = Plan(
        api_url=values["ionq_api_url"],
        names=values["backends"],
        start=values["start"],
        end=check_span(values["start"], values["end"], time.time()),
        page_size=1 if values["one_by_one"] else MAX_CHARACTERIZATIONS,
    )
    logger = start_log(values)
    new_client = client_factory(
        wanted.api_url, values["ionq_max_response_bytes"], api_key_source(values, logger), logger
    )
    checkpoint = Checkpoint(output.with_name(f"{output.name}.part"))
    if checkpoint.pages:
        checkpoint.check_same(wanted, end_is_given=values["end"] is not None)
    elif values["end"] is None:
        click.echo(_DEFAULT_END.format(format_time(wanted.end)), err=True)

    async def read() -> Plan:
        client = new_client(max_pause_seconds=MAX_PAUSE_SECONDS)
        retrying = RetryingReader(
            client,
            logger,
            timeout_seconds=values["ionq_timeout"],
            requests_per_second=values["requests_per_second"],
        )
        try:
            with stop_signals.cancelling():
                return await _read_history(wanted, checkpoint, HistoryReader(client, retrying, logger))
        finally:
            await client.aclose()

    try:
        plan = event_loop.run(read())
        return write_file(
            output,
            plan,
            checkpoint,
            step=values["step"],
            labels=dict(values["labels"]),
            check=stop_signals.check,
        )
    except IonQError as error:
        click.echo(f"ionq-exporter: {error.message}{_keep(checkpoint)}", err=True)
        return 1
    except StoppedError:
        click.echo(f"ionq-exporter: stopped{_keep(checkpoint)}", err=True)
        raise
    except OSError as error:
        raise click.ClickException(f"cannot write {error.filename or output}: {error.strerror}") from error


async def _read_history(wanted: Plan, checkpoint: Checkpoint, reader: HistoryReader) -> Plan:
    """Read the pages that the checkpoint does not have, and show the progress. Return the complete plan.

    Raises IonQError, or OSError if the checkpoint cannot be written.
    """
    plan = checkpoint.plan if checkpoint.pages else None
    if plan is None:
        plan = replace(wanted, locations=await reader.locations(wanted.names))
        checkpoint.begin(plan)
    done, total = progress(plan, checkpoint.pages)
    with click.progressbar(
        length=total, label="Pages", show_pos=True, file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        bar.update(done)
        async for page in reader.pages(plan, checkpoint.pages):
            checkpoint.add(page)
            _, bar.length = progress(plan, checkpoint.pages)
            bar.update(1)
    return plan


def _keep(checkpoint: Checkpoint) -> str:
    """Keep the pages that were read, and return how to resume."""
    kept = len(checkpoint.pages)
    if not kept:
        checkpoint.remove()
        return ""
    return f"; {'1 page is' if kept == 1 else f'{kept} pages are'} kept: repeat the command to resume"
