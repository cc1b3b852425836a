from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import __version__
from exporter.common.errors import DeadlineExceededError, HTTPStatusError, IonQError
from exporter.metrics.exporter import ExporterMetrics
from exporter.records.backends import Backend
from exporter.records.characterizations import Characterization, CharacterizedBackend
from exporter.records.json_values import Rejection
from exporter.records.scrape import Scrape
from exporter.records.status_page import (
    Component,
    Incident,
    Maintenance,
    StatusPage,
    StatusPageReading,
)
from exporter.server.landing_page.page import LandingPage
from tests.support import samples
from tests.support.samples import qpu

NOW = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)
API_URL = "https://api.ionq.co/v0.4"
HEADINGS = [
    "Backend",
    "Status",
    "Wait",
    "Qubits",
    "2-qubit fidelity",
    "Characterized",
    "Updated",
    "kWh or kW",
]

FORTE = samples.FORTE._replace(last_updated_timestamp_seconds=(NOW - timedelta(days=2, hours=3)).timestamp())
RECORD = replace(samples.RECORD, timestamp_seconds=(NOW - timedelta(days=5, hours=1)).timestamp())
ABSENT = "–"  # noqa: RUF001

HOSTILE = """</td><script>alert(1)</script>"'><img src=x onerror=alert(1)>{{ 7 * 7 }}"""


