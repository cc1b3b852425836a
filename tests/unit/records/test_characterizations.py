import json
import math
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.common.errors import InvalidJSONError, UnexpectedShapeError
from exporter.records.characterizations import (
    MAX_CHARACTERIZATIONS,
    MEASURED_OPERATIONS,
    RECORD_FIELDS,
    TIMED_OPERATIONS,
    Characterization,
    CharacterizationPage,
    CharacterizedBackend,
    CharacterizedBackends,
    parse_characterizations,
)
from exporter.records.json_values import MAX_TEXT_LENGTH, Rejection
from tests.support.samples import RECORD
from tests.support.untrusted_json import (
    DEEP_OBJECT,
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
    """Parse one record with one further field; return what came of it, and what was rejected."""
    result = parse_characterizations(page({"id": "a", field: value}), FORTE)
    [record] = result.records
    return record, result.rejections


def assert_rejected(field: str, value: Any, problem: str) -> None:
    assert read(field, value) == (
        Characterization("a"),
        (Rejection(f"record.{field}", FORTE, problem),),
    )


# What IonQ documents


def test_a_record_as_documented_is_read_whole() -> None:
    assert parse_characterizations(page(GOOD_RECORD), FORTE) == CharacterizationPage((RECORD,), 1, 0)


def test_a_record_needs_no_more_than_an_id() -> None:
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


def test_records_keep_the_order_in_which_ionq_lists_them() -> None:
    result = parse_characterizations(page(*({"id": identity} for identity in "cab")), FORTE)
    assert [record.id for record in result.records] == ["c", "a", "b"]


@pytest.mark.parametrize("none", [None, []])
def test_a_machine_without_characterizations_has_an_empty_page(none: Any) -> None:
    assert parse_characterizations(page(characterizations=none), FORTE) == CharacterizationPage((), 0, 0)


# Fidelities


@pytest.mark.parametrize("operation", MEASURED_OPERATIONS)
def test_one_operation_that_was_not_measured_leaves_the_others(operation: str) -> None:
    others = {name: result for name, result in GOOD_RECORD["fidelity"].items() if name != operation}
    record, rejected = read("fidelity", others)
    assert record.fidelity == {name: result["median"] for name, result in others.items()}
    assert record.fidelity_standard_error == {name: result["stderr"] for name, result in others.items()}
    assert rejected == ()


@pytest.mark.parametrize("ratio", [0, -0.0, 1, 1.0, 0.5, 0.50100001, 0.99999])
def test_a_fidelity_is_taken_as_sent_bounds_included(ratio: float) -> None:
    record, rejected = read("fidelity", {"2q": {"median": ratio, "stderr": ratio}})
    assert record.fidelity == record.fidelity_standard_error == {"2q": ratio}
    assert math.copysign(1, record.fidelity["2q"]) == 1
    assert rejected == ()


def test_a_placeholder_is_no_fidelity_has_no_error_and_is_nothing_wrong() -> None:
    placeholder = {"median": 0.501, "stderr": 0}
    record, rejected = read("fidelity", GOOD_RECORD["fidelity"] | {"2q": placeholder})
    assert record.fidelity == {"spam": 0.9962, "1q": 0.9998}
    assert record.fidelity_standard_error == {"spam": 0.0003, "1q": 0.0}
    assert rejected == ()


def test_a_placeholder_s_number_is_a_standard_error_like_any_other() -> None:
    record, _ = read("fidelity", {"2q": {"median": 0.9, "stderr": 0.501}})
    assert record.fidelity_standard_error == {"2q": 0.501}


def test_an_error_of_a_fidelity_that_was_not_sent_is_not_shown() -> None:
    record, rejected = read("fidelity", {"2q": {"stderr": 0.1}})
    assert record.fidelity_standard_error == {}
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
    record, rejected = read("fidelity", {operation: {"median": 0.9, "stderr": value}})
    assert record == Characterization("a", fidelity={operation: 0.9})
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
    record, rejected = read("timing", {name: seconds})
    times = dict(record.duration_seconds) | {"t1": record.t1_seconds, "t2": record.t2_seconds}
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
        ([[0, 10**18 - 1]], 1),
    ],
)
def test_each_pair_counts_once_whichever_way_round_and_however_often_it_is_written(
    pairs: list[list[int]], count: int
) -> None:
    record, rejected = read("connectivity", pairs)
    assert record.connected_pairs == count
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
        [0, int("9" * 20)],
        ["0", "1"],
        [[0], [1]],
        {"0": 1},
        "01",
        7,
        None,
    ],
)
def test_what_is_no_pair_costs_the_count_since_who_knows_how_many_there_are(pair: Any) -> None:
    for pairs in ([pair], [[0, 1], pair]):
        record, [rejection] = read("connectivity", pairs)
        assert record == Characterization("a")
        assert rejection.field == "record.connectivity"
        assert rejection.problem.endswith("] holds what is no pair of qubits")


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
    assert result.records == (Characterization("neighbour"),)
    [rejection] = result.rejections
    assert rejection.field == f"record.{field}"
    assert rejection.problem.endswith(f"{shown} is not a finite number")


