"""What ``make manifests`` writes: in step with its sources, and with the two differences that it is for."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from deploy import manifests
from deploy.drill.shipped import ALERTMANAGER, load
from tests.system.deploy.files import Rule, groups, rules
from tests.system.deploy.manifests import KUBERNETES, NAMESPACE, Manifest, build, chart, only, write_overlay

OPERATOR_OVERLAY = KUBERNETES / "overlays" / "operator"
OPERATOR = KUBERNETES / "components" / "prometheus-operator"


def test_every_file_is_what_its_sources_say_now() -> None:
    written = manifests.files()
    assert {path: path.read_text() for path in written} == written, "make manifests"


def test_the_chart_has_no_file_that_lost_its_source() -> None:
    found = {path for path in (manifests.CHART / "files").rglob("*") if path.is_file()}
    assert found == {path for path in manifests.files() if path.is_relative_to(manifests.CHART)}


def in_the_cluster(rule: Rule, namespace: str) -> Rule:
    if not rule.alert:
        return rule
    severity = {"info": "notice"}.get(rule.labels["severity"], rule.labels["severity"])
    return replace(rule, labels=rule.labels | {"severity": severity, "namespace": namespace})


@pytest.mark.parametrize(
    ("objects", "namespace"),
    [
        (lambda _: build(OPERATOR_OVERLAY), "ionq"),
        (lambda folder: build(write_overlay(folder, [OPERATOR])), NAMESPACE),
        (lambda _: chart({"prometheusRule": {"enabled": True}}, namespace="quantum"), "quantum"),
    ],
    ids=["overlay", "component", "helm"],
)
def test_the_prometheus_rule_has_every_rule_and_alerts_have_the_namespace(
    objects: Callable[[Path], list[Manifest]], namespace: str, tmp_path: Path
) -> None:
    written = tmp_path / "rules.yml"
    written.write_text(yaml.safe_dump(only(objects(tmp_path), "PrometheusRule")["spec"]))
    assert groups(written) == [name for source in manifests.RULES for name in groups(source)]
    originals = [each for source in manifests.RULES for each in rules(source)]
    assert rules(written) == [in_the_cluster(rule, namespace) for rule in originals]


def test_the_alertmanager_config_takes_ionq_s_alerts_and_no_others() -> None:
    config = only(build(OPERATOR_OVERLAY), "AlertmanagerConfig")["spec"]
    assert config["route"]["matchers"] == [{"name": "alertname", "matchType": "=~", "value": "IonQ.+"}]
    assert [each["name"] for each in config["receivers"]] == [
        each["name"] for each in load(ALERTMANAGER)["receivers"]
    ]


def test_a_matcher_that_is_not_understood_is_not_left_out() -> None:
    with pytest.raises(ValueError, match="cannot read the matcher 'severity'"):
        manifests.matchers(["severity"])
