"""Everything that takes part, started and wired to each other."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.drill import programs
from deploy.drill.inbox import Inbox
from deploy.drill.notifications import Notification, redirected
from deploy.drill.receiver import Receiver, serving
from deploy.drill.shortening import Shortened


@dataclass(frozen=True, slots=True)
class Tools:
    """Paths of the programs that are not ours."""

    prometheus: str
    alertmanager: str


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the programs answer."""

    simulator_url: str
    prometheus_url: str
    alertmanager_url: str


@contextmanager
def set_stage(tools: Tools, shortened: Shortened, inbox: Inbox) -> Iterator[Stage]:
    """Start everything; at the end of the block end it, and leave nothing behind."""
    with ExitStack() as stack:
        start = stack.enter_context
        directory = Path(start(tempfile.TemporaryDirectory(prefix="ionq-drill-")))
        receiver = start(serving(Receiver(lambda path, body: inbox.put(Notification.parse(path, body)))))
        simulator_url = start(programs.simulator())
        exporter_url = start(programs.exporter(f"{simulator_url}/v0.4"))

        routing = redirected(shortened.routing, receiver.url)
        alertmanager_url = start(programs.alertmanager(tools.alertmanager, routing, directory))

        for name, rules in shortened.rules.items():
            programs.write(rules, directory / name)
        config = _prometheus_config(shortened.rules, exporter_url, alertmanager_url)
        prometheus_url = start(programs.prometheus(tools.prometheus, config, directory))
        yield Stage(simulator_url, prometheus_url, alertmanager_url)


def _prometheus_config(rule_files: Iterable[str], exporter_url: str, alertmanager_url: str) -> dict[str, Any]:
    def targets(url: str) -> list[dict[str, list[str]]]:
        return [{"targets": [url.removeprefix("http://")]}]

    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": list(rule_files),
        "alerting": {"alertmanagers": [{"static_configs": targets(alertmanager_url)}]},
        "scrape_configs": [{"job_name": "ionq-exporter", "static_configs": targets(exporter_url)}],
    }
