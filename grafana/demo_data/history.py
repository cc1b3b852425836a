"""The weeks before a moment, as samples in the order of time."""

from collections.abc import Iterator
from datetime import UTC, datetime

from exporter.backends import parse_backends
from exporter.simulator import Fleet
from grafana.demo_data import story
from grafana.demo_data.alerts import AlertHistory
from grafana.demo_data.blocks import Sample
from grafana.demo_data.scrapes import ScrapedExporter

DAYS = 14
STEP_SECONDS = 60

_DAY = 86400
_UPTIME_BEFORE = 5 * _DAY + 3600


def live(
    end: int, *, seed: int = 1, days: float = DAYS, step_seconds: int = STEP_SECONDS
) -> Iterator[Sample]:
    """Live through the time before a Unix time, and yield what was scraped on the way."""
    fleet = Fleet(seed)
    begin = end - round(days * _DAY)
    exporters = {name: ScrapedExporter(name, begin - _UPTIME_BEFORE) for name in story.INSTANCES}
    alerts = AlertHistory()
    for moment in range(begin, end + 1, step_seconds):
        backends = parse_backends(story.answer(fleet, datetime.fromtimestamp(moment, UTC), end - moment))
        lines: list[str] = []
        seen = False
        for instance in story.INSTANCES:
            if not story.is_running(instance, end - moment):
                lines += exporters[instance].fail(moment)
                exporters[instance] = ScrapedExporter(instance, moment + step_seconds - 1)
                continue
            failure = story.failure(instance, end - moment)
            seen = seen or failure is None
            lines += exporters[instance].scrape(moment, backends, failure)
        lines += alerts.evaluate(moment, backends.backends if seen else None)
        yield moment, lines
