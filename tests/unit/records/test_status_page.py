import contextlib
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.common.errors import InvalidJSONError, UnexpectedShapeError
from exporter.records.json_values import MAX_TEXT_LENGTH, Rejection
from exporter.records.status_page import (
    MAX_ENTRIES,
    REJECTED_FIELDS,
    Component,
    Incident,
    Maintenance,
    StatusPage,
    parse_status_page,
)
from tests.support.status_page import MAINTENANCE, STATUS_PAGE, body
from tests.support.untrusted_json import any_json, status_pages

MARCH_6 = 1_772_789_327.0
SEPTEMBER_29 = 1_790_683_200.0


def parse(**parts: Any) -> StatusPage:
    return parse_status_page(json.dumps(parts).encode(), {})


def only_incident(**fields: Any) -> tuple[Incident, tuple[Rejection, ...]]:
    page = parse(incidents=[{"id": "a", **fields}])
    assert page.incidents
    return page.incidents[0], page.rejections


# What Atlassian documents


def test_the_page_of_march_2026_is_read_whole() -> None:
    assert parse_status_page(body(), {}) == StatusPage(
        indicator="major",
        components=(
            Component("API", "", "operational"),
            Component("Quantum Simulator", "simulator", "operational"),
            Component("IonQ Forte", "qpu.forte-1", "operational"),
            Component("IonQ Forte Enterprise 1", "qpu.forte-enterprise-1", "major_outage"),
        ),
        incidents=(
            Incident(
                "p31zjtct2jer",
                name="Forte Enterprise 1 is unavailable",
                status="investigating",
                url="https://stspg.io/p31zjtct2jer",
                backends=("qpu.forte-enterprise-1",),
                start_timestamp_seconds=MARCH_6,
                impact="critical",
            ),
        ),
    )


def test_a_maintenance_has_a_begin_and_an_end_in_utc() -> None:
    assert parse(scheduled_maintenances=[MAINTENANCE]).maintenances == (
        Maintenance(
            "k4z0lm8wq2dv",
            name="Calibration of Forte",
            status="scheduled",
            url="https://stspg.io/k4z0lm8wq2dv",
            backends=("qpu.forte-1",),
            start_timestamp_seconds=SEPTEMBER_29,
            end_timestamp_seconds=SEPTEMBER_29 + 4 * 3600,
        ),
    )


def test_an_incident_needs_no_more_than_an_id() -> None:
    assert only_incident() == (Incident("a"), ())
    assert only_incident(name=None, impact=None, shortlink=None, components=None) == (Incident("a"), ())


def test_an_incident_without_a_start_began_when_it_was_created() -> None:
    created = {"started_at": None, "created_at": "2026-03-06T09:28:47Z"}
    assert only_incident(**created)[0].start_timestamp_seconds == MARCH_6


@pytest.mark.parametrize(
    ("components", "backends"),
    [
        ([], ("",)),
        ([{"name": "API"}], ("",)),
        (
            [{"name": "IonQ Forte"}, {"name": "API"}, {"name": "Quantum Simulator"}],
            ("qpu.forte-1", "simulator"),
        ),
        ([{"name": "IonQ Forte"}, {"name": "IonQ Forte 1"}], ("qpu.forte-1",)),
        ([{"name": "IonQ Forte", "group": True}], ("",)),
        ([{"name": None}, {}, {"name": 7}], ("",)),
    ],
)
def test_an_incident_names_each_affected_backend_once(
    components: list[Any], backends: tuple[str, ...]
) -> None:
    incident, rejections = only_incident(components=components)
    assert incident.backends == backends
    assert rejections == ()


def test_what_has_ended_is_left_out() -> None:
    page = parse(
        incidents=[{"id": status, "status": status} for status in ("resolved", "postmortem", "monitoring")],
        scheduled_maintenances=[{"id": status, "status": status} for status in ("completed", "verifying")],
    )
    assert [incident.id for incident in page.incidents or ()] == ["monitoring"]
    assert [maintenance.id for maintenance in page.maintenances] == ["verifying"]


