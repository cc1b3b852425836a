"""What a server might send: from the rows and records that IonQ documents to what nobody should send."""

import json
from typing import Any

from hypothesis import strategies as st

GOOD_ROW: dict[str, Any] = {
    "backend": "qpu.forte-1",
    "location": "College Park, MD, USA",
    "status": "available",
    "qubits": 36,
    "average_queue_time": 1533413000,
    "kw": 4902.81,
    "degraded": False,
    "last_updated": "2025-06-16T00:00:00Z",
    "characterization_id": "617a1f8b-59d4-435d-aa33-695433d7155e",
    "has_access": True,
}

GOOD_RECORD: dict[str, Any] = {
    "id": GOOD_ROW["characterization_id"],
    "date": "2025-06-16T00:00:00Z",
    "backend": "qpu.forte-1",
    "qubits": 36,
    "connectivity": [[0, 1], [0, 2], [1, 2]],
    "fidelity": {
        "spam": {"median": 0.9962, "stderr": 0.0003},
        "1q": {"median": 0.9998, "stderr": 0},
        "2q": {"median": 0.995, "stderr": 0.0001},
    },
    "timing": {"readout": 0.00015, "reset": 5e-05, "1q": 0.00013, "2q": 0.00097, "t1": 100, "t2": 1},
}


def body(*rows: Any) -> bytes:
    """Write rows as IonQ would; what JSON has no word for is written as Python does: NaN, ``\\ud800``."""
    return json.dumps(rows).encode()


def raw_body(*rows: bytes) -> bytes:
    """Put rows that are JSON text already, or nearly so, into one list."""
    return b"[" + b",".join(rows) + b"]"


def row_with(field: str, value: bytes) -> bytes:
    """Write a row whose field holds a value in raw JSON text."""
    return b'{"backend":"neighbour","%b":%b}' % (field.encode(), value)


def page(*records: Any, **further: Any) -> bytes:
    """Write a page of characterizations as IonQ would."""
    return json.dumps({"characterizations": records, "pages": 0} | further).encode()


def raw_page(*records: bytes) -> bytes:
    """Put records that are JSON text already, or nearly so, on one page."""
    return b'{"characterizations":[%b],"pages":0}' % b",".join(records)


def record_with(field: str, value: bytes) -> bytes:
    """Write a record whose field holds a value in raw JSON text."""
    return b'{"id":"neighbour","%b":%b}' % (field.encode(), value)


HOSTILE_ROWS = {
    "null": b"null",
    "a number": b"42",
    "text": b'"qpu.forte-1"',
    "a list": b'["backend"]',
    "an empty object": b"{}",
    "a row without a name": b'{"qubits":36}',
    "a name that is null": b'{"backend":null}',
    "a name that is empty": b'{"backend":""}',
    "a name that is a number": b'{"backend":7}',
    "a name of blanks": b'{"backend":"  "}',
    "a lone surrogate as name": rb'{"backend":"\ud800"}',
    "a lone surrogate as value": row_with("location", rb'"\udfff"'),
    "invalid UTF-8 as name": b'{"backend":"\xff\xfe"}',
    "invalid UTF-8 as value": row_with("location", b'"College \xc3"'),
    "a surrogate in UTF-8": row_with("status", b'"\xed\xa0\x80"'),
    "control characters, escaped": row_with("status", rb'"\u0000\u001b[2J\n"'),
    "control characters, raw": row_with("status", b'"\x00\x1b[2J\n"'),
    "an integer of 5,000 digits": row_with("qubits", b"9" * 5_000),
    "a negative integer of 5,000 digits": row_with("qubits", b"-" + b"9" * 5_000),
    "NaN": row_with("kw", b"NaN"),
    "Infinity": row_with("average_queue_time", b"Infinity"),
    "minus Infinity": row_with("last_updated", b"-Infinity"),
    "1e999": row_with("kw", b"1e999"),
    "a name of a megabyte": b'{"backend":"' + b"x" * 1_000_000 + b'"}',
    "a value of a megabyte": row_with("last_updated", b'"' + b"2" * 1_000_000 + b'"'),
    "a key of a megabyte": b'{"backend":"neighbour","' + b"x" * 1_000_000 + b'":1}',
    "a fraction of a megabyte": row_with("kw", b"0." + b"3" * 1_000_000 + b"e999"),
}
"""Rows, or nearly rows, that must cost nothing but themselves."""

