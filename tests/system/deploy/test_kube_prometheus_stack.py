"""Alerts reach a person with the defaults of kube-prometheus-stack: a real Prometheus and Alertmanager."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
import yaml

from deploy.drill import programs
from deploy.drill.receiver import Receiver, serving
from deploy.drill.shipped import ALERTS, load
from tests.support.tools import require_tool
from tests.system.deploy.alertmanager import Alertmanager, running
from tests.system.deploy.files import ALERT_RULES
from tests.system.deploy.kube_prometheus_stack import INFO_INHIBITOR, NOWHERE, alertmanager
from tests.system.deploy.manifests import Manifest, chart, only
from tests.system.deploy.receivers import WebReceiver
from tests.system.deploy.test_alertmanager import alert, moment

RECEIVERS = {"critical": "page", "warning": "team", "info": "quiet"}
NEWS = {name for name, rule in ALERT_RULES.items() if rule.labels["severity"] == "info"}
OTHERS = set(ALERT_RULES) - NEWS
PATIENCE = 60.0

# News alone and all others: where something graver fires, the stack does not mute news.
each_half = pytest.mark.parametrize("names", [NEWS, OTHERS], ids=["news", "others"])


@pytest.fixture(scope="module")
def objects() -> list[Manifest]:
    return chart({"prometheusRule": {"enabled": True}, "alertmanagerConfig": {"enabled": True}})


@pytest.fixture
def program() -> str:
    return require_tool("prometheus-alertmanager", "alertmanager", package="prometheus-alertmanager")


@each_half
def test_every_alert_reaches_a_person(
    names: set[str], objects: list[Manifest], program: str, tmp_path: Path
) -> None:
    expected = {name: RECEIVERS[ALERT_RULES[name].labels["severity"]] for name in names}
    reached: dict[str, str] = {}
    with stack(names, rule_groups(objects), objects, program, tmp_path) as (_, posts):
        while set(reached) != names:
            reached |= receivers(*posts.get(timeout=PATIENCE))
    assert reached == expected


def test_alerts_without_a_namespace_would_reach_nobody(
    objects: list[Manifest], program: str, tmp_path: Path
) -> None:
    reached: dict[str, str] = {}
    with stack(OTHERS, load(ALERTS)["groups"], objects, program, tmp_path) as (_, posts):
        while set(reached) != OTHERS:
            reached |= receivers(*posts.get(timeout=PATIENCE))
    assert set(reached.values()) == {NOWHERE}


def test_news_would_be_muted_under_the_name_info(
    objects: list[Manifest], program: str, tmp_path: Path
) -> None:
    groups = yaml.safe_load(
        yaml.safe_dump(rule_groups(objects)).replace("severity: notice", "severity: info")
    )
    with stack(NEWS, groups, objects, program, tmp_path) as (api, _):
        while {each["labels"]["alertname"] for each in api.alerts() if each["status"]["inhibitedBy"]} != NEWS:
            time.sleep(0.1)


def rule_groups(objects: list[Manifest]) -> list[Any]:
    groups: list[Any] = only(objects, "PrometheusRule")["spec"]["groups"]
    return groups


@contextmanager
def stack(
    names: set[str], groups: list[Any], objects: list[Manifest], program: str, directory: Path
) -> Iterator[tuple[Alertmanager, "Queue[tuple[str, Any]]"]]:
    """Let these alerts fire, and yield the Alertmanager and what its webhooks get."""
    posts: Queue[tuple[str, Any]] = Queue()
    with serving(Receiver(lambda path, body: posts.put((path, body)))) as server:
        config = alertmanager(only(objects, "AlertmanagerConfig"), server.url)
        hurry(config)
        with running(program, config, directory) as api, firing(names, groups, api, directory):
            yield api, posts


def receivers(path: str, body: Any) -> dict[str, str]:
    """Return the alerts of a webhook's message, and which receiver got it."""
    return {each["labels"]["alertname"]: path.removeprefix("/") for each in body["alerts"]}


def hurry(config: Any) -> None:
    """Let routes wait for seconds, where they would wait for minutes."""
    for route in (config["route"], config["route"]["routes"][0]):
        route |= {"group_wait": "2500ms", "group_interval": "2s"}


def firing(
    names: set[str], groups: list[Any], api: Alertmanager, directory: Path
) -> AbstractContextManager[str]:
    """Run a Prometheus in which these alerts fire at once, with their labels and texts."""
    rules = [
        {"alert": rule["alert"], "expr": stand_in(rule["alert"])}
        | {key: rule[key] for key in ("labels", "annotations")}
        for group in groups
        for rule in group["rules"]
        if rule.get("alert") in names
    ]
    ours = {"name": "ionq", "interval": "1s", "rules": rules}
    programs.write({"groups": [ours, INFO_INHIBITOR]}, directory / "rules.yml")
    config = {
        "rule_files": ["rules.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [api.url.removeprefix("http://")]}]}]},
    }
    program = require_tool("prometheus", package="prometheus")
    # What fires before Prometheus has found the Alertmanager is sent again after this time.
    return programs.prometheus(program, config, directory, "--rules.alert.resend-delay=1s")


def stand_in(name: str) -> str:
    """Return an expression that is true at once.

    Each alert has a backend of its own: InfoInhibitor drops the name, and fails if two alerts are then alike.
    It is no QPU, because IonQAllQPUsUnavailable mutes alerts about those.
    """
    return f'label_replace(vector(1), "backend", "{name}", "", "")'


def test_slack_and_pagerduty_get_the_texts_of_the_template(program: str, tmp_path: Path) -> None:
    receivers = {"page": "pagerduty", "team": "slack", "quiet": "slack"}
    config = only(chart({"alertmanagerConfig": {"enabled": True, **receivers}}), "AlertmanagerConfig")
    now = datetime.now(UTC)

    def sent(name: str, severity: str) -> dict[str, Any]:
        posted = alert(name, "It is so.", startsAt=now)
        posted["labels"] |= {"severity": severity, "namespace": config["metadata"]["namespace"]}
        return posted

    with serving(WebReceiver()) as web:
        translated = alertmanager(config, web.url)
        hurry(translated)
        with running(program, translated, tmp_path) as api:
            api.post(
                sent("IonQExporterBlind", "critical"),
                sent("IonQBackendUnavailable", "warning"),
                sent("IonQQueueShort", "notice"),
            )
            page = web.posts("/page").get(timeout=PATIENCE)["payload"]
            (team,) = web.posts("/team").get(timeout=PATIENCE)["attachments"]
            (quiet,) = web.posts("/quiet").get(timeout=PATIENCE)["attachments"]

    def text(name: str) -> str:
        runbook = ALERT_RULES[name].annotations["runbook_url"]
        said = f"It is so.\nAlert since {moment(now)}.\n\nWhat to do: {runbook}\n"
        return said + "What IonQ says: https://status.ionq.co"

    assert page["summary"] == "[CRITICAL] The exporter cannot read IonQ's list of backends."
    assert page["severity"] == "critical"
    assert page["custom_details"]["message"] == text("IonQExporterBlind")
    assert team["title"] == "[WARNING] qpu.forte-1: An IonQ backend is unavailable."
    assert team["title_link"] == ALERT_RULES["IonQBackendUnavailable"].annotations["runbook_url"]
    assert team["color"] == "warning"
    assert team["text"] == text("IonQBackendUnavailable")
    assert quiet["title"] == "[NOTICE] qpu.forte-1: The wait for an IonQ backend is short now."
    assert quiet["text"] == text("IonQQueueShort")
