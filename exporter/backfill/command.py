"""``ionq-exporter backfill``: reads a history, or the rest of one that was begun, and writes it to a file."""

import asyncio
import io
import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from exporter.backfill.history import HistoryReader
from exporter.backfill.journal import Journal
from exporter.backfill.plan import Page, Plan, format_time, remaining_pages
from exporter.backfill.series import Timeline, write_history
from exporter.errors import IonQError
from exporter.files import replacing

BLOCK_HOURS = 4374
"""Half a year, one of the lengths that promtool gives blocks: it reads the file once for each."""

_DONE = """\
{output}: {records:,} characterizations of {machines}, from {first} to {last}, as {samples:,} samples.
Load them into the data directory of a Prometheus that keeps them (--storage.tsdb.retention.time=10y); if it
has scraped the exporter for a while already, repeat this with the time of its first scrape as --end.

  promtool tsdb create-blocks-from --max-block-duration={hours}h openmetrics {argument} DIRECTORY
"""


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for; times in Unix seconds, the step in seconds."""

    output: Path
    api_url: str
    backends: tuple[str, ...]
    start: float | None
    end: float
    end_was_given: bool
    step: int
    labels: Mapping[str, str]


async def read_history(request: Request, journal: Journal, reader: HistoryReader) -> Plan | None:
    """Read all that the journal does not hold yet, and return what was to be read; None where IonQ fails.

    Raises OSError or ValueError where the journal cannot be used.
    """
    try:
        plan = await _plan(request, journal, reader)
        await _read(plan, journal, reader)
    except IonQError as error:
        click.echo(f"ionq-exporter: {error.message}{_leave(journal)}", err=True)
        return None
    except asyncio.CancelledError:
        click.echo(f"ionq-exporter: ended{_leave(journal)}", err=True)
        raise
    return plan


def write_file(request: Request, plan: Plan, journal: Journal) -> int:
    """Write what the journal holds, and return an exit status: 1 where IonQ has nothing. Raises OSError."""
    try:
        return _write(request, plan, journal)
    except (KeyboardInterrupt, asyncio.CancelledError):
        click.echo(f"ionq-exporter: ended{_leave(journal)}", err=True)
        raise


async def _plan(request: Request, journal: Journal, reader: HistoryReader) -> Plan:
    if journal.plan and journal.pages:
        _check_same(request, journal.plan, journal.path)
        return journal.plan
    machines = await reader.machines(request.backends)
    plan = Plan(request.api_url, request.backends, machines, request.start, request.end)
    journal.begin(plan)
    return plan


def _check_same(request: Request, plan: Plan, path: Path) -> None:
    end = request.end if request.end_was_given else plan.end
    asked = (request.api_url, set(request.backends), request.start, end)
    if asked != (plan.api_url, set(plan.backends), plan.start, plan.end):
        raise ValueError(
            f"{path} is left of a run with other flags: repeat those, remove it, or name another --output"
        )


async def _read(plan: Plan, journal: Journal, reader: HistoryReader) -> None:
    done, total = progress(plan, journal.pages)
    with click.progressbar(
        length=total, label="Pages", show_pos=True, file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        bar.update(done)
        async for page in reader.pages(plan, journal.pages):
            journal.add(page)
            _, bar.length = progress(plan, journal.pages)
            bar.update(1)


def progress(plan: Plan, pages: Iterable[Page]) -> tuple[int, int]:
    """Return how many pages were read, and how many there are as far as is known."""
    last = {page.backend: page for page in pages}
    done = sum(page.number for page in last.values())
    unknown = len(plan.machines) - len(last)
    return done, done + unknown + sum(remaining_pages(plan, page) for page in last.values())


def _leave(journal: Journal) -> str:
    """Keep what was read, and return how to go on."""
    kept = len(journal.pages)
    if not kept:
        journal.remove()
        return ""
    return (
        f"; {'1 page is' if kept == 1 else f'{kept} pages are'} kept, and the same command goes on from there"
    )


def _write(request: Request, plan: Plan, journal: Journal) -> int:
    timelines = [
        Timeline.of(
            plan,
            machine,
            (record for page in journal.pages if page.backend == machine.name for record in page.records),
            request.step,
        )
        for machine in plan.machines
    ]
    dates = [moments[0] for timeline in timelines for moments, _ in timeline.records]
    if not dates:
        click.echo(
            "ionq-exporter: IonQ has no characterizations of these machines in that time: nothing written",
            err=True,
        )
        journal.remove()
        return 1
    with replacing(request.output) as file:
        text = io.TextIOWrapper(file, "utf-8", newline="\n")
        try:
            samples = write_history(text, timelines, request.labels)
        finally:
            text.detach()  # which writes what is left, and leaves the file open
    journal.remove()
    click.echo(
        _DONE.format(
            output=request.output,
            argument=shlex.quote(str(request.output)),
            records=len(dates),
            machines=", ".join(timeline.machine.name for timeline in timelines if timeline.records),
            first=format_time(min(dates)),
            last=format_time(plan.end),
            samples=samples,
            hours=BLOCK_HOURS,
        ),
        nl=False,
    )
    return 0
