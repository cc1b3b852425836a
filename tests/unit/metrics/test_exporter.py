import platform

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter import __version__
from exporter.common.build_info import revision
from exporter.common.errors import REASONS
from exporter.metrics.encoding import Format
from exporter.metrics.exporter import ExporterMetrics
from exporter.records import backends, characterizations, status_page
from exporter.records.json_values import Rejection

API_FAILURES = "ionq_exporter_api_failures_total"
CHARACTERIZATION_FAILURES = "ionq_exporter_characterization_failures_total"
REJECTED_VALUES = "ionq_exporter_rejected_values_total"
API_REQUESTS = "ionq_exporter_api_requests_total"
CHARACTERIZATION_REQUESTS = "ionq_exporter_characterization_requests_total"
STATUS_PAGE_REQUESTS = "ionq_exporter_status_page_requests_total"
STATUS_PAGE_FAILURES = "ionq_exporter_status_page_failures_total"


def counts(metrics: ExporterMetrics, name: str) -> dict[str, float]:
    """Return the samples of a counter by the value of its label, "" without one."""
    return {
        next(iter(sample.labels.values()), ""): sample.value
        for family in text_string_to_metric_families(metrics.encode(Format.TEXT))
        for sample in family.samples
        if sample.name == name
    }


@pytest.mark.parametrize("name", [API_FAILURES, CHARACTERIZATION_FAILURES, STATUS_PAGE_FAILURES])
def test_every_reason_of_a_failure_is_present_from_the_start_with_0(name: str) -> None:
    assert counts(ExporterMetrics(), name) == {
        "connect": 0,
        "tls": 0,
        "timeout": 0,
        "protocol": 0,
        "http_status": 0,
        "redirect": 0,
        "rate_limited": 0,
        "too_large": 0,
        "invalid_json": 0,
        "unexpected_shape": 0,
    }


def test_every_field_that_can_be_rejected_is_present_from_the_start_with_0() -> None:
    assert counts(ExporterMetrics(), REJECTED_VALUES) == {
        "row": 0,
        "backend": 0,
        "location": 0,
        "status": 0,
        "qubits": 0,
        "average_queue_time": 0,
        "kw": 0,
        "degraded": 0,
        "last_updated": 0,
        "characterization_id": 0,
        "has_access": 0,
        "record": 0,
        "record.id": 0,
        "record.backend": 0,
        "record.date": 0,
        "record.qubits": 0,
        "record.connectivity": 0,
        "record.fidelity": 0,
        "record.timing": 0,
        "status_page.indicator": 0,
        "status_page.component": 0,
        "status_page.incident": 0,
        "status_page.maintenance": 0,
    }


@pytest.mark.parametrize("name", [API_REQUESTS, CHARACTERIZATION_REQUESTS, STATUS_PAGE_REQUESTS])
def test_the_counters_of_requests_are_present_from_the_start_with_0(name: str) -> None:
    assert counts(ExporterMetrics(), name) == {"": 0}


def test_a_request_for_a_characterization_is_one_of_all_requests() -> None:
    metrics = ExporterMetrics()
    metrics.count_characterization_request()
    metrics.count_request()
    assert counts(metrics, API_REQUESTS) == {"": 2}
    assert counts(metrics, CHARACTERIZATION_REQUESTS) == {"": 1}


@pytest.mark.parametrize("reason", REASONS)
def test_a_failure_is_counted_under_its_reason_and_no_other(reason: str) -> None:
    metrics = ExporterMetrics()
    metrics.count_failure(reason)
    assert counts(metrics, API_FAILURES) == {**dict.fromkeys(REASONS, 0), reason: 1}
    assert counts(metrics, CHARACTERIZATION_FAILURES) == dict.fromkeys(REASONS, 0)


@pytest.mark.parametrize("reason", REASONS)
def test_a_failure_to_read_a_characterization_is_no_failure_of_a_scrape(reason: str) -> None:
    metrics = ExporterMetrics()
    metrics.count_characterization_failure(reason)
    assert counts(metrics, CHARACTERIZATION_FAILURES) == {**dict.fromkeys(REASONS, 0), reason: 1}
    assert counts(metrics, API_FAILURES) == dict.fromkeys(REASONS, 0)


@pytest.mark.parametrize("reason", REASONS)
def test_a_failure_to_read_the_status_page_is_no_failure_of_a_scrape(reason: str) -> None:
    metrics = ExporterMetrics()
    metrics.count_status_page_failure(reason)
    assert counts(metrics, STATUS_PAGE_FAILURES) == {**dict.fromkeys(REASONS, 0), reason: 1}
    assert counts(metrics, API_FAILURES) == dict.fromkeys(REASONS, 0)


def test_a_request_to_the_status_page_is_no_request_to_the_api() -> None:
    metrics = ExporterMetrics()
    metrics.count_status_page_request()
    assert counts(metrics, STATUS_PAGE_REQUESTS) == {"": 1}
    assert counts(metrics, API_REQUESTS) == {"": 0}


def test_each_rejected_value_and_each_row_is_counted_under_its_field() -> None:
    metrics = ExporterMetrics()
    metrics.count_rejections(
        [
            Rejection("qubits", "a", ""),
            Rejection("qubits", "b", ""),
            Rejection("row", "row 501", "", count=7),
        ]
    )
    metrics.count_rejections([Rejection("qubits", "a", ""), Rejection("record.qubits", "a", "")])
    fields = (
        *backends.REJECTED_FIELDS,
        *characterizations.REJECTED_FIELDS,
        *status_page.REJECTED_FIELDS,
    )
    assert counts(metrics, REJECTED_VALUES) == {
        **dict.fromkeys(fields, 0),
        "qubits": 3,
        "row": 7,
        "record.qubits": 1,
    }


def test_the_build_is_named_by_version_revision_and_python() -> None:
    assert (
        f'ionq_exporter_build_info{{python_version="{platform.python_version()}",revision="{revision()}",'
        f'version="{__version__}"}} 1.0\n'
    ) in ExporterMetrics().encode(Format.TEXT)


def test_two_exporters_in_one_process_share_no_counter() -> None:
    first, second = ExporterMetrics(), ExporterMetrics()
    first.count_request()
    assert counts(second, API_REQUESTS) == {"": 0}
