"""The exporter's metrics about itself."""

import platform
from collections.abc import Iterable

from exporter import __version__
from exporter.common.build_info import revision
from exporter.common.errors import REASONS
from exporter.common.logging import stderr_writer
from exporter.metrics.encoding import Family, Format, encode_label
from exporter.records import backends, characterizations, status_page
from exporter.records.json_values import Rejection

_API_REQUESTS = Family(
    name="ionq_exporter_api_requests_total",
    type="counter",
    help="Requests sent to IonQ, retries included.",
)
_API_FAILURES = Family(
    name="ionq_exporter_api_failures_total",
    type="counter",
    help="Scrapes that ended with ionq_up 0, by reason.",
)
_REJECTED_VALUES = Family(
    name="ionq_exporter_rejected_values_total",
    type="counter",
    help="Values, rows and other entries in IonQ's responses that were not valid, by field.",
)
_CHARACTERIZATION_REQUESTS = Family(
    name="ionq_exporter_characterization_requests_total",
    type="counter",
    help="Of the requests sent to IonQ, those for characterizations.",
)
_CHARACTERIZATION_FAILURES = Family(
    name="ionq_exporter_characterization_failures_total",
    type="counter",
    help="Reads of a characterization that failed, by reason. None costs a metric of /backends.",
)
_STATUS_PAGE_REQUESTS = Family(
    name="ionq_exporter_status_page_requests_total",
    type="counter",
    help="Requests sent to IonQ's status page.",
)
_STATUS_PAGE_FAILURES = Family(
    name="ionq_exporter_status_page_failures_total",
    type="counter",
    help="Reads of IonQ's status page that failed, by reason. None costs another metric.",
)
_LOG_LINES_DROPPED = Family(
    name="ionq_exporter_log_lines_dropped_total",
    type="counter",
    help="Log lines that could not be written.",
)
_BUILD_INFO = Family(
    name="ionq_exporter_build_info",
    help="Version and revision of the exporter, and the Python that runs it: always 1.",
)


class ExporterMetrics:
    """Counters that live as long as the process."""

    def __init__(self) -> None:
        self.api_requests = 0
        self.api_failures = dict.fromkeys(REASONS, 0.0)
        self.rejected_values = dict.fromkeys(
            (
                *backends.REJECTED_FIELDS,
                *characterizations.REJECTED_FIELDS,
                *status_page.REJECTED_FIELDS,
            ),
            0.0,
        )
        self.characterization_requests = 0
        self.characterization_failures = dict.fromkeys(REASONS, 0.0)
        self.status_page_requests = 0
        self.status_page_failures = dict.fromkeys(REASONS, 0.0)

    def count_request(self) -> None:
        """Count a request sent to IonQ."""
        self.api_requests += 1

    def count_failure(self, reason: str) -> None:
        """Count a scrape that failed."""
        self.api_failures[reason] += 1

    def count_characterization_request(self) -> None:
        """Count a request sent to IonQ for a characterization."""
        self.count_request()
        self.characterization_requests += 1

    def count_characterization_failure(self, reason: str) -> None:
        """Count a read of a characterization that failed."""
        self.characterization_failures[reason] += 1

    def count_status_page_request(self) -> None:
        """Count a request sent to the status page, which is none to the API."""
        self.status_page_requests += 1

    def count_status_page_failure(self, reason: str) -> None:
        """Count a read of the status page that failed."""
        self.status_page_failures[reason] += 1

    def count_rejections(self, rejections: Iterable[Rejection]) -> None:
        """Count what was not valid in one response."""
        for rejection in rejections:
            self.rejected_values[rejection.field] += rejection.count

    def encode(self, form: Format) -> str:
        """Return all families. Every label value is present from the start, with 0."""
        return "".join(
            (
                _API_REQUESTS.encode(self.api_requests, form),
                _API_FAILURES.encode_by("reason", self.api_failures, form),
                _REJECTED_VALUES.encode_by("field", self.rejected_values, form),
                _CHARACTERIZATION_REQUESTS.encode(self.characterization_requests, form),
                _CHARACTERIZATION_FAILURES.encode_by("reason", self.characterization_failures, form),
                _STATUS_PAGE_REQUESTS.encode(self.status_page_requests, form),
                _STATUS_PAGE_FAILURES.encode_by("reason", self.status_page_failures, form),
                _LOG_LINES_DROPPED.encode(stderr_writer().dropped_lines, form),
                _BUILD_INFO.heads[form],
                _BUILD_INFO_SAMPLE,
            )
        )


_BUILD_INFO_LABELS = ",".join(
    (
        encode_label("python_version", platform.python_version()),
        encode_label("revision", revision()),
        encode_label("version", __version__),
    )
)
_BUILD_INFO_SAMPLE = f"{_BUILD_INFO.name}{{{_BUILD_INFO_LABELS}}} 1.0\n"
