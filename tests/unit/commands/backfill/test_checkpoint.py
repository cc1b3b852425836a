"""What is left of a run that was ended."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.commands.backfill.checkpoint import Checkpoint
from exporter.commands.backfill.plan import Machine, Page, Plan
from exporter.records.characterizations import Characterization
from tests.support.backfill import ARIA, FORTE
from tests.support.samples import RECORD

PLAN = Plan("https://ionq.test/v0.4", (FORTE.name, ARIA.name), (FORTE, ARIA), None, 1_750_000_000.0)
PAGES = [
    Page(FORTE.name, 1, 2, (RECORD, replace(RECORD, id="another")), 3, {"record.id": 1}),
    Page(ARIA.name, 1, 0, ()),
    Page(FORTE.name, 2, 1, (Characterization("no date"),)),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.openmetrics.part"


def keep(path: Path, *pages: Page, plan: Plan = PLAN) -> None:
    checkpoint = Checkpoint(path)
    checkpoint.begin(plan)
    for page in pages:
        checkpoint.add(page)


def kept(path: Path) -> tuple[Plan | None, list[Page]]:
    checkpoint = Checkpoint(path)
    return checkpoint.plan, checkpoint.pages


def test_what_was_read_is_there_again(path: Path) -> None:
    keep(path, *PAGES)
    assert kept(path) == (PLAN, PAGES)


PLANS = st.builds(
    Plan,
    st.text(),
    st.lists(st.text()).map(tuple),
    st.lists(st.builds(Machine, st.text(), st.text())).map(tuple),
    st.none() | st.floats(0, 1e11),
    st.floats(0, 1e11),
)
NUMBERS = st.none() | st.floats(allow_nan=False)
BY_OPERATION = st.dictionaries(st.text(), st.floats(allow_nan=False))
STORED_RECORDS = st.builds(
    Characterization,
    st.text(),
    NUMBERS,
    st.none() | st.integers(),
    st.none() | st.integers(),
    BY_OPERATION,
    BY_OPERATION,
    BY_OPERATION,
    NUMBERS,
    NUMBERS,
)
STORED_PAGES = st.builds(
    Page,
    st.text(),
    st.integers(1),
    st.integers(0),
    st.lists(STORED_RECORDS).map(tuple),
    st.integers(0),
    st.dictionaries(st.text(), st.integers(1)),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # begin() empties the file
@given(plan=PLANS, pages=st.lists(STORED_PAGES, max_size=3))
def test_no_text_and_no_digit_is_lost(path: Path, plan: Plan, pages: list[Page]) -> None:
    path.unlink(missing_ok=True)
    keep(path, *pages, plan=plan)
    assert kept(path) == (plan, pages)


def test_one_run_after_another_adds_to_it(path: Path) -> None:
    keep(path, PAGES[0])
    Checkpoint(path).add(PAGES[1])
    Checkpoint(path).add(PAGES[2])
    assert kept(path) == (PLAN, PAGES)


def test_wherever_a_line_was_torn_what_was_whole_is_kept_and_added_to(path: Path) -> None:
    keep(path, *PAGES)
    content = path.read_bytes()
    ends = [position + 1 for position in range(len(content)) if content[position : position + 1] == b"\n"]
    for length in range(len(content)):
        path.write_bytes(content[:length])
        whole = sum(end <= length for end in ends)
        checkpoint = Checkpoint(path)
        assert (checkpoint.plan, checkpoint.pages) == (PLAN if whole else None, PAGES[: max(0, whole - 1)]), (
            length
        )
        if whole:
            checkpoint.add(PAGES[2])
            assert kept(path) == (PLAN, [*PAGES[: whole - 1], PAGES[2]])


def test_a_new_plan_forgets_the_old_pages(path: Path) -> None:
    keep(path, *PAGES)
    other = Plan("https://other.test/v0.4", (), (ARIA,), 0.0, 1.0)
    Checkpoint(path).begin(other)
    assert kept(path) == (other, [])


def test_nothing_kept_is_no_plan(path: Path) -> None:
    assert kept(path) == (None, [])
    assert kept(path) == (None, []), "of an empty file"


def test_it_is_gone_once_removed(path: Path) -> None:
    checkpoint = Checkpoint(path)
    checkpoint.begin(PLAN)
    checkpoint.remove()
    checkpoint.remove()
    assert not path.exists()


def changed(**fields: object) -> bytes:
    header = {
        "format": 1,
        "api_url": "",
        "backends": [],
        "machines": [],
        "start": None,
        "end": 1.0,
    }
    return json.dumps(header | fields).encode() + b"\n"


FOREIGN = {
    "text": b"dear diary\n",
    "text_without_an_end_of_line": b"dear diary",
    "text_with_a_torn_line": b"dear\ndiary",
    "empty_line": b"\n",
    "not_utf_8": b"\xff\xfe\n",
    "binary_without_an_end_of_line": b"\x89PNG",
    "other_json": b'{"a": 1}\n',
    "other_json_without_an_end_of_line": b'{"a": 1}',
    "json_that_is_no_object": b"[1]\n",
    "number": b"1\n",
    "other_format": changed(format=2),
    "field_missing": b'{"format": 1}\n',
    "field_unknown": changed(colour="red"),
    "page_of_no_page": changed() + b'{"backend": "a"}\n',
    "page_of_no_record": changed() + b'{"backend":"a","number":1,"remaining_pages":0,"records":[{"a":1}]}\n',
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_file_that_is_no_journal_is_refused_and_left_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match="is not what a backfill leaves: remove it, or name another"
    ) as refused:
        Checkpoint(path)
    assert str(path) in str(refused.value)
    assert path.read_bytes() == content


def test_a_directory_that_is_missing_is_an_error_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Checkpoint(tmp_path / "missing" / "history.part")
