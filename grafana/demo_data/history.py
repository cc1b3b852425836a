"""The weeks before a moment, as samples in the order of time."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from itertools import chain, count, pairwise, takewhile

from exporter.metrics.exporter import ExporterMetrics
from exporter.records.backends import parse_backends
from exporter.records.status_page import parse_status_page
from exporter.simulator import Characterizations, Fleet, StatusPage
from grafana.demo_data import story
from grafana.demo_data.alerts import AlertHistory
from grafana.demo_data.blocks import Sample
from grafana.demo_data.characterization_reads import CharacterizationReads
from grafana.demo_data.scrapes import ScrapedExporter

DAYS = 14
DAY_SECONDS = 86400
STEP_SECONDS = 60
"""Between two scrapes of the last day, which the dashboards show first."""
OLDER_STEP_SECONDS = 240
"""Between two scrapes before it: as rare as Prometheus, which looks back five minutes, can bear."""

_LAST_DAY_SECONDS = DAY_SECONDS + 3600
_UPTIME_BEFORE = 5 * DAY_SECONDS + 3600


def scrape_times(
    end: int, *, days: float, step_seconds: int = STEP_SECONDS, clock: Callable[[], float] | None = None
) -> Iterator[int]:
    """Return the Unix times of scrapes, the older ones further apart.

    They end at ``end`` or, with a clock, when they have come up with it.
    """
    begin = end - round(days * DAY_SECONDS)
    last_day = max(begin, end - _LAST_DAY_SECONDS // step_seconds * step_seconds)
    older_step_seconds = max(step_seconds, OLDER_STEP_SECONDS)
    return chain(
        range(begin, last_day, older_step_seconds),
        takewhile(lambda moment: moment <= (clock() if clock else end), count(last_day, step_seconds)),
    )


def live(
    end: int,
    *,
    seed: int = 1,
    days: float = DAYS,
    step_seconds: int = STEP_SECONDS,
    clock: Callable[[], float] | None = None,
) -> Iterator[Sample]:
    """Simulate the time before a Unix time, and yield what was scraped on the way.

    With a clock, go on until now: the incidents stay where they are, before ``end``.
    """
    times = scrape_times(end, days=days, step_seconds=step_seconds, clock=clock)
    with closing(asyncio.new_event_loop()) as loop:
        yield from _live(
            times,
            end,
            Fleet(seed),
            StatusPage(seed),
            partial(CharacterizationReads, loop, Characterizations(seed)),
        )


def _live(
    times: Iterator[int],
    end: int,
    fleet: Fleet,
    status_page: StatusPage,
    reads: Callable[[ExporterMetrics], CharacterizationReads],
) -> Iterator[Sample]:
    begin = next(times)
    exporters = {name: ScrapedExporter(name, begin - _UPTIME_BEFORE, reads) for name in story.INSTANCES}
    alerts = AlertHistory()
    for moment, next_moment in pairwise(chain([begin], times, [end + 1])):
        now = datetime.fromtimestamp(moment, UTC)
        backends = parse_backends(story.response(fleet, now, end - moment))
        page = parse_status_page(story.status_page(status_page, now, end - moment), {})
        lines: list[str] = []
        seen = False
        for instance in story.INSTANCES:
            if not story.is_running(instance, end - moment):
                lines += exporters[instance].fail(moment)
                exporters[instance] = ScrapedExporter(instance, next_moment - 1, reads)
                continue
            failure = story.failure(instance, end - moment)
            seen = seen or failure is None
            are_served = not story.CHARACTERIZATIONS_LOST.covers(end - moment, instance)
            lines += exporters[instance].scrape(
                moment, backends, failure, page, are_characterizations_served=are_served
            )
        lines += alerts.evaluate(moment, backends.backends if seen else None, page.maintenances)
        yield moment, lines
