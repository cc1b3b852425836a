"""What Prometheus's rules would have yielded: the four alerts that this story needs, pending or firing.

Prometheus can compute recorded series for the past, but not alerts. Their names, severities and patience
are those of deploy/prometheus/alerts.yml. One recorded series stands for all: where it is, rules are loaded.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from exporter.common.durations import parse_duration
from exporter.records.backends import Backend
from exporter.records.status_page import Maintenance

_DAY_SECONDS = 86400
_RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "alerts.yml"


@dataclass(frozen=True, slots=True)
class _Alert:
    name: str
    severity: str
    patience_seconds: float


class AlertHistory:
    """Remembers since when each alert has been true."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], int] = {}

    def evaluate(
        self, moment: int, backends: tuple[Backend, ...] | None, maintenances: Iterable[Maintenance]
    ) -> Iterator[str]:
        """Yield the series of rules at a Unix time; None is what blind exporters know of backends."""
        yield f"ionq:ionq_up:max {int(backends is not None)} {moment}\n"
        true = set(_announced(maintenances, moment))
        if backends is None:
            true.add(("IonQExporterBlind", ""))
        else:
            in_maintenance = {
                backend for one in maintenances if _silences(one, moment) for backend in one.backends
            }
            true.update(_true_of(backends, in_maintenance))
        self._since = {alert: self._since.get(alert, moment) for alert in sorted(true)}
        for (name, backend), since in self._since.items():
            alert = _alerts()[name]
            labels = f'alertname="{name}",severity="{alert.severity}"'
            labels += f',backend="{backend}"' if backend else ""
            state = "firing" if moment - since >= alert.patience_seconds else "pending"
            yield f'ALERTS{{{labels},alertstate="{state}"}} 1 {moment}\n'
            yield f"ALERTS_FOR_STATE{{{labels}}} {since} {moment}\n"


def _announced(maintenances: Iterable[Maintenance], moment: int) -> Iterator[tuple[str, str]]:
    for maintenance in maintenances:
        start = maintenance.start_timestamp_seconds
        if start is not None and 0 < start - moment < _DAY_SECONDS:
            for backend in maintenance.backends:
                yield "IonQBackendMaintenanceSoon", backend


def _silences(maintenance: Maintenance, moment: int) -> bool:
    """Whether IonQBackendUnavailable waits for the announced end."""
    start, end = maintenance.start_timestamp_seconds, maintenance.end_timestamp_seconds
    patience = _alerts()["IonQBackendUnavailable"].patience_seconds
    return start is not None and end is not None and start <= moment < end - patience


def _true_of(backends: tuple[Backend, ...], in_maintenance: Collection[str]) -> Iterator[tuple[str, str]]:
    for backend in backends:
        if backend.status == "retired":
            continue
        if backend.status != "available" and backend.name not in in_maintenance:
            yield "IonQBackendUnavailable", backend.name
        if backend.degraded:
            yield "IonQBackendDegraded", backend.name


@cache
def _alerts() -> Mapping[str, _Alert]:
    rules = [rule for group in yaml.safe_load(_RULES.read_text())["groups"] for rule in group["rules"]]
    return {
        rule["alert"]: _Alert(
            rule["alert"], rule["labels"]["severity"], parse_duration(rule.get("for", "0s"))
        )
        for rule in rules
        if "alert" in rule
    }
