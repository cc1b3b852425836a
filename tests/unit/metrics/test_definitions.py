from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest

from exporter.metrics.definitions import (
    BACKEND_METRICS,
    CHARACTERIZATION_METRICS,
    RECORD_METRICS,
    BackendCollector,
)
from exporter.records.backends import FIELDS, Backend
from exporter.records.characterizations import RECORD_FIELDS, Characterization, CharacterizedBackend
from tests.support.repository import GOLDEN
from tests.support.samples import CHARACTERIZED_FORTE, FORTE, SIMULATOR


def exposition(*backends: Backend) -> str:
    return generate_latest(BackendCollector(BACKEND_METRICS, backends)).decode()


def exposition_of_records(*backends: CharacterizedBackend) -> str:
    return generate_latest(BackendCollector(CHARACTERIZATION_METRICS, backends)).decode()


def samples(*backends: Backend) -> list[str]:
    return [line for line in exposition(*backends).splitlines() if not line.startswith("#")]


def test_every_field_of_a_backend_becomes_the_metric_that_users_rely_on() -> None:
    assert exposition(FORTE, SIMULATOR) == (GOLDEN / "backends.prom").read_text()


def test_a_value_that_ionq_did_not_send_is_an_absent_sample() -> None:
    assert exposition(Backend("simulator")) == ""


def test_no_backends_are_no_families() -> None:
    assert exposition() == ""


def test_a_machine_that_is_degraded_says_1() -> None:
    assert samples(Backend("a", degraded=True)) == ['ionq_backend_degraded{backend="a",location=""} 1.0']


def test_an_undocumented_state_is_one_more_sample_and_the_only_one_that_is_1() -> None:
    assert samples(Backend("a", status="calibrating"), Backend("b", status="retired")) == [
        'ionq_backend_status{backend="a",location="",status="available"} 0.0',
        'ionq_backend_status{backend="a",location="",status="unavailable"} 0.0',
        'ionq_backend_status{backend="a",location="",status="retired"} 0.0',
        'ionq_backend_status{backend="a",location="",status="calibrating"} 1.0',
        'ionq_backend_status{backend="b",location="",status="available"} 0.0',
        'ionq_backend_status{backend="b",location="",status="unavailable"} 0.0',
        'ionq_backend_status{backend="b",location="",status="retired"} 1.0',
    ]


def test_a_zero_that_ionq_sent_is_a_zero() -> None:
    zeros = Backend(
        "a", qubits=0, average_queue_time_seconds=0, energy_kwh=0, last_updated_timestamp_seconds=0
    )
    assert samples(zeros) == [
        'ionq_backend_qubits{backend="a",location=""} 0.0',
        'ionq_backend_average_queue_time_seconds{backend="a",location=""} 0.0',
        'ionq_backend_energy_kwh{backend="a",location=""} 0.0',
        'ionq_backend_last_updated_timestamp_seconds{backend="a",location=""} 0.0',
    ]


def test_a_name_cannot_break_out_of_its_label() -> None:
    assert samples(Backend('a"} 1\\', location="{x}", qubits=1)) == [
        r'ionq_backend_qubits{backend="a\"} 1\\",location="{x}"} 1.0'
    ]


def test_a_collector_yields_the_same_each_time() -> None:
    collector = BackendCollector(BACKEND_METRICS, iter([FORTE]))
    assert list(collector.collect()) == list(collector.collect())


# Characterizations


WITH_GAPS = CharacterizedBackend(
    "qpu.aria-1",
    "",
    "an-id-that-ionq-names",
    Characterization(
        "an-id-that-ionq-names", fidelity={"spam": 0.99}, duration_seconds={"readout": 0.0002}, t2_seconds=0.0
    ),
)
NOT_CURRENT = CharacterizedBackend(
    "qpu.harmony", "Basel", "a-new-id", Characterization("the-id-before-it", qubits=11, fidelity={"2q": 1.0})
)
UNKNOWN = CharacterizedBackend("qpu.tempo-1", "", "an-id-not-read-yet")


def test_every_value_of_a_characterization_becomes_the_metric_that_users_rely_on() -> None:
    assert (
        exposition_of_records(CHARACTERIZED_FORTE, WITH_GAPS, NOT_CURRENT, UNKNOWN)
        == (GOLDEN / "characterizations.prom").read_text()
    )


def test_of_a_record_that_is_not_known_yet_nothing_is_shown_but_that() -> None:
    assert exposition_of_records(UNKNOWN).splitlines()[2:] == [
        'ionq_backend_characterization_current{backend="qpu.tempo-1",location=""} 0.0'
    ]


