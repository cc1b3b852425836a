import json
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.common.errors import InvalidJSONError, UnexpectedShapeError
from exporter.records.backends import MAX_BACKENDS, REJECTED_FIELDS, Backend, BackendList, parse_backends
from exporter.records.json_values import MAX_TEXT_LENGTH, Rejection
from tests.support.samples import FORTE
from tests.support.untrusted_json import (
    GOOD_ROW,
    HOSTILE_ROWS,
    any_json,
    body,
    raw_body,
    rows,
)


def read(field: str, value: Any) -> tuple[Backend, tuple[Rejection, ...]]:
    """Parse one row with one further field; return the backend, and what was rejected."""
    result = parse_backends(body({"backend": "neighbour", field: value}))
    [backend] = result.backends
    return backend, result.rejections


# What IonQ documents


def test_a_row_as_documented_is_read_whole_and_in_base_units() -> None:
    result = parse_backends(body(GOOD_ROW))
    assert result.backends == (FORTE,)
    assert result.rejections == ()


def test_a_row_needs_no_more_than_a_name() -> None:
    result = parse_backends(body({"backend": "simulator"}))
    assert result.backends == (Backend("simulator"),)
    assert result.rejections == ()


def test_null_is_the_same_as_nothing_sent() -> None:
    result = parse_backends(body({**dict.fromkeys(GOOD_ROW), "backend": "simulator"}))
    assert result.backends == (Backend("simulator"),)
    assert result.rejections == ()


def test_unknown_fields_are_ignored() -> None:
    result = parse_backends(
        body({**GOOD_ROW, "has_access": True, "supported_gates": ["x"], "noise_models": {}})
    )
    assert result.backends == (FORTE,)
    assert result.rejections == ()


def test_backends_keep_the_order_in_which_ionq_lists_them() -> None:
    result = parse_backends(body(*({"backend": name} for name in ("simulator", "qpu.forte-1", "qpu.aria-1"))))
    assert [backend.name for backend in result.backends] == ["simulator", "qpu.forte-1", "qpu.aria-1"]


def test_a_list_inside_an_object_is_read_as_well() -> None:
    result = parse_backends(json.dumps({"backends": [GOOD_ROW], "pages": 1}).encode())
    assert result.backends == (FORTE,)


def test_an_empty_list_is_valid() -> None:
    result = parse_backends(b"[]")
    assert result.backends == ()
    assert result.rejections == ()


# Values, beyond what test_json_values.py says of each kind


@pytest.mark.parametrize(
    ("milliseconds", "seconds"),
    [
        (0, 0.0),
        (0.5, 0.0005),
        (1181215, 1181.215),
        (136598879, 136598.879),
        (1352464532, 1352464.532),
        (1533413000, 1533413.0),
        (2333081000, 2333081.0),
    ],
)
def test_the_queue_time_is_converted_from_milliseconds_to_seconds(
    milliseconds: float, seconds: float
) -> None:
    backend, rejected = read("average_queue_time", milliseconds)
    assert backend.average_queue_time_seconds == seconds
    assert rejected == ()


@pytest.mark.parametrize("kilowatt_hours", [0, 0.25, 4902.81, 120_000])
def test_the_energy_is_taken_as_sent(kilowatt_hours: float) -> None:
    backend, rejected = read("kw", kilowatt_hours)
    assert backend.energy_kwh == kilowatt_hours
    assert rejected == ()


@pytest.mark.parametrize("degraded", [True, False])
def test_degraded_is_true_or_false(degraded: bool) -> None:  # noqa: FBT001
    backend, rejected = read("degraded", degraded)
    assert backend.degraded is degraded
    assert rejected == ()


def test_a_time_in_seconds_since_the_epoch_is_read_as_well() -> None:
    backend, rejected = read("last_updated", 1_750_032_000)
    assert backend.last_updated_timestamp_seconds == 1_750_032_000.0
    assert rejected == ()


@pytest.mark.parametrize("status", ["running", "calibrating", "Available", "available\u00e9"])
def test_an_undocumented_status_is_kept(status: str) -> None:
    backend, _ = read("status", status)
    assert backend.status == status


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("location", 7, "7 is not text"),
        ("status", True, "True is not text"),
        ("qubits", 36.5, "36.5 is not a whole number"),
        ("qubits", "36", "'36' is not a number"),
        ("average_queue_time", -1, "-1 is negative"),
        ("average_queue_time", "1181215", "'1181215' is not a number"),
        ("kw", math.inf, "inf is not a finite number"),
        ("degraded", 0, "0 is not true or false"),
        ("last_updated", "yesterday", "'yesterday' is not an ISO 8601 time"),
        ("characterization_id", "a\nb", r"'a\nb' holds characters that cannot be printed"),
    ],
)
def test_a_value_of_the_wrong_kind_is_rejected_and_counts_as_not_sent(
    field: str, value: Any, problem: str
) -> None:
    assert read(field, value) == (Backend("neighbour"), (Rejection(field, "neighbour", problem),))