def test_the_members_of_a_group_stand_for_it() -> None:
    group = {"id": "g", "name": "IonQ Forte", "status": "major_outage", "group": True}
    member = {"id": "m", "name": "IonQ Forte", "status": "operational", "group": False, "group_id": "g"}
    page = parse(components=[group, member])
    assert page.components == (Component("IonQ Forte", "qpu.forte-1", "operational"),)
    assert page.rejections == ()


def test_what_the_user_says_of_a_component_is_heeded() -> None:
    page = parse_status_page(body(), {"api": "qpu.api", "ionq forte": ""})
    assert [component.backend for component in page.components] == [
        "qpu.api",
        "simulator",
        "",
        "qpu.forte-enterprise-1",
    ]


# What nobody documents


def test_unknown_states_are_kept_as_they_come() -> None:
    page = parse(
        status={"indicator": "catastrophic"},
        components=[{"name": "API", "status": "on_fire"}],
        incidents=[{"id": "a", "status": "guessing", "impact": "cosmic"}],
        scheduled_maintenances=[{"id": "b", "status": "postponed"}],
    )
    assert page.rejections == ()
    assert page.indicator == "catastrophic"
    assert page.components == (Component("API", "", "on_fire"),)
    assert page.incidents == (Incident("a", status="guessing", impact="cosmic"),)
    assert page.maintenances == (Maintenance("b", status="postponed"),)


@pytest.mark.parametrize("missing", ["page", "status", "components", "incidents", "scheduled_maintenances"])
@pytest.mark.parametrize("sent_as", ["null", "nothing"])
def test_a_missing_part_costs_that_part_alone(missing: str, sent_as: str) -> None:
    parts = STATUS_PAGE | {"scheduled_maintenances": [MAINTENANCE]}
    del parts[missing]
    page = parse(**parts, **({missing: None} if sent_as == "null" else {}))
    assert page.rejections == ()
    assert (page.indicator is None) == (missing == "status")
    assert (page.components == ()) == (missing == "components")
    assert (page.incidents is None) == (missing == "incidents")
    assert (page.maintenances == ()) == (missing == "scheduled_maintenances")


def test_an_empty_list_of_incidents_is_not_a_missing_one() -> None:
    assert parse(incidents=[]).incidents == ()


@pytest.mark.parametrize(
    "document", ["null", "[]", "7", '"none"', "{}", '{"status": "pass"}', '{"components": {}}']
)
def test_what_is_no_summary_is_an_unexpected_shape(document: str) -> None:
    with pytest.raises(UnexpectedShapeError, match=r"no summary of a status page: check --ionq\.status-url"):
        parse_status_page(document.encode(), {})


@pytest.mark.parametrize("document", [b"", b"<html>", b'{"status": {', b"[" * 100_000])
def test_what_is_no_json_is_invalid(document: bytes) -> None:
    with pytest.raises(InvalidJSONError):
        parse_status_page(document, {})


