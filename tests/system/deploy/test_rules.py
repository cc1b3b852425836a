import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.drill.shipped import ALERTMANAGER, ALERTS, RECORDING, load
from exporter.common.durations import parse_duration
from exporter.metrics.backends import BACKEND_FAMILIES
from exporter.metrics.characterizations import CHARACTERIZATION_FAMILIES
from tests.support.tools import require_tool, tool_choices
from tests.system.deploy.files import ALERT_RULES, RECORDED, RULE_TESTS, RULES, THRESHOLDS, Rule, groups
from tests.system.deploy.promql import matchers, metrics, selectors

RUNBOOK_BASE = "https://github.com/ionq-exporter/ionq-exporter/blob/main/deploy/runbooks/"

# The contract with users, and Prometheus's and node_exporter's own words.
METRICS = {
    "up",
    "ALERTS",
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
    "process_start_time_seconds",
    *(metric.name for metric in BACKEND_FAMILIES),
    *(metric.name for metric in CHARACTERIZATION_FAMILIES),
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

HELD = "ionq:alerts:held"
SCALING = (RECORDING.parents[2] / "docs" / "scaling.md").read_text("utf-8")

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
    # Three records at a sample each hour, one at a sample each 20 minutes, and the begin of a fifth.
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
            expectation("round(1e5 * max(backend_operation:ionq_backend_fidelity_ratio:avg60d))", 99010),
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


def test_thresholds_that_come_twice_still_count_once(promtool: str, tmp_path: Path) -> None:
    # A server with the alerts alone gets the rest by federation; perhaps the thresholds too.
    federated = {
        'ionq:ionq_up:max{job="federate"}': 1,
        'ionq:queue_long_seconds:threshold{job="federate"}': 30 * 24 * 3600,
        'backend:ionq_backend_average_queue_time_seconds:last1h{backend="qpu.forte-1", job="federate"}': 3e6,
    }
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": f"{value}x90"} for name, value in federated.items()],
        "promql_expr_test": [
            {
                "expr": 'count by (backend) (ALERTS{alertname="IonQQueueLong", alertstate="firing"})',
                "eval_time": "80m",
                "exp_samples": [{"labels": '{backend="qpu.forte-1"}', "value": 1}],
            }
        ],
    }
    file = tmp_path / "federation.yml"
    file.write_text(
        yaml.safe_dump({"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": [test]})
    )
    run(promtool, "test", "rules", file)


@each_alert
def test_no_alert_ends_because_a_threshold_comes_twice(alert: Rule) -> None:
    for name in metrics(alert.expr) & THRESHOLDS:
        assert alert.expr.count(name) == alert.expr.count(f"scalar(max({name}))")


def test_federation_takes_all_that_is_recorded_and_neither_limits_nor_what_is_held() -> None:
    (pattern,) = re.findall(r'match\[\]=\{__name__=~"([^"]+)"\}', SCALING)
    assert {name for name in RECORDED if re.fullmatch(pattern, name)} == RECORDED - THRESHOLDS - {HELD}


def test_the_page_about_scaling_names_the_alerts_that_federation_leaves_at_the_source() -> None:
    section = SCALING.partition("fire at the source only:")[2].partition(";")[0]
    of_the_exporter = {
        name for name, alert in ALERT_RULES.items() if metrics(alert.expr) - RECORDED - {"ALERTS"}
    }
    assert set(re.findall(r"`(\w+)`", section)) == of_the_exporter


def test_an_alert_that_alertmanager_holds_back_is_held_here() -> None:
    long_ones = re.compile(r"\{\n *(.*)\n *(.*)\n\}")
    held = {
        (long_ones.sub(r"{\1 \2}", rule.expr), rule.labels["by"]) for rule in RULES if rule.record == HELD
    }
    assert held == set(map(expected_hold, load(ALERTMANAGER)["inhibit_rules"]))


