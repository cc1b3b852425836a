"""The weeks before a moment, as samples in the order of time."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial

from exporter.metrics.exporter import ExporterMetrics
from exporter.records.backends import parse_backends
from exporter.simulator import Characterizations, Fleet
from grafana.demo_data import story
from grafana.demo_data.alerts import AlertHistory
from grafana.demo_data.blocks import Sample
from grafana.demo_data.records import ReadRecords
from grafana.demo_data.scrapes import ScrapedExporter

DAYS = 14
DAY_SECONDS = 86400
STEP_SECONDS = 60

_UPTIME_BEFORE = 5 * DAY_SECONDS + 3600


def live(
    end: int, *, seed: int = 1, days: float = DAYS, step_seconds: int = STEP_SECONDS
) -> Iterator[Sample]:
    """Live through the time before a Unix time, and yield what was scraped on the way."""
    with closing(asyncio.new_event_loop()) as loop:
        yield from _live(
            end, Fleet(seed), partial(ReadRecords, loop, Characterizations(seed)), days, step_seconds
        )


def _live(
    end: int, fleet: Fleet, records: Callable[[ExporterMetrics], ReadRecords], days: float, step_seconds: int
) -> Iterator[Sample]:
    begin = end - round(days * DAY_SECONDS)
    exporters = {name: ScrapedExporter(name, begin - _UPTIME_BEFORE, records) for name in story.INSTANCES}
    alerts = AlertHistory()
    for moment in range(begin, end + 1, step_seconds):
        backends = parse_backends(story.answer(fleet, datetime.fromtimestamp(moment, UTC), end - moment))
        lines: list[str] = []
        seen = False
        for instance in story.INSTANCES:
            if not story.is_running(instance, end - moment):
                lines += exporters[instance].fail(moment)
                exporters[instance] = ScrapedExporter(instance, moment + step_seconds - 1, records)
                continue
            failure = story.failure(instance, end - moment)
            seen = seen or failure is None
            are_records_served = not story.RECORDS_LOST.covers(end - moment, instance)
            lines += exporters[instance].scrape(
                moment, backends, failure, are_records_served=are_records_served
            )
        lines += alerts.evaluate(moment, backends.backends if seen else None)
        yield moment, lines