class Page(HTMLParser):
    """The page as a reader sees it: its text and links, and the cells of its table."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.states: list[str] = []
        self.title = ""
        self.reload_seconds = 0
        self._table: list[list[str]] = []
        self._texts: list[str] = []
        self._inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        assert not any(name.startswith("on") for name in attributes)
        self.tags.append(tag)
        match tag:
            case "a":
                self.links.append(attributes["href"])
            case "meta" if attributes.get("http-equiv") == "refresh":
                self.reload_seconds = int(attributes["content"])
            case "span" if "state" in attributes["class"]:
                self.states.append(attributes["class"].removeprefix("state "))
            case "tr":
                self._table.append([])
            case "td" | "th":
                self._table[-1].append("")
        if tag in ("td", "th", "style", "title"):
            self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        match self._inside:
            case "td" | "th":
                self._table[-1][-1] = f"{self._table[-1][-1]} {data.strip()}".strip()
            case "title":
                self.title += data
        if self._inside != "style":
            self._texts.append(data)

    @property
    def headings(self) -> list[str]:
        return self._table[0] if self._table else []

    @property
    def rows(self) -> list[list[str]]:
        """The rows of backends."""
        return [row for row in self._table[1:] if len(row) > 1]

    @property
    def text(self) -> str:
        return " ".join("".join(self._texts).split())


def scrape_of(*backends: Backend, seconds_ago: float = 12, **fields: Any) -> Scrape:
    return Scrape(NOW - timedelta(seconds=seconds_ago), 0.0831, backends=backends, **fields)


def failed(error: IonQError, **fields: Any) -> Scrape:
    return scrape_of(error=error, **fields)


def page_of(last: Scrape | None, last_up: Scrape | None = None, **fields: Any) -> Page:
    defaults: dict[str, Any] = {
        "reading": last is None,
        "simulated": False,
        "metrics": ExporterMetrics(),
        "started_at": NOW - timedelta(hours=76),
        "telemetry_path": "/metrics",
        "api_url": API_URL,
    }
    if last and last.up:
        last_up = last
    return Page(LandingPage(last=last, last_up=last_up, now=NOW, **{**defaults, **fields}).render())


def cells(backend: Backend, record: Characterization | None = None) -> list[str]:
    known = CharacterizedBackend(backend.name, backend.location, "current", record)
    page = page_of(scrape_of(backend, characterized=(known,)))
    assert page.headings == HEADINGS
    (row,) = page.rows
    return row


def cell(heading: str, backend: Backend) -> str:
    return cells(backend)[HEADINGS.index(heading)]


def test_a_backend_without_access_says_so() -> None:
    assert cell("Status", qpu("a", has_access=False)) == "available no access"


def test_the_table_has_that_order() -> None:
    page = page_of(scrape_of(Backend("simulator"), qpu("b", wait=2), qpu("a", "retired"), qpu("c", wait=1)))
    assert [row[0] for row in page.rows] == ["qpu.c", "qpu.b", "simulator", "qpu.a"]


# The order and the summary


def test_the_page_begins_with_the_summary() -> None:
    page = page_of(scrape_of(qpu("a", wait=1681), qpu("b", wait=9000, degraded=True)))
    assert page.title == "2 of 2 QPUs available · IonQ exporter"
    assert "2 of 2 QPUs available Shortest wait 28 min at qpu.a Degraded: qpu.b Read 12 s ago" in page.text


def test_a_wait_of_0_is_no_wait() -> None:
    assert "1 of 1 QPU available No wait at qpu.a Read" in page_of(scrape_of(qpu("a", wait=0))).text


@pytest.mark.parametrize("status", ["retired", "unavailable"])
def test_a_wait_of_0_that_means_nothing_is_not_shown(status: str) -> None:
    assert cell("Wait", qpu("a", status, 0)) == ABSENT


def test_a_retired_backend_has_no_wait() -> None:
    assert cell("Wait", qpu("a", "retired", 600)) == ABSENT
    assert cell("Wait", qpu("a", "unavailable", 600)) == "10 min"


# A row


def test_a_backend_is_a_row_of_values_for_people() -> None:
    assert cells(FORTE, RECORD) == [
        "qpu.forte-1 College Park, MD, USA",
        "available",
        "17 d",
        "36",
        "99.50%",
        "5 d 1 h ago",
        "2 d 3 h ago",
        "4,903",
    ]


@pytest.mark.parametrize(
    "record", [None, Characterization("a"), Characterization("a", fidelity={"1q": 0.99})]
)
def test_absent_values_are_dashes(record: Characterization | None) -> None:
    assert cells(Backend("simulator"), record) == ["simulator", "unknown", *[ABSENT] * 6]


def test_a_backend_that_was_never_characterized_has_dashes_too() -> None:
    (row,) = page_of(scrape_of(FORTE)).rows
    assert row[4:6] == [ABSENT, ABSENT]


def test_of_two_backends_with_one_name_each_has_its_own_fidelity() -> None:
    backends = [Backend("a", location=location) for location in ("Basel", "Bothell")]
    characterized = [
        CharacterizedBackend("a", location, "x", Characterization("x", fidelity={"2q": ratio}))
        for location, ratio in (("Bothell", 0.5), ("Basel", 1.0))
    ]
    rows = page_of(scrape_of(*backends, characterized=tuple(characterized))).rows
    assert [(row[0], row[4]) for row in rows] == [("a Basel", "100.00%"), ("a Bothell", "50.00%")]


def test_zeros_are_not_absent() -> None:
    zeros = qpu("a", wait=0.0, qubits=0, energy_kwh=0.0, last_updated_timestamp_seconds=0.0)
    record = Characterization("x", timestamp_seconds=0.0, fidelity={"2q": 0.0})
    assert cells(zeros, record)[2:] == ["none", "0", "0.00%", "20,779 d ago", "20,779 d ago", "0.00"]


def test_a_degraded_backend_says_so_beside_its_status() -> None:
    assert cell("Status", qpu("a", degraded=True)) == "available degraded"
    assert cell("Status", qpu("a", degraded=False)) == "available"


def test_an_update_in_the_future_is_not_shown_as_past() -> None:
    ahead = Backend("a", last_updated_timestamp_seconds=(NOW + timedelta(minutes=90)).timestamp())
    assert cell("Updated", ahead) == "in 1 h 30 min"
    record = Characterization("x", timestamp_seconds=ahead.last_updated_timestamp_seconds)
    assert cells(ahead, record)[5] == "in 1 h 30 min"


@pytest.mark.parametrize(
    ("status", "style"),
    [
        ("available", "good"),
        ("unavailable", "bad"),
        ("retired", "none"),
        ("calibrating", "warn"),
        (None, "none"),
    ],
)
def test_a_status_has_the_shape_and_color_of_what_it_means(status: str | None, style: str) -> None:
    assert page_of(scrape_of(Backend("a", status=status))).states == [style]


# What is not as it should be


def test_before_the_first_response_the_page_says_so_and_reloads_soon() -> None:
    page = page_of(None)
    assert page.title == "Reading IonQ · IonQ exporter"
    assert f"IonQ exporter {__version__}" in page.text
    assert "IonQ has not responded yet." in page.text
    assert "last scrape" not in page.text
    assert page.rows == []
    assert page.reload_seconds == 3


def test_an_empty_list_is_told_apart_from_a_failure() -> None:
    page = page_of(scrape_of())
    assert "No QPU is listed" in page.text
    assert "IonQ lists no backend." in page.text
    assert page.rows == []


def test_a_failure_shows_its_reason_and_what_to_do() -> None:
    page = page_of(
        failed(DeadlineExceededError("no complete response within 9.5s: see https://status.ionq.co"))
    )
    assert page.title == "IonQ cannot be read · IonQ exporter"
    assert "timeout: no complete response within 9.5s: see https://status.ionq.co." in page.text
    assert "IonQ was not read since this exporter started." in page.text
    assert "request id" not in page.text
    assert page.rows == []


def test_in_an_outage_the_last_known_table_stays_marked_as_old() -> None:
    last_up = scrape_of(qpu("a", wait=1681), seconds_ago=600)
    page = page_of(failed(DeadlineExceededError("too late")), last_up)
    assert page.title == "IonQ cannot be read · IonQ exporter"
    assert "timeout: too late. Last known: 1 of 1 QPU available Shortest wait 28 min at qpu.a" in page.text
    assert "Old: read 10 min ago at 2026-11-22 16:50:00 UTC" in page.text
    assert [row[0] for row in page.rows] == ["qpu.a"]


def test_while_ionq_is_slow_the_last_known_table_stays_marked_as_old() -> None:
    page = page_of(scrape_of(qpu("a"), seconds_ago=600), reading=True)
    assert page.title == "1 of 1 QPU available · IonQ exporter"
    assert "Old: read 10 min ago at 2026-11-22 16:50:00 UTC. IonQ is being read now" in page.text
    assert page.reload_seconds == 3
    assert [row[0] for row in page.rows] == ["qpu.a"]


def test_what_was_just_read_is_not_old() -> None:
    page = page_of(scrape_of(qpu("a"), seconds_ago=0))
    assert "Read just now at 2026-11-22 17:00:00 UTC" in page.text
    assert "Old" not in page.text
    assert page.reload_seconds == 60


def failure(message: str, request_id: str) -> IonQError:
    error = HTTPStatusError(message, 503)
    error.request_id = request_id
    return error


def test_a_failure_shows_ionqs_request_id_where_there_is_one() -> None:
    page = page_of(failed(failure("IonQ answered 503: see https://status.ionq.co", "req-7")))
    assert "IonQ's request id: req-7." in page.text


def test_simulated_data_are_marked() -> None:
    marked = "Simulated data. http://localhost:10066/v0.4 is the exporter's simulator, not IonQ."
    scrape = scrape_of(FORTE)
    assert marked in page_of(scrape, simulated=True, api_url="http://localhost:10066/v0.4").text
    assert "Simulated" not in page_of(scrape).text


# What else is on the page


@pytest.mark.parametrize("telemetry_path", ["/metrics", "/ionq/metrics"])
def test_links_are_relative_so_that_they_work_behind_a_prefix(telemetry_path: str) -> None:
    metrics, documentation, status = page_of(scrape_of(), telemetry_path=telemetry_path).links
    assert metrics == f".{telemetry_path}"
    assert documentation.startswith("https://github.com/ionq-exporter/")
    assert status == "https://status.ionq.co"


def test_the_exporters_own_health_is_a_line() -> None:
    text = page_of(scrape_of(FORTE)).text
    assert (
        "Running for 3 d 4 h · no request to IonQ · no failed scrape · no rejected value"
        " · last scrape 12 s ago, 0.083 s long"
    ) in text
    assert f"Reads {API_URL}. This page reloads every 60 s." in text


def test_the_exporters_own_health_counts_what_happened() -> None:
    metrics = ExporterMetrics()
    for _ in range(1204):
        metrics.count_request()
    for reason in ("timeout", "connect", "timeout"):
        metrics.count_failure(reason)
    metrics.count_rejections([Rejection("kw", "a", "is odd")])
    assert ("1,204 requests to IonQ · 3 failed scrapes (1 connect, 2 timeout) · 1 rejected value") in page_of(
        scrape_of(), metrics=metrics
    ).text


def test_the_status_page_has_a_section_where_it_is_read() -> None:
    incident = Incident("x1", "Forte is down", "investigating", "https://stspg.io/x1", impact="critical")
    reading = StatusPageReading(StatusPage(incidents=(incident,)), NOW.timestamp())
    for last in (scrape_of(status_page=reading), failed(DeadlineExceededError("late"), status_page=reading)):
        page = page_of(last)
        assert (
            "IonQ's status page: 1 incident, no maintenance critical Forte is down investigating" in page.text
        )
        assert "https://stspg.io/x1" in page.links
    assert "IonQ's status page:" not in page_of(scrape_of()).text


# Whatever a server sends


def outcomes(text: str) -> Iterator[Scrape]:
    yield scrape_of(Backend(text, location=text, status=text, characterization_id=text))
    yield scrape_of(qpu(text, wait=1, degraded=True))
    yield failed(failure(text, text))
    incident = Incident(text, text, text, text, (text,), impact=text)
    maintenance, component = Maintenance(text, text, text, text, (text,)), Component(text, text, text)
    status_page = StatusPage(text, (component,), (incident,), (maintenance,))
    yield scrape_of(status_page=StatusPageReading(status_page))


def test_hostile_text_is_shown_and_does_nothing() -> None:
    for outcome in outcomes(HOSTILE):
        page = page_of(outcome, simulated=True, telemetry_path=f"/{HOSTILE}", api_url=HOSTILE)
        assert HOSTILE in page.text
        assert "script" not in page.tags
        assert "img" not in page.tags


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1))
def test_no_text_changes_the_structure_of_the_page(text: str) -> None:
    for hostile, harmless in zip(outcomes(text), outcomes("x"), strict=True):
        assert page_of(hostile).tags == page_of(harmless).tags
        assert text in page_of(hostile).text


@given(
    st.builds(
        Backend,
        name=st.just("qpu.a"),
        status=st.none() | st.sampled_from(["available", "unavailable", "retired"]),
        qubits=st.none() | st.integers(0, 10**308),
        average_queue_time_seconds=st.none() | st.floats(0, allow_infinity=False),
        energy_kwh=st.none() | st.floats(0, allow_infinity=False),
        last_updated_timestamp_seconds=st.none() | st.floats(0, 253_402_300_800),
    ),
    st.builds(
        Characterization,
        id=st.just("a"),
        timestamp_seconds=st.none() | st.floats(0, 253_402_300_800),
        fidelity=st.dictionaries(st.just("2q"), st.floats(0, 1)),
    ),
)
def test_no_number_is_too_odd_for_the_page(backend: Backend, record: Characterization) -> None:
    row = cells(backend, record)
    assert len(row) == len(HEADINGS)
    assert all(len(text) <= 20 for text in row[2:]), row
