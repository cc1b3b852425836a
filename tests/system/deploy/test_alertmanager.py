import json
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from deploy.drill.programs import write_alertmanager_config
from deploy.drill.receiver import serving
from deploy.drill.shipped import ALERTMANAGER, TEMPLATE, load
from tests.support.tools import require_tool, tool_choices
from tests.system.deploy.alertmanager import choices_uncommented, running
from tests.system.deploy.files import ALERT_RULES, Rule
from tests.system.deploy.receivers import MailReceiver, WebReceiver

RECEIVERS = {"critical": "ionq-page", "warning": "ionq-team", "info": "ionq-quiet"}
PATIENCE = 10.0

# Each alert with the one that it mutes.
MUTED = (("IonQAllQPUsUnavailable", "IonQBackendUnavailable"),)


@pytest.fixture(params=tool_choices("AMTOOL"), ids=lambda path: path or "on PATH")
def amtool(request: pytest.FixtureRequest) -> str:
    return request.param or require_tool("amtool", package="prometheus-alertmanager")


@pytest.fixture(params=tool_choices("ALERTMANAGER"), ids=lambda path: path or "on PATH")
def alertmanager(request: pytest.FixtureRequest) -> str:
    return request.param or require_tool(
        "prometheus-alertmanager", "alertmanager", package="prometheus-alertmanager"
    )


@pytest.fixture
def web() -> Iterator[WebReceiver]:
    with serving(WebReceiver()) as server:
        yield server


@pytest.fixture
def mail() -> Iterator[MailReceiver]:
    with serving(MailReceiver()) as server:
        yield server


def labels_of(rule: Rule) -> dict[str, str]:
    """Return the labels of an alert about a backend, a field or an exporter."""
    labels = {"alertname": rule.alert, "severity": rule.labels["severity"]}
    if rule.alert == "IonQBackendFidelityLow":
        labels["operation"] = "2q"
    if rule.alert == "IonQBackendFieldMissing":
        labels["field"] = "degraded"
    if rule.alert.startswith(("IonQBackend", "IonQQueue")):
        return labels | {"backend": "qpu.forte-1"}
    if rule.alert in {"IonQValuesRejected", "IonQCharacterizationValuesRejected"}:
        return labels | {"field": "status"}
    if rule.alert in {"IonQScrapesFailing", "IonQRateLimited", "IonQExporterInstanceDown"}:
        return labels | {"job": "ionq-exporter", "instance": "10.0.0.1:10065"}
    return labels


def alert(name: str, description: str = "", **times: datetime) -> dict[str, Any]:
    """Return what Prometheus would post for an alert."""
    rule = ALERT_RULES[name]
    return {
        "labels": labels_of(rule),
        "annotations": rule.annotations | {"description": description},
    } | {key: at.isoformat() for key, at in times.items()}


def hurry(config: Any) -> Any:
    """Let a configuration wait milliseconds where it would wait minutes."""
    config["route"] |= {"group_wait": "500ms", "group_interval": "100ms"}
    return config