def test_each_bad_value_of_a_record_is_told_and_costs_only_itself() -> None:
    bad = {"date": "soon", "qubits": -1, "connectivity": [[0]], "timing": GOOD_RECORD["timing"] | {"t2": "1"}}
    result = parse_characterizations(page(GOOD_RECORD | bad, {"id": "next"}), FORTE)
    assert result.records == (
        replace(RECORD, timestamp_seconds=None, qubits=None, connected_pairs=None, t2_seconds=None),
        Characterization("next"),
    )
    assert {(rejection.field, rejection.problem) for rejection in result.rejections} == {
        ("record.date", "'soon' is not an ISO 8601 time"),
        ("record.qubits", "-1 is negative"),
        ("record.connectivity", "[[0]] holds what is no pair of qubits"),
        ("record.timing", "t2 '1' is not a number"),
    }
    assert {rejection.row for rejection in result.rejections} == {FORTE}


# Records


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
            "'qpu.aria-1' is not the machine that was asked for",
        ),
        (
            b'{"id":"neighbour","backend":"QPU.forte-1","qubits":-1}',
            "record.backend",
            "'QPU.forte-1' is not the machine that was asked for",
        ),
    ],
)
def test_a_record_without_a_usable_id_or_of_another_machine_costs_that_record_and_counts_once(
    record: bytes, field: str, problem: str
) -> None:
    result = parse_characterizations(raw_page(record, json.dumps(GOOD_RECORD).encode()), FORTE)
    assert result.records == (RECORD,)
    assert result.rejections == (Rejection(field, FORTE, problem),)


def test_a_record_that_comes_twice_is_given_twice_since_one_can_stand_on_two_pages() -> None:
    assert parse_characterizations(page(GOOD_RECORD, GOOD_RECORD), FORTE).records == (RECORD, RECORD)


@pytest.mark.parametrize("limit", [1, 3, MAX_CHARACTERIZATIONS])
def test_records_beyond_what_was_asked_for_are_not_read(limit: int) -> None:
    sent = [{"id": str(number)} for number in range(limit)]
    result = parse_characterizations(page(*sent, {"id": 7}, None), FORTE, max_characterizations=limit)
    assert [record.id for record in result.records] == [record["id"] for record in sent]
    assert result.rejections == ()


def test_without_a_limit_no_more_are_read_than_ionq_puts_on_a_page() -> None:
    result = parse_characterizations(page(*({"id": str(number)} for number in range(100))), FORTE)
    assert len(result.records) == 10


@pytest.mark.parametrize(("pages", "remaining"), [(0, 0), (285, 285), (2.0, 2), (None, None)])
def test_the_number_of_pages_that_remain_is_read(pages: Any, remaining: int | None) -> None:
    assert parse_characterizations(page(GOOD_RECORD, pages=pages), FORTE).remaining_pages == remaining


def test_an_answer_that_does_not_count_its_pages_leaves_that_open() -> None:
    assert parse_characterizations(b'{"characterizations":[]}', FORTE).remaining_pages is None


