"""What Prometheus would have stored of an exporter, scrape by scrape, as lines of OpenMetrics."""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from exporter.metrics.encoding import Format
from exporter.metrics.exporter import ExporterMetrics
from exporter.metrics.exposition import encode_scrape
from exporter.records.backends import BackendList
from exporter.records.scrape import Scrape
from exporter.records.status_page import StatusPage, StatusPageReading
from exporter.simulator.fleet.random_draws import between, smooth
from grafana.demo_data.characterization_reads import CharacterizationReads
from grafana.demo_data.story import Failure

JOB = "ionq-exporter"
_USUAL_RESPONSE_SECONDS = 0.11
_WAY_BACK_SECONDS = 0.004
_CPU_SECONDS_PER_SCRAPE = 0.0024
_MEBIBYTE = 1 << 20


class ScrapedExporter:
    """An exporter that lives in simulated time: the real counters and expositions, a made-up process."""

    def __init__(
        self, instance: str, started_at: int, reads: Callable[[ExporterMetrics], CharacterizationReads]
    ) -> None:
        self._labels = f'job="{JOB}",instance="{instance}"'
        self._instance = instance
        self._started_at = started_at
        self._scrapes = 0
        self._metrics = ExporterMetrics()
        self._reads = reads(self._metrics)

    def scrape(
        self,
        moment: int,
        backends: BackendList,
        failure: Failure | None,
        page: StatusPage,
        *,
        are_characterizations_served: bool,
    ) -> Iterator[str]:
        """Scrape at a Unix time, and yield everything that is stored for it."""
        self._scrapes += 1
        if failure:
            seconds, requests = failure.seconds, failure.requests
            self._metrics.count_failure(failure.error.reason)
        else:
            seconds, requests = self._response_seconds(moment), 1
            self._metrics.count_rejections(backends.rejections)
        for _ in range(requests):
            self._metrics.count_request()
        self._metrics.count_status_page_request()
        now = datetime.fromtimestamp(moment, UTC)
        reading = StatusPageReading(page, moment)
        if failure:
            scrape = Scrape(now, seconds, error=failure.error, status_page=reading)
        else:
            listed = backends.backends
            characterized = self._reads.at(moment, listed, are_served=are_characterizations_served)
            scrape = Scrape(now, seconds, backends=listed, characterized=characterized, status_page=reading)
        process = self._process(moment)
        stored = 0
        for line in encode_scrape(scrape, self._metrics, Format.OPENMETRICS).decode().splitlines():
            if not line.startswith("#"):
                name, labels, value = _split(line)
                stored += 1
                yield self._line(name, labels, process.get(name, value), moment)
        yield self._line("up", "", "1", moment)
        yield self._line("scrape_duration_seconds", "", repr(seconds + _WAY_BACK_SECONDS), moment)
        yield self._line("scrape_samples_scraped", "", str(stored), moment)

    def fail(self, moment: int) -> Iterator[str]:
        """Yield what is stored when the exporter is down."""
        yield self._line("up", "", "0", moment)
        yield self._line("scrape_duration_seconds", "", "0.0012", moment)
        yield self._line("scrape_samples_scraped", "", "0", moment)

    def _line(self, name: str, labels: str, value: str, moment: int) -> str:
        return f"{name}{{{self._labels}{',' if labels else ''}{labels}}} {value} {moment}\n"

    def _response_seconds(self, moment: int) -> float:
        key = (self._instance, "response")
        slowly = 0.5 * smooth(moment / 21600, *key, "hours")
        return _USUAL_RESPONSE_SECONDS * math.exp(slowly + between(-0.3, 0.5, *key, moment))

    def _process(self, moment: int) -> dict[str, str]:
        """Return the metrics of the simulated process, in place of those of this one."""
        hours = (moment - self._started_at) / 3600
        warmed_up = 52 + 3 * (1 - math.exp(-hours)) + 0.6 * smooth(hours / 5, self._instance, "memory")
        return {
            "process_start_time_seconds": f"{self._started_at}",
            "process_cpu_seconds_total": f"{0.4 + self._scrapes * _CPU_SECONDS_PER_SCRAPE:.4f}",
            "process_resident_memory_bytes": f"{warmed_up * _MEBIBYTE:.0f}",
            "process_virtual_memory_bytes": f"{(warmed_up + 190) * _MEBIBYTE:.0f}",
            "process_open_fds": "11",
        }


def _split(line: str) -> tuple[str, str, str]:
    """Split a sample into its name, what stands between its braces, and its value."""
    series, _, value = line.rpartition(" ")
    name, _, labels = series.partition("{")
    return name, labels.removesuffix("}"), value
