import pytest

from exporter.records.status_page import Component, Incident, Maintenance, StatusPage, StatusPageReading
from exporter.server.landing_page.status_section import Notice, StatusSection

NOW = 1_000_000.0
HOUR = 3600.0


def section_of(**parts: object) -> StatusSection:
    page = StatusPage(**{"incidents": (), **parts})  # type: ignore[arg-type]
    return StatusSection.of(StatusPageReading(page, NOW - 40), NOW)


def test_a_page_without_anything_says_so() -> None:
    assert section_of() == StatusSection("no incident, no maintenance")


def test_components_that_work_are_not_listed() -> None:
    assert section_of(components=(Component("API", status="operational"), Component("Odd"))).notices == ()


def test_components_that_do_not_work_are_listed_in_words() -> None:
    components = (
        Component("IonQ Forte", "qpu.forte-1", "major_outage"),
        Component("API", status="degraded_performance"),
    )
    assert section_of(components=components).notices == (
        Notice("major outage", severe=True, name="IonQ Forte", detail="qpu.forte-1"),
        Notice("degraded performance", severe=False, name="API"),
    )


def test_an_incident_shows_its_state_its_age_and_whom_it_affects() -> None:
    incident = Incident(
        "x1",
        "Forte is down",
        "investigating",
        "https://stspg.io/x1",
        ("qpu.forte-1",),
        NOW - 2 * HOUR,
        "critical",
    )
    section = section_of(incidents=(incident,))
    assert section.headline == "1 incident, no maintenance"
    assert section.notices == (
        Notice(
            "critical",
            severe=True,
            name="Forte is down",
            detail="investigating · began 2 h ago · qpu.forte-1",
            url="https://stspg.io/x1",
        ),
    )


def test_an_incident_of_which_little_is_known_is_shown_too() -> None:
    assert section_of(incidents=(Incident("x1"),)).notices == (Notice("incident", severe=False, name="x1"),)


def test_maintenances_show_when_they_begin_and_end_the_next_one_first() -> None:
    to_come = Maintenance("m1", "Chiller", "scheduled", "", ("",), NOW + HOUR, NOW + 3 * HOUR)
    under_way = Maintenance("m2", "Laser", "in_progress", "", ("a", "b"), NOW - HOUR, NOW + HOUR)
    section = section_of(maintenances=(to_come, under_way))
    assert section.headline == "no incident, 2 maintenances"
    assert [notice.detail for notice in section.notices] == [
        "in progress · began 1 h ago · ends in 1 h · a · b",
        "scheduled · begins in 1 h · ends in 3 h",
    ]
    assert {notice.state for notice in section.notices} == {"maintenance"}


def test_incidents_that_are_unknown_are_not_none() -> None:
    assert section_of(incidents=None).headline == "incidents unknown, no maintenance"


@pytest.mark.parametrize(
    ("read_at", "headline"), [(None, "not read yet"), (NOW - 420, "last read 7 min ago")]
)
def test_a_page_that_is_not_known_says_since_when(read_at: float | None, headline: str) -> None:
    assert StatusSection.of(StatusPageReading(None, read_at), NOW) == StatusSection(headline)
