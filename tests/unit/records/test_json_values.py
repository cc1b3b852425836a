import json
import math
import time
from typing import Any

import pytest
from hypothesis import given

from exporter.common.errors import InvalidJSONError
from exporter.records.json_values import (
    MAX_TEXT_LENGTH,
    Rejection,
    ValueReader,
    decode,
    excerpt,
    to_amount,
    to_count,
    to_flag,
    to_text,
    to_timestamp,
)
from tests.support.untrusted_json import any_json, any_text

# Numbers


@pytest.mark.parametrize(
    ("sent", "count"),
    [
        (b"0", 0),
        (b"-0", 0),
        (b"-0.0", 0),
        (b"36", 36),
        (b"36.0", 36),
        (b"1e2", 100),
        (b"999999999999999999", 999_999_999_999_999_999),
        (b"4611686018427387904", 2**62),
    ],
)
def test_a_count_is_a_whole_number_however_it_is_written(sent: bytes, count: int) -> None:
    read = to_count(decode(sent))
    assert read == count
    assert isinstance(read, int)


def test_a_fraction_is_no_count() -> None:
    with pytest.raises(ValueError, match=r"^is not a whole number$"):
        to_count(36.5)


@pytest.mark.parametrize("sent", [b"0", b"0.25", b"4902.81", b"1e300", b"4503599627370496"])
def test_an_amount_is_taken_as_sent(sent: bytes) -> None:
    assert to_amount(decode(sent)) == float(sent)


def test_minus_zero_is_zero() -> None:
    assert math.copysign(1, to_amount(-0.0)) == 1


@pytest.mark.parametrize("convert", [to_amount, to_count, to_timestamp])
@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        (b"true", "is not a number"),
        (b"false", "is not a number"),
        (b"[36]", "is not a number"),
        (b"{}", "is not a number"),
        (b"NaN", "is not a finite number"),
        (b"Infinity", "is not a finite number"),
        (b"-Infinity", "is not a finite number"),
        (b"1e999", "is not a finite number"),
        (b"9" * 5_000, "is not a finite number"),
        (b"-" + b"9" * 5_000, "is not a finite number"),
        (b"-1", "is negative"),
        (b"-0.001", "is negative"),
    ],
)
def test_an_invalid_number_is_refused(convert: Any, sent: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}$"):
        convert(decode(sent))


@pytest.mark.parametrize("convert", [to_amount, to_count])
def test_a_number_as_text_is_refused(convert: Any) -> None:
    with pytest.raises(ValueError, match=r"^is not a number$"):
        convert("36")


# Flags


def test_a_flag_is_true_or_false() -> None:
    assert to_flag(value=True) is True
    assert to_flag(value=False) is False


@pytest.mark.parametrize("sent", [b"0", b"1", b'"true"', b'""', b"[]", b"{}", b"NaN"])
def test_a_flag_is_nothing_else(sent: bytes) -> None:
    with pytest.raises(ValueError, match=r"^is not true or false$"):
        to_flag(decode(sent))


# Times


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        ("2025-06-16T00:00:00Z", 1_750_032_000.0),
        ("2025-06-16T00:00:00.250Z", 1_750_032_000.25),
        ("2025-06-16T00:00:00.123456Z", 1_750_032_000.123456),
        ("2025-06-16T02:00:00+02:00", 1_750_032_000.0),
        ("2025-06-15T14:00:00-10:00", 1_750_032_000.0),
        ("2025-06-16T00:00:00", 1_750_032_000.0),
        ("2025-06-16 00:00:00", 1_750_032_000.0),
        ("20250616T000000Z", 1_750_032_000.0),
        ("2025-06-16", 1_750_032_000.0),
        ("1970-01-01T00:00:00Z", 0.0),
        ("2500-01-01T00:00:00Z", 16_725_225_600.0),
        (1_750_032_000, 1_750_032_000.0),
        (1_750_032_000.25, 1_750_032_000.25),
        (0, 0.0),
        (253_402_300_799, 253_402_300_799.0),
    ],
)
def test_a_time_is_iso_8601_or_seconds_since_the_epoch_and_utc_without_an_offset(
    sent: str | float, seconds: float
) -> None:
    assert to_timestamp(sent) == seconds


def test_a_time_without_an_offset_is_utc_in_any_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        seconds = to_timestamp("2025-06-16T00:00:00")
    time.tzset()
    assert seconds == 1_750_032_000.0


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        ("", "is not an ISO 8601 time"),
        ("yesterday", "is not an ISO 8601 time"),
        ("1750032000", "is not an ISO 8601 time"),
        ("2025-02-30T00:00:00Z", "is not an ISO 8601 time"),
        ("2025-06-16T00:00:00+24:00", "is not an ISO 8601 time"),
        ("2016-12-31T23:59:60Z", "is not an ISO 8601 time"),  # a leap second: Python knows none
        ("10000-01-01T00:00:00Z", "is not an ISO 8601 time"),
        ("2025-06-16T00:00:00Z\ud800", "is not an ISO 8601 time"),
        ("0001-01-01T00:00:00Z", "is negative"),  # Go's zero time
        ("0001-01-01T00:00:00+14:00", "is negative"),
        ("1969-12-31T23:59:59Z", "is negative"),
        ("9999-12-31T23:59:59-14:00", "is later than the year 9999, so not in seconds"),
        (1_750_032_000_000, "is later than the year 9999, so not in seconds"),
        (1e300, "is later than the year 9999, so not in seconds"),
    ],
)
def test_a_time_that_cannot_be_meant_is_refused(sent: str | float, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}$"):
        to_timestamp(sent)


