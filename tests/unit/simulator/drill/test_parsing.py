import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.simulator import FAULTS
from exporter.simulator.drill.parsing import Parser
from exporter.simulator.drill.requests import (
    DrillError,
    DrillRequest,
    InjectFault,
    OverrideBackend,
    RemoveBackend,
    ReportIncident,
    ScheduleMaintenance,
)
from exporter.simulator.fleet.incidents import Incident, Maintenance

BACKENDS = ("simulator", "qpu.forte-1", "qpu.forte-enterprise-1")
NOW = 1_800_000_000.0
PARSER = Parser(backends=BACKENDS, faults=FAULTS, now=NOW)


def parse(given_request: Any) -> tuple[DrillRequest, float | None]:
    body = given_request if isinstance(given_request, bytes) else json.dumps(given_request).encode()
    return PARSER.parse(body)


@pytest.mark.parametrize(
    ("given_request", "expected", "seconds"),
    [
        ({"backend": "qpu.forte-1", "status": "x"}, OverrideBackend("qpu.forte-1", {"status": "x"}), None),
        (
            {"backend": "qpu.*", "degraded": True, "for": "5m"},
            OverrideBackend("qpu.*", {"degraded": True}),
            300,
        ),
        ({"backend": "qpu.*", "kw": None, "for": "90"}, OverrideBackend("qpu.*", {"kw": None}), 90),
        ({"backend": "*", "qubits": 3, "kw": 0.5}, OverrideBackend("*", {"qubits": 3, "kw": 0.5}), None),
        (
            {"backend": "*", "last_updated": 1750000000},
            OverrideBackend("*", {"last_updated": 1750000000}),
            None,
        ),
        ({"backend": "simulator", "gone": True}, RemoveBackend("simulator"), None),
        ({"fault": "hang", "for": "1h30m"}, InjectFault("hang"), 5400),
        ({"fault": "hang", "endpoint": "backends"}, InjectFault("hang", "backends"), None),
        ({"fault": "hang", "endpoint": "status"}, InjectFault("hang", "status"), None),
    ],
)
def test_a_request_is_parsed(given_request: Any, expected: DrillRequest, seconds: float | None) -> None:
    assert parse(given_request) == (expected, seconds)


@pytest.mark.parametrize(
    ("given_request", "message"),
    [
        (b"", 'the body is not JSON: send for example {"backend": "qpu.forte-1"'),
        (b"status=down", "the body is not JSON"),
        (b"\xff", "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON"),
        (b'{"backend": "qpu.forte-1", "kw": NaN}', "the body is not JSON"),
        (b'{"backend": "qpu.forte-1", "kw": 1e999}', '"kw" must be a number, or null'),
        ([], "not a JSON object"),
        ({}, '"backend", "fault", "incident" or "maintenance" is missing'),
        ({"fault": "meteor"}, 'no fault "meteor"; the faults are "hang", "late", '),
        ({"fault": ["hang"]}, 'no fault ["hang"]'),
        ({"fault": "hang", "status": "x"}, '"status" cannot be combined with "fault"'),
        ({"fault": "hang", "backend": "simulator"}, '"backend" cannot be combined with "fault"'),
        ({"fault": "hang", "endpoint": "jobs"}, '"endpoint" must be one of "backends", "characterizations"'),
        (
            {"backend": "qpu.moon", "status": "x"},
            'no backend "qpu.moon"; the backends are "simulator", "qpu.f',
        ),
        ({"backend": 5, "status": "x"}, "no backend 5"),
        ({"backend": "simulator"}, "no field to override; the fields are"),
        ({"backend": "simulator", "colour": "red"}, 'no field "colour"; the fields are "average_queue_time"'),
        ({"backend": "simulator", "gone": False}, '"gone" must be true, without other fields'),
        ({"backend": "simulator", "gone": 1}, '"gone" must be true, without other fields'),
        ({"backend": "simulator", "gone": True, "kw": 1}, '"gone" must be true, without other fields'),
        ({"backend": "simulator", "status": 1}, '"status" must be a string, or null to leave it out'),
        ({"backend": "simulator", "qubits": True}, '"qubits" must be an integer'),
        ({"backend": "simulator", "qubits": 1.5}, '"qubits" must be an integer'),
        ({"backend": "simulator", "degraded": 1}, '"degraded" must be true or false'),
        ({"backend": "simulator", "average_queue_time": "1"}, '"average_queue_time" must be a number'),
        ({"backend": "simulator", "last_updated": 1.5}, '"last_updated" must be a string or an integer'),
        ({"incident": ""}, '"incident" must be a string that is not empty'),
        ({"incident": ["x"]}, '"incident" must be a string that is not empty'),
        ({"incident": "x", "impact": "huge"}, '"impact" must be one of "none", "minor", "major", "critical"'),
        (
            {"incident": "x", "status": "resolved"},
            '"status" must be one of "investigating", "identified", "mon',
        ),
        ({"incident": "x", "backend": "qpu.moon"}, 'no backend "qpu.moon"'),
        ({"incident": "x", "kw": 1}, '"kw" cannot be combined with "incident"'),
        ({"maintenance": 5}, '"maintenance" must be a string that is not empty'),
        ({"maintenance": "x", "in": "soon"}, '"in" must be a duration of at most a year, such as "30s"'),
        ({"maintenance": "x", "lasts": 60}, '"lasts" must be a duration'),
        ({"maintenance": "x", "overruns": "3000d"}, '"overruns" must be a duration of at most a year'),
        ({"maintenance": "x", "impact": "major"}, '"impact" cannot be combined with "maintenance"'),
        (
            {"fault": "hang", "for": "soon"},
            '"for" must be a duration above zero of at most a year, such as "30s"',
        ),
        ({"fault": "hang", "for": "0s"}, '"for" must be a duration above zero'),
        ({"fault": "hang", "for": 300}, '"for" must be a duration above zero'),
        ({"fault": "hang", "for": "9" * 400 + "w"}, '"for" must be a duration above zero'),
    ],
)
def test_an_invalid_request_is_refused_with_what_is_accepted(given_request: Any, message: str) -> None:
    with pytest.raises(DrillError, match=re.escape(message)):
        parse(given_request)


