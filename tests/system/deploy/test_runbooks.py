import re
from pathlib import Path

import pytest

from tests.system.deploy.files import ALERT_RULES, RECORDED, RUNBOOKS, THRESHOLDS, Rule
from tests.system.deploy.promql import matchers, metrics
from tests.system.deploy.test_rules import LABELS, METRICS

FENCE = re.compile(r"^```promql\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = sorted(path for path in RUNBOOKS.glob("*.md") if path.stem != "README")

each_alert = pytest.mark.parametrize("alert", ALERT_RULES.values(), ids=lambda alert: alert.alert)


def page(name: str) -> str:
    return (RUNBOOKS / f"{name}.md").read_text()


def test_every_alert_has_a_page_and_every_page_an_alert() -> None:
    assert {path.stem for path in PAGES} == set(ALERT_RULES)


def test_the_index_links_every_page_with_its_severity() -> None:
    rows = re.findall(r"^\| \[(\w+)\]\((\w+)\.md\) \| (\w+) \|", page("README"), re.MULTILINE)
    assert rows == [(name, name, alert.labels["severity"]) for name, alert in ALERT_RULES.items()]


@each_alert
def test_a_page_answers_the_questions_in_their_order(alert: Rule) -> None:
    headings = re.findall(r"^#+ .*", page(alert.alert), re.MULTILINE)
    assert headings == [
        f"# {alert.alert}",
        "## Meaning",
        "## Impact",
        "## Diagnosis",
        "## Mitigation",
    ]


@each_alert
def test_a_page_gives_severity_delays_and_thresholds_of_its_alert(alert: Rule) -> None:
    text = page(alert.alert)
    begin = f"after {alert.duration}" if alert.duration else "at once"
    end = f"after {alert.keep_firing_for}" if alert.keep_firing_for else "at once"
    assert f"\nSeverity: {alert.labels['severity']}. Begins {begin}, ends {end}.\n" in text
    assert alert.annotations["summary"].rstrip(".") in text
    named = {name for name in THRESHOLDS if f"`{name}`" in text}
    assert named == metrics(alert.expr) & THRESHOLDS


@each_alert
def test_a_page_says_how_to_look(alert: Rule) -> None:
    queries = FENCE.findall(page(alert.alert))
    assert queries
    for query in queries:
        assert metrics(query) <= METRICS | RECORDED
        assert {matcher.name for matcher in matchers(query)} <= LABELS


@pytest.mark.parametrize("path", [*PAGES, RUNBOOKS / "README.md"], ids=lambda path: path.stem)
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page(path.stem)):
        assert (RUNBOOKS / target).exists(), target
