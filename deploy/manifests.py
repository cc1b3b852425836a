"""``make manifests``: rules, routes and dashboards as kustomize and Helm need them, from the originals.

Kustomize cannot put a file into a PrometheusRule or an AlertmanagerConfig. Helm reads only files inside its
chart.

Two things differ from the originals, because of the defaults of kube-prometheus-stack. Alerts have a label
``namespace``, because otherwise no AlertmanagerConfig gets them. The severity ``info`` is ``notice``, because
``info`` is muted there unless a graver alert fires.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
RULES = (ROOT / "deploy/prometheus/recording.yml", ROOT / "deploy/prometheus/alerts.yml")
COMPONENTS = ROOT / "deploy/kubernetes/components"
CHART = ROOT / "deploy/helm/ionq-exporter"
DASHBOARDS = ROOT / "grafana/dashboards"
_ALERTMANAGER = ROOT / "deploy/alertmanager/alertmanager.yml"
_TEMPLATE = ROOT / "deploy/alertmanager/ionq.tmpl"

RECEIVERS_SECRET = "ionq-alert-receivers"  # noqa: S105 -- a Secret's name
NAMESPACE = "ionq"  # kustomize and the chart replace it by the one that they install into

_RECEIVER_KINDS = {"webhook_configs": "webhook", "slack_configs": "slack", "pagerduty_configs": "pagerduty"}
_FROM_THE_SECRET = {"url": "urlSecret", "api_url_file": "apiURL", "routing_key_file": "routingKey"}

_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"(.*)"')
_MADE_FROM = '# Made by "make manifests" from {}: change that.\n'
_LONG_LINES = "# yamllint disable rule:line-length\n"

_OBJECT = """\
apiVersion: monitoring.coreos.com/{}
kind: {}
metadata:
  name: ionq-exporter
  labels:
    app.kubernetes.io/name: ionq-exporter
spec:
"""

_SECRET_HELP = f"""\
#
# The receivers' URLs are in a Secret. The operator ignores the AlertmanagerConfig until it exists:
# kubectl --namespace {NAMESPACE} create secret generic {RECEIVERS_SECRET} \\
#   --from-literal=page=URL --from-literal=team=URL --from-literal=quiet=URL
"""


def main() -> None:
    """Write all files."""
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def files() -> dict[Path, str]:
    """Return the text of each file."""
    rules = rule_groups()
    routing = alertmanager_config()
    receivers = routing["receivers"]
    rules_head = _MADE_FROM.format("recording.yml and alerts.yml in deploy/prometheus")
    routing_head = _MADE_FROM.format("alertmanager.yml and ionq.tmpl in deploy/alertmanager")
    operator = COMPONENTS / "prometheus-operator"
    return {
        operator / "prometheusrule.yaml": rules_head
        + _OBJECT.format("v1", "PrometheusRule")
        + _indented(rules),
        operator / "alertmanagerconfig.yaml": routing_head
        + _SECRET_HELP
        + _OBJECT.format("v1alpha1", "AlertmanagerConfig")
        + _indented(_yaml(routing | {"receivers": [_choose(each, "webhook") for each in receivers]})),
        COMPONENTS / "slack/receivers.yaml": routing_head + _receivers_patch(receivers, "slack"),
        COMPONENTS / "pagerduty/receivers.yaml": routing_head + _receivers_patch(receivers, "pagerduty"),
        CHART / "files/rules.yaml": rules_head + rules,
        CHART / "files/alertmanagerconfig.yaml": routing_head + _yaml(routing),
        **{
            CHART / "files/dashboards" / path.name: path.read_text("utf-8")
            for path in DASHBOARDS.glob("*.json")
        },
    }


def rule_groups() -> str:
    """Return the groups of all rule files, with their comments."""
    groups = "".join(path.read_text("utf-8").partition("\ngroups:\n")[2] for path in RULES)
    return "groups:\n" + re.sub(
        r"^( +)severity: (\w+)$",
        lambda match: f"{match[1]}severity: {_severity(match[2])}\n{match[1]}namespace: {NAMESPACE}",
        groups,
        flags=re.MULTILINE,
    )


def _severity(severity: str) -> str:
    return "notice" if severity == "info" else severity


def alertmanager_config() -> dict[str, Any]:
    """Return the routes and inhibitions as the operator writes them, and all choices for each receiver."""
    config = every_receiver(_ALERTMANAGER.read_text("utf-8"))
    return {
        # The Alertmanager has other alerts too. These receivers get none of them.
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
    }


def every_receiver(text: str) -> Any:
    """Parse Alertmanager's configuration with the receivers that it offers in comments."""
    before, line, receivers = text.partition("\nreceivers:\n")
    return yaml.safe_load(before + line + re.sub(r"^    # ", "    ", receivers, flags=re.MULTILINE))


