import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.simulator import FAULTS
from exporter.simulator.drill import Break, DrillError, Force, Order, Remove
from exporter.simulator.drill_requests import parse_order

BACKENDS = ("simulator", "qpu.forte-1")


def parse(given_order: Any) -> tuple[Order, float | None]:
    body = given_order if isinstance(given_order, bytes) else json.dumps(given_order).encode()
    return parse_order(body, backends=BACKENDS, faults=FAULTS)


@pytest.mark.parametrize(
    ("given_order", "order", "seconds"),
    [
        ({"backend": "qpu.forte-1", "status": "x"}, Force("qpu.forte-1", {"status": "x"}), None),
        ({"backend": "qpu.*", "degraded": True, "for": "5m"}, Force("qpu.*", {"degraded": True}), 300),
        ({"backend": "qpu.*", "kw": None, "for": "90"}, Force("qpu.*", {"kw": None}), 90),
        ({"backend": "*", "qubits": 3, "kw": 0.5}, Force("*", {"qubits": 3, "kw": 0.5}), None),
        ({"backend": "*", "last_updated": 1750000000}, Force("*", {"last_updated": 1750000000}), None),
        ({"backend": "simulator", "gone": True}, Remove("simulator"), None),
        ({"fault": "hang", "for": "1h30m"}, Break("hang"), 5400),
        ({"fault": "hang", "endpoint": "backends"}, Break("hang", "backends"), None),
    ],
)
def test_an_order_is_read(given_order: Any, order: Order, seconds: float | None) -> None:
    assert parse(given_order) == (order, seconds)


@pytest.mark.parametrize(
    ("given_order", "answer"),
    [
        (b"", 'the body is not JSON: send {"backend": NAME'),
        (b"status=down", "the body is not JSON"),
        (b"\xff", "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON"),
        (b'{"backend": "qpu.forte-1", "kw": NaN}', "the body is not JSON"),
        (b'{"backend": "qpu.forte-1", "kw": 1e999}', '"kw" must be a number, or null'),
        ([], "not a JSON object"),
        ({}, 'neither "backend" nor "fault"'),
        ({"fault": "meteor"}, 'no fault "meteor"; the faults are "hang", "late", '),
        ({"fault": ["hang"]}, 'no fault ["hang"]'),
        ({"fault": "hang", "status": "x"}, '"status" cannot stand beside "fault"'),
        ({"fault": "hang", "backend": "simulator"}, '"backend" cannot stand beside "fault"'),
        ({"fault": "hang", "endpoint": "jobs"}, '"endpoint" must be one of "backends", "characterizations"'),
        (
            {"backend": "qpu.moon", "status": "x"},
            'no backend "qpu.moon"; the backends are "simulator", "qpu.f',
        ),
        ({"backend": 5, "status": "x"}, "no backend 5"),
        ({"backend": "simulator"}, "no field to force; the fields are"),
        ({"backend": "simulator", "colour": "red"}, 'no field "colour"; the fields are "average_queue_time"'),
        ({"backend": "simulator", "gone": False}, '"gone" must be true and stand alone'),
        ({"backend": "simulator", "gone": 1}, '"gone" must be true and stand alone'),
        ({"backend": "simulator", "gone": True, "kw": 1}, '"gone" must be true and stand alone'),
        ({"backend": "simulator", "status": 1}, '"status" must be a string, or null to leave it out'),
        ({"backend": "simulator", "qubits": True}, '"qubits" must be a whole number'),
        ({"backend": "simulator", "qubits": 1.5}, '"qubits" must be a whole number'),
        ({"backend": "simulator", "degraded": 1}, '"degraded" must be true or false'),
        ({"backend": "simulator", "average_queue_time": "1"}, '"average_queue_time" must be a number'),
        ({"backend": "simulator", "last_updated": 1.5}, '"last_updated" must be a string or a whole number'),
        ({"fault": "hang", "for": "soon"}, '"for" must be a duration above zero, such as "30s"'),
        ({"fault": "hang", "for": "0s"}, '"for" must be a duration above zero'),
        ({"fault": "hang", "for": 300}, '"for" must be a duration above zero'),
        ({"fault": "hang", "for": "9" * 400 + "w"}, '"for" must be a duration above zero'),
    ],
)
def test_a_wrong_order_is_answered_with_what_would_be_right(given_order: Any, answer: str) -> None:
    with pytest.raises(DrillError, match=re.escape(answer)):
        parse(given_order)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(["backend", "fault", "for", "endpoint", "gone", "status", "kw", "qubits", "degraded"])
values = json_values | st.sampled_from(["qpu.*", "simulator", "hang", "5m", "backends", True])


@given(st.dictionaries(names, values) | json_values)
def test_any_json_is_an_order_or_a_drill_error(given_order: Any) -> None:
    try:
        order, seconds = parse(given_order)
    except DrillError as error:
        assert str(error)  # noqa: PT017  # either way out is right
    else:
        assert isinstance(order, Force | Remove | Break)
        assert seconds is None or seconds > 0
