"""Notifications: what Alertmanager is asked to send to the drill, and what then arrives."""

from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Notification:
    """What a person would read, and which receiver got it for which alert."""

    receiver: str
    alert: str
    resolved: bool
    title: str
    text: str

    @classmethod
    def parse(cls, path: str, message: Any) -> Self:
        """Read a message that Alertmanager wrote for Slack, as `redirected` has it written."""
        (attachment,) = message["attachments"]
        status, alert = attachment["footer"].split()
        return cls(
            receiver=path.removeprefix("/"),
            alert=alert,
            resolved=status == "resolved",
            title=attachment["title"],
            text=attachment["text"],
        )


def redirected(routing: Any, url: str) -> Any:
    """Return an Alertmanager's configuration whose receivers all tell `url`.

    They do so as Slack would be told: Alertmanager itself renders the shipped template.
    """
    return {**routing, "receivers": [_redirected(receiver, url) for receiver in routing["receivers"]]}


def _redirected(receiver: Any, url: str) -> Any:
    # Whatever a team has chosen: Slack, e-mail, several at once.
    chosen = [settings for kind, many in receiver.items() if kind.endswith("_configs") for settings in many]
    slack = {
        "api_url": f"{url}/{receiver['name']}",
        "send_resolved": any(settings.get("send_resolved", True) for settings in chosen),
        "title": '{{ template "ionq.title" . }}',
        "text": '{{ template "ionq.text" . }}',
        "footer": "{{ .Status }} {{ .GroupLabels.alertname }}",
    }
    return {"name": receiver["name"], "slack_configs": [slack]}