def expected_hold(inhibition: Any) -> tuple[str, str]:
    """Return the rule that has to go with an inhibition: its expression, and whom it names."""
    target = ", ".join([*inhibition["target_matchers"], 'alertstate="firing"'])
    (source,) = inhibition["source_matchers"]
    # What servers differ in is the same within one.
    labels = ", ".join(label for label in inhibition["equal"] if label != "cluster")
    return f"-ALERTS{{{target}}}\nand on ({labels})\nALERTS{{{source}}}\n", source.split('"')[1]


def inhibited() -> Iterator[tuple[int, Rule, Rule]]:
    """Yield a hold's place among the rules, an alert that it waits for, and one that it holds."""
    for place, rule in enumerate(RULES):
        if rule.record == HELD:
            target, source = (
                next(matcher for matcher in selector.matchers.matchers if matcher.name == "alertname")
                for selector in selectors(rule.expr)
            )
            yield from (
                (place, graver, alert)
                for graver in ALERT_RULES.values()
                for alert in ALERT_RULES.values()
                if re.fullmatch(source.value, graver.alert) and re.fullmatch(target.value, alert.alert)
            )


def test_what_is_held_comes_after_what_it_waits_for_and_an_outage_ends_at_the_same_evaluation() -> None:
    for place, graver, alert in inhibited():
        assert RULES.index(graver) < place < RULES.index(alert)
        if alert.labels["severity"] == "critical" or alert.alert == "IonQBackendUnavailable":
            assert graver.group == RULES[place].group == alert.group


def test_no_group_is_larger_than_mimir_takes_unless_told_otherwise() -> None:
    assert max(Counter(rule.group for rule in RULES).values()) <= 20


def test_a_held_alert_goes_on_with_the_same_labels() -> None:
    for _, _, alert in inhibited():
        hold = f'max without (alertstate, by) ({HELD}{{alertname="{alert.alert}"}})'
        assert re.search(rf"\nor on \([a-z, ]*\)\n{re.escape(hold)}\n$", alert.expr)
    for name, alert in ALERT_RULES.items():
        assert (HELD in alert.expr) == (name in {held.alert for _, _, held in inhibited()})


def test_the_end_of_an_alert_is_told_before_a_graver_one_can_come() -> None:
    interval = parse_duration(load(ALERTMANAGER)["route"]["group_interval"])
    for _, graver, _ in inhibited():
        assert parse_duration(graver.duration) >= interval


@each_alert
def test_a_text_with_a_value_knows_of_being_held(alert: Rule) -> None:
    text = alert.annotations["description"]
    knows = text.startswith("{{ if lt $value 0.0 }}Nothing new of ") and text.endswith("{{- end }}")
    assert knows == ("$value" in text and HELD in alert.expr)


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
def test_an_alert_about_a_machine_keeps_no_label_but_the_machine_and_its_operation(alert: Rule) -> None:
    if alert.alert.startswith(("IonQBackend", "IonQQueue")):
        read = metrics(alert.expr) - THRESHOLDS - {HELD}
        assert all(name.startswith(("backend:", "backend_operation:", "ionq:ionq_up:")) for name in read)


def test_every_threshold_stands_once_in_the_first_group_and_is_used() -> None:
    first = groups(ALERTS)[0]
    assert sorted(rule.record for rule in RULES if rule.group == first) == sorted(THRESHOLDS)
    used = {name for alert in ALERT_RULES.values() for name in metrics(alert.expr)}
    assert used >= THRESHOLDS


@each_alert
def test_no_alert_compares_with_a_number_of_its_own(alert: Rule) -> None:
    # States are 0 and 1; 0.5 asks whether IonQ answered at all.
    numbers = re.findall(r"(?:[<>]=?|==)\s*([\d.]+)", alert.expr)
    assert set(numbers) <= {"0", "1", "0.5"}


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_recorded_series_are_named_level_metric_operations(name: str) -> None:
    assert re.fullmatch(r"(ionq|backend|backend_operation|backend_quantile):[a-z_]+:[a-z0-9]+", name)