HOSTILE_RECORDS = {
    "null": b"null",
    "a number": b"42",
    "text": b'"qpu.forte-1"',
    "a list": b'["id"]',
    "an empty object": b"{}",
    "a record without an id": b'{"qubits":36}',
    "an id that is null": b'{"id":null}',
    "an id that is a number": b'{"id":7}',
    "a lone surrogate as id": rb'{"id":"\ud800"}',
    "invalid UTF-8 as id": b'{"id":"\xff\xfe"}',
    "control characters as id": rb'{"id":"\u001b[2J\n"}',
    "another backend's": b'{"id":"neighbour","backend":"qpu.aria-1"}',
    "an integer of 5,000 digits": record_with("qubits", b"9" * 5_000),
    "NaN as a fidelity": record_with("fidelity", b'{"2q":{"median":NaN}}'),
    "Infinity as a time": record_with("timing", b'{"t1":Infinity,"t2":-Infinity}'),
    "a fidelity of a megabyte": record_with("fidelity", b'"' + b"x" * 1_000_000 + b'"'),
    "a key of a megabyte": record_with("fidelity", b'{"' + b"x" * 1_000_000 + b'":1}'),
    "a pair of a megabyte": record_with("connectivity", b"[[" + b"1," * 500_000 + b"1]]"),
}
"""The same for records."""

any_text = st.text(st.characters(exclude_categories=()), max_size=40)
"""Text of any characters, lone surrogates and control characters included."""

any_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)
"""Any JSON value, and NaN and the infinities, which Python's parser takes for JSON."""

_names = st.sampled_from(
    ["qpu.forte-1", "simulator", 'q"\\u\n', "a\\", "{}", "# EOF", ",", "Zürich", "\ud800"]
)

rows: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"backend": _names | any_text},
    optional={
        "location": _names | any_json,
        "status": st.sampled_from(["available", "unavailable", "retired", "running", ""]) | any_json,
        "qubits": st.integers(0, 100) | any_json,
        "average_queue_time": st.integers(0, 10**10) | any_json,
        "kw": st.floats(0, 1e6) | any_json,
        "degraded": st.booleans() | any_json,
        "last_updated": st.integers(0, 2 * 10**9) | st.datetimes().map(str) | any_json,
        "characterization_id": st.uuids().map(str) | any_json,
        "noise_models": any_json,
    },
)
"""Rows that are more or less what IonQ sends."""

_ratios = st.floats(0, 1) | st.sampled_from([0, 0.501, 1, 1.5, -0.0]) | any_json
_results = st.fixed_dictionaries({}, optional={"median": _ratios, "stderr": _ratios, "mean": any_json})
_seconds = st.floats(0, 1e3) | any_json
_pairs = st.lists(st.integers(-1, 12), min_size=2, max_size=2)

records: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"id": st.uuids().map(str) | any_text},
    optional={
        "date": st.datetimes().map(str) | st.integers(0, 2 * 10**9) | any_json,
        "backend": st.sampled_from(["qpu.forte-1", "qpu.aria-1"]) | any_json,
        "qubits": st.integers(0, 100) | any_json,
        "connectivity": st.lists(_pairs | any_json, max_size=8) | any_json,
        "fidelity": st.dictionaries(st.sampled_from(["spam", "1q", "2q", "3q"]), _results | any_json)
        | any_json,
        "timing": st.dictionaries(
            st.sampled_from(["1q", "2q", "readout", "reset", "t1", "t2", "t3"]), _seconds | any_json
        )
        | any_json,
        "noise": any_json,
    },
)
"""Records that are more or less what IonQ sends."""

_affected = st.fixed_dictionaries(
    {"name": st.sampled_from(["IonQ Forte", "IonQ Forte Enterprise 1", "API"]) | any_json}
)
_entries = st.fixed_dictionaries(
    {},
    optional={
        "id": st.uuids().map(str) | _names | any_json,
        "name": st.sampled_from(["API", "IonQ Forte", "Quantum Simulator"]) | _names | any_json,
        "status": st.sampled_from(["operational", "major_outage", "investigating", "resolved"]) | any_json,
        "impact": st.sampled_from(["none", "critical", "cosmic"]) | any_json,
        "shortlink": st.just("https://stspg.io/x") | any_json,
        "started_at": st.datetimes().map(str) | any_json,
        "scheduled_for": st.datetimes().map(str) | any_json,
        "group": st.booleans() | any_json,
        "components": st.lists(_affected | any_json, max_size=4) | any_json,
    },
)
_lists = st.lists(_entries | any_json, max_size=4) | any_json

status_pages: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "page": any_json,
        "status": st.fixed_dictionaries({"indicator": st.sampled_from(["none", "cosmic"]) | any_json})
        | any_json,
        "components": _lists,
        "incidents": _lists,
        "scheduled_maintenances": _lists,
    },
)
"""Summaries that are more or less what the status page sends."""
