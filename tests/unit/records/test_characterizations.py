import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.common.errors import InvalidJSONError, UnexpectedShapeError
from exporter.records.characterizations import (
    MAX_CHARACTERIZATIONS,
    MEASURED_OPERATIONS,
    REJECTED_FIELDS,
    TIMED_OPERATIONS,
    Characterization,
    CharacterizationPage,
    CharacterizedBackend,
    parse_characterizations,
)
from exporter.records.json_values import MAX_TEXT_LENGTH, Rejection
from tests.support.samples import RECORD
from tests.support.untrusted_json import (
    GOOD_RECORD,
    HOSTILE_RECORDS,
    any_json,
    page,
    raw_page,
    record_with,
    records,
)

FORTE = "qpu.forte-1"


def read(field: str, value: Any) -> tuple[Characterization, tuple[Rejection, ...]]:
    """Parse a characterization with one further field; return what came of it, and what was rejected."""
    result = parse_characterizations(page({"id": "a", field: value}), FORTE)
    [characterization] = result.characterizations
    return characterization, result.rejections


def assert_rejected(field: str, value: Any, problem: str) -> None:
    assert read(field, value) == (
        Characterization("a"),
        (Rejection(f"record.{field}", FORTE, problem),),
    )


# What IonQ documents


def test_a_characterization_as_documented_is_read_whole() -> None:
    assert parse_characterizations(page(GOOD_RECORD), FORTE) == CharacterizationPage((RECORD,), 1, 0)


def test_a_characterization_needs_no_more_than_an_id() -> None:
    result = parse_characterizations(page({"id": "a"}), FORTE)
    assert result == CharacterizationPage((Characterization("a"),), 1, 0)


@pytest.mark.parametrize(
    "absent",
    [
        dict.fromkeys(GOOD_RECORD),
        {"fidelity": {}, "timing": {}},
        {"fidelity": dict.fromkeys(MEASURED_OPERATIONS), "timing": dict.fromkeys(GOOD_RECORD["timing"])},
        {"fidelity": {key: {} for key in MEASURED_OPERATIONS}},
        {"fidelity": {key: {"median": None, "stderr": None} for key in MEASURED_OPERATIONS}},
        {"backend": ""},
    ],
)
def test_null_and_empty_are_the_same_as_nothing_sent(absent: dict[str, Any]) -> None:
    result = parse_characterizations(page(absent | {"id": "a"}), FORTE)
    assert result == CharacterizationPage((Characterization("a"),), 1, 0)


def test_unknown_fields_are_ignored() -> None:
    unknown = {"3q": {"median": "broken"}, "mean": 7}
    result = parse_characterizations(
        page(
            GOOD_RECORD
            | {
                "noise": {},
                "fidelity": {name: value | unknown for name, value in GOOD_RECORD["fidelity"].items()}
                | unknown,
                "timing": GOOD_RECORD["timing"] | unknown,
            },
            total=286,
        ),
        FORTE,
    )
    assert result == CharacterizationPage((RECORD,), 1, 0)


def test_characterizations_keep_the_order_in_which_ionq_lists_them() -> None:
    result = parse_characterizations(page(*({"id": identity} for identity in "cab")), FORTE)
    assert [characterization.id for characterization in result.characterizations] == ["c", "a", "b"]


@pytest.mark.parametrize("none", [None, []])
def test_a_backend_without_characterizations_has_an_empty_page(none: Any) -> None:
    assert parse_characterizations(page(characterizations=none), FORTE) == CharacterizationPage((), 0, 0)


# Fidelities


@pytest.mark.parametrize("operation", MEASURED_OPERATIONS)
def test_one_operation_that_was_not_measured_leaves_the_others(operation: str) -> None:
    others = {name: result for name, result in GOOD_RECORD["fidelity"].items() if name != operation}
    characterization, rejected = read("fidelity", others)
    assert characterization.fidelity == {name: result["median"] for name, result in others.items()}
    assert characterization.fidelity_standard_error == {
        name: result["stderr"] for name, result in others.items()
    }
    assert rejected == ()


