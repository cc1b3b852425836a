"""The output as tools read it that know the formats better than we do."""

import json
import subprocess

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from exporter.metrics.backends import BACKEND_FAMILIES
from exporter.metrics.characterizations import CHARACTERIZATION_FAMILIES
from tests.support.exporter_process import ExporterProcess, run_exporter
from tests.support.status_page import MAINTENANCE, body
from tests.support.tools import require_tool
from tests.support.upstream import CHARACTERIZATION, FLEET, Script, Upstream, characterized, ok, status

HOSTILE = r"""[
    {"backend": "quote\"backslash\\", "location": "Zürich, {a=\"b\"} # HELP", "qubits": 1,
     "status": "on fire", "characterization_id": "😀", "kw": 1e300, "average_queue_time": 0.001},
    {"backend": "line\nbreak", "qubits": 1}
]""".encode()

ODD_ID = '"\\{😀}# EOF'

ANSWERS: dict[str, Script] = {
    "usual": ok(json.dumps([FLEET[0] | {"characterization_id": ODD_ID}, FLEET[1]]).encode()),
    "none": ok(b"[]"),
    "failure": status(500),
    "hostile": ok(HOSTILE),
}


@pytest.fixture(scope="module")
def flags() -> tuple[str, ...]:
    return ("--collector.characterizations",)


@pytest.fixture
def upstream(upstream: Upstream) -> Upstream:
    record = CHARACTERIZATION | {"id": ODD_ID, "backend": None}
    upstream.characterizes(lambda request: characterized(request, record))
    return upstream


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_promtool_has_nothing_to_say(exporter: ExporterProcess, upstream: Upstream, answer: Script) -> None:
    promtool = require_tool("promtool", package="prometheus")
    upstream.answers(answer)
    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=exporter.get("metrics").content,
        capture_output=True,
        check=False,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_promtool_has_nothing_to_say_of_the_status_page(upstream: Upstream) -> None:
    promtool = require_tool("promtool", package="prometheus")
    odd = {"id": "a", "name": 'Zürich "\\ {😀}\n# EOF', "status": "guessing", "impact": "cosmic"}
    with Upstream() as page:
        page.answers(ok(body(incidents=[odd], scheduled_maintenances=[MAINTENANCE])))
        once = run_exporter(
            "once", f"--ionq.api-url={upstream.url}", f"--ionq.status-url=http://{page.authority}"
        )
    assert "ionq_status_maintenance_end_timestamp_seconds" in once.stdout
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=once.stdout, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_an_openmetrics_parser_reads_the_openmetrics_output(
    exporter: ExporterProcess, upstream: Upstream, answer: Script
) -> None:
    upstream.answers(answer)
    text = exporter.get("metrics", Accept="application/openmetrics-text").text
    parsed = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    families = {family.name: family for family in parsed}
    assert families["ionq_up"].samples[0].value == (answer is not ANSWERS["failure"])
    assert families["ionq_exporter_api_requests"].type == "counter"
    metrics = {metric.name: (metric.help, metric.unit) for metric in BACKEND_FAMILIES} | {
        metric.name: (metric.help, metric.unit) for metric in CHARACTERIZATION_FAMILIES
    }
    shown = metrics.keys() & families.keys()
    for name in shown:
        assert families[name].type == "gauge"
        assert (families[name].documentation, families[name].unit) == metrics[name]
    if answer is ANSWERS["usual"]:
        assert shown == metrics.keys()


def test_no_series_comes_twice(exporter: ExporterProcess, upstream: Upstream) -> None:
    upstream.answers(ok(b'[{"backend": "a", "qubits": 1}, {"backend": "a", "qubits": 2}]'))
    lines = [line for line in exporter.get("metrics").text.splitlines() if not line.startswith("#")]
    series = [line.rpartition(" ")[0] for line in lines]
    assert len(series) == len(set(series))
    assert 'ionq_backend_qubits{backend="a",location=""} 1.0' in lines