def test_amtool_accepts_the_configuration(amtool: str) -> None:
    done = subprocess.run([amtool, "check-config", ALERTMANAGER], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_amtool_accepts_every_receiver_that_is_offered(amtool: str, tmp_path: Path) -> None:
    config = choices_uncommented()
    assert {kind for receiver in config["receivers"] for kind in receiver} == {
        "name",
        "webhook_configs",
        "pagerduty_configs",
        "slack_configs",
        "email_configs",
    }
    done = subprocess.run(
        [amtool, "check-config", write_alertmanager_config(config, tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_nothing_leaves_the_machine_until_a_receiver_is_chosen() -> None:
    for receiver in load(ALERTMANAGER)["receivers"]:
        (webhook,) = receiver.pop("webhook_configs")
        assert webhook["url"].startswith("http://127.0.0.1:9099/")
        assert set(receiver) == {"name"}


@pytest.mark.parametrize("rule", ALERT_RULES.values(), ids=lambda rule: rule.alert)
def test_an_alert_goes_to_the_receiver_of_its_severity(amtool: str, rule: Rule) -> None:
    labels = [f"{name}={value}" for name, value in labels_of(rule).items()]
    done = subprocess.run(
        [
            amtool,
            "config",
            "routes",
            "test",
            f"--config.file={ALERTMANAGER}",
            f"--verify.receivers={RECEIVERS[rule.labels['severity']]}",
            *labels,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_goes_without_saying_is_not_said(alertmanager: str, tmp_path: Path) -> None:
    config = load(ALERTMANAGER)
    for receiver in config["receivers"]:
        del receiver["webhook_configs"]

    # Each two alerts meet in a cluster of their own.
    batch: list[dict[str, str]] = []
    expected: set[tuple[str, str]] = set()
    for one, other in combinations(ALERT_RULES.values(), 2):
        cluster = f"{one.alert} {other.alert}"
        batch += [labels_of(one) | {"cluster": cluster}, labels_of(other) | {"cluster": cluster}]
        expected |= {
            (cluster, muted) for graver, muted in MUTED if {graver, muted} == {one.alert, other.alert}
        }
    # No QPU works: an alert about the simulator is not muted.
    batch += [
        labels_of(ALERT_RULES["IonQAllQPUsUnavailable"]) | {"cluster": "simulator"},
        labels_of(ALERT_RULES["IonQBackendUnavailable"]) | {"backend": "simulator", "cluster": "simulator"},
    ]
    # When this is muted, all that came before it has been judged.
    last = [labels_of(ALERT_RULES[name]) | {"cluster": "last"} for name in MUTED[0]]
    sentinel = ("last", MUTED[0][1])

    muted: set[tuple[str, str]] = set()
    with running(alertmanager, config, tmp_path) as api:
        api.post(*({"labels": labels} for labels in batch))
        api.post(*({"labels": labels} for labels in last))
        deadline = time.monotonic() + PATIENCE
        while sentinel not in muted and time.monotonic() < deadline:
            muted = {
                (found["labels"]["cluster"], found["labels"]["alertname"])
                for found in api.alerts()
                if found["status"]["inhibitedBy"]
            }
    assert muted - expected == {sentinel}
    assert expected <= muted


def on_loopback(config: Any, web: WebReceiver, mail: MailReceiver, directory: Path) -> Any:
    """Point every receiver of a configuration at the test's servers."""
    slack_url = directory / "slack-url"
    slack_url.write_text(f"{web.url}/slack")
    pagerduty_key = directory / "pagerduty-key"
    pagerduty_key.write_text("0123456789abcdef0123456789abcdef")
    page, team, quiet = config["receivers"]
    page["pagerduty_configs"][0] |= {"url": f"{web.url}/pagerduty", "routing_key_file": str(pagerduty_key)}
    for receiver in (page, team, quiet):
        receiver["slack_configs"][0]["api_url_file"] = str(slack_url)
    letter = team["email_configs"][0]
    letter |= {"smarthost": mail.address, "require_tls": False}
    del letter["auth_username"], letter["auth_password_file"]
    for receiver in config["receivers"]:
        webhook = receiver["webhook_configs"][0]
        webhook["url"] = webhook["url"].replace("http://127.0.0.1:9099", web.url)
    return config


def moment(at: datetime) -> str:
    return f"{at:%a} {at.day} {at:%b %H:%M} UTC"


def test_two_backends_are_one_notification_and_then_one_is_back(
    alertmanager: str, web: WebReceiver, mail: MailReceiver, tmp_path: Path
) -> None:
    config = on_loopback(hurry(choices_uncommented()), web, mail, tmp_path)
    with running(alertmanager, config, tmp_path) as api:
        now = datetime.now(UTC)
        first = alert("IonQBackendUnavailable", "qpu.forte-1 has not been available.", startsAt=now)
        second = alert("IonQBackendUnavailable", "qpu.aria-1 has not been available.", startsAt=now)
        second["labels"]["backend"] = "qpu.aria-1"
        # An alert older than group_wait is told at once, without the others: so they age on their way.
        past = {"startsAt": (now - timedelta(hours=1)).isoformat(), "endsAt": now.isoformat()}
        api.post(first, second)
        told = web.posts("/slack").get(timeout=PATIENCE)
        letter = mail.messages.get(timeout=PATIENCE)
        hook = web.posts("/team").get(timeout=PATIENCE)
        api.post(second | past)
        later = web.posts("/slack").get(timeout=PATIENCE)
        api.post(first | past)
        over = web.posts("/slack").get(timeout=PATIENCE)

    runbook = (
        "https://github.com/ionq-exporter/ionq-exporter/blob/main/deploy/runbooks/IonQBackendUnavailable.md"
    )
    since = f"Alert since {moment(now)}."
    text = (
        f"qpu.aria-1 has not been available.\n{since}\n\n"
        f"qpu.forte-1 has not been available.\n{since}\n\n"
        f"What to do: {runbook}\nWhat IonQ says: https://status.ionq.co"
    )
    (attachment,) = told["attachments"]
    assert attachment["title"] == "[WARNING] qpu.aria-1, qpu.forte-1: An IonQ backend is unavailable."
    assert attachment["title_link"] == runbook
    assert attachment["color"] == "warning"
    assert attachment["text"] == text

    assert letter["Subject"] == attachment["title"]
    assert letter.get_content_type() == "multipart/alternative"
    body = letter.get_body(("plain",))
    assert body is not None
    assert body.get_content().strip().splitlines() == text.splitlines()

    assert [one["labels"]["backend"] for one in hook["alerts"]] == ["qpu.aria-1", "qpu.forte-1"]

    (attachment,) = later["attachments"]
    assert attachment["title"] == "[WARNING] qpu.forte-1: An IonQ backend is unavailable."
    assert attachment["text"] == (
        f"qpu.forte-1 has not been available.\n{since}\n\n"
        f"IonQBackendUnavailable has ended for qpu.aria-1. It lasted 1h0m0s, until {moment(now)}.\n\n"
        f"What to do: {runbook}\nWhat IonQ says: https://status.ionq.co"
    )
    (attachment,) = over["attachments"]
    assert attachment["title"] == "[RESOLVED] qpu.forte-1: IonQBackendUnavailable"
    assert attachment["color"] == "good"
    assert attachment["text"] == (
        f"IonQBackendUnavailable has ended for qpu.forte-1. It lasted 1h0m0s, until {moment(now)}.\n\n"
    )


def test_two_operations_of_a_backend_are_told_apart(
    alertmanager: str, web: WebReceiver, mail: MailReceiver, tmp_path: Path
) -> None:
    config = on_loopback(hurry(choices_uncommented()), web, mail, tmp_path)
    with running(alertmanager, config, tmp_path) as api:
        now = datetime.now(UTC)
        first = alert("IonQBackendFidelityLow", "It fell.", startsAt=now)
        second = alert("IonQBackendFidelityLow", "It fell.", startsAt=now)
        second["labels"]["operation"] = "spam"
        api.post(first, second)
        told = web.posts("/slack").get(timeout=PATIENCE)
        api.post(second | {"startsAt": (now - timedelta(hours=1)).isoformat(), "endsAt": now.isoformat()})
        later = web.posts("/slack").get(timeout=PATIENCE)
    assert told["attachments"][0]["title"] == (
        "[WARNING] qpu.forte-1 2q, qpu.forte-1 spam: The fidelity of an IonQ backend is unusually low."
    )
    assert "IonQBackendFidelityLow has ended for qpu.forte-1 spam. " in later["attachments"][0]["text"]


def test_a_notification_links_to_the_dashboard_once_grafana_has_an_address(
    amtool: str, tmp_path: Path
) -> None:
    shipped = TEMPLATE.read_text()
    template = tmp_path / TEMPLATE.name
    template.write_text(shipped.replace('$grafana := ""', '$grafana := "https://grafana.example.org"'))
    assert template.read_text() != shipped
    data = tmp_path / "data.json"
    labels = labels_of(ALERT_RULES["IonQBackendUnavailable"])
    annotations = {"description": "It is down.", "dashboard_url": "/d/ionq-backend?var-backend=qpu.forte-1"}
    firing = {"status": "firing", "labels": labels, "annotations": annotations}
    data.write_text(json.dumps({"alerts": [firing | {"startsAt": "2026-11-23T03:00:00Z"}]}))
    text = '--template.text={{ template "ionq.text" . }}'
    done = subprocess.run(
        [amtool, "template", "render", f"--template.glob={template}", f"--template.data={data}", text],
        capture_output=True,
        text=True,
        check=False,
    )
    said, when_and_where, *_ = done.stdout.splitlines()
    assert said == "It is down."
    assert when_and_where == (
        "Alert since Mon 23 Nov 03:00 UTC. "
        "Dashboard: https://grafana.example.org/d/ionq-backend?var-backend=qpu.forte-1"
    )


def test_a_critical_alert_pages(
    alertmanager: str, web: WebReceiver, mail: MailReceiver, tmp_path: Path
) -> None:
    config = on_loopback(hurry(choices_uncommented()), web, mail, tmp_path)
    began = datetime.now(UTC) - timedelta(minutes=20)
    with running(alertmanager, config, tmp_path) as api:
        api.post(alert("IonQExporterBlind", "Nothing is known.", startsAt=began))
        page = web.posts("/pagerduty").get(timeout=PATIENCE)
    assert page["event_action"] == "trigger"
    assert page["payload"]["severity"] == "critical"
    assert page["payload"]["summary"] == "[CRITICAL] The exporter cannot read IonQ's list of backends."
    assert page["payload"]["custom_details"]["message"] == (
        "Nothing is known.\n"
        f"Alert since {moment(began)}.\n\n"
        "What to do: https://github.com/ionq-exporter/ionq-exporter/blob/main/deploy/runbooks/"
        "IonQExporterBlind.md\n"
        "What IonQ says: https://status.ionq.co"
    )


def test_good_news_is_told_quietly_and_its_end_is_not_told(
    alertmanager: str, web: WebReceiver, mail: MailReceiver, tmp_path: Path
) -> None:
    config = on_loopback(hurry(choices_uncommented()), web, mail, tmp_path)
    with running(alertmanager, config, tmp_path) as api:
        now = datetime.now(UTC)
        short = alert("IonQQueueShort", "A job waits 19m 41s.", startsAt=now)
        api.post(short)
        told = web.posts("/slack").get(timeout=PATIENCE)
        api.post(short | {"startsAt": now.isoformat(), "endsAt": now.isoformat()})
        # Its end would come first: a group that was told waits for 100 ms, a new one for 500 ms.
        api.post(alert("IonQBackendRetired", "It is retired.", startsAt=datetime.now(UTC)))
        assert web.posts("/quiet").get(timeout=PATIENCE)["alerts"][0]["status"] == "firing"
        second = web.posts("/quiet").get(timeout=PATIENCE)
    assert told["attachments"][0]["title"] == "[INFO] qpu.forte-1: The wait for an IonQ backend is short now."
    assert second["groupLabels"] == {"alertname": "IonQBackendRetired"}
    assert web.posts("/team").empty()
    assert mail.messages.empty()