def test_an_incident_affects_the_backends_that_match_now() -> None:
    request, seconds = parse({"incident": "Laser fault", "backend": "qpu.*", "impact": "minor", "for": "5m"})
    assert isinstance(request, ReportIncident)
    assert request.incident == Incident(
        id=request.incident.id,
        name="Laser fault",
        impact="minor",
        status="investigating",
        start=NOW,
        updated=NOW,
        backends=("qpu.forte-1", "qpu.forte-enterprise-1"),
    )
    assert seconds == 300


def test_an_incident_without_a_backend_affects_the_api_and_keeps_its_id() -> None:
    request, _ = parse({"incident": "Slow API"})
    again, _ = parse({"incident": "Slow API", "status": "monitoring"})
    assert isinstance(request, ReportIncident)
    assert request.incident.backends == ()
    assert request.incident.impact == "major"
    assert request.key == again.key


def test_a_maintenance_has_an_announced_end_and_a_real_one() -> None:
    request, seconds = parse(
        {"maintenance": "Cooling", "backend": "qpu.forte-1", "in": "2m", "lasts": "5m", "overruns": "1h"}
    )
    assert isinstance(request, ScheduleMaintenance)
    assert request.maintenance == Maintenance(
        id=request.maintenance.id,
        name="Cooling",
        announced=NOW,
        start=NOW + 120,
        planned_end=NOW + 420,
        end=NOW + 4020,
        backends=("qpu.forte-1",),
    )
    assert seconds is None


def test_a_maintenance_begins_now_and_lasts_an_hour_by_default() -> None:
    request, _ = parse({"maintenance": "Cooling", "backend": "qpu.forte-1"})
    assert isinstance(request, ScheduleMaintenance)
    assert request.maintenance.start == NOW
    assert request.maintenance.end == request.maintenance.planned_end == NOW + 3600


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(
    [
        "backend",
        "fault",
        "incident",
        "maintenance",
        "for",
        "in",
        "endpoint",
        "gone",
        "status",
        "kw",
        "degraded",
    ]
)
values = json_values | st.sampled_from(["qpu.*", "simulator", "hang", "5m", "backends", True])


@given(st.dictionaries(names, values) | json_values)
def test_any_json_is_a_request_or_a_drill_error(given_request: Any) -> None:
    try:
        request, seconds = parse(given_request)
    except DrillError as error:
        assert str(error)  # noqa: PT017  # either way out is right
    else:
        assert isinstance(request, DrillRequest)
        assert seconds is None or seconds > 0
