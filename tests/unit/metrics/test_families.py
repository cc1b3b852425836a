"""The tables of metrics: what users rely on."""

from exporter.metrics.backends import BACKEND_FAMILIES
from exporter.metrics.characterizations import CHARACTERIZATION_FAMILIES, HISTORY_FAMILIES
from exporter.metrics.encoding import Format, encode_families
from exporter.records import backends, characterizations
from tests.support.golden import NOT_CURRENT, UNKNOWN, WITH_GAPS, read_golden
from tests.support.samples import CHARACTERIZED_FORTE


def test_every_value_of_a_characterization_becomes_the_metric_that_users_rely_on() -> None:
    sources = [CHARACTERIZED_FORTE, WITH_GAPS, NOT_CURRENT, UNKNOWN]
    assert "".join(encode_families(CHARACTERIZATION_FAMILIES, sources, Format.TEXT)) == read_golden(
        "characterizations.prom"
    )


def test_a_backend_whose_characterization_is_not_read_yet_shows_only_that() -> None:
    assert "".join(encode_families(CHARACTERIZATION_FAMILIES, [UNKNOWN], Format.TEXT)).splitlines()[2:] == [
        'ionq_backend_characterization_current{backend="qpu.tempo-1",location=""} 0.0'
    ]


def test_the_metric_table_is_the_one_that_users_were_promised() -> None:
    # Name, field, and the labels beyond backend and location. Dashboards and alerts are written
    # against these: a change here is a breaking change.
    assert [(metric.name, metric.field, metric.label_names) for metric in BACKEND_FAMILIES] == [
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
        ("ionq_backend_has_access", "has_access", ("backend", "location")),
    ]


def test_the_table_of_characterizations_is_the_one_that_users_were_promised() -> None:
    assert [
        (metric.name, metric.field, metric.label_names[2:], metric.unit)
        for metric in CHARACTERIZATION_FAMILIES
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
    assert {metric.label_names[:2] for metric in CHARACTERIZATION_FAMILIES} == {("backend", "location")}


def test_a_record_has_every_metric_but_the_one_that_tells_whether_it_is_current() -> None:
    assert CHARACTERIZATION_FAMILIES[:-1] == HISTORY_FAMILIES


def test_a_value_that_is_rejected_is_counted_under_the_field_that_its_metric_names() -> None:
    assert {metric.field for metric in BACKEND_FAMILIES} == set(backends.REJECTED_FIELDS) - {
        "row",
        "backend",
        "location",
    }


def test_a_value_of_a_record_that_is_rejected_is_counted_under_the_first_part_of_its_field() -> None:
    counted = {f"record.{metric.field.split('.')[0]}" for metric in HISTORY_FAMILIES}
    assert counted == set(characterizations.REJECTED_FIELDS) - {"record", "record.backend"}


def test_every_help_text_names_the_field_that_its_metric_comes_from() -> None:
    for metric in BACKEND_FAMILIES:
        assert f"IonQ's field {metric.field}" in metric.help


def test_every_help_text_of_a_record_names_its_source_and_the_unit_upstream() -> None:
    for metric in HISTORY_FAMILIES:
        assert f"{metric.field.split('.')[0]}" in metric.help
        assert "of IonQ's characterization" in metric.help or metric.field == "id"
        if metric.unit:
            assert "upstream)" in metric.help


def test_every_help_text_of_a_unit_names_the_unit_upstream() -> None:
    upstream = {metric.field: metric.help for metric in BACKEND_FAMILIES if metric.unit}
    assert "(milliseconds upstream)" in upstream["average_queue_time"]
    assert "(ISO 8601 upstream)" in upstream["last_updated"]
    assert "energy in kilowatt-hours, its user manual average power in kilowatts" in upstream["kw"]
