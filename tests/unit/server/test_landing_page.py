from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import __version__
from exporter.common.errors import DeadlineExceededError, HTTPStatusError, IonQError
from exporter.records.backends import Backend
from exporter.records.characterizations import Characterization, CharacterizedBackend
from exporter.records.scrape import Scrape
from exporter.server.landing_page import render_landing_page
from tests.support import samples

NOW = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)
API_URL = "https://api.ionq.co/v0.4"
HEADINGS = [
    "Backend",
    "Location",
    "Status",
    "Qubits",
    "Wait",
    "Degraded",
    "kWh",
    "Updated",
    "2-qubit fidelity",
    "Characterized",
]

FORTE = samples.FORTE._replace(last_updated_timestamp_seconds=(NOW - timedelta(days=2, hours=3)).timestamp())
RECORD = replace(samples.RECORD, timestamp_seconds=(NOW - timedelta(days=5, hours=1)).timestamp())

HOSTILE = """</td><script>alert(1)</script>"'><img src=x onerror=alert(1)>{{ 7 * 7 }}"""


class Page(HTMLParser):
    """The page as a reader sees it: its text and links, and the cells of its table."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.classes: list[str] = []
        self.rows: list[list[str]] = []
        self._texts: list[str] = []
        self._inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        assert not any(name.startswith("on") for name in attributes)
        self.tags.append(tag)
        match tag:
            case "a":
                self.links.append(attributes["href"] or "")
            case "span":
                self.classes.append(attributes["class"] or "")
            case "tr":
                self.rows.append([])
            case "td" | "th":
                self.rows[-1].append("")
        if tag in ("td", "th", "style"):
            self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("td", "th"):
            self.rows[-1][-1] = (self.rows[-1][-1] + data).strip()
        if self._inside != "style":
            self._texts.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self._texts).split())


def page_of(
    outcome: Sequence[Backend] | IonQError | None,
    *characterized: CharacterizedBackend,
    telemetry_path: str = "/metrics",
    api_url: str = API_URL,
) -> Page:
    finished_at = NOW - timedelta(seconds=12)
    scrape = None
    if isinstance(outcome, IonQError):
        scrape = Scrape(finished_at, 0.0831, error=outcome)
    elif outcome is not None:
        scrape = Scrape(finished_at, 0.0831, backends=tuple(outcome), characterized=characterized)
    return Page(render_landing_page(scrape, NOW, telemetry_path=telemetry_path, api_url=api_url))


def cells(backend: Backend, record: Characterization | None = None) -> list[str]:
    known = CharacterizedBackend(backend.name, backend.location, "current", record)
    headings, row = page_of([backend], known).rows
    assert headings == HEADINGS
    return row


def test_before_any_scrape_the_page_says_so_and_links_to_the_metrics() -> None:
    page = page_of(None)
    assert f"IonQ exporter {__version__}" in page.text
    assert "No scrape yet." in page.text
    assert "Last scrape" not in page.text
    assert page.rows == []
    assert page.links[0] == "/metrics"


def test_the_page_links_to_metrics_documentation_and_ionqs_status() -> None:
    metrics, documentation, status = page_of([]).links
    assert metrics == "/metrics"
    assert documentation.startswith("https://github.com/ionq-exporter/")
    assert status == "https://status.ionq.co"


def test_a_backend_is_a_row_of_values_for_people() -> None:
    assert cells(FORTE, RECORD) == [
        "qpu.forte-1",
        "College Park, MD, USA",
        "available",
        "36",
        "17d 17h",
        "no",
        "4,902.81",
        "2d 3h ago",
        "99.50%",
        "5d 1h ago",
    ]


@pytest.mark.parametrize(
    "record", [None, Characterization("a"), Characterization("a", fidelity={"1q": 0.99})]
)
def test_absent_values_are_dashes(record: Characterization | None) -> None:
    assert cells(Backend("simulator"), record) == ["simulator", *["–"] * 9]  # noqa: RUF001


def test_a_machine_of_which_nothing_was_ever_characterized_has_dashes_too() -> None:
    (_, row) = page_of([FORTE]).rows
    assert row[-2:] == ["–", "–"]  # noqa: RUF001


def test_of_two_machines_with_one_name_each_has_its_own_fidelity() -> None:
    backends = [Backend("a", location=location) for location in ("Basel", "Bothell")]
    characterized = [
        CharacterizedBackend("a", location, "x", Characterization("x", fidelity={"2q": ratio}))
        for location, ratio in (("Bothell", 0.5), ("Basel", 1.0))
    ]
    _, *rows = page_of(backends, *characterized).rows
    assert [row[-2] for row in rows] == ["100.00%", "50.00%"]


def test_zeros_are_not_absent() -> None:
    zeros = Backend(
        "simulator",
        qubits=0,
        average_queue_time_seconds=0.0,
        energy_kwh=0.0,
        last_updated_timestamp_seconds=0.0,
    )
    record = Characterization("x", timestamp_seconds=0.0, fidelity={"2q": 0.0})
    *_, qubits, wait, _, kwh, updated, fidelity, characterized = cells(zeros, record)
    assert (qubits, wait, kwh, fidelity) == ("0", "0s", "0.00", "0.00%")
    assert updated == characterized == "20779d 17h ago"


def test_a_degraded_machine_says_yes() -> None:
    assert cells(Backend("a", degraded=True))[HEADINGS.index("Degraded")] == "yes"


def test_an_update_in_the_future_is_not_shown_as_past() -> None:
    ahead = Backend("a", last_updated_timestamp_seconds=(NOW + timedelta(minutes=90)).timestamp())
    assert cells(ahead)[HEADINGS.index("Updated")] == "in 1h 30m"
    record = Characterization("x", timestamp_seconds=ahead.last_updated_timestamp_seconds)
    assert cells(ahead, record)[HEADINGS.index("Characterized")] == "in 1h 30m"


@pytest.mark.parametrize(
    ("status", "style"),
    [
        ("available", "good"),
        ("unavailable", "bad"),
        ("retired", "quiet"),
        ("calibrating", "other"),
        (None, "quiet"),
    ],
)
def test_a_status_is_coloured_by_what_it_means(status: str | None, style: str) -> None:
    assert page_of([Backend("a", status=status)]).classes == [style]


def test_every_backend_has_a_row_in_ionqs_order() -> None:
    names = ["simulator", "qpu.forte-1", "qpu.aria-1"]
    _, *rows = page_of([Backend(name) for name in names]).rows
    assert [row[0] for row in rows] == names


def test_an_empty_list_is_told_apart_from_a_failure() -> None:
    page = page_of([])
    assert "The last scrape worked, but IonQ listed no backend." in page.text
    assert page.rows == []


def test_the_age_of_the_last_scrape_and_its_wait_are_shown() -> None:
    assert f"Last scrape 12s ago, 0.083 s spent waiting for {API_URL}." in page_of([FORTE]).text


def test_a_failure_shows_its_reason_what_to_do_and_no_backends() -> None:
    page = page_of(DeadlineExceededError("no complete response within 9.5s: see https://status.ionq.co"))
    assert "The last scrape could not read IonQ (timeout): no complete response within 9.5s" in page.text
    assert "request id" not in page.text
    assert page.rows == []


def failure(message: str, request_id: str) -> IonQError:
    error = HTTPStatusError(message, 503)
    error.request_id = request_id
    return error


def test_a_failure_shows_ionqs_request_id_where_there_is_one() -> None:
    page = page_of(failure("IonQ answered 503: see https://status.ionq.co", "req-7"))
    assert "IonQ's request id: req-7." in page.text


# Whatever a server sends


def outcomes(text: str) -> Iterator[Sequence[Backend] | IonQError]:
    yield [Backend(text, location=text, status=text, characterization_id=text)]
    yield failure(text, text)


def test_hostile_text_is_shown_and_does_nothing() -> None:
    for outcome in outcomes(HOSTILE):
        page = page_of(outcome, telemetry_path=f"/{HOSTILE}", api_url=HOSTILE)
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
        name=st.just("a"),
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
    assert len(cells(backend, record)) == len(HEADINGS)
