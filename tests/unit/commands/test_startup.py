"""Environment variables that are almost one of the exporter's."""

import pytest

from exporter.commands.options import VARIABLES
from exporter.commands.startup import misspelt_variables


@pytest.mark.parametrize(
    ("name", "intended"),
    [
        ("IONQ_EXPORTER_IONQ_TIMEOT", "IONQ_EXPORTER_IONQ_TIMEOUT"),
        ("IONQ_EXPORTER_IONQ_TIME_OUT", "IONQ_EXPORTER_IONQ_TIMEOUT"),
        ("IONQ_EXPORTER_TIMEOUT", "IONQ_EXPORTER_IONQ_TIMEOUT"),
        ("IONQ_EXPORTER_LISTEN_ADDRESS", "IONQ_EXPORTER_WEB_LISTEN_ADDRESS"),
        ("IONQ_EXPORTER_WEB_LISTENADDRESS", "IONQ_EXPORTER_WEB_LISTEN_ADDRESS"),
        ("IONQ_EXPORTER_API_KEY_FILE", "IONQ_EXPORTER_IONQ_API_KEY_FILE"),
        ("IONQ_EXPORTR_LOG_LEVEL", "IONQ_EXPORTER_LOG_LEVEL"),
        ("IONQ_EXPORTER_LOGLEVEL", "IONQ_EXPORTER_LOG_LEVEL"),
        ("IONQ_APIKEY", "IONQ_API_KEY"),
    ],
)
def test_a_typing_error_is_found(name: str, intended: str) -> None:
    assert misspelt_variables([name]) == [(name, intended)]


@pytest.mark.parametrize("service", ["IONQ_EXPORTER", "IONQ_EXPORTER_WEB", "IONQ_EXPORTER_SIMULATOR"])
@pytest.mark.parametrize(
    "suffix",
    [
        "SERVICE_HOST",
        "SERVICE_PORT",
        "SERVICE_PORT_HTTP",
        "SERVICE_PORT_METRICS",
        "PORT",
        "PORT_10065_TCP",
        "PORT_10065_TCP_ADDR",
        "PORT_10065_TCP_PORT",
        "PORT_10065_TCP_PROTO",
    ],
)
def test_a_variable_that_kubernetes_sets_for_a_service_is_no_typing_error(service: str, suffix: str) -> None:
    assert misspelt_variables([f"{service}_{suffix}"]) == []


def test_a_correct_variable_of_any_command_is_no_typing_error() -> None:
    assert "IONQ_EXPORTER_SEED" in VARIABLES
    assert misspelt_variables([*VARIABLES, "IONQ_API_KEY"]) == []


def test_an_unlike_variable_is_no_typing_error() -> None:
    assert misspelt_variables(["PATH", "IONQ_PROJECT_ID", "IONQ_EXPORTER_VERSION", "HTTPS_PROXY"]) == []