# Rows


@pytest.mark.parametrize(
    ("row", "field", "problem"),
    [
        (b"null", "row", "None is not an object"),
        (b"[]", "row", "[] is not an object"),
        (b'"qpu.forte-1"', "row", "'qpu.forte-1' is not an object"),
        (b"{}", "backend", "is missing or empty"),
        (b'{"backend":null}', "backend", "is missing or empty"),
        (b'{"backend":" "}', "backend", "is missing or empty"),
        (b'{"backend":1}', "backend", "1 is not text"),
        (rb'{"backend":"\n","qubits":-1}', "backend", r"'\n' holds characters that cannot be printed"),
    ],
)
def test_a_row_without_a_usable_name_costs_that_row_and_counts_once(
    row: bytes, field: str, problem: str
) -> None:
    result = parse_backends(raw_body(row, json.dumps(GOOD_ROW).encode()))
    assert result.backends == (FORTE,)
    assert result.rejections == (Rejection(field, "row 1", problem),)


def test_of_two_rows_with_one_name_and_location_the_first_counts() -> None:
    second = {**GOOD_ROW, "qubits": 11, "kw": "broken"}
    result = parse_backends(body(GOOD_ROW, second))
    assert result.backends == (FORTE,)
    assert result.rejections == (Rejection("row", "qpu.forte-1", "repeats a row with the same location"),)


def test_one_name_at_two_locations_is_two_backends() -> None:
    result = parse_backends(body(GOOD_ROW, {**GOOD_ROW, "location": "Basel"}, {**GOOD_ROW, "location": None}))
    assert [backend.location for backend in result.backends] == ["College Park, MD, USA", "Basel", ""]
    assert result.rejections == ()


def test_an_invalid_location_is_the_same_as_no_location() -> None:
    result = parse_backends(body({"backend": "a", "location": 7}, {"backend": "a"}))
    assert result.backends == (Backend("a"),)
    assert [(rejection.field, rejection.row) for rejection in result.rejections] == [
        ("location", "a"),
        ("row", "a"),
    ]


def test_each_bad_value_of_a_row_costs_only_itself() -> None:
    result = parse_backends(body({**GOOD_ROW, "qubits": "36", "degraded": 1, "location": ["Basel"]}))
    assert result.backends == (FORTE._replace(qubits=None, degraded=None, location=""),)
    assert result.rejections == (
        Rejection("location", "qpu.forte-1", "['Basel'] is not text"),
        Rejection("qubits", "qpu.forte-1", "'36' is not a number"),
        Rejection("degraded", "qpu.forte-1", "1 is not true or false"),
    )


@pytest.mark.parametrize("surplus", [1, 3])
def test_rows_beyond_the_limit_are_counted_and_not_read(surplus: int) -> None:
    result = parse_backends(body(*({"backend": f"qpu.{number}"} for number in range(MAX_BACKENDS + surplus))))
    assert len(result.backends) == MAX_BACKENDS
    [rejection] = result.rejections
    assert (rejection.field, rejection.row, rejection.count) == ("row", f"row {MAX_BACKENDS + 1}", surplus)


def test_as_many_rows_as_the_limit_are_all_read() -> None:
    result = parse_backends(body(*({"backend": f"qpu.{number}"} for number in range(MAX_BACKENDS))))
    assert len(result.backends) == MAX_BACKENDS
    assert result.rejections == ()


# Responses that are no list of backends


@pytest.mark.parametrize(
    ("response", "shown"),
    [
        (b"null", "None"),
        (b"1", "1"),
        (b"NaN", "nan"),
        (b'"backends"', "'backends'"),
        (b"{}", "{}"),
        (b'{"backends":null}', "{'backends': None}"),
        (b'{"backends":{"backend":"a"}}', "{'backends': {'backend': 'a'}}"),
        (b'{"statusCode":500}', "{'statusCode': 500}"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "{'a': {'a': {'a': {'a': {'a': {'a': {...}}}}}}}"),
        (b'"' + b"x" * 1_000_000 + b'"', "'xxxxxxxxxxxx...xxxxxxxxxxxxx'"),
    ],
)
def test_json_without_a_list_of_backends_has_an_unexpected_shape(response: bytes, shown: str) -> None:
    with pytest.raises(UnexpectedShapeError) as failure:
        parse_backends(response)
    assert (
        failure.value.message == f"IonQ answered {shown}, which is no list of backends: check --ionq.api-url"
    )