def test_no_characterizations_are_no_families() -> None:
    assert exposition_of_records() == ""


# What users may rely on


def test_the_metric_table_is_the_one_that_users_were_promised() -> None:
    # Name, field, and the labels beyond backend and location. Dashboards and alerts are written
    # against these: a change here is a breaking change.
    assert [(metric.name, metric.field, metric.label_names) for metric in BACKEND_METRICS] == [
        ("ionq_backend_qubits", "qubits", ("backend", "location")),
        ("ionq_backend_average_queue_time_seconds", "average_queue_time", ("backend", "location")),
        ("ionq_backend_energy_kwh", "kw", ("backend", "location")),
        ("ionq_backend_degraded", "degraded", ("backend", "location")),
        ("ionq_backend_status", "status", ("backend", "location", "status")),
        ("ionq_backend_last_updated_timestamp_seconds", "last_updated", ("backend", "location")),
        (
            "ionq_backend_characterization_info",
            "characterization_id",
            ("backend", "location", "characterization_id"),
        ),
    ]


def test_the_table_of_characterizations_is_the_one_that_users_were_promised() -> None:
    assert [
        (metric.name, metric.field, metric.label_names[2:], metric.unit)
        for metric in CHARACTERIZATION_METRICS
    ] == [
        ("ionq_backend_fidelity_ratio", "fidelity.*.median", ("operation",), "ratio"),
        ("ionq_backend_fidelity_standard_error_ratio", "fidelity.*.stderr", ("operation",), "ratio"),
        ("ionq_backend_operation_duration_seconds", "timing.*", ("operation",), "seconds"),
        ("ionq_backend_t1_seconds", "timing.t1", (), "seconds"),
        ("ionq_backend_t2_seconds", "timing.t2", (), "seconds"),
        ("ionq_backend_connected_qubit_pairs", "connectivity", (), ""),
        ("ionq_backend_characterized_qubits", "qubits", (), ""),
        ("ionq_backend_characterization_timestamp_seconds", "date", (), "seconds"),
        ("ionq_backend_characterization_record_info", "id", ("characterization_id",), ""),
        ("ionq_backend_characterization_current", "characterization_id", (), ""),
    ]
    assert {metric.label_names[:2] for metric in CHARACTERIZATION_METRICS} == {("backend", "location")}


def test_a_record_has_every_metric_but_the_one_that_tells_whether_it_is_current() -> None:
    assert CHARACTERIZATION_METRICS[:-1] == RECORD_METRICS


def test_a_value_that_is_rejected_is_counted_under_the_field_that_its_metric_names() -> None:
    assert {metric.field for metric in BACKEND_METRICS} == set(FIELDS) - {"row", "backend", "location"}


def test_a_value_of_a_record_that_is_rejected_is_counted_under_the_first_part_of_its_field() -> None:
    counted = {f"record.{metric.field.split('.')[0]}" for metric in RECORD_METRICS}
    assert counted == set(RECORD_FIELDS) - {"record", "record.backend"}


def test_every_help_text_names_the_field_that_its_metric_comes_from() -> None:
    for metric in BACKEND_METRICS:
        assert f"IonQ's field {metric.field}" in metric.help


def test_every_help_text_of_a_record_names_its_source_and_the_unit_upstream() -> None:
    for metric in RECORD_METRICS:
        assert f"{metric.field.split('.')[0]}" in metric.help
        assert "of IonQ's characterization" in metric.help or metric.field == "id"
        if metric.unit:
            assert "upstream)" in metric.help


def test_every_help_text_of_a_unit_names_the_unit_upstream() -> None:
    upstream = {metric.field: metric.help for metric in BACKEND_METRICS if metric.unit}
    assert "(milliseconds upstream)" in upstream["average_queue_time"]
    assert "(ISO 8601 upstream)" in upstream["last_updated"]
    assert "IonQ's API page says kilowatt-hours, its user manual average kilowatts" in upstream["kw"]


def test_every_family_is_a_gauge_under_exactly_the_name_of_its_table_row() -> None:
    families = [
        *BackendCollector(BACKEND_METRICS, [FORTE]).collect(),
        *BackendCollector(CHARACTERIZATION_METRICS, [CHARACTERIZED_FORTE]).collect(),
    ]
    assert all(isinstance(family, GaugeMetricFamily) for family in families)
    assert [(family.name, family.unit) for family in families] == [
        *((metric.name, metric.unit) for metric in BACKEND_METRICS),
        *((metric.name, metric.unit) for metric in CHARACTERIZATION_METRICS),
    ]
