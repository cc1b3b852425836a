"""The exporter's encoding, held to the bytes of prometheus_client's."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.metrics.backends import BACKEND_FAMILIES
from exporter.metrics.characterizations import CHARACTERIZATION_FAMILIES
from exporter.metrics.encoding import BACKEND_LABELS, BackendFamily, Family, Format, encode_families
from exporter.records.backends import Backend
from exporter.records.characterizations import Characterization, CharacterizedBackend
from tests.support.golden import UNKNOWN, WITH_GAPS, read_golden
from tests.support.oracle import encode, library_families, library_family
from tests.support.samples import CHARACTERIZED_FORTE, FORTE, SIMULATOR

FORMATS = pytest.mark.parametrize("form", Format)

texts = st.text(st.sampled_from('"\\{}=,#\n é') | st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.floats(min_value=0, allow_infinity=False) | st.integers(0, 10**20)
by_operation = st.dictionaries(st.sampled_from(["spam", "1q", "2q", "readout"]), numbers)
backends = st.builds(
    Backend,
    name=texts,
    location=texts,
    status=st.none() | st.sampled_from(["available", "retired"]) | texts,
    qubits=st.none() | st.integers(0, 10**9),
    average_queue_time_seconds=st.none() | numbers,
    energy_kwh=st.none() | numbers,
    degraded=st.none() | st.booleans(),
    last_updated_timestamp_seconds=st.none() | numbers,
    characterization_id=st.none() | texts,
)
characterized = st.builds(
    CharacterizedBackend,
    name=texts,
    location=texts,
    characterization_id=texts,
    characterization=st.none()
    | st.builds(
        Characterization,
        id=texts,
        timestamp_seconds=st.none() | numbers,
        qubits=st.none() | st.integers(0, 10**9),
        connected_pairs=st.none() | st.integers(0, 10**9),
        fidelity=by_operation,
        fidelity_standard_error=by_operation,
        duration_seconds=by_operation,
        t1_seconds=st.none() | numbers,
        t2_seconds=st.none() | numbers,
    ),
)


@FORMATS
@given(sources=st.lists(backends, max_size=5))
@example(sources=[FORTE, SIMULATOR])
@example(sources=[FORTE._replace(status="calibrating")])
def test_backends_are_written_as_prometheus_client_writes_them(sources: list[Backend], form: Format) -> None:
    assert "".join(encode_families(BACKEND_FAMILIES, sources, form)) == encode(
        library_families(BACKEND_FAMILIES, sources), form
    )


@FORMATS
@given(sources=st.lists(characterized, max_size=5))
@example(sources=[CHARACTERIZED_FORTE, WITH_GAPS, UNKNOWN])
def test_characterizations_are_written_as_prometheus_client_writes_them(
    sources: list[CharacterizedBackend], form: Format
) -> None:
    assert "".join(encode_families(CHARACTERIZATION_FAMILIES, sources, form)) == encode(
        library_families(CHARACTERIZATION_FAMILIES, sources), form
    )


COUNTER = Family(name="a_total", type="counter", help="Counts something.")
GAUGE = Family(name="b_seconds", help="Measures something.", unit="seconds")


@FORMATS
@pytest.mark.parametrize("family", [COUNTER, GAUGE])
@given(value=numbers | st.just(float("inf")))
def test_a_value_is_written_as_the_library_does(family: Family, value: float, form: Format) -> None:
    assert family.encode(value, form) == encode([library_family(family, value)], form)


@FORMATS
@pytest.mark.parametrize("family", [COUNTER, GAUGE])
@given(values=st.dictionaries(texts, numbers))
def test_values_by_label_are_written_as_the_library_does(
    family: Family, values: dict[str, float], form: Format
) -> None:
    assert family.encode_by("x", values, form) == encode([library_family(family, values, "x")], form)


@FORMATS
def test_the_formats_differ_by_units_and_by_the_name_of_a_counter(form: Format) -> None:
    assert ("# UNIT b_seconds seconds" in GAUGE.encode(1, form)) is (form is Format.OPENMETRICS)
    assert ("# TYPE a counter" in COUNTER.encode(1, form)) is (form is Format.OPENMETRICS)


def test_every_help_text_needs_no_escape() -> None:
    families: tuple[BackendFamily[Backend] | BackendFamily[CharacterizedBackend], ...] = (
        *BACKEND_FAMILIES,
        *CHARACTERIZATION_FAMILIES,
    )
    assert not [family.name for family in families if set(family.help) & set('\\\n"')]
    assert {family.label_names[:2] for family in families} == {BACKEND_LABELS}


# The expositions that users see


def samples(*sources: Backend) -> list[str]:
    text = "".join(encode_families(BACKEND_FAMILIES, sources, Format.TEXT))
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_every_field_of_a_backend_becomes_the_metric_that_users_rely_on() -> None:
    assert "".join(encode_families(BACKEND_FAMILIES, [FORTE, SIMULATOR], Format.TEXT)) == read_golden(
        "backends.prom"
    )


def test_a_value_that_ionq_did_not_send_is_an_absent_sample() -> None:
    assert samples(Backend("simulator")) == []


def test_no_backends_are_no_families() -> None:
    assert "".join(encode_families(BACKEND_FAMILIES, [], Format.TEXT)) == ""


def test_an_undocumented_status_is_one_more_sample_and_the_only_one_that_is_1() -> None:
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
    assert [sample.rpartition(" ")[2] for sample in samples(zeros)] == ["0.0"] * 4


def test_a_name_cannot_break_out_of_its_label() -> None:
    assert samples(Backend('a"} 1\\', location="{x}", qubits=1)) == [
        r'ionq_backend_qubits{backend="a\"} 1\\",location="{x}"} 1.0'
    ]