@pytest.mark.parametrize(
    ("rows_sent", "shown"),
    [
        ([{"name": "qpu.forte-1"}, {"name": "simulator"}], "{'name': 'qpu.forte-1'}"),
        ([{"statusCode": 500, "message": "down"}], "{'message': 'down', 'statusCode': 500}"),
        ([None], "None"),
        ([{"backend": ""}, [], 7], "{'backend': ''}"),
        ([[]] * (MAX_BACKENDS + 1), "[]"),
    ],
)
def test_a_list_without_a_usable_row_has_an_unexpected_shape(rows_sent: list[Any], shown: str) -> None:
    for response in (body(*rows_sent), json.dumps({"backends": rows_sent}).encode()):
        with pytest.raises(UnexpectedShapeError) as failure:
            parse_backends(response)
        assert failure.value.message == (
            f"IonQ listed no backend with a usable name, but {shown}: its API may have changed"
        )


# Whatever comes


@pytest.mark.parametrize("hostile", HOSTILE_ROWS.values(), ids=HOSTILE_ROWS)
def test_a_good_row_survives_whatever_stands_beside_it(hostile: bytes) -> None:
    good = json.dumps(GOOD_ROW).encode()
    for response in (raw_body(good, hostile), raw_body(hostile, good), raw_body(hostile, good, hostile)):
        assert FORTE in parse_backends(response).backends


@given(before=st.lists(rows | any_json, max_size=5), after=st.lists(rows | any_json, max_size=5))
def test_a_good_row_survives_any_rows(before: list[Any], after: list[Any]) -> None:
    good = {**GOOD_ROW, "backend": "qpu.good"}
    result = parse_backends(body(*before, good, *after))
    assert FORTE._replace(name="qpu.good") in result.backends


@given(st.binary().filter(lambda text: b'"' not in text and b"\\" not in text))
@example(b"\xf0\x9f\x92")
@example(b"\x00\x01\x7f\x80")
def test_a_good_row_survives_any_bytes_in_the_text_of_another(text: bytes) -> None:
    result = parse_backends(raw_body(b'{"backend":"%b"}' % text, json.dumps(GOOD_ROW).encode()))
    assert FORTE in result.backends


def outcome(response: bytes) -> BackendList | InvalidJSONError | UnexpectedShapeError:
    try:
        return parse_backends(response)
    except (InvalidJSONError, UnexpectedShapeError) as error:
        return error


@given(any_json | st.lists(rows | any_json, max_size=3))
@example([])
@example({"backends": []})
def test_any_json_is_a_list_with_backends_an_empty_list_or_an_unexpected_shape(document: Any) -> None:
    result = outcome(json.dumps(document).encode())
    if document in ([], {"backends": []}):
        assert result == BackendList(())
    else:
        assert isinstance(result, UnexpectedShapeError) or (
            isinstance(result, BackendList) and result.backends
        )


@given(st.binary() | st.binary().map(lambda middle: b'[{"backend":' + middle + b"}]"))
@example(b"\x00[")
@example(b"[\x00\x00\x00")
@example(b"\xff\xfe[\xd8")
@example(b"\x00\x00\xfe\xff[")
@example(b"\xef\xbb\xbf\xef\xbb\xbf[]")
def test_any_bytes_are_a_list_or_raise_one_of_the_two_documented_errors(response: bytes) -> None:
    result = outcome(response)
    assert isinstance(result, BackendList) or result.message.isprintable()


@given(st.lists(rows | any_json, max_size=5))
def test_backends_are_unique_and_their_values_within_bounds(sent: list[Any]) -> None:
    result = parse_backends(body({"backend": "qpu.good"}, *sent))
    keys = [(backend.name, backend.location) for backend in result.backends]
    assert len(keys) == len(set(keys))
    for backend in result.backends:
        for text in (backend.name, backend.location, backend.status, backend.characterization_id):
            assert text is None or (text.isprintable() and len(text) <= MAX_TEXT_LENGTH)
        for number in (
            backend.qubits,
            backend.average_queue_time_seconds,
            backend.energy_kwh,
            backend.last_updated_timestamp_seconds,
        ):
            assert number is None or 0 <= number < math.inf
    for rejection in result.rejections:
        assert rejection.field in REJECTED_FIELDS
        assert rejection.count > 0
        assert (rejection.row + rejection.problem).isprintable()
        assert len(rejection.problem) < 1_000