@pytest.mark.parametrize("ratio", [1, 1.0, 0.50000001, 0.50100001, 0.7913, 0.99999])
def test_a_fidelity_above_chance_level_is_taken_as_sent(ratio: float) -> None:
    characterization, rejected = read("fidelity", {"2q": {"median": ratio, "stderr": ratio}})
    assert characterization.fidelity == characterization.fidelity_standard_error == {"2q": ratio}
    assert rejected == ()


NOT_MEASURED = [
    *(
        (ratio, f"{ratio} is no better than chance, so it was not measured")
        for ratio in (0, -0.0, 0.4745, 0.47450000000000003, 0.5)
    ),
    (0.501, "0.501 is IonQ's placeholder for a value that was not measured"),
]


@pytest.mark.parametrize("operation", MEASURED_OPERATIONS)
@pytest.mark.parametrize(("median", "problem"), NOT_MEASURED)
def test_a_fidelity_that_was_not_measured_is_rejected_and_its_error_is_not_shown(
    operation: str, median: float, problem: str
) -> None:
    assert_rejected(
        "fidelity", {operation: {"median": median, "stderr": 0.1}}, f"{operation}.median {problem}"
    )


@pytest.mark.parametrize("error", [0, -0.0, 0.5, 0.501, 1])
def test_any_ratio_is_a_standard_error(error: float) -> None:
    characterization, rejected = read("fidelity", {"2q": {"median": 0.9, "stderr": error}})
    assert characterization.fidelity_standard_error == {"2q": error}
    assert math.copysign(1, characterization.fidelity_standard_error["2q"]) == 1
    assert rejected == ()


def test_an_error_of_a_fidelity_that_was_not_sent_is_not_shown() -> None:
    characterization, rejected = read("fidelity", {"2q": {"stderr": 0.1}})
    assert characterization.fidelity_standard_error == {}
    assert rejected == ()


BAD_NUMBERS: list[tuple[Any, str]] = [
    ("0.995", "'0.995' is not a number"),
    (True, "True is not a number"),
    (False, "False is not a number"),
    ([0.995], "[0.995] is not a number"),
    ({}, "{} is not a number"),
    (math.nan, "nan is not a finite number"),
    (math.inf, "inf is not a finite number"),
    (-math.inf, "-inf is not a finite number"),
    (-0.5, "-0.5 is negative"),
]

BAD_RATIOS = [
    *BAD_NUMBERS,
    (1.0000001, "1.0000001 is not between 0 and 1"),
    (99.5, "99.5 is not between 0 and 1"),
]


@pytest.mark.parametrize("operation", MEASURED_OPERATIONS)
@pytest.mark.parametrize(("value", "problem"), BAD_RATIOS)
def test_a_fidelity_that_is_no_ratio_is_rejected_and_its_error_is_not_shown(
    operation: str, value: Any, problem: str
) -> None:
    assert_rejected(
        "fidelity", {operation: {"median": value, "stderr": 0.1}}, f"{operation}.median {problem}"
    )


@pytest.mark.parametrize("operation", MEASURED_OPERATIONS)
@pytest.mark.parametrize(("value", "problem"), BAD_RATIOS)
def test_an_error_that_is_no_ratio_costs_itself_and_not_the_fidelity(
    operation: str, value: Any, problem: str
) -> None:
    characterization, rejected = read("fidelity", {operation: {"median": 0.9, "stderr": value}})
    assert characterization == Characterization("a", fidelity={operation: 0.9})
    assert rejected == (Rejection("record.fidelity", FORTE, f"{operation}.stderr {problem}"),)


@pytest.mark.parametrize(
    ("fidelity", "problem"),
    [
        (0.995, "0.995 is not an object"),
        ("none", "'none' is not an object"),
        ([], "[] is not an object"),
        ({"2q": 0.995}, "2q 0.995 is not an object"),
        ({"2q": True}, "2q True is not an object"),
        ({"2q": [{"median": 0.9}]}, "2q [{'median': 0.9}] is not an object"),
    ],
)
def test_fidelities_that_are_not_in_objects_are_rejected(fidelity: Any, problem: str) -> None:
    assert_rejected("fidelity", fidelity, problem)


