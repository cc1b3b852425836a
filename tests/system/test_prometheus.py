"""A real Prometheus scrapes the exporter."""

from collections.abc import Iterator

import httpx
import pytest

from exporter.common.errors import REASONS
from exporter.metrics.backends import BACKEND_FAMILIES
from exporter.metrics.characterizations import CHARACTERIZATION_FAMILIES
from exporter.records import backends, characterizations, status_page
from exporter.records.backends import KNOWN_STATUSES
from exporter.records.characterizations import MEASURED_OPERATIONS, TIMED_OPERATIONS
from tests.support.exporter_process import ExporterProcess
from tests.support.prometheus import Prometheus, eventually, running_prometheus
from tests.support.tools import require_tool
from tests.support.upstream import Upstream, ok, status

HELP = {metric.name: metric.help for metric in BACKEND_FAMILIES} | {
    metric.name: metric.help for metric in CHARACTERIZATION_FAMILIES
}
FORTE = '{backend="qpu.forte-1",location="College Park, MD, USA"}'


@pytest.fixture(scope="module")
def flags() -> tuple[str, ...]:
    return ("--collector.characterizations",)


@pytest.fixture(scope="module")
def prometheus(exporter: ExporterProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    program = require_tool("prometheus", package="prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    with running_prometheus(program, httpx.URL(exporter.urls[0]), folder) as prometheus:
        yield prometheus


def test_prometheus_stores_every_metric_of_the_contract(prometheus: Prometheus) -> None:
    eventually(lambda: prometheus.query("ionq_up == 1"))
    for name in HELP:
        assert prometheus.query(name + FORTE), name
    stored = {
        name: {labels.get(label) for labels, _ in prometheus.query(name)}
        for name, label in (
            ("ionq_scrape_duration_seconds", "job"),
            ("ionq_exporter_api_requests_total", "job"),
            ("ionq_exporter_api_failures_total", "reason"),
            ("ionq_exporter_rejected_values_total", "field"),
            ("ionq_exporter_characterization_requests_total", "job"),
            ("ionq_exporter_characterization_failures_total", "reason"),
            ("ionq_exporter_build_info", "job"),
            ("process_resident_memory_bytes", "job"),
            ("python_info", "job"),
            ("ionq_backend_status", "status"),
            ("ionq_backend_fidelity_ratio", "operation"),
            ("ionq_backend_operation_duration_seconds", "operation"),
        )
    }
    assert stored == {
        "ionq_scrape_duration_seconds": {"ionq"},
        "ionq_exporter_api_requests_total": {"ionq"},
        "ionq_exporter_api_failures_total": set(REASONS),
        "ionq_exporter_rejected_values_total": {
            *backends.REJECTED_FIELDS,
            *characterizations.REJECTED_FIELDS,
            *status_page.REJECTED_FIELDS,
        },
        "ionq_exporter_characterization_requests_total": {"ionq"},
        "ionq_exporter_characterization_failures_total": set(REASONS),
        "ionq_exporter_build_info": {"ionq"},
        "process_resident_memory_bytes": {"ionq"},
        "python_info": {"ionq"},
        "ionq_backend_status": set(KNOWN_STATUSES),
        "ionq_backend_fidelity_ratio": set(MEASURED_OPERATIONS),
        "ionq_backend_operation_duration_seconds": set(TIMED_OPERATIONS),
    }


def test_prometheus_stores_the_right_values(prometheus: Prometheus) -> None:
    eventually(lambda: prometheus.query("ionq_up == 1"))
    values = {name: sorted(value for _, value in prometheus.query(name + FORTE + " != 0")) for name in HELP}
    assert values == {
        "ionq_backend_qubits": [36],
        "ionq_backend_average_queue_time_seconds": [1533413],
        "ionq_backend_energy_kwh": [4902.81],
        "ionq_backend_degraded": [],
        "ionq_backend_status": [1],
        "ionq_backend_last_updated_timestamp_seconds": [1750032000],
        "ionq_backend_characterization_info": [1],
        "ionq_backend_has_access": [1],
        "ionq_backend_fidelity_ratio": [0.995, 0.9962, 0.9998],
        "ionq_backend_fidelity_standard_error_ratio": [0.0001],
        "ionq_backend_operation_duration_seconds": [0.00005, 0.00013, 0.00015, 0.00097],
        "ionq_backend_t1_seconds": [100],
        "ionq_backend_t2_seconds": [1],
        "ionq_backend_connected_qubit_pairs": [3],
        "ionq_backend_characterized_qubits": [36],
        "ionq_backend_characterization_timestamp_seconds": [1750032000],
        "ionq_backend_characterization_record_info": [1],
        "ionq_backend_characterization_current": [1],
    }
    assert prometheus.query(f"ionq_backend_degraded{FORTE} == 0")


def test_prometheus_knows_type_and_help(prometheus: Prometheus) -> None:
    metadata = eventually(prometheus.metadata)
    for name, text in HELP.items():
        (told,) = metadata[name]
        assert (told["type"], told["help"]) == ("gauge", text)


def test_backend_series_go_stale_within_one_interval_of_a_failure_and_come_back(
    prometheus: Prometheus, upstream: Upstream
) -> None:
    eventually(lambda: prometheus.query("ionq_backend_qubits"))
    upstream.answers(status(500))
    eventually(lambda: prometheus.query("ionq_up == 0"))
    # The scrape that says so is the one that ends the series.
    assert prometheus.query('{__name__=~"ionq_backend_.*"}') == []
    assert prometheus.query('ionq_exporter_api_failures_total{reason="http_status"} > 0')
    assert prometheus.query("up == 1")
    upstream.answers(ok())
    eventually(lambda: prometheus.query("ionq_up == 1"))
    assert len(prometheus.query("ionq_backend_qubits")) == 2


def test_a_backend_that_ionq_no_longer_lists_goes_stale_alone(
    prometheus: Prometheus, upstream: Upstream
) -> None:
    eventually(lambda: len(prometheus.query("ionq_backend_qubits")) == 2)
    upstream.answers(ok(b'[{"backend": "simulator", "qubits": 29}]'))
    eventually(lambda: len(prometheus.query("ionq_backend_qubits")) == 1)
    assert prometheus.query("ionq_up == 1")