@pytest.mark.parametrize(
    ("part", "value", "field", "problem"),
    [
        ("status", "none", "status_page.indicator", "'none' is not an object"),
        ("status", {"indicator": 7}, "status_page.indicator", "7 is not text"),
        ("components", {}, "status_page.component", "{} is not a list"),
        ("components", [7], "status_page.component", "7 is not an object"),
        ("components", [{"name": ""}], "status_page.component", "is missing or empty"),
        ("incidents", "x", "status_page.incident", "'x' is not a list"),
        ("incidents", [{"name": "x"}], "status_page.incident", "is missing or empty"),
        ("scheduled_maintenances", [{"id": 1}], "status_page.maintenance", "1 is not text"),
    ],
)
def test_what_cannot_be_used_is_left_out_and_rejected(
    part: str, value: Any, field: str, problem: str
) -> None:
    page = parse(**{"incidents": [], "components": [], part: value})
    assert page.rejections == (Rejection(field, "status page", problem),)
    assert page.indicator is None
    assert (*page.components, *(page.incidents or ()), *page.maintenances) == ()


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("status", 7, "7 is not text"),
        ("impact", [], "[] is not text"),
        ("name", {}, "{} is not text"),
        ("started_at", "yesterday", "'yesterday' is not an ISO 8601 time"),
        ("shortlink", "javascript:alert(1)", "'javascript:alert(1)' is not a URL"),
        ("components", "all", "'all' is not a list"),
        ("components", ["all"], "'all' is not an object"),
    ],
)
def test_a_value_that_is_not_valid_costs_that_value(field: str, value: Any, problem: str) -> None:
    assert only_incident(**{field: value}) == (
        Incident("a"),
        (Rejection("status_page.incident", "a", f"{field} {problem}"),),
    )


def test_of_two_alike_the_first_counts() -> None:
    page = parse(
        components=[{"name": "API", "status": "operational"}, {"name": "API", "status": "major_outage"}],
        incidents=[{"id": "a", "impact": "minor"}, {"id": "a", "impact": "major"}],
    )
    assert page.components == (Component("API", "", "operational"),)
    assert page.incidents == (Incident("a", impact="minor"),)
    assert page.rejections == (
        Rejection("status_page.component", "API", "is listed twice"),
        Rejection("status_page.incident", "a", "is listed twice"),
    )


def test_a_title_is_one_line_and_is_cut_to_the_length_of_a_label() -> None:
    assert only_incident(name=" Two\nlines\t ") == (Incident("a", name="Two lines"), ())
    long, rejections = only_incident(name="x" * 10_000)
    assert long.name == "x" * MAX_TEXT_LENGTH
    assert rejections == ()


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ("components", "status_page.component"),
        ("incidents", "status_page.incident"),
        ("scheduled_maintenances", "status_page.maintenance"),
    ],
)
def test_the_number_of_entries_is_bounded(part: str, field: str) -> None:
    entries = [{"id": str(number), "name": str(number), "status": "new"} for number in range(10_000)]
    page = parse(**{part: entries})
    assert len(page.components) + len(page.incidents or ()) + len(page.maintenances) == MAX_ENTRIES
    problem = f"has more than {MAX_ENTRIES} entries"
    assert page.rejections == (Rejection(field, "status page", problem, 10_000 - MAX_ENTRIES),)


def test_the_number_of_affected_backends_is_bounded() -> None:
    components = [{"name": f"IonQ Forte {number}"} for number in range(900)]
    incident, rejections = only_incident(components=components)
    assert len(incident.backends) == MAX_ENTRIES
    assert [rejection.count for rejection in rejections] == [900 - MAX_ENTRIES]


@given(st.binary())
def test_any_bytes_are_a_page_or_one_of_two_errors(sent: bytes) -> None:
    with contextlib.suppress(InvalidJSONError, UnexpectedShapeError):
        parse_status_page(sent, {})


@given(status_pages | any_json)
@example({"incidents": [{"id": "\ud800", "name": "\ud800"}], "components": [{"name": "\x1b[2J"}]})
def test_whatever_is_sent_what_comes_of_it_is_bounded_and_can_be_written(sent: Any) -> None:
    try:
        page = parse_status_page(json.dumps(sent).encode(), {})
    except UnexpectedShapeError:
        return
    texts = [page.indicator or ""]
    for entries in (page.components, page.incidents or (), page.maintenances):
        assert len(entries) <= MAX_ENTRIES
        assert len({entry[0] for entry in entries}) == len(entries)
        texts += [value for entry in entries for value in entry if isinstance(value, str)]
    for text in texts:
        assert len(text) <= MAX_TEXT_LENGTH
        text.encode()
        assert "\n" not in text
    assert {rejection.field for rejection in page.rejections} <= set(REJECTED_FIELDS)
