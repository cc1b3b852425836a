"""``make manifests``: the operator's objects, from the files that a Prometheus without it reads.

Kustomize can put a file into a ConfigMap, but not into a PrometheusRule or an AlertmanagerConfig.
"""

import re
from pathlib import Path
from typing import Any

import yaml

_DEPLOY = Path(__file__).parents[1]
RULES = (_DEPLOY / "prometheus" / "recording.yml", _DEPLOY / "prometheus" / "alerts.yml")
_ALERTMANAGER = _DEPLOY / "alertmanager" / "alertmanager.yml"
_COMPONENT = _DEPLOY / "kubernetes" / "components" / "prometheus-operator"

RECEIVERS_SECRET = "ionq-alert-receivers"  # noqa: S105 -- a Secret's name

_PROMETHEUS_RULE_HEAD = """\
# Made by "make manifests" from ../../../prometheus/recording.yml and alerts.yml: change those.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: ionq-exporter
  labels:
    app.kubernetes.io/name: ionq-exporter
spec:
  groups:
"""

_ALERTMANAGER_CONFIG_HEAD = f"""\
# Made by "make manifests" from ../../../alertmanager/alertmanager.yml: change that, or patch this.
#
# Who is told: webhooks whose URLs stand in a Secret, which the operator waits for.
# kubectl --namespace ionq create secret generic {RECEIVERS_SECRET} \\
#   --from-literal=page=URL --from-literal=team=URL --from-literal=quiet=URL
#
# The Alertmanager needs alertmanagerConfigMatcherStrategy: {{type: None}}. What it does by itself is to ask
# for a label "namespace", and alerts about IonQ's machines have none.
"""

_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"(.*)"')


def prometheus_rule() -> str:
    """Return the PrometheusRule with the groups of all rule files, comments included."""
    return _PROMETHEUS_RULE_HEAD + "".join(map(_indented_groups, RULES))


def alertmanager_config() -> str:
    """Return the AlertmanagerConfig with the routes and inhibitions of Alertmanager's own file."""
    config = yaml.safe_load(_ALERTMANAGER.read_text("utf-8"))
    manifest = {
        "apiVersion": "monitoring.coreos.com/v1alpha1",
        "kind": "AlertmanagerConfig",
        "metadata": {"name": "ionq-exporter", "labels": {"app.kubernetes.io/name": "ionq-exporter"}},
        "spec": {
            # The operator's Alertmanager has other alerts too, which are none of these receivers' business.
            "route": _route(config["route"] | {"matchers": ['alertname=~"IonQ.+"']}),
            "inhibitRules": [
                {
                    "sourceMatch": matchers(rule["source_matchers"]),
                    "targetMatch": matchers(rule["target_matchers"]),
                    "equal": rule["equal"],
                }
                for rule in config["inhibit_rules"]
            ],
            "receivers": [_receiver(receiver) for receiver in config["receivers"]],
        },
    }
    return _ALERTMANAGER_CONFIG_HEAD + yaml.safe_dump(manifest, sort_keys=False, width=100)


def main() -> None:
    """Write both."""
    (_COMPONENT / "prometheusrule.yaml").write_text(prometheus_rule(), "utf-8")
    (_COMPONENT / "alertmanagerconfig.yaml").write_text(alertmanager_config(), "utf-8")


def _indented_groups(path: Path) -> str:
    _, _, groups = path.read_text("utf-8").partition("\ngroups:\n")
    return re.sub(r"^(?=.)", "  ", groups, flags=re.MULTILINE)


def _route(route: dict[str, Any]) -> dict[str, Any]:
    return {_camel_case(key): value for key, value in route.items() if key not in {"matchers", "routes"}} | {
        **({"matchers": matchers(route["matchers"])} if "matchers" in route else {}),
        **({"routes": [_route(child) for child in route["routes"]]} if "routes" in route else {}),
    }


def matchers(texts: list[str]) -> list[dict[str, str]]:
    """Return matchers as the operator writes them. Raises ValueError for what is none."""
    found = []
    for text in texts:
        match = _MATCHER.fullmatch(text)
        if not match:
            raise ValueError(f"cannot read the matcher {text!r}")
        name, operator, value = match.groups()
        # "=" is what an absent type means; written out, some readers of YAML take it for something else.
        found.append({"name": name, "value": value} | ({} if operator == "=" else {"matchType": operator}))
    return found


def _receiver(receiver: dict[str, Any]) -> dict[str, Any]:
    (webhook,) = receiver["webhook_configs"]
    kind = webhook["url"].rpartition("/")[2]
    return {
        "name": receiver["name"],
        "webhookConfigs": [
            {
                "urlSecret": {"name": RECEIVERS_SECRET, "key": kind},
                "sendResolved": webhook.get("send_resolved", True),
            }
        ],
    }


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


if __name__ == "__main__":
    main()
