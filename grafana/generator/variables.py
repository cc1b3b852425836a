"""The variables above a dashboard's panels."""

from typing import Any

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    VariableModel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

DATA_SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")

_INPUT = "DS_PROMETHEUS"
DATA_SOURCE_INPUT: dict[str, Any] = {
    "name": _INPUT,
    "label": "Prometheus",
    "description": "The Prometheus that scrapes ionq-exporter",
    "type": "datasource",
    "pluginId": "prometheus",
    "pluginName": "Prometheus",
}
"""The question that Grafana's import asks."""

_ALL = VariableOption(text="All", value="$__all")


def data_source() -> Builder[VariableModel]:
    """Choose the data source. An import sets it; where nothing does, Grafana takes the first Prometheus."""
    imported = VariableOption(text=f"${{{_INPUT}}}", value=f"${{{_INPUT}}}")
    return builders.DatasourceVariable("datasource").label("Data source").type("prometheus").current(imported)


def _label_values(name: str, label: str, query: str) -> builders.QueryVariable:
    return (
        builders.QueryVariable(name)
        .label(label)
        .datasource(DATA_SOURCE)
        .query({"query": query, "refId": name})
        # Not only on load: another time range may have other values.
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.NATURAL_ASC)
    )


def job() -> Builder[VariableModel]:
    """Choose exporters by job. All stands for those listed, since other jobs have an `up` too."""
    return _several(_label_values("job", "Job", "label_values(ionq_up, job)"))


def instance() -> Builder[VariableModel]:
    """Choose among the exporters of the job."""
    variable = _label_values("instance", "Exporter", 'label_values(ionq_up{job=~"$job"}, instance)')
    return _several(variable).all_value(".*")


def backends(metric: str = "ionq_backend_status") -> Builder[VariableModel]:
    """Choose some of the backends that have a metric."""
    variable = _label_values("backend", "Backend", f"label_values({metric}, backend)")
    return _several(variable).all_value(".*")


def one_backend(first: str) -> Builder[VariableModel]:
    """Choose a backend."""
    variable = _label_values("backend", "Backend", "label_values(ionq_backend_status, backend)")
    return variable.current(VariableOption(text=first, value=first))


def number(name: str, label: str, first: int, description: str) -> Builder[VariableModel]:
    """Let the reader type a number."""
    text = str(first)
    option = VariableOption(text=text, value=text, selected=True)
    variable = builders.TextBoxVariable(name).label(label).description(description)
    return variable.default_value(text).current(option).options([option])


def _several(variable: builders.QueryVariable) -> builders.QueryVariable:
    return variable.multi(multi=True).include_all(include_all=True).current(_ALL)
