"""Reads a history, or the rest of one that was begun, and shows how far it is."""

import sys
from collections.abc import Iterable

import click

from exporter.commands.backfill.checkpoint import Checkpoint
from exporter.commands.backfill.history import HistoryReader
from exporter.commands.backfill.plan import Page, Plan, pages_to_read
from exporter.commands.backfill.request import Request
from exporter.common.times import format_time

FIRST_SCRAPE = "min(min_over_time(timestamp(ionq_backend_fidelity_ratio)[1y:1h]))"
"""Asks a Prometheus for its first scrape within a year, in Unix seconds and to the hour."""

_ENDS_BY_ITSELF = f"""\
ionq-exporter: the history will end at {{}}. If your Prometheus has scraped these metrics before that, stop
here and give --end the time of the first scrape, which it tells, in Unix seconds, when asked for
{FIRST_SCRAPE}"""


async def read_history(request: Request, checkpoint: Checkpoint, reader: HistoryReader) -> Plan:
    """Read all that the checkpoint does not hold yet, and return what was to be read.

    Raises IonQError, or OSError or ValueError where the checkpoint cannot be used.
    """
    if checkpoint.plan and checkpoint.pages:
        plan = checkpoint.plan
        request.check_same(plan, checkpoint.path)
    else:
        if request.end is None:
            click.echo(_ENDS_BY_ITSELF.format(format_time(request.plan(()).end)), err=True)
        plan = request.plan(await reader.machines(request.backends))
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


def progress(plan: Plan, pages: Iterable[Page]) -> tuple[int, int]:
    """Return how many pages were read, and how many there are as far as is known."""
    last = {page.backend: page for page in pages}
    done = sum(page.number for page in last.values())
    unknown = len(plan.machines) - len(last)
    return done, done + unknown + sum(pages_to_read(plan, page) for page in last.values())
