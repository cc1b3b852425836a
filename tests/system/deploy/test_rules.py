import re
import subprocess
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.drill.shipped import ALERTMANAGER, ALERTS, RECORDING, load
from exporter.common.durations import parse_duration
from exporter.metrics.backends import BACKEND_FAMILIES
from exporter.metrics.characterizations import CHARACTERIZATION_FAMILIES
from exporter.metrics.status_page import STATUS_PAGE_FAMILIES
from tests.support.tools import require_tool, tool_choices
from tests.system.deploy.files import ALERT_RULES, RECORDED, RULE_TESTS, RULES, THRESHOLDS, Rule, groups
from tests.system.deploy.promql import matchers, metrics

RUNBOOK_BASE = "https://github.com/ionq-exporter/ionq-exporter/blob/main/deploy/runbooks/"

# The contract with users, and Prometheus's and node_exporter's own names.
METRICS = {
    "up",
    "backend:ionq_queue_long_seconds:custom",
    "backend:ionq_queue_short_seconds:custom",
    "node_textfile_mtime_seconds",
    "node_textfile_scrape_error",
    "ionq_up",
    "ionq_scrape_duration_seconds",
    "ionq_exporter_api_requests_total",
    "ionq_exporter_api_failures_total",
    "ionq_exporter_rejected_values_total",
    "ionq_exporter_characterization_requests_total",
    "ionq_exporter_characterization_failures_total",
    "ionq_exporter_build_info",
    "ionq_status_page_up",
    "process_start_time_seconds",
    *(metric.name for metric in BACKEND_FAMILIES),
    *(metric.name for metric in CHARACTERIZATION_FAMILIES),
    *(metric.name for metric in STATUS_PAGE_FAMILIES),
}
LABELS = {
    "alertname",
    "alertstate",
    "backend",
    "field",
    "file",
    "instance",
    "job",
    "location",
    "operation",
    "quantile",
    "reason",
    "status",
}
REASONS = {
    "connect",
    "tls",
    "timeout",
    "protocol",
    "http_status",
    "redirect",
    "rate_limited",
    "too_large",
    "invalid_json",
    "unexpected_shape",
}

DOCUMENTATION = (RECORDING.parents[2] / "docs" / "alerting.md").read_text("utf-8")

each_alert = pytest.mark.parametrize("alert", ALERT_RULES.values(), ids=lambda alert: alert.alert)


@pytest.fixture(params=tool_choices("PROMTOOL"), ids=lambda path: path or "on PATH")
def promtool(request: pytest.FixtureRequest) -> str:
    return request.param or require_tool("promtool", package="prometheus")


def run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_accepts_the_rules(promtool: str) -> None:
    run(promtool, "check", "rules", "--lint=all", "--lint-fatal", RECORDING, ALERTS)


@pytest.mark.parametrize("file", RULE_TESTS, ids=lambda file: file.stem)
def test_the_rules_do_what_their_tests_say(promtool: str, file: Path) -> None:
    run(promtool, "test", "rules", file)


@pytest.mark.parametrize("file", RULE_TESTS, ids=lambda file: file.stem)
def test_rule_tests_evaluate_the_groups_in_their_order(file: Path) -> None:
    assert load(file)["group_eval_order"] == groups(RECORDING) + groups(ALERTS)


