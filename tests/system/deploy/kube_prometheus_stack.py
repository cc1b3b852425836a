"""The defaults of kube-prometheus-stack, as far as they decide which alert reaches whom, as data."""

from typing import Any

NOWHERE = "null"

# Fires while nothing but "info" does in a namespace, and mutes that.
INFO_INHIBITOR = {
    "name": "general.rules",
    "interval": "1s",
    "rules": [
        {
            "alert": "InfoInhibitor",
            "expr": (
                'ALERTS{severity = "info"} == 1 unless on (namespace) ALERTS{alertname != "InfoInhibitor", '
                'severity =~ "warning|critical", alertstate="firing"} == 1'
            ),
            "labels": {"severity": "none"},
        }
    ],
}

_INHIBIT_RULES = [
    {
        "source_matchers": ['severity = "critical"'],
        "target_matchers": ['severity =~ "warning|info"'],
        "equal": ["namespace", "alertname"],
    },
    {
        "source_matchers": ['severity = "warning"'],
        "target_matchers": ['severity = "info"'],
        "equal": ["namespace", "alertname"],
    },
    {
        "source_matchers": ['alertname = "InfoInhibitor"'],
        "target_matchers": ['severity = "info"'],
        "equal": ["namespace"],
    },
]

_OPERATOR_NAMES = {
    "urlSecret": "url",
    "apiURL": "api_url",
    "routingKey": "routing_key",
    "sendResolved": "send_resolved",
    "titleLink": "title_link",
    "groupBy": "group_by",
    "groupWait": "group_wait",
    "groupInterval": "group_interval",
    "repeatInterval": "repeat_interval",
    "webhookConfigs": "webhook_configs",
    "slackConfigs": "slack_configs",
    "pagerdutyConfigs": "pagerduty_configs",
}


def alertmanager(config: dict[str, Any], receivers_url: str, strategy: str = "OnNamespace") -> dict[str, Any]:
    """Return what the operator makes of the stack's defaults and an AlertmanagerConfig.

    Secrets have URLs below that of the receivers, and what reaches nobody goes to one of its own.
    """
    spec = config["spec"]
    namespace = [f'namespace="{config["metadata"]["namespace"]}"'] if strategy == "OnNamespace" else []
    route = _route(spec["route"])
    route["matchers"] += namespace
    return {
        "route": {
            "receiver": NOWHERE,
            "group_by": ["namespace"],
            "routes": [
                route | {"continue": True},
                {"receiver": NOWHERE, "matchers": ['alertname = "Watchdog"']},
            ],
        },
        "inhibit_rules": [
            *_INHIBIT_RULES,
            *(
                {
                    "source_matchers": _matchers(rule["sourceMatch"]) + namespace,
                    "target_matchers": _matchers(rule["targetMatch"]) + namespace,
                    "equal": rule["equal"],
                }
                for rule in spec["inhibitRules"]
            ),
        ],
        "receivers": [
            {"name": NOWHERE, "webhook_configs": [{"url": f"{receivers_url}/{NOWHERE}"}]},
            *(_with_secrets(receiver, receivers_url) for receiver in spec["receivers"]),
        ],
    }


def _route(route: dict[str, Any]) -> dict[str, Any]:
    settings = {_OPERATOR_NAMES.get(name, name): value for name, value in route.items()}
    settings["matchers"] = _matchers(route["matchers"])
    return settings | {"routes": [_route(child) for child in route.get("routes", [])]}


def _matchers(matchers: list[dict[str, str]]) -> list[str]:
    return [f'{each["name"]} {each.get("matchType", "=")} "{each["value"]}"' for each in matchers]


def _with_secrets(value: Any, url: str) -> Any:
    match value:
        case {"name": str(), "key": str(key)}:
            return f"{url}/{key}"
        case dict():
            settings = {
                _OPERATOR_NAMES.get(name, name): _with_secrets(each, url) for name, each in value.items()
            }
            if "routing_key" in settings:
                # The test's server in place of PagerDuty's.
                settings |= {
                    "url": settings["routing_key"],
                    "routing_key": "0123456789abcdef0123456789abcdef",
                }
            if "details" in value:
                settings["details"] = {each["key"]: each["value"] for each in value["details"]}
            return settings
        case list():
            return [_with_secrets(each, url) for each in value]
        case _:
            return value
