"""What holds for every query, with eight simulated days and a backfilled year."""

import re
from collections.abc import Mapping

import pytest

from grafana.demo_data.story import FIRST
from tests.support.dashboards import DASHBOARDS, QUERIES, Dashboard, Query
from tests.system.grafana.prometheus import Prometheus, filled_in

RIGHTLY_EMPTY = {"ionq-backend: Best hour A"}
"""It needs two weeks. The data has eight days."""
ONE_BACKEND = {"ionq-backend": {"backend": "qpu.forte-1"}}

each_query = pytest.mark.parametrize("query", QUERIES, ids=str)
each_query_about_backends = pytest.mark.parametrize(
    "query", [query for query in QUERIES if query.dashboard != "ionq-exporter"], ids=str
)
each_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)


def labels_of(prometheus: Prometheus, query: Query) -> list[Mapping[str, str]]:
    expression = filled_in(query.expression, **ONE_BACKEND.get(query.dashboard, {}))
    if query.is_range:
        return prometheus.range(expression)
    return [labels for labels, _ in prometheus.instant(expression)]


@each_query
def test_each_query_finds_data(prometheus: Prometheus, query: Query) -> None:
    assert bool(labels_of(prometheus, query)) != (str(query) in RIGHTLY_EMPTY)


@each_query_about_backends
def test_neither_a_second_exporter_nor_a_location_that_vanishes_doubles_a_result(
    prometheus: Prometheus, query: Query
) -> None:
    found = labels_of(prometheus, query)
    assert all({"instance", "job", "location"}.isdisjoint(labels) for labels in found)
    if not query.is_range:
        assert len({frozenset(labels.items()) for labels in found}) == len(found)


@each_dashboard
def test_each_variable_offers_values_and_the_one_filled_in_is_among_them(
    prometheus: Prometheus, dashboard: Dashboard
) -> None:
    for variable in dashboard.variables:
        if variable["type"] != "query":
            continue
        found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
        assert found
        values = prometheus.label_values(filled_in(found[1]), found[2])
        assert values
        if variable.get("allValue") is None:
            assert filled_in(f"${variable['name']}", **ONE_BACKEND.get(dashboard.uid, {})) in values
        if variable["name"] == "instance":
            assert FIRST in values
