"""What stands above a dashboard's panels: its variables, and the events that mark its graphs."""

from collections.abc import Mapping

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    AnnotationQuery,
    VariableModel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from grafana.generator.page import DATA_SOURCE

_ALL = VariableOption(text="All", value="$__all")


def data_source() -> Builder[VariableModel]:
    """Choose the Prometheus to ask."""
    return builders.DatasourceVariable("datasource").label("Data source").type("prometheus")


def _labels(name: str, label: str, query: str) -> builders.QueryVariable:
    return (
        builders.QueryVariable(name)
        .label(label)
        .datasource(DATA_SOURCE)
        .query({"query": query, "refId": name})
        # Not only on load: what is chosen from may have been there only in another time range.
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.NATURAL_ASC)
    )


def job() -> Builder[VariableModel]:
    """Choose exporters by job; all of them are listed, since other jobs have an `up`, too."""
    return _several(_labels("job", "Job", "label_values(ionq_up, job)"))


def any_job() -> Builder[VariableModel]:
    """Choose exporters by job; all of them includes history that was written without one."""
    return _anything(_labels("job", "Job", "label_values(ionq_up, job)"))


def instance() -> Builder[VariableModel]:
    """Choose among the job's exporters."""
    return _anything(_labels("instance", "Exporter", 'label_values(ionq_up{job=~"$job"}, instance)'))


def location(metric: str = "ionq_backend_status") -> Builder[VariableModel]:
    """Choose backends by where they stand; all of them includes those of which IonQ does not say it."""
    return _anything(
        _labels(
            "location",
            "Location",
            f'label_values({metric}{{job=~"$job", instance=~"$instance"}}, location)',
        )
    )


def backends(metric: str = "ionq_backend_status") -> Builder[VariableModel]:
    """Choose some of the backends that have a metric."""
    return _anything(
        _labels(
            "backend",
            "Backend",
            f'label_values({metric}{{job=~"$job", instance=~"$instance", location=~"$location"}}, backend)',
        )
    )


def one_backend(first: str) -> Builder[VariableModel]:
    """Choose a backend."""
    query = 'label_values(ionq_backend_status{job=~"$job", instance=~"$instance"}, backend)'
    return _labels("backend", "Backend", query).current(VariableOption(text=first, value=first))


def number(name: str, label: str, first: int, description: str) -> Builder[VariableModel]:
    """Let a number be typed in."""
    text = str(first)
    option = VariableOption(text=text, value=text, selected=True)
    variable = builders.TextBoxVariable(name).label(label).description(description)
    return variable.default_value(text).current(option).options([option])


def choice(name: str, label: str, options: Mapping[str, str], *, chosen: str) -> builders.CustomVariable:
    """Choose one of these, by their texts."""
    models = {text: VariableOption(text=text, value=value) for text, value in options.items()}
    models[chosen].selected = True
    values = ", ".join(value if text == value else f"{text} : {value}" for text, value in options.items())
    variable = builders.CustomVariable(name).label(label).values(values)
    return variable.options(list(models.values())).current(models[chosen])


def _several(variable: builders.QueryVariable) -> builders.QueryVariable:
    return variable.multi(multi=True).include_all(include_all=True).current(_ALL)


def _anything(variable: builders.QueryVariable) -> builders.QueryVariable:
    return _several(variable).all_value(".*")


class _Event(AnnotationQuery):
    """A query of Prometheus's, for which the library has no words."""

    def __init__(self, name: str, colour: str, further: Mapping[str, object]) -> None:
        super().__init__(name=name, datasource=DATA_SOURCE, icon_color=colour, built_in=None)
        self._further = {"step": "1m", **further}

    def to_json(self) -> dict[str, object]:
        return super().to_json() | self._further


def event(
    name: str, expression: str, *, colour: str, title: str, text: str, at_value: bool = False
) -> AnnotationQuery:
    """Mark the moments at which a query yields anything or, if told so, those that its values are."""
    words = {"expr": expression, "titleFormat": title, "textFormat": text}
    return _Event(name, colour, words | ({"useValueForTime": True} if at_value else {}))


def alerts(labels: str, colour: str) -> AnnotationQuery:
    """Mark when alerts fired."""
    return event(
        "Alerts",
        f"max by (alertname, severity, backend) (ALERTS{{{labels}}})",
        colour=colour,
        title="{{alertname}}",
        text="{{severity}} {{backend}}",
    )
