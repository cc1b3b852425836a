"""Writes the file and prints a summary of it."""

import io
import shlex
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click

from exporter.commands.backfill.checkpoint import Checkpoint
from exporter.commands.backfill.plan import Page, Plan
from exporter.commands.backfill.series import Timeline, write_history
from exporter.common.atomic_files import replacing
from exporter.common.times import format_time

BLOCK_HOURS = 4374
"""Half a year, one of promtool's block lengths. promtool reads the file once per block."""

_DONE = """\
{output}: {count:,} characterizations of {backends}, from {first} to {last}, as {samples:,} samples.
{exactness}First set Prometheus's retention to keep them (--storage.tsdb.retention.time=10y).
Then run promtool as the Prometheus user (on Debian: "sudo -u prometheus" before the command). Otherwise
Prometheus cannot delete old blocks and fails to start.

  promtool tsdb create-blocks-from --max-block-duration={hours}h openmetrics {argument} DIRECTORY
"""
_NOT_EXACT = """\
IonQ seems to fill missing values with those of the next newer characterization on the same page.
Use --one-by-one if you need exact values.
"""


def write_file(
    output: Path,
    plan: Plan,
    checkpoint: Checkpoint,
    *,
    step: int,
    labels: Mapping[str, str],
    check: Callable[[], None],
) -> int:
    """Write what the checkpoint has, and return an exit status: 1 if that is nothing. Raises OSError.

    ``check`` is called regularly. It may raise an error to stop the writing.
    """
    timelines = [
        Timeline.of(
            backend,
            location,
            (one for page in checkpoint.pages if page.backend == backend for one in page.characterizations),
            start=plan.start,
            end=plan.end,
            step=step,
        )
        for backend, location in plan.locations.items()
    ]
    first_times = [times[0] for timeline in timelines for times, _ in timeline.spans]
    samples = _write(output, timelines, labels, check) if first_times else 0
    left_out = _report_rejected(checkpoint.pages)
    checkpoint.remove()
    if not first_times:
        usable = " that can be used" if left_out else ""
        click.echo(
            f"ionq-exporter: IonQ has no characterizations of these backends in that time{usable}: "
            "nothing written",
            err=True,
        )
        return 1
    click.echo(
        _DONE.format(
            output=output,
            exactness="" if plan.page_size == 1 else _NOT_EXACT,
            argument=shlex.quote(str(output)),
            count=len(first_times),
            backends=", ".join(timeline.backend for timeline in timelines if timeline.spans),
            first=format_time(min(first_times)),
            last=format_time(plan.end),
            samples=samples,
            hours=BLOCK_HOURS,
        ),
        nl=False,
    )
    return 0


def _report_rejected(pages: Sequence[Page]) -> int:
    """Print what IonQ sent and cannot be used. Return how many characterizations are left out."""
    received = sum(page.received for page in pages)
    dated = sum(one.timestamp_seconds is not None for page in pages for one in page.characterizations)
    left_out = received - dated
    rejected: Counter[str] = sum((Counter(page.rejected) for page in pages), Counter())
    if rejected:
        # A characterization that is left out counts once, under the field that is the reason.
        values = rejected.total() - left_out
        fields = ", ".join(f"{field} {count:,}" for field, count in sorted(rejected.items()))
        click.echo(
            f"ionq-exporter: of {received:,} characterizations, {left_out:,} were left out and {values:,} "
            f"{'value was' if values == 1 else 'values were'} not valid; by field: {fields}",
            err=True,
        )
    return left_out


def _write(
    output: Path, timelines: Sequence[Timeline], labels: Mapping[str, str], check: Callable[[], None]
) -> int:
    with replacing(output) as file:
        text = io.TextIOWrapper(file, "utf-8", newline="\n")
        try:
            return write_history(text, timelines, labels, check)
        finally:
            text.detach()  # flushes, and leaves the file open
