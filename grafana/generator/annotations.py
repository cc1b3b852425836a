"""Events that mark a dashboard's graphs."""

from collections.abc import Mapping

from grafana_foundation_sdk.models.dashboard import AnnotationQuery

from grafana.generator.states import ORANGE, SKY, VERMILION
from grafana.generator.variables import DATA_SOURCE


class _PrometheusAnnotation(AnnotationQuery):
    """An annotation from Prometheus, whose fields the library does not know."""

    def __init__(self, name: str, colour: str, fields: Mapping[str, object]) -> None:
        super().__init__(name=name, datasource=DATA_SOURCE, icon_color=colour, built_in=None)
        self._fields = {"step": "1m", **fields}

    def to_json(self) -> dict[str, object]:
        return super().to_json() | self._fields


def event(
    name: str, expression: str, *, colour: str, title: str, text: str, at_value: bool = False
) -> AnnotationQuery:
    """Mark the moments at which a query has a result or, with `at_value`, the moments that its values are."""
    fields = {"expr": expression, "titleFormat": title, "textFormat": text}
    return _PrometheusAnnotation(name, colour, fields | ({"useValueForTime": True} if at_value else {}))


def firing_alerts(matchers: str) -> AnnotationQuery:
    """Mark the times in which alerts fire."""
    return event(
        "Alerts",
        f'max by (alertname, severity, backend) (ALERTS{{alertstate="firing", {matchers}}})',
        colour=VERMILION,
        title="{{alertname}}",
        text="{{severity}} {{backend}}",
    )


def status_page(backends: str) -> tuple[AnnotationQuery, AnnotationQuery]:
    """Mark the times of incidents and of maintenances. Those that name no backend concern every backend."""
    return (
        event(
            "Incidents",
            f"""\
max by (incident, name, impact) (ionq_status_incident_info)
and on (incident) ionq_status_incident_start_timestamp_seconds{{{backends}}}""",
            colour=ORANGE,
            title="{{name}}",
            text="incident, impact {{impact}}",
        ),
        event(
            "Maintenances",
            f"""\
max by (maintenance, name) (ionq_status_maintenance_info)
and on (maintenance) ionq_status_maintenance_start_timestamp_seconds{{{backends}}} <= time()""",
            colour=SKY,
            title="{{name}}",
            text="maintenance",
        ),
    )


def changes(selector: str, label: str) -> str:
    """Select each backend's label while it is new: 1 now, and not one step before.

    A backend without any value in the hour before has no change: the exporter or IonQ was down.
    """
    before = f"last_over_time({selector}[1h] offset $__interval)"
    return (
        f"max by (backend, {label}) ({selector} == 1)\n"
        f"unless on (backend, {label}) {before} == 1\n"
        f"and on (backend) {before}"
    )