@pytest.mark.parametrize("date", [0, 1420070399, "2014-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_a_date_before_ionq_was_founded_is_rejected(date: Any) -> None:
    result = parse_characterizations(page(GOOD_RECORD | {"date": date}), FORTE)
    assert result.records[0].timestamp_seconds is None
    assert [rejection.field for rejection in result.rejections] == ["record.date"]


@pytest.mark.parametrize(("qubits", "pairs"), [(3, 3), (2, None), (1, None), (None, 3)])
def test_more_pairs_than_the_qubits_have_are_rejected(qubits: int | None, pairs: int | None) -> None:
    record = GOOD_RECORD | {"qubits": qubits, "connectivity": [[0, 1], [0, 2], [1, 2]]}
    result = parse_characterizations(page(record), FORTE)
    assert result.records[0].connected_pairs == pairs
    assert [rejection.field for rejection in result.rejections] == ["record.connectivity"] * (pairs is None)


@pytest.mark.parametrize("pages", ["3", -1, 0.5, True, [], {}, math.inf, math.nan])
def test_an_odd_number_of_pages_is_rejected_and_costs_no_record(pages: Any) -> None:
    result = parse_characterizations(page(GOOD_RECORD, pages=pages), FORTE)
    assert len(result.records) == 1
    assert result.remaining_pages is None
    (rejection,) = result.rejections
    assert (rejection.field, rejection.row) == ("record", FORTE)
    assert rejection.problem.startswith("pages ")


# Answers that are no list of characterizations


@pytest.mark.parametrize("answer", [b"", b"<html>502</html>", page(GOOD_RECORD)[:-1]])
def test_what_is_no_json_is_told_so(answer: bytes) -> None:
    with pytest.raises(InvalidJSONError, match="is not JSON"):
        parse_characterizations(answer, FORTE)


@pytest.mark.parametrize(
    ("answer", "shown"),
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
        (DEEP_OBJECT, "{'a': {'a': {'a': {'a': {'a': {'a': {...}}}}}}}"),
    ],
)
def test_json_without_a_list_of_characterizations_is_told_so_in_a_few_words(
    answer: bytes, shown: str
) -> None:
    with pytest.raises(UnexpectedShapeError) as failure:
        parse_characterizations(answer, FORTE)
    assert failure.value.message == (
        f"IonQ answered {shown}, which is no list of characterizations: check --ionq.api-url"
    )


# Whatever comes


@pytest.mark.parametrize("hostile", HOSTILE_RECORDS.values(), ids=HOSTILE_RECORDS)
def test_a_good_record_survives_whatever_stands_beside_it(hostile: bytes) -> None:
    good = json.dumps(GOOD_RECORD).encode()
    for answer in (raw_page(good, hostile), raw_page(hostile, good), raw_page(hostile, good, hostile)):
        assert RECORD in parse_characterizations(answer, FORTE).records


@given(before=st.lists(records | any_json, max_size=4), after=st.lists(records | any_json, max_size=5))
def test_a_good_record_survives_any_records(before: list[Any], after: list[Any]) -> None:
    good = GOOD_RECORD | {"id": "good"}
    result = parse_characterizations(page(*before, good, *after), FORTE)
    assert replace(RECORD, id="good") in result.records


def outcome(answer: bytes) -> CharacterizationPage | InvalidJSONError | UnexpectedShapeError:
    try:
        return parse_characterizations(answer, FORTE)
    except (InvalidJSONError, UnexpectedShapeError) as error:
        return error


@given(any_json | any_json.map(lambda anything: {"characterizations": anything}))
def test_any_json_yields_a_page_or_the_error_that_it_is_none(document: Any) -> None:
    is_page = isinstance(document, dict) and isinstance(document.get("characterizations", 0), list | None)
    expected = CharacterizationPage if is_page else UnexpectedShapeError
    assert isinstance(outcome(json.dumps(document).encode()), expected)


@given(st.binary() | st.binary().map(lambda middle: b'{"characterizations":[{"id":"a",' + middle + b"}]}"))
@example(b'{"characterizations":[{"id":"\xff\xfe"}]}')
@example(b"\xff\xfe[\xd8")
def test_any_bytes_yield_a_page_or_one_of_the_two_documented_errors(answer: bytes) -> None:
    result = outcome(answer)
    assert isinstance(result, CharacterizationPage) or result.message.isprintable()


@given(st.lists(records | any_json, max_size=12), any_json)
def test_what_is_yielded_is_within_bounds_and_can_be_printed(sent: list[Any], pages: Any) -> None:
    result = parse_characterizations(page(*sent, pages=pages), FORTE)
    assert len(result.records) <= MAX_CHARACTERIZATIONS
    assert result.remaining_pages is None or result.remaining_pages >= 0
    for record in result.records:
        assert_within_bounds(record)
    for rejection in result.rejections:
        assert rejection.field in RECORD_FIELDS
        assert rejection.row == FORTE
        assert rejection.count == 1
        assert rejection.problem.isprintable()
        assert len(rejection.problem) < 300


def assert_within_bounds(record: Characterization) -> None:
    assert record.id.strip()
    assert record.id.isprintable()
    assert len(record.id) <= MAX_TEXT_LENGTH
    for ratios in (record.fidelity, record.fidelity_standard_error):
        assert ratios.keys() <= set(MEASURED_OPERATIONS)
        assert all(0 <= ratio <= 1 for ratio in ratios.values())
    assert 0.501 not in record.fidelity.values()
    assert record.fidelity_standard_error.keys() <= record.fidelity.keys()
    assert record.duration_seconds.keys() <= set(TIMED_OPERATIONS)
    for number in (
        *record.duration_seconds.values(),
        record.t1_seconds,
        record.t2_seconds,
        record.timestamp_seconds,
        record.qubits,
        record.connected_pairs,
    ):
        assert number is None or 0 <= number < math.inf


def pairs_of_one_hash(count: int) -> list[list[int]]:
    """Return pairs that CPython's hash of a tuple, which is xxHash, cannot tell apart."""
    prime_1, prime_2, prime_5 = 11400714785074694791, 14029467366897019727, 2870177450012600261
    width = 1 << 64

    def rotated(number: int, bits: int) -> int:
        return (number << bits | number >> (64 - bits)) % width

    pairs: list[list[int]] = []
    low = 0
    while len(pairs) < count:
        low += 1
        halfway = rotated((prime_5 + low * prime_2) % width, 31) * prime_1
        high = -halfway * pow(prime_2, -1, width) % width
        if low < high < 10**18:
            pairs.append([low, high])
    return pairs


def test_the_pairs_of_one_hash_are_what_they_are_called() -> None:
    assert len({hash(tuple(pair)) for pair in pairs_of_one_hash(100)}) == 1


@pytest.mark.parametrize(
    "pairs",
    [
        [[0, 1]] * 170_000,
        [[number, number + 1] for number in range(60_000)],
        [[]] * 340_000,
        pairs_of_one_hash(30_000),
    ],
    ids=["the same", "different", "none", "of one hash"],
)
def test_the_largest_list_of_pairs_that_is_accepted_is_soon_read(pairs: list[list[int]]) -> None:
    answer = page({"id": "a", "connectivity": pairs})
    started = time.process_time()
    result = parse_characterizations(answer, FORTE)
    assert time.process_time() - started < 3  # of some 0.2 s; a set of the last took ten
    assert [record.id for record in result.records] == ["a"]


# What is current


def test_a_record_is_current_if_the_backends_name_it() -> None:
    assert CharacterizedBackend(FORTE, "", "a", Characterization("a")).is_current
    assert not CharacterizedBackend(FORTE, "", "b", Characterization("a")).is_current
    assert not CharacterizedBackend(FORTE, "", "a").is_current


def test_what_is_known_is_told_apart_by_identity_so_that_it_can_key_a_cache() -> None:
    backends = (CharacterizedBackend(FORTE, "", RECORD.id, RECORD),)
    first, second = CharacterizedBackends(backends), CharacterizedBackends(backends)
    assert first != second
    assert len({first, second}) == 2