# Text


@pytest.mark.parametrize(
    "text",
    [
        "available",
        "College Park, MD, USA",
        "College Park,\u00a0MD",
        "Zürich 日本 🛰",
        'a"b\\c{}#',
        "x" * MAX_TEXT_LENGTH,
    ],
)
def test_printable_text_is_taken_as_it_comes(text: str) -> None:
    assert to_text(text) == text


@pytest.mark.parametrize("text", ["", " ", "   "])
def test_empty_text_is_the_same_as_nothing_sent(text: str) -> None:
    assert to_text(text) is None


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        (b"1", "is not text"),
        (b"true", "is not text"),
        (b'["available"]', "is not text"),
        (b"{}", "is not text"),
        (b'"' + b"x" * (MAX_TEXT_LENGTH + 1) + b'"', f"is longer than {MAX_TEXT_LENGTH} characters"),
        (rb'"a\nb"', "holds characters that cannot be printed"),
        (b'"a\nb"', "holds characters that cannot be printed"),
        (rb'"\u001b[2J"', "holds characters that cannot be printed"),
        (rb'"\u0000"', "holds characters that cannot be printed"),
        (rb'"\u2028"', "holds characters that cannot be printed"),
        (rb'"\u202e"', "holds characters that cannot be printed"),
        (rb'"\ud800"', "holds characters that cannot be printed"),
        (b'"\xff"', "holds characters that cannot be printed"),
    ],
)
def test_text_that_can_be_no_label_is_refused(sent: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}$"):
        to_text(decode(sent))


# Rejections


def test_null_is_a_value_that_was_not_sent() -> None:
    reader = ValueReader("qpu.forte-1")
    assert reader.read("qubits", None, to_count) is None
    assert reader.rejections == []


def test_a_rejection_names_row_field_and_place_in_it() -> None:
    reader = ValueReader("qpu.forte-1")
    assert reader.read("qubits", "36", to_count) is None
    assert reader.read("timing", -1, to_amount, within="t1 ") is None
    assert reader.rejections == [
        Rejection("qubits", "qpu.forte-1", "'36' is not a number"),
        Rejection("timing", "qpu.forte-1", "t1 -1 is negative"),
    ]


@given(any_json)
def test_an_excerpt_is_short_and_printable(value: Any) -> None:
    shown = excerpt(value)
    assert shown.isprintable()
    assert len(shown) <= 160


@pytest.mark.parametrize("levels", range(8))
def test_an_excerpt_of_a_value_of_any_size_is_short(levels: int) -> None:
    value: Any = "x" * 1_000_000
    for _ in range(levels):
        value = [value] * 1_000
    assert len(excerpt(value)) <= 160


# What is JSON


def test_json_is_read_in_utf_8_with_or_without_a_byte_order_mark() -> None:
    document = [{"location": "Zürich"}]
    for encoding in ("utf-8", "utf-8-sig"):
        assert decode(json.dumps(document, ensure_ascii=False).encode(encoding)) == document


@given(any_text)
def test_what_python_writes_is_what_is_read(text: str) -> None:
    assert decode(json.dumps({text: [text]}).encode()) == {text: [text]}


def test_an_invalid_byte_costs_the_text_that_holds_it() -> None:
    assert decode(b'["a", "\xff", "\x00"]') == ["a", "\udcff", "\x00"]


DEEP = 100_000


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b" ",
        b"<!doctype html><title>502 Bad Gateway</title>",
        b'[{"backend":"qpu.forte-1","qubi',
        b'[{"backend":"qpu.forte-1"}',
        b'[{"backend":"qpu.forte-1"}]]',
        b"[{'backend':'a'}]",
        b"\xff\xfe\x00",
        b'["\xff',
        b"\x1f\x8b\x08\x00",
        "[]".encode("utf-16"),
        "[]".encode("utf-32-le"),
        b"[" * DEEP,
        b"[" * DEEP + b"]" * DEEP,
        b'["beside",' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"]",
    ],
)
def test_a_response_that_is_no_json_or_nested_too_deeply_is_invalid(response: bytes) -> None:
    with pytest.raises(InvalidJSONError) as failure:
        decode(response)
    beginning = response[:60].decode("utf-8", "replace")
    assert failure.value.message == f"IonQ's response is not JSON, it starts with {beginning!r}"