def _route(route: dict[str, Any]) -> dict[str, Any]:
    return {_camel_case(key): value for key, value in route.items() if key not in {"matchers", "routes"}} | {
        **({"matchers": matchers(route["matchers"])} if "matchers" in route else {}),
        **({"routes": [_route(child) for child in route["routes"]]} if "routes" in route else {}),
    }


def matchers(texts: list[str]) -> list[dict[str, str]]:
    """Return matchers as the operator writes them. Raises ValueError if one cannot be read."""
    found = []
    for text in texts:
        match = _MATCHER.fullmatch(text)
        if not match:
            raise ValueError(f"cannot read the matcher {text!r}")
        name, operator, value = match.groups()
        value = _severity(value) if name == "severity" else value
        # "=" is the default. Some YAML parsers give a plain = a meaning of its own.
        found.append({"name": name, "value": value} | ({} if operator == "=" else {"matchType": operator}))
    return found


def _receiver(receiver: dict[str, Any]) -> dict[str, Any]:
    key = receiver["name"].removeprefix("ionq-")
    choices: dict[str, Any] = {"name": receiver["name"], "key": key}
    for kind, choice in _RECEIVER_KINDS.items():
        if kind in receiver:
            (settings,) = receiver[kind]
            sends = {"send_resolved": True} | settings
            choices[choice] = {_camel_case(kind): [dict(_setting(key, *each) for each in sends.items())]}
    return choices


def _setting(key: str, name: str, value: Any) -> tuple[str, Any]:
    if name in _FROM_THE_SECRET:
        return _FROM_THE_SECRET[name], {"name": RECEIVERS_SECRET, "key": key}
    if isinstance(value, dict):
        return name, [{"key": each, "value": _self_contained(text)} for each, text in value.items()]
    return _camel_case(name), _self_contained(value) if isinstance(value, str) else value


def _self_contained(text: str) -> str:
    """Define the templates that a text uses in the text itself: an AlertmanagerConfig cannot bring a file."""
    *definitions, last = [*dict.fromkeys(_definitions(text)), text]
    # "{{-" leaves out the line breaks between definitions.
    return "\n".join([*definitions, last.replace("{{", "{{-", 1) if definitions else last])


def _definitions(text: str) -> Iterator[str]:
    """Return the definition of each template that a text uses, after those that it uses itself."""
    without_comments = re.sub(r"\{\{/\*.*?\*/\}\}", "", _TEMPLATE.read_text("utf-8"), flags=re.DOTALL)
    _, *definitions = re.split(r'(?=\{\{ define ")', without_comments)
    for name in re.findall(r'\{\{ template "([\w.]+)"', text):
        (definition,) = (each for each in definitions if each.startswith(f'{{{{ define "{name}" '))
        yield from _definitions(definition)
        yield definition.strip().replace("{{", "{{-", 1)


def _choose(receiver: dict[str, Any], choice: str) -> dict[str, Any]:
    return {"name": receiver["name"], **receiver[choice]}


def _receivers_patch(receivers: list[dict[str, Any]], choice: str) -> str:
    """Return a patch for kustomize that replaces the receivers for which there is this choice."""
    return _yaml(
        [
            {"op": "replace", "path": f"/spec/receivers/{index}", "value": _choose(receiver, choice)}
            for index, receiver in enumerate(receivers)
            if choice in receiver
        ]
    )


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _indented(text: str) -> str:
    return re.sub(r"^(?=.)", "  ", text, flags=re.MULTILINE)


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as such, and nothing as an alias."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 -- the base class's argument
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)


def _yaml(data: Any) -> str:
    return _LONG_LINES + yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=100)


if __name__ == "__main__":
    main()
