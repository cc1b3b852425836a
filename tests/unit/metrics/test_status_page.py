import json

import pytest
from hypothesis import example, given

from exporter.common.errors import UnexpectedShapeError
from exporter.metrics.encoding import Format
from exporter.metrics.status_page import STATUS_PAGE_FAMILIES, encode_status_page
from exporter.records.status_page import (
    Component,
    Incident,
    Maintenance,
    StatusPage,
    StatusPageReading,
    parse_status_page,
)
from tests.support.golden import EXPOSITIONS, read_golden
from tests.support.oracle import encode, library_status_page
from tests.support.status_page import READ_AT
from tests.support.untrusted_json import status_pages

FORMATS = pytest.mark.parametrize("form", Format)

BUSY = StatusPage(
    indicator="cosmic",
    components=(
        Component("IonQ Sonata", "", "on_fire"),
        Component("IonQ Forte", "qpu.forte-1", None),
    ),
    incidents=(
        Incident("a", impact="minor", backends=("qpu.forte-1", "qpu.tempo-1"), start_timestamp_seconds=1.0),
        Incident("b", impact="minor"),
        Incident("c", name='"\\', impact="cosmic", backends=("simulator",), start_timestamp_seconds=3.0),
    ),
    maintenances=(
        Maintenance(
            "d",
            "Repair",
            "scheduled",
            "https:",
            ("qpu.forte-1", "qpu.tempo-1"),
            start_timestamp_seconds=5.0,
            end_timestamp_seconds=7.5,
        ),
        Maintenance("e", end_timestamp_seconds=8.0),
    ),
)


def samples(reading: StatusPageReading | None, form: Format = Format.TEXT) -> list[str]:
    return [line for line in encode_status_page(reading, form).splitlines() if not line.startswith("#")]


def test_the_page_of_march_2026_becomes_the_metrics_that_users_rely_on() -> None:
    assert EXPOSITIONS["status_page.prom"]() == read_golden("status_page.prom")


def test_unknown_states_several_backends_and_missing_values_are_written() -> None:
    assert samples(StatusPageReading(BUSY, READ_AT)) == [
        "ionq_status_page_up 1.0",
        "ionq_status_page_last_read_timestamp_seconds 1.7742672e+09",
        'ionq_status_indicator{indicator="none"} 0.0',
        'ionq_status_indicator{indicator="minor"} 0.0',
        'ionq_status_indicator{indicator="major"} 0.0',
        'ionq_status_indicator{indicator="critical"} 0.0',
        'ionq_status_indicator{indicator="maintenance"} 0.0',
        'ionq_status_indicator{indicator="cosmic"} 1.0',
        'ionq_status_component{backend="",component="IonQ Sonata",status="operational"} 0.0',
        'ionq_status_component{backend="",component="IonQ Sonata",status="degraded_performance"} 0.0',
        'ionq_status_component{backend="",component="IonQ Sonata",status="partial_outage"} 0.0',
        'ionq_status_component{backend="",component="IonQ Sonata",status="major_outage"} 0.0',
        'ionq_status_component{backend="",component="IonQ Sonata",status="under_maintenance"} 0.0',
        'ionq_status_component{backend="",component="IonQ Sonata",status="on_fire"} 1.0',
        'ionq_status_incidents{impact="none"} 0.0',
        'ionq_status_incidents{impact="minor"} 2.0',
        'ionq_status_incidents{impact="major"} 0.0',
        'ionq_status_incidents{impact="critical"} 0.0',
        'ionq_status_incidents{impact="maintenance"} 0.0',
        'ionq_status_incidents{impact="cosmic"} 1.0',
        'ionq_status_incident_info{impact="minor",incident="a",name="",status="",url=""} 1.0',
        'ionq_status_incident_info{impact="minor",incident="b",name="",status="",url=""} 1.0',
        r'ionq_status_incident_info{impact="cosmic",incident="c",name="\"\\",status="",url=""} 1.0',
        'ionq_status_incident_start_timestamp_seconds{backend="qpu.forte-1",incident="a"} 1.0',
        'ionq_status_incident_start_timestamp_seconds{backend="qpu.tempo-1",incident="a"} 1.0',
        'ionq_status_incident_start_timestamp_seconds{backend="simulator",incident="c"} 3.0',
        'ionq_status_maintenance_info{maintenance="d",name="Repair",status="scheduled",url="https:"} 1.0',
        'ionq_status_maintenance_info{maintenance="e",name="",status="",url=""} 1.0',
        'ionq_status_maintenance_start_timestamp_seconds{backend="qpu.forte-1",maintenance="d"} 5.0',
        'ionq_status_maintenance_start_timestamp_seconds{backend="qpu.tempo-1",maintenance="d"} 5.0',
        'ionq_status_maintenance_end_timestamp_seconds{backend="qpu.forte-1",maintenance="d"} 7.5',
        'ionq_status_maintenance_end_timestamp_seconds{backend="qpu.tempo-1",maintenance="d"} 7.5',
        'ionq_status_maintenance_end_timestamp_seconds{backend="",maintenance="e"} 8.0',
    ]


