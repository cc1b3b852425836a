"""What is deployed, read once: the rules, the Alertmanager's configuration and the runbooks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from deploy.drill.shipped import ALERTS, DEPLOY, RECORDING, load

RULE_TESTS = sorted((DEPLOY / "prometheus" / "tests").glob("*.yml"))
RUNBOOKS = DEPLOY / "runbooks"

_QUERY = re.compile(r'query (?:\(printf )?"([^"]+)"')


@dataclass(frozen=True)
class Rule:
    """A rule of either kind: one of ``alert`` and ``record`` is empty."""

    group: str
    expr: str
    alert: str = ""
    record: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    duration: str = ""
    keep_firing_for: str = ""

    @property
    def queries(self) -> Iterator[str]:
        """All PromQL of the rule, with an example for each placeholder in its annotations."""
        yield self.expr
        for text in self.annotations.values():
            for query in _QUERY.findall(text):
                yield query.replace("%q", '"qpu.forte-1"')


def groups(path: Path) -> list[str]:
    return [group["name"] for group in load(path)["groups"]]


def rules(path: Path) -> list[Rule]:
    return [
        Rule(
            group=group["name"],
            expr=rule["expr"],
            alert=rule.get("alert", ""),
            record=rule.get("record", ""),
            labels=rule.get("labels", {}),
            annotations=rule.get("annotations", {}),
            duration=rule.get("for", ""),
            keep_firing_for=rule.get("keep_firing_for", ""),
        )
        for group in load(path)["groups"]
        for rule in group["rules"]
    ]


RULES = rules(RECORDING) + rules(ALERTS)
ALERT_RULES = {rule.alert: rule for rule in RULES if rule.alert}
RECORDED = {rule.record for rule in RULES if rule.record}
THRESHOLDS = {name for name in RECORDED if name.endswith(":threshold")}
