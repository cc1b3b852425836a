"""Writes what was read to the file, and tells what it holds and what it lacks."""

import io
import shlex
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import click

from exporter.commands.backfill.checkpoint import Checkpoint
from exporter.commands.backfill.plan import Page, Plan
from exporter.commands.backfill.request import Request
from exporter.commands.backfill.series import Timeline, write_history
from exporter.common.atomic_files import replacing
from exporter.common.times import format_time

BLOCK_HOURS = 4374
"""Half a year, one of the lengths that promtool gives blocks: it reads the file once for each."""

_DONE = """\
{output}: {records:,} characterizations of {machines}, from {first} to {last}, as {samples:,} samples.
First let your Prometheus keep them (--storage.tsdb.retention.time=10y). Then load them into its data
directory as the user that it runs as (on Debian with "sudo -u prometheus" before this): blocks of root's it
cannot delete when they are old, and then it does not start.

  promtool tsdb create-blocks-from --max-block-duration={hours}h openmetrics {argument} DIRECTORY
"""


@dataclass(frozen=True, slots=True)
class Losses:
    """What IonQ sent and could not be used."""

    received: int
    left_out: int
    rejected: Counter[str]

    @classmethod
    def of(cls, pages: Sequence[Page]) -> Self:
        """Sum them up over all pages, those of an earlier run included."""
        received = sum(page.received for page in pages)
        placed = sum(record.timestamp_seconds is not None for page in pages for record in page.records)
        rejected: Counter[str] = sum((Counter(page.rejected) for page in pages), Counter())
        return cls(received, received - placed, rejected)

    def __str__(self) -> str:
        # Each record that is left out is counted with the field that is to blame.
        values = self.rejected.total() - self.left_out
        fields = ", ".join(f"{field} {count:,}" for field, count in sorted(self.rejected.items()))
        return (
            f"of {self.received:,} records {self.left_out:,} were left out, {values:,} "
            f"{'value was' if values == 1 else 'values were'} not valid; by field: {fields}"
        )


def write_file(request: Request, plan: Plan, checkpoint: Checkpoint, check: Callable[[], None]) -> int:
    """Write what the checkpoint holds, and return an exit status: 1 where that is nothing.

    ``check`` is called every now and then; what it raises ends the writing. Raises OSError.
    """
    timelines = [
        Timeline.of(
            plan,
            machine,
            (record for page in checkpoint.pages if page.backend == machine.name for record in page.records),
            request.step,
        )
        for machine in plan.machines
    ]
    dates = [moments[0] for timeline in timelines for moments, _ in timeline.spans]
    losses = Losses.of(checkpoint.pages)
    samples = _write(request, timelines, check) if dates else 0
    checkpoint.remove()
    if losses.rejected:
        click.echo(f"ionq-exporter: {losses}", err=True)
    if not dates:
        usable = " that can be used" if losses.left_out else ""
        click.echo(
            f"ionq-exporter: IonQ has no characterizations of these machines in that time{usable}: "
            "nothing written",
            err=True,
        )
        return 1
    click.echo(
        _DONE.format(
            output=request.output,
            argument=shlex.quote(str(request.output)),
            records=len(dates),
            machines=", ".join(timeline.machine.name for timeline in timelines if timeline.spans),
            first=format_time(min(dates)),
            last=format_time(plan.end),
            samples=samples,
            hours=BLOCK_HOURS,
        ),
        nl=False,
    )
    return 0


def _write(request: Request, timelines: Sequence[Timeline], check: Callable[[], None]) -> int:
    with replacing(request.output) as file:
        text = io.TextIOWrapper(file, "utf-8", newline="\n")
        try:
            return write_history(text, timelines, request.labels, check)
        finally:
            text.detach()  # which writes what is left, and leaves the file open