# Times


@pytest.mark.parametrize("name", [*TIMED_OPERATIONS, "t1", "t2"])
@pytest.mark.parametrize("seconds", [0, 5e-05, 0.00097, 100, 1e6])
def test_a_time_is_taken_in_seconds_as_sent(name: str, seconds: float) -> None:
    characterization, rejected = read("timing", {name: seconds})
    times = dict(characterization.duration_seconds) | {
        "t1": characterization.t1_seconds,
        "t2": characterization.t2_seconds,
    }
    assert {name: time for name, time in times.items() if time is not None} == {name: seconds}
    assert rejected == ()


@pytest.mark.parametrize("name", [*TIMED_OPERATIONS, "t1", "t2"])
@pytest.mark.parametrize(("value", "problem"), BAD_NUMBERS)
def test_a_time_that_is_no_amount_is_rejected(name: str, value: Any, problem: str) -> None:
    assert_rejected("timing", {name: value}, f"{name} {problem}")


@pytest.mark.parametrize("timing", [7, "fast", [], True])
def test_times_that_are_not_in_an_object_are_rejected(timing: Any) -> None:
    assert_rejected("timing", timing, f"{timing!r} is not an object")


# Connectivity


@pytest.mark.parametrize(
    ("pairs", "count"),
    [
        ([], 0),
        ([[0, 1]], 1),
        ([[0, 1], [1, 2], [0, 2]], 3),
        ([[0, 1], [0, 1]], 1),
        ([[0, 1], [1, 0]], 1),
        ([[7, 3], [3, 7], [7, 3], [3, 8]], 2),
        ([[0, 100_000]], 1),
        ([[0, 1]] * 170_000, 1),
        ([[number, number + 1] for number in range(60_000)], 60_000),
    ],
    ids=["none", "one", "three", "twice", "reversed", "mixed", "high", "the same", "the most"],
)
def test_each_pair_counts_once_whichever_way_round_and_however_often_it_is_written(
    pairs: list[list[int]], count: int
) -> None:
    characterization, rejected = read("connectivity", pairs)
    assert characterization.connected_pairs == count
    assert rejected == ()


@pytest.mark.parametrize(
    "pair",
    [
        [1, 1],
        [-1, 0],
        [0],
        [0, 1, 2],
        [],
        [0, None],
        [False, True],
        [0, True],
        [0, 1.0],
        [0, 0.5],
        [0, math.nan],
        [0, 100_001],
        [0, int("9" * 20)],
        ["0", "1"],
        [[0], [1]],
        {"0": 1},
        "01",
        7,
        None,
    ],
)
def test_an_entry_that_is_no_pair_costs_the_whole_count(pair: Any) -> None:
    for pairs in ([pair], [[0, 1], pair]):
        characterization, [rejection] = read("connectivity", pairs)
        assert characterization == Characterization("a")
        assert rejection.field == "record.connectivity"
        assert rejection.problem.endswith("] holds an entry that is no pair of qubits")


@pytest.mark.parametrize("connectivity", [{}, "all", 630, True])
def test_connectivity_that_is_no_list_is_rejected(connectivity: Any) -> None:
    assert_rejected("connectivity", connectivity, f"{connectivity!r} is not a list of pairs")


# The other fields


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("date", "yesterday", "'yesterday' is not an ISO 8601 time"),
        ("date", -1, "-1 is negative"),
        ("date", True, "True is not a number"),
        ("qubits", "36", "'36' is not a number"),
        ("qubits", 35.5, "35.5 is not a whole number"),
        ("qubits", -36, "-36 is negative"),
        ("qubits", [], "[] is not a number"),
        ("backend", 7, "7 is not text"),
    ],
)
def test_a_value_of_the_wrong_kind_costs_that_value(field: str, value: Any, problem: str) -> None:
    assert_rejected(field, value, problem)


