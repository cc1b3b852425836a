"""The flags of ``backfill``."""

import re
from pathlib import Path

import click

from exporter.commands.options import POSITIVE_DURATION, FiniteRange, Parsed, flag
from exporter.common.durations import parse_duration
from exporter.common.times import parse_time
from exporter.metrics.characterizations import HISTORY_FAMILIES

DEFAULT_OUTPUT = Path("ionq-history.openmetrics")

_LABEL = re.compile(r"(?P<name>(?!__)[a-zA-Z_][a-zA-Z0-9_]*)=(?P<value>.+)")
_TAKEN = frozenset(label for family in HISTORY_FAMILIES for label in family.label_names)


def _step(text: str) -> int:
    seconds = parse_duration(text)
    if seconds < 1 or seconds != int(seconds):
        raise ValueError(f"{text!r} is no step: write whole seconds or longer, like 5m or 1h")
    return int(seconds)


def _label(text: str) -> tuple[str, str]:
    match = _LABEL.fullmatch(text)
    if not match or not text.isprintable():
        raise ValueError(f"{text!r} is no label: write name=value, like job=ionq-exporter")
    if match["name"] in _TAKEN:
        raise ValueError(f"the label {match['name']} is the history's own")
    return match["name"], match["value"]


BACKFILL_FLAGS = (
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
        help="A backend whose history to read; repeatable. Without it, all that have one.",
    ),
    click.option(
        "--start",
        type=Parsed("time", parse_time),
        help="The first day, like 2023-12-31, or moment. Without it, as far back as IonQ goes.",
    ),
    click.option(
        "--end",
        type=Parsed("time", parse_time),
        help="The moment to end at: where Prometheus has scraped for longer, its first scrape. Without it, "
        "three hours ago: from then on Prometheus itself writes.",
    ),
    click.option(
        "--step",
        type=Parsed("duration", _step),
        default="1h",
        show_default=True,
        help="How far apart samples are.",
    ),
    click.option(
        "--label",
        "labels",
        type=Parsed("name=value", _label),
        multiple=True,
        help="A label that scrapes add, like job=ionq-exporter, so that history and scrapes are one series; "
        "repeatable.",
    ),
    click.option(
        "--requests-per-second",
        type=FiniteRange(min=0.01, max=10),
        default=2.0,
        show_default=True,
        help="How often to ask IonQ, at most.",
    ),
)

PAGE_FLAGS = (
    flag("ionq.timeout", type=POSITIVE_DURATION, default="30s", help="The longest that one page may take."),
    flag(
        "ionq.max-response-bytes",
        type=click.IntRange(min=1),
        default=16 * 1024 * 1024,
        help="The largest page to accept, after decompression.",
    ),
)
