"""The file from which an interrupted run resumes."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.commands.backfill.checkpoint import Checkpoint
from exporter.commands.backfill.plan import Page, Plan
from exporter.records.characterizations import Characterization
from tests.support.backfill import ARIA, FORTE, LOCATIONS
from tests.support.samples import RECORD

PLAN = Plan("https://ionq.test/v0.4", (FORTE, ARIA), None, 1_750_000_000.0, 10, LOCATIONS)
PAGES = [
    Page(FORTE, 1, 2, (RECORD, replace(RECORD, id="another")), 3, {"record.id": 1}),
    Page(ARIA, 1, 0, ()),
    Page(FORTE, 2, 1, (Characterization("no date"),)),
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


def test_what_was_saved_is_loaded(path: Path) -> None:
    keep(path, *PAGES)
    assert kept(path) == (PLAN, PAGES)


PLANS = st.builds(
    Plan,
    st.text(),
    st.lists(st.text()).map(tuple),
    st.none() | st.floats(0, 1e11),
    st.floats(0, 1e11),
    st.sampled_from([1, 10]),
    st.dictionaries(st.text(), st.text()),
)
NUMBERS = st.none() | st.floats(allow_nan=False)
BY_OPERATION = st.dictionaries(st.text(), st.floats(allow_nan=False))
CHARACTERIZATIONS = st.builds(
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
    st.lists(CHARACTERIZATIONS).map(tuple),
    st.integers(0),
    st.dictionaries(st.text(), st.integers(1)),
)


# begin() empties the file.
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=PLANS, pages=st.lists(STORED_PAGES, max_size=3))
def test_no_text_and_no_digit_is_lost(path: Path, plan: Plan, pages: list[Page]) -> None:
    path.unlink(missing_ok=True)
    keep(path, *pages, plan=plan)
    assert kept(path) == (plan, pages)


def test_each_run_adds_pages(path: Path) -> None:
    keep(path, PAGES[0])
    Checkpoint(path).add(PAGES[1])
    Checkpoint(path).add(PAGES[2])
    assert kept(path) == (PLAN, PAGES)


def test_an_incomplete_line_is_dropped_and_the_complete_ones_are_kept(path: Path) -> None:
    keep(path, *PAGES)
    content = path.read_bytes()
    ends = [position + 1 for position in range(len(content)) if content[position : position + 1] == b"\n"]
    near_the_ends = {end + offset for end in (0, *ends) for offset in (-2, -1, 0, 1, 2)}
    for length in sorted(near_the_ends & {*range(len(content))} | {*range(0, len(content), 29)}):
        path.write_bytes(content[:length])
        whole = sum(end <= length for end in ends)
        checkpoint = Checkpoint(path)
        assert (checkpoint.plan, checkpoint.pages) == (PLAN if whole else None, PAGES[: max(0, whole - 1)]), (
            length
        )
        if whole:
            checkpoint.add(PAGES[2])
            assert kept(path) == (PLAN, [*PAGES[: whole - 1], PAGES[2]])


def test_a_new_plan_replaces_the_old_pages(path: Path) -> None:
    keep(path, *PAGES)
    other = Plan("https://other.test/v0.4", (), 0.0, 1.0, 1, {ARIA: ""})
    Checkpoint(path).begin(other)
    assert kept(path) == (other, [])


def test_an_empty_file_has_no_plan(path: Path) -> None:
    assert kept(path) == (None, [])
    assert kept(path) == (None, []), "of an empty file"


def test_it_can_be_removed(path: Path) -> None:
    checkpoint = Checkpoint(path)
    checkpoint.begin(PLAN)
    checkpoint.remove()
    checkpoint.remove()
    assert not path.exists()


def changed(**fields: object) -> bytes:
    header = {
        "format": 1,
        "api_url": "",
        "names": [],
        "start": None,
        "end": 1.0,
        "page_size": 10,
        "locations": {},
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
    "page_of_no_characterization": changed()
    + b'{"backend":"a","number":1,"remaining_pages":0,"characterizations":[{"a":1}]}\n',
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_file_that_is_not_a_checkpoint_is_refused_and_unchanged(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(click.UsageError, match="is not a checkpoint of a backfill: remove it, or") as refused:
        Checkpoint(path)
    assert str(path) in str(refused.value)
    assert path.read_bytes() == content


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(click.BadParameter, match=r"^cannot write .*/missing/history\.part: No such file"):
        Checkpoint(tmp_path / "missing" / "history.part")


OTHERS = {
    "no_start": ({}, {"start": 1_735_689_600.0}, "no --start"),
    "start": ({"start": 1_735_689_600.0}, {}, "--start=2025-01-01T00:00:00Z"),
    "end": ({}, {"end": 1_740_700_800.0}, "--end=2025-06-15T15:06:40Z"),
    "all_backends": ({"names": ()}, {}, "no --backend"),
    "both_backends": ({}, {"names": ()}, "--backend=qpu.aria-1 --backend=qpu.forte-1"),
    "one_backend": ({"names": ("a b",)}, {}, "--backend='a b'"),
    "url": ({}, {"api_url": "https://other.test"}, "--ionq.api-url=https://ionq.test/v0.4"),
    "one_by_one": ({"page_size": 1}, {}, "--one-by-one"),
    "not_one_by_one": ({}, {"page_size": 1}, "no --one-by-one"),
    "two": ({}, {"start": 1.0, "page_size": 1}, "no --start and no --one-by-one"),
}


@pytest.mark.parametrize(("saved", "wanted", "flags"), OTHERS.values(), ids=OTHERS.keys())
def test_a_plan_with_other_flags_is_refused_and_the_message_has_the_saved_ones(
    path: Path, saved: dict[str, Any], wanted: dict[str, Any], flags: str
) -> None:
    keep(path, PAGES[0], plan=replace(PLAN, **saved))
    with pytest.raises(click.UsageError) as refused:
        Checkpoint(path).check_same(replace(PLAN, **wanted), end_is_given=True)
    assert refused.value.message == (
        f"{path} is from a run with other flags, {flags}: repeat those, remove the file, or name another "
        "--output"
    )


def test_a_plan_with_the_same_flags_in_another_order_is_accepted(path: Path) -> None:
    keep(path, PAGES[0])
    same = replace(PLAN, names=(ARIA, FORTE), locations={})
    Checkpoint(path).check_same(same, end_is_given=True)
    Checkpoint(path).check_same(replace(same, end=1.0), end_is_given=False)
