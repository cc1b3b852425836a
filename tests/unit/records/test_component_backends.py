import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.records.component_backends import backend_of, parse_component_backend


@pytest.mark.parametrize(
    ("component", "backend"),
    [
        ("IonQ Forte", "qpu.forte-1"),
        ("IonQ Forte Enterprise 1", "qpu.forte-enterprise-1"),
        ("IonQ Forte Enterprise 12", "qpu.forte-enterprise-12"),
        ("IonQ Forte 2", "qpu.forte-2"),
        ("IonQ Tempo", "qpu.tempo-1"),
        ("IonQ Tempo 3", "qpu.tempo-3"),
        ("IonQ Aria 2", "qpu.aria-2"),
        ("Quantum Simulator", "simulator"),
        ("IONQ FORTE ENTERPRISE 1", "qpu.forte-enterprise-1"),
    ],
)
def test_a_component_with_a_known_name_is_a_backend(component: str, backend: str) -> None:
    assert backend_of(component, {}) == backend


@pytest.mark.parametrize(
    "component",
    [
        "API",
        "",
        "IonQ",
        "IonQ Forte Enterprise",
        "IonQ Forte and Tempo",
        "The IonQ Forte",
        "IonQ Forte 1a",
        "IonQ Forte 1234",
        "IonQ Forte \N{ARABIC-INDIC DIGIT ONE}",
        "IonQ Sonata",
        "Quantum Simulator 2",
    ],
)
def test_any_other_component_is_no_backend(component: str) -> None:
    assert backend_of(component, {}) == ""


def test_what_the_user_names_comes_before_the_rules() -> None:
    known = dict(map(parse_component_backend, ["IonQ Sonata=qpu.sonata-1", " ionq forte = qpu.forte-7 "]))
    assert backend_of("IonQ Sonata", known) == "qpu.sonata-1"
    assert backend_of("IonQ Forte", known) == "qpu.forte-7"
    assert backend_of("IonQ Tempo", known) == "qpu.tempo-1"


def test_the_user_can_say_that_a_component_is_no_backend() -> None:
    assert backend_of("IonQ Forte", dict([parse_component_backend("IonQ Forte=")])) == ""


def test_a_component_may_have_an_equals_sign_in_its_name() -> None:
    assert parse_component_backend("a=b=qpu.c") == ("a=b", "qpu.c")


@pytest.mark.parametrize("text", ["", "IonQ Tempo", "=qpu.tempo-1", " = "])
def test_what_is_not_a_component_and_a_backend_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write it like IonQ Tempo=qpu\.tempo-1"):
        parse_component_backend(text)


@given(st.text())
def test_whatever_a_component_is_called_its_backend_is_a_short_plain_name(component: str) -> None:
    backend = backend_of(component, {})
    assert backend.isascii()
    assert len(backend) < 30