def test_an_hour_of_history_weighs_as_much_as_one_of_live_samples(promtool: str, tmp_path: Path) -> None:
    # Three characterizations with a sample each hour, one with a sample each 20 minutes, and a fifth.
    hours = 84
    now = f"{4 * hours + 6}h"

    def course(*values: float) -> str:
        *history, live, newest = values
        filled_in = [f"{value} _x2" for value in history for _ in range(hours)]
        return " ".join([*filled_in, f"{live}x{3 * hours - 1}", f"{newest}x30"])

    def expectation(expr: str, value: float) -> dict[str, Any]:
        return {"expr": expr, "eval_time": now, "exp_samples": [{"labels": "{}", "value": value}]}

    test = {
        "interval": "20m",
        "input_series": [
            {
                "series": 'ionq_backend_fidelity_ratio{backend="qpu.forte-1", operation="2q"}',
                "values": course(0.99, 0.9906, 0.9894, 0.9904, 0.98),
            },
            {
                "series": 'ionq_backend_characterization_timestamp_seconds{backend="qpu.forte-1"}',
                "values": course(*(number * hours * 3600 for number in range(5))),
            },
        ],
        "promql_expr_test": [
            expectation("round(1e5 * max(backend_operation:ionq_backend_fidelity_ratio:median60d))", 99000),
            expectation("max(backend_operation:ionq_backend_fidelity_ratio:count60d)", 25),
            expectation('count(ALERTS{alertname="IonQBackendFidelityLow", alertstate="firing"})', 1),
        ],
    }
    file = tmp_path / "history.yml"
    file.write_text(
        yaml.safe_dump(
            {
                "rule_files": [str(RECORDING), str(ALERTS)],
                "evaluation_interval": "2h",
                "group_eval_order": groups(RECORDING) + groups(ALERTS),
                "tests": [test],
            }
        )
    )
    run(promtool, "test", "rules", file)


def test_a_server_with_federated_series_needs_the_alerts_alone(promtool: str, tmp_path: Path) -> None:
    federated = {
        'ionq:ionq_up:max{job="federate"}': 1,
        'backend:ionq_backend_average_queue_time_seconds:last{backend="qpu.forte-1", job="federate"}': 3e6,
    }
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": f"{value}x90"} for name, value in federated.items()],
        "promql_expr_test": [
            {
                "expr": "count by (alertname) (ALERTS)",
                "eval_time": "80m",
                "exp_samples": [{"labels": '{alertname="IonQQueueLong"}', "value": 1}],
            }
        ],
    }
    file = tmp_path / "federation.yml"
    file.write_text(
        yaml.safe_dump({"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": [test]})
    )
    run(promtool, "test", "rules", file)


def test_federation_takes_all_that_is_recorded_except_limits() -> None:
    (pattern,) = re.findall(r'match\[\]=\{__name__=~"([^"]+)"\}', DOCUMENTATION)
    assert {name for name in RECORDED if re.fullmatch(pattern, name)} == RECORDED - THRESHOLDS


def test_the_documentation_names_the_alerts_that_federation_leaves_at_the_source() -> None:
    section = DOCUMENTATION.partition("fire at the source only:")[2].partition(".")[0]
    of_the_exporter = {name for name, alert in ALERT_RULES.items() if metrics(alert.expr) - RECORDED}
    assert set(re.findall(r"`(\w+)`", section)) == of_the_exporter


def test_the_documentation_counts_the_alerts() -> None:
    assert f" has {len(ALERT_RULES)} alerts and " in DOCUMENTATION


def test_the_rules_are_few_and_short() -> None:
    alert_groups = groups(ALERTS)
    of_alerts = [rule for rule in RULES if rule.group in alert_groups]
    assert len(of_alerts) <= 30
    assert max(len(rule.expr.strip().splitlines()) for rule in RULES) <= 12


def test_no_rule_rests_on_another_alert() -> None:
    assert not [rule for rule in RULES if {"ALERTS", "ALERTS_FOR_STATE"} & metrics(rule.expr)]


def inhibited() -> list[tuple[Rule, Rule]]:
    """Return pairs of a graver alert and one that Alertmanager mutes while the graver one fires."""
    return [
        (graver, muted)
        for inhibition in load(ALERTMANAGER)["inhibit_rules"]
        for graver, muted in product(ALERT_RULES.values(), repeat=2)
        if matches(inhibition["source_matchers"], graver) and matches(inhibition["target_matchers"], muted)
    ]


def matches(texts: list[str], alert: Rule) -> bool:
    (name,) = (re.fullmatch(r'alertname=~?"(.+)"', text) for text in texts if "alertname" in text)
    return name is not None and re.fullmatch(name[1], alert.alert) is not None