@pytest.mark.parametrize(
    ("field", "before", "after"),
    [
        ("date", b"", b""),
        ("qubits", b"", b""),
        ("fidelity", b'{"2q":{"median":', b"}}"),
        ("timing", b'{"t1":', b"}"),
    ],
)
@pytest.mark.parametrize(
    ("value", "shown"),
    [(b"1e999", "inf"), (b"-1e999", "-inf"), (b"9" * 5_000, "inf"), (b"-" + b"9" * 5_000, "-inf")],
    ids=["1e999", "-1e999", "5,000 digits", "minus 5,000 digits"],
)
def test_a_number_larger_than_any_is_rejected(
    field: str, before: bytes, after: bytes, value: bytes, shown: str
) -> None:
    result = parse_characterizations(raw_page(record_with(field, before + value + after)), FORTE)
    assert result.characterizations == (Characterization("neighbour"),)
    [rejection] = result.rejections
    assert rejection.field == f"record.{field}"
    assert rejection.problem.endswith(f"{shown} is not a finite number")


def test_each_bad_value_of_a_characterization_costs_only_itself() -> None:
    bad = {"date": "soon", "qubits": -1, "connectivity": [[0]], "timing": GOOD_RECORD["timing"] | {"t2": "1"}}
    result = parse_characterizations(page(GOOD_RECORD | bad, {"id": "next"}), FORTE)
    assert result.characterizations == (
        replace(RECORD, timestamp_seconds=None, qubits=None, connected_pairs=None, t2_seconds=None),
        Characterization("next"),
    )
    assert {(rejection.field, rejection.problem) for rejection in result.rejections} == {
        ("record.date", "'soon' is not an ISO 8601 time"),
        ("record.qubits", "-1 is negative"),
        ("record.connectivity", "[[0]] holds an entry that is no pair of qubits"),
        ("record.timing", "t2 '1' is not a number"),
    }
    assert {rejection.row for rejection in result.rejections} == {FORTE}


# Characterizations


@pytest.mark.parametrize(
    ("record", "field", "problem"),
    [
        (b"null", "record", "None is not an object"),
        (b"[]", "record", "[] is not an object"),
        (b'"a"', "record", "'a' is not an object"),
        (b"{}", "record.id", "is missing or empty"),
        (b'{"id":null,"qubits":-1}', "record.id", "is missing or empty"),
        (b'{"id":" "}', "record.id", "is missing or empty"),
        (b'{"id":7}', "record.id", "7 is not text"),
        (rb'{"id":"\n"}', "record.id", r"'\n' holds characters that cannot be printed"),
        (rb'{"id":"\ud800"}', "record.id", r"'\ud800' holds characters that cannot be printed"),
        (b'{"id":"\xff"}', "record.id", r"'\udcff' holds characters that cannot be printed"),
        (
            b'{"id":"neighbour","backend":"qpu.aria-1"}',
            "record.backend",
            "'qpu.aria-1' is not the backend that was asked for",
        ),
        (
            b'{"id":"neighbour","backend":"QPU.forte-1","qubits":-1}',
            "record.backend",
            "'QPU.forte-1' is not the backend that was asked for",
        ),
    ],
)
def test_a_characterization_without_a_usable_id_or_of_another_backend_is_left_out_and_counted_once(
    record: bytes, field: str, problem: str
) -> None:
    result = parse_characterizations(raw_page(record, json.dumps(GOOD_RECORD).encode(), record), FORTE)
    assert result.characterizations == (RECORD,)
    assert result.rejections == (Rejection(field, FORTE, problem),) * 2


def test_a_characterization_that_comes_twice_is_returned_twice() -> None:
    result = parse_characterizations(page(GOOD_RECORD, GOOD_RECORD), FORTE)
    assert result.characterizations == (RECORD, RECORD)