@FORMATS
def test_a_page_that_is_not_read_at_all_has_no_family(form: Format) -> None:
    assert encode_status_page(None, form) == ""


def test_a_page_that_was_never_read_is_down() -> None:
    assert samples(StatusPageReading()) == ["ionq_status_page_up 0.0"]


def test_a_page_that_was_read_too_long_ago_is_down_since_then() -> None:
    assert samples(StatusPageReading(None, READ_AT)) == [
        "ionq_status_page_up 0.0",
        "ionq_status_page_last_read_timestamp_seconds 1.7742672e+09",
    ]


def test_an_empty_list_of_incidents_counts_none_and_a_missing_one_counts_nothing() -> None:
    assert samples(StatusPageReading(StatusPage(incidents=()), READ_AT))[2:] == [
        f'ionq_status_incidents{{impact="{impact}"}} 0.0'
        for impact in ("none", "minor", "major", "critical", "maintenance")
    ]
    assert samples(StatusPageReading(StatusPage(), READ_AT))[2:] == []


@FORMATS
@given(sent=status_pages)
@example(sent={"components": [{"name": '"\\{}', "status": "# EOF"}]})
def test_whatever_is_understood_is_written_as_prometheus_client_writes_it(
    sent: dict[str, object], form: Format
) -> None:
    try:
        page = parse_status_page(json.dumps(sent).encode(), {})
    except UnexpectedShapeError:
        return
    assert_written_as_by_the_library(page, form)


@FORMATS
def test_a_busy_page_is_written_as_prometheus_client_writes_it(form: Format) -> None:
    assert_written_as_by_the_library(BUSY, form)


def assert_written_as_by_the_library(page: StatusPage, form: Format) -> None:
    written = "".join(family.encode_page(page, form) for family in STATUS_PAGE_FAMILIES)
    assert written == encode(library_status_page(page), form)


def test_the_table_is_the_one_that_users_were_promised() -> None:
    # Dashboards and alerts are written against these: a change here is a breaking change.
    assert [(family.name, family.label_names, family.unit) for family in STATUS_PAGE_FAMILIES] == [
        ("ionq_status_indicator", ("indicator",), ""),
        ("ionq_status_component", ("backend", "component", "status"), ""),
        ("ionq_status_incidents", ("impact",), ""),
        ("ionq_status_incident_info", ("impact", "incident", "name", "status", "url"), ""),
        ("ionq_status_incident_start_timestamp_seconds", ("backend", "incident"), "seconds"),
        ("ionq_status_maintenance_info", ("maintenance", "name", "status", "url"), ""),
        ("ionq_status_maintenance_start_timestamp_seconds", ("backend", "maintenance"), "seconds"),
        ("ionq_status_maintenance_end_timestamp_seconds", ("backend", "maintenance"), "seconds"),
    ]


def test_every_help_text_names_the_field_that_its_metric_comes_from() -> None:
    for family in STATUS_PAGE_FAMILIES:
        assert f"{family.field} of IonQ's status page" in family.help
