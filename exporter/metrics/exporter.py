"""The exporter's metrics about itself and about its scrapes."""

import platform
from collections.abc import Iterable, Iterator

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, PlatformCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from exporter import __version__
from exporter.common.build_info import revision
from exporter.common.errors import REASONS
from exporter.common.logging import stderr_writer
from exporter.metrics.process import ProcessConstantsCollector, ProcessUsageCollector
from exporter.records.backends import FIELDS
from exporter.records.characterizations import RECORD_FIELDS
from exporter.records.json_values import Rejection


class Ledger(CollectorRegistry):
    """A registry that knows when it changed, so that what was written of it can be kept till then."""

    def __init__(self) -> None:
        super().__init__()
        self.version = 0


class ExporterMetrics:
    """Counters that live as long as the process."""

    def __init__(self) -> None:
        # A process's start is told once by process_start_time_seconds, not once for each counter.
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.requests = Ledger()
        """What changes with each request to IonQ."""
        self.incidents = Ledger()
        """What changes seldom: when something goes wrong or is read once, or never."""
        self.usage = ProcessUsageCollector()
        """What changes all the time: what the process uses."""
        self.constants = CollectorRegistry()
        """What never changes: the process's start and limits, and the Python that runs it."""
        self.constants.register(ProcessConstantsCollector())
        PlatformCollector(registry=self.constants)
        self._api_requests = Counter(
            "ionq_exporter_api_requests_total",
            "Requests sent to IonQ, retries included.",
            registry=self.requests,
        )
        self._api_failures = Counter(
            "ionq_exporter_api_failures_total",
            "Scrapes that ended with ionq_up 0, by reason.",
            ["reason"],
            registry=self.incidents,
        )
        self._rejected_values = Counter(
            "ionq_exporter_rejected_values_total",
            "Values, rows and records in IonQ's answers that were not valid, by field.",
            ["field"],
            registry=self.incidents,
        )
        self._characterization_requests = Counter(
            "ionq_exporter_characterization_requests_total",
            "Of the requests sent to IonQ, those for characterizations.",
            registry=self.incidents,
        )
        self._characterization_failures = Counter(
            "ionq_exporter_characterization_failures_total",
            "Reads of a characterization that failed, by reason; none costs a metric of /backends.",
            ["reason"],
            registry=self.incidents,
        )
        self.incidents.register(LogCollector())
        build_info = Gauge(
            "ionq_exporter_build_info",
            "Version and revision of the exporter, and the Python that runs it: always 1.",
            ["version", "revision", "python_version"],
            registry=self.incidents,
        )
        build_info.labels(__version__, revision(), platform.python_version()).set(1)
        for reason in REASONS:
            self._api_failures.labels(reason)
            self._characterization_failures.labels(reason)
        for field in (*FIELDS, *RECORD_FIELDS):
            self._rejected_values.labels(field)

    @property
    def ledgers(self) -> tuple[Ledger, ...]:
        """All that the exporter tells about itself."""
        return self.requests, self.incidents

    def count_request(self) -> None:
        """Count a request sent to IonQ."""
        self._api_requests.inc()
        self.requests.version += 1

    def count_failure(self, reason: str) -> None:
        """Count a scrape that failed."""
        self._api_failures.labels(reason).inc()
        self.incidents.version += 1

    def count_characterization_request(self) -> None:
        """Count a request sent to IonQ for a characterization."""
        self.count_request()
        self._characterization_requests.inc()
        self.incidents.version += 1

    def count_characterization_failure(self, reason: str) -> None:
        """Count a read of a characterization that failed."""
        self._characterization_failures.labels(reason).inc()
        self.incidents.version += 1

    def count_rejections(self, rejections: Iterable[Rejection]) -> None:
        """Count what was not valid in one answer."""
        for rejection in rejections:
            self._rejected_values.labels(rejection.field).inc(rejection.count)
            self.incidents.version += 1


class LogCollector(Collector):
    """The number of log lines that could not be written, read from the log at each scrape."""

    def collect(self) -> Iterator[Metric]:
        """Yield the one family."""
        yield CounterMetricFamily(
            "ionq_exporter_log_lines_dropped_total",
            "Log lines that could not be written.",
            stderr_writer().dropped_lines,
        )


class ScrapeCollector(Collector):
    """What there is to say about one scrape.

    ::

        ionq_up 1.0
        ionq_scrape_duration_seconds 0.0831
    """

    def __init__(self, *, up: bool, duration_seconds: float) -> None:
        self._up = up
        self._duration_seconds = duration_seconds

    def collect(self) -> Iterator[Metric]:
        """Yield the two families of a scrape."""
        yield GaugeMetricFamily(
            "ionq_up", "Whether this scrape read IonQ's backends and understood them, 1 or 0.", self._up
        )
        yield GaugeMetricFamily(
            "ionq_scrape_duration_seconds",
            "How long this scrape waited for IonQ, in seconds.",
            self._duration_seconds,
            unit="seconds",
        )