@pytest.mark.parametrize("limit", [1, 3, MAX_CHARACTERIZATIONS])
def test_characterizations_beyond_the_limit_are_not_read(limit: int) -> None:
    ids = [str(number) for number in range(limit)]
    sent = [{"id": identity} for identity in ids]
    result = parse_characterizations(page(*sent, {"id": 7}, None), FORTE, max_characterizations=limit)
    assert [characterization.id for characterization in result.characterizations] == ids
    assert result.rejections == ()


def test_without_a_limit_no_more_are_read_than_ionq_puts_on_a_page() -> None:
    result = parse_characterizations(page(*({"id": str(number)} for number in range(100))), FORTE)
    assert len(result.characterizations) == 10


@pytest.mark.parametrize(("pages", "remaining"), [(0, 0), (285, 285), (2.0, 2), (None, None)])
def test_the_number_of_pages_that_remain_is_read(pages: Any, remaining: int | None) -> None:
    assert parse_characterizations(page(GOOD_RECORD, pages=pages), FORTE).remaining_pages == remaining


def test_a_page_may_leave_out_how_many_remain() -> None:
    assert parse_characterizations(b'{"characterizations":[]}', FORTE).remaining_pages is None


@pytest.mark.parametrize("date", [0, 1420070399, "2014-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_a_date_before_ionq_was_founded_is_rejected(date: Any) -> None:
    result = parse_characterizations(page(GOOD_RECORD | {"date": date}), FORTE)
    assert result.characterizations[0].timestamp_seconds is None
    assert [rejection.field for rejection in result.rejections] == ["record.date"]


@pytest.mark.parametrize(("qubits", "pairs"), [(3, 3), (2, None), (1, None), (None, 3)])
def test_more_pairs_than_the_qubits_have_are_rejected(qubits: int | None, pairs: int | None) -> None:
    record = GOOD_RECORD | {"qubits": qubits, "connectivity": [[0, 1], [0, 2], [1, 2]]}
    result = parse_characterizations(page(record), FORTE)
    assert result.characterizations[0].connected_pairs == pairs
    assert [rejection.field for rejection in result.rejections] == ["record.connectivity"] * (pairs is None)


@pytest.mark.parametrize("pages", ["3", -1, 0.5, True, [], {}, math.inf, math.nan])
def test_an_odd_number_of_pages_is_rejected_and_costs_no_characterization(pages: Any) -> None:
    result = parse_characterizations(page(GOOD_RECORD, pages=pages), FORTE)
    assert len(result.characterizations) == 1
    assert result.remaining_pages is None
    (rejection,) = result.rejections
    assert (rejection.field, rejection.row) == ("record", FORTE)
    assert rejection.problem.startswith("pages ")


# Responses that are no list of characterizations


@pytest.mark.parametrize("response", [b"", b"<html>502</html>", page(GOOD_RECORD)[:-1]])
def test_a_response_that_is_no_json_is_invalid(response: bytes) -> None:
    with pytest.raises(InvalidJSONError, match="is not JSON"):
        parse_characterizations(response, FORTE)


@pytest.mark.parametrize(
    ("response", "shown"),
    [
        (b"null", "None"),
        (b"1", "1"),
        (b"[]", "[]"),
        (b"NaN", "nan"),
        (b'"characterizations"', "'characterizations'"),
        (b"{}", "{}"),
        (b'{"pages":4}', "{'pages': 4}"),
        (b'{"characterizations":{"id":"a"}}', "{'characterizations': {'id': 'a'}}"),
        (b'{"characterizations":"none"}', "{'characterizations': 'none'}"),
        (b'{"characterizations":false}', "{'characterizations': False}"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "{'a': {'a': {'a': {'a': {'a': {'a': {...}}}}}}}"),
    ],
)
def test_json_without_a_list_of_characterizations_has_an_unexpected_shape(
    response: bytes, shown: str
) -> None:
    with pytest.raises(UnexpectedShapeError) as failure:
        parse_characterizations(response, FORTE)
    assert failure.value.message == (
        f"IonQ answered {shown}, which is no list of characterizations: check --ionq.api-url"
    )


# Whatever comes


@pytest.mark.parametrize("hostile", HOSTILE_RECORDS.values(), ids=HOSTILE_RECORDS)
def test_a_good_characterization_survives_whatever_stands_beside_it(hostile: bytes) -> None:
    good = json.dumps(GOOD_RECORD).encode()
    for response in (raw_page(good, hostile), raw_page(hostile, good), raw_page(hostile, good, hostile)):
        assert RECORD in parse_characterizations(response, FORTE).characterizations


@given(before=st.lists(records | any_json, max_size=4), after=st.lists(records | any_json, max_size=5))
def test_a_good_characterization_survives_any_others(before: list[Any], after: list[Any]) -> None:
    good = GOOD_RECORD | {"id": "good"}
    result = parse_characterizations(page(*before, good, *after), FORTE)
    assert replace(RECORD, id="good") in result.characterizations


def outcome(response: bytes) -> CharacterizationPage | InvalidJSONError | UnexpectedShapeError:
    try:
        return parse_characterizations(response, FORTE)
    except (InvalidJSONError, UnexpectedShapeError) as error:
        return error


@given(any_json | any_json.map(lambda anything: {"characterizations": anything}))
def test_any_json_is_a_page_or_has_an_unexpected_shape(document: Any) -> None:
    is_page = isinstance(document, dict) and isinstance(document.get("characterizations", 0), list | None)
    expected = CharacterizationPage if is_page else UnexpectedShapeError
    assert isinstance(outcome(json.dumps(document).encode()), expected)


@given(st.binary() | st.binary().map(lambda middle: b'{"characterizations":[{"id":"a",' + middle + b"}]}"))
@example(b'{"characterizations":[{"id":"\xff\xfe"}]}')
@example(b"\xff\xfe[\xd8")
def test_any_bytes_are_a_page_or_raise_one_of_the_two_documented_errors(response: bytes) -> None:
    result = outcome(response)
    assert isinstance(result, CharacterizationPage) or result.message.isprintable()


@given(st.lists(records | any_json, max_size=12), any_json)
def test_the_values_of_a_page_are_within_bounds(sent: list[Any], pages: Any) -> None:
    result = parse_characterizations(page(*sent, pages=pages), FORTE)
    assert len(result.characterizations) <= MAX_CHARACTERIZATIONS
    assert result.remaining_pages is None or result.remaining_pages >= 0
    for characterization in result.characterizations:
        assert_within_bounds(characterization)
    for rejection in result.rejections:
        assert rejection.field in REJECTED_FIELDS
        assert rejection.row == FORTE
        assert rejection.count == 1
        assert rejection.problem.isprintable()
        assert len(rejection.problem) < 300


def assert_within_bounds(read: Characterization) -> None:
    assert read.id.strip()
    assert read.id.isprintable()
    assert len(read.id) <= MAX_TEXT_LENGTH
    assert read.fidelity.keys() <= set(MEASURED_OPERATIONS)
    assert read.fidelity_standard_error.keys() <= read.fidelity.keys()
    assert all(0.5 < ratio <= 1 and ratio != 0.501 for ratio in read.fidelity.values())
    assert all(0 <= ratio <= 1 for ratio in read.fidelity_standard_error.values())
    assert read.duration_seconds.keys() <= set(TIMED_OPERATIONS)
    for number in (
        *read.duration_seconds.values(),
        read.t1_seconds,
        read.t2_seconds,
        read.timestamp_seconds,
        read.qubits,
        read.connected_pairs,
    ):
        assert number is None or 0 <= number < math.inf


# What is current


def test_a_characterization_is_current_if_backends_name_it() -> None:
    assert CharacterizedBackend(FORTE, "", "a", Characterization("a")).is_current
    assert not CharacterizedBackend(FORTE, "", "b", Characterization("a")).is_current
    assert not CharacterizedBackend(FORTE, "", "a").is_current
