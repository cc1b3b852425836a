import platform

import pytest

from exporter import __version__
from exporter.common.build_info import revision
from exporter.common.errors import REASONS
from exporter.metrics.exporter import ExporterMetrics, ScrapeCollector
from exporter.records.backends import FIELDS
from exporter.records.characterizations import RECORD_FIELDS
from exporter.records.json_values import Rejection

FAILURES = ("ionq_exporter_api_failures_total", "ionq_exporter_characterization_failures_total")


def counts(telemetry: ExporterMetrics, name: str, label: str) -> dict[str, float]:
    return {
        sample.labels[label]: sample.value
        for ledger in telemetry.ledgers
        for family in ledger.collect()
        for sample in family.samples
        if sample.name == name
    }


def requests(telemetry: ExporterMetrics) -> float | None:
    return telemetry.requests.get_sample_value("ionq_exporter_api_requests_total")


def characterization_requests(telemetry: ExporterMetrics) -> float | None:
    return telemetry.incidents.get_sample_value("ionq_exporter_characterization_requests_total")


def versions(telemetry: ExporterMetrics) -> list[int]:
    return [ledger.version for ledger in telemetry.ledgers]


@pytest.mark.parametrize("name", FAILURES)
def test_every_reason_of_a_failure_is_present_from_the_start_with_0(name: str) -> None:
    assert counts(ExporterMetrics(), name, "reason") == {
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
    assert counts(ExporterMetrics(), "ionq_exporter_rejected_values_total", "field") == {
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
        "record": 0,
        "record.id": 0,
        "record.backend": 0,
        "record.date": 0,
        "record.qubits": 0,
        "record.connectivity": 0,
        "record.fidelity": 0,
        "record.timing": 0,
    }


def test_the_counters_of_requests_are_present_from_the_start_with_0() -> None:
    assert requests(ExporterMetrics()) == 0
    assert characterization_requests(ExporterMetrics()) == 0


def test_requests_add_up() -> None:
    telemetry = ExporterMetrics()
    telemetry.count_request()
    telemetry.count_request()
    assert requests(telemetry) == 2
    assert characterization_requests(telemetry) == 0


def test_a_request_for_a_characterization_is_one_of_all_requests() -> None:
    telemetry = ExporterMetrics()
    telemetry.count_characterization_request()
    telemetry.count_request()
    assert requests(telemetry) == 2
    assert characterization_requests(telemetry) == 1


@pytest.mark.parametrize("reason", REASONS)
def test_a_failure_is_counted_under_its_reason_and_no_other(reason: str) -> None:
    telemetry = ExporterMetrics()
    telemetry.count_failure(reason)
    assert [counts(telemetry, name, "reason") for name in FAILURES] == [
        {**dict.fromkeys(REASONS, 0), reason: 1},
        dict.fromkeys(REASONS, 0),
    ]


@pytest.mark.parametrize("reason", REASONS)
def test_a_failure_to_read_a_characterization_is_no_failure_of_a_scrape(reason: str) -> None:
    telemetry = ExporterMetrics()
    telemetry.count_characterization_failure(reason)
    assert [counts(telemetry, name, "reason") for name in FAILURES] == [
        dict.fromkeys(REASONS, 0),
        {**dict.fromkeys(REASONS, 0), reason: 1},
    ]


def test_each_rejected_value_and_each_row_is_counted_under_its_field() -> None:
    telemetry = ExporterMetrics()
    telemetry.count_rejections(
        [
            Rejection("qubits", "a", ""),
            Rejection("qubits", "b", ""),
            Rejection("row", "row 10001", "", count=7),
        ]
    )
    telemetry.count_rejections([Rejection("qubits", "a", ""), Rejection("record.qubits", "a", "")])
    counted = counts(telemetry, "ionq_exporter_rejected_values_total", "field")
    assert counted == {
        **dict.fromkeys((*FIELDS, *RECORD_FIELDS), 0),
        "qubits": 3,
        "row": 7,
        "record.qubits": 1,
    }


def test_the_build_is_named_by_version_revision_and_python() -> None:
    labels = {"version": __version__, "revision": revision(), "python_version": platform.python_version()}
    assert ExporterMetrics().incidents.get_sample_value("ionq_exporter_build_info", labels) == 1


def test_two_telemetries_share_no_counter() -> None:
    first, second = ExporterMetrics(), ExporterMetrics()
    first.count_request()
    assert requests(second) == 0


def test_a_ledger_has_a_new_version_for_each_change_and_only_then() -> None:
    telemetry = ExporterMetrics()
    assert versions(telemetry) == [0, 0]
    telemetry.count_request()
    assert versions(telemetry) == [1, 0]
    telemetry.count_failure("timeout")
    assert versions(telemetry) == [1, 1]
    telemetry.count_rejections([])
    assert versions(telemetry) == [1, 1]
    telemetry.count_rejections([Rejection("qubits", "a", "")])
    assert versions(telemetry) == [1, 2]
    telemetry.count_characterization_failure("timeout")
    assert versions(telemetry) == [1, 3]
    telemetry.count_characterization_request()
    assert versions(telemetry) == [2, 4]


@pytest.mark.parametrize(("up", "value"), [(True, 1), (False, 0)])
def test_a_scrape_says_whether_it_worked_and_how_long_it_waited(up: bool, value: float) -> None:  # noqa: FBT001
    families = ScrapeCollector(up=up, duration_seconds=0.0831).collect()
    assert [(sample.name, sample.value) for family in families for sample in family.samples] == [
        ("ionq_up", value),
        ("ionq_scrape_duration_seconds", 0.0831),
    ]