def test_an_alert_does_not_end_while_a_graver_one_mutes_it() -> None:
    for graver, muted in inhibited():
        assert (graver.group, graver.keep_firing_for) == (muted.group, muted.keep_firing_for)
        assert RULES.index(graver) < RULES.index(muted)


def test_the_end_of_an_alert_is_sent_before_a_graver_one_can_fire() -> None:
    interval = parse_duration(load(ALERTMANAGER)["route"]["group_interval"])
    for graver, _ in inhibited():
        assert parse_duration(graver.duration) >= interval


def test_no_group_is_larger_than_mimir_takes_by_default() -> None:
    assert max(Counter(rule.group for rule in RULES).values()) <= 20


@each_alert
def test_a_description_stays_true_however_long_the_alert_lasts(alert: Rule) -> None:
    text = alert.annotations["description"]
    assert not re.search(r"or longer|has been|have been|last week", text)


@each_alert
def test_each_alert_is_tested_firing_and_silent(alert: Rule) -> None:
    expectations = [
        len(case.get("exp_alerts") or [])
        for file in RULE_TESTS
        for test in load(file)["tests"]
        for case in test.get("alert_rule_test", [])
        if case["alertname"] == alert.alert
    ]
    assert max(expectations) > 0
    assert min(expectations) == 0


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.alert or rule.record)
def test_rules_ask_for_known_metrics_and_labels_only(rule: Rule) -> None:
    for query in rule.queries:
        assert metrics(query) <= METRICS | RECORDED
        assert {matcher.name for matcher in matchers(query)} <= LABELS
        assert {matcher.value for matcher in matchers(query) if matcher.name == "reason"} <= REASONS


def test_every_query_in_an_annotation_is_read_by_these_tests() -> None:
    for alert in ALERT_RULES.values():
        templates = sum(len(re.findall(r"\bquery\b", text)) for text in alert.annotations.values())
        assert len(list(alert.queries)) == 1 + templates


@each_alert
def test_no_alert_is_built_on_the_age_of_the_last_update(alert: Rule) -> None:
    assert "ionq_backend_last_updated_timestamp_seconds" not in metrics(alert.expr)


@each_alert
def test_an_alert_says_what_it_is_and_where_to_read_on(alert: Rule) -> None:
    assert set(alert.annotations) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert "{{" not in alert.annotations["summary"]
    assert alert.annotations["runbook_url"] == f"{RUNBOOK_BASE}{alert.alert}.md"
    assert re.match(r"/d/ionq-(fleet|backend|fidelity|exporter)\b", alert.annotations["dashboard_url"])


@each_alert
def test_only_blindness_and_the_loss_of_all_qpus_are_critical(alert: Rule) -> None:
    critical = {"IonQExporterBlind", "IonQExporterDown", "IonQTextfileOld", "IonQAllQPUsUnavailable"}
    assert (alert.labels["severity"] == "critical") == (alert.alert in critical)
    assert alert.labels["severity"] in {"critical", "warning", "info"}


@each_alert
def test_an_alert_about_a_backend_rests_on_what_is_recorded_of_backends(alert: Rule) -> None:
    if alert.alert.startswith(("IonQBackend", "IonQQueue")):
        assert all(re.match(r"(job_)?backend(_[a-z]+)?:", name) for name in metrics(alert.expr))


def test_every_threshold_stands_once_in_the_first_group_and_is_used() -> None:
    first = groups(ALERTS)[0]
    assert sorted(rule.record for rule in RULES if rule.group == first) == sorted(THRESHOLDS)
    used = {name for alert in ALERT_RULES.values() for name in metrics(alert.expr)}
    assert used >= THRESHOLDS


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_recorded_series_are_named_level_metric_operations(name: str) -> None:
    assert re.fullmatch(
        r"(ionq|job|(job_)?backend|backend_(field|operation|quantile)):[a-z_]+:[a-z0-9]+", name
    )
