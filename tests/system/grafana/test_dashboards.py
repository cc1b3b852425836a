import json
import re
from datetime import UTC, datetime
from itertools import combinations
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.common.errors import REASONS
from exporter.metrics.encoding import Format
from exporter.metrics.exporter import ExporterMetrics
from exporter.metrics.exposition import encode_scrape
from exporter.records.scrape import Scrape
from grafana.generator.page import REPOSITORY, RUNBOOKS, STATUS_PAGE
from tests.support.samples import CHARACTERIZED_FORTE, FORTE
from tests.system.deploy.files import ALERT_RULES
from tests.system.deploy.files import RUNBOOKS as RUNBOOK_FOLDER
from tests.system.deploy.promql import matchers, metrics
from tests.system.grafana.files import DASHBOARDS, QUERIES, Dashboard, Json, Query
from tests.system.grafana.prometheus import filled_in

UNITS = {"bytes", "kwatth", "none", "percent", "percentunit", "reqpm", "s", "suffix: s"}
PANELS = {"barchart", "bargauge", "stat", "state-timeline", "table", "timeseries"}
LABELS = {
    *("alertname", "alertstate", "severity"),
    *("backend", "instance", "job", "location", "operation", "status"),
}
VARIABLE = r"\$\{?([a-z]\w*)"
OF_PROMETHEUS = {"up", "scrape_duration_seconds", "ALERTS", "ALERTS_FOR_STATE"}
OF_THE_RULES = {"ionq:ionq_up:max"}
"""Where it is, rules are loaded. Nothing else that a dashboard shows needs them, but alerts."""

each_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
each_panel = pytest.mark.parametrize(
    "panel",
    [
        pytest.param(panel, id=f"{dashboard.uid}: {panel['title']}")
        for dashboard in DASHBOARDS
        for panel in dashboard.panels
    ],
)
each_query = pytest.mark.parametrize("query", QUERIES, ids=str)


def exported() -> set[str]:
    scrape = Scrape(datetime.now(UTC), 0.1, backends=(FORTE,), characterized=(CHARACTERIZED_FORTE,))
    text = encode_scrape(scrape, ExporterMetrics(), Format.TEXT).decode()
    return {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}


def test_there_are_four_dashboards_with_the_names_that_alerts_link_to() -> None:
    names = [dashboard.uid for dashboard in DASHBOARDS]
    assert names == ["ionq-backend", "ionq-exporter", "ionq-fidelity", "ionq-fleet"]
    for alert in ALERT_RULES.values():
        found = re.match(r"/d/([\w-]+)(?:\?var-(\w+)=|$)", alert.annotations["dashboard_url"])
        assert found
        (dashboard,) = (one for one in DASHBOARDS if one.uid == found[1])
        assert found[2] is None or found[2] in {variable["name"] for variable in dashboard.variables}


@each_dashboard
def test_a_dashboard_is_of_the_classic_schema_and_has_no_identity_of_one_server(dashboard: Dashboard) -> None:
    assert dashboard.json["schemaVersion"] <= 41
    assert dashboard.json["uid"] == dashboard.uid
    assert dashboard.json["tags"] == ["ionq"]
    assert dashboard.json["title"].startswith("IonQ / ")
    assert dashboard.json["description"]
    assert "id" not in dashboard.json
    assert "version" not in dashboard.json


@each_dashboard
def test_ids_are_set_and_unique(dashboard: Dashboard) -> None:
    ids = [panel["id"] for panel in dashboard.json["panels"]]
    assert all(isinstance(one, int) and one > 0 for one in ids)
    assert len(ids) == len(set(ids))
    for panel in dashboard.panels:
        letters = [target["refId"] for target in panel["targets"]]
        assert letters == [chr(ord("A") + index) for index in range(len(letters))]


@each_dashboard
def test_no_data_source_is_hard_coded(dashboard: Dashboard) -> None:
    first, *others = dashboard.variables
    assert (first["name"], first["type"], first["query"]) == ("datasource", "datasource", "prometheus")
    assert "current" not in first
    sources = list(_values_of("datasource", dashboard.json))
    asking = [variable for variable in others if variable["type"] == "query"]
    assert len(sources) >= len(dashboard.panels) + len(asking) + len(dashboard.annotations)
    for source in sources:
        assert source == {"type": "prometheus", "uid": "${datasource}"}


@each_dashboard
def test_panels_fill_the_width_and_do_not_overlap(dashboard: Dashboard) -> None:
    places = [panel["gridPos"] for panel in dashboard.json["panels"]]
    for place in places:
        assert place["x"] + place["w"] <= 24
    for one, other in combinations(places, 2):
        assert (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )


@each_dashboard
def test_a_dashboard_leads_to_the_others_the_runbooks_and_ionqs_status(dashboard: Dashboard) -> None:
    links = dashboard.json["links"]
    assert {link["type"] for link in links} == {"link"}
    others = {link["url"].partition("?")[0]: link["title"] for link in links if link["url"].startswith("/")}
    assert others == {
        f"/d/{other.uid}": other.json["title"].removeprefix("IonQ / ")
        for other in DASHBOARDS
        if other.uid != dashboard.uid
    }
    outside = {link["url"] for link in links if not link["url"].startswith("/")}
    assert outside == {f"{RUNBOOKS}/README.md", STATUS_PAGE}
    folder = RUNBOOKS.removeprefix(f"{REPOSITORY}/blob/main/")
    assert (RUNBOOK_FOLDER.parents[1] / folder / "README.md").samefile(RUNBOOK_FOLDER / "README.md")


@each_dashboard
def test_the_choice_of_exporters_is_taken_to_another_dashboard_and_that_of_backends_is_not(
    dashboard: Dashboard,
) -> None:
    for link in dashboard.json["links"]:
        assert not link["includeVars"]
        if link["url"].startswith("/"):
            taken = link["url"].partition("?")[2].split("&")
            assert taken == ["var-datasource=${datasource}", "${job:queryparam}", "${instance:queryparam}"]


@each_dashboard
def test_every_variable_in_use_is_there(dashboard: Dashboard) -> None:
    names = {variable["name"] for variable in dashboard.variables}
    for query in dashboard.queries:
        assert set(re.findall(VARIABLE, query.expression)) <= names
    for panel in dashboard.panels:
        assert set(re.findall(VARIABLE, f"{panel['title']} {panel['description']}")) <= names
    assert {"datasource", "job", "instance"} <= names


@each_dashboard
def test_a_variable_that_asks_nobody_has_a_first_value(dashboard: Dashboard) -> None:
    for variable in dashboard.variables[1:]:
        if variable["type"] == "textbox":
            assert int(variable["query"]) > 0
            assert variable["current"]["value"] == variable["query"]
        elif variable["type"] == "custom":
            values = [option.rpartition(" : ")[2] for option in variable["query"].split(", ")]
            assert values == [option["value"] for option in variable["options"]]
            (chosen,) = (option["value"] for option in variable["options"] if option.get("selected"))
            assert variable["current"]["value"] == chosen


@each_dashboard
def test_a_link_to_a_dashboard_names_one_that_is_there(dashboard: Dashboard) -> None:
    urls = [url for url in _values_of("url", dashboard.json["panels"]) if url.startswith("/")]
    for url in urls:
        found = re.match(r"/d/([\w-]+)\?var-backend=", url)
        assert found
        assert found[1] in {"ionq-backend", "ionq-fidelity"} - {dashboard.uid}


@each_dashboard
def test_a_time_range_is_taken_along_between_dashboards_of_days_only(dashboard: Dashboard) -> None:
    years = {one.uid for one in DASHBOARDS if one.json["time"]["from"] == "now-1y"}
    for link in dashboard.json["links"]:
        if link["url"].startswith("/"):
            other = link["url"].partition("?")[0].removeprefix("/d/")
            assert link["keepTime"] == years.isdisjoint({dashboard.uid, other})
    assert not (dashboard.uid in years and "__url_time_range" in json.dumps(dashboard.json))


@each_dashboard
def test_history_that_was_filled_in_without_a_job_is_part_of_all(dashboard: Dashboard) -> None:
    job = dashboard.variables[1]
    looks_back = any(
        "offset" in query.expression and "fidelity" in query.expression for query in dashboard.queries
    )
    assert not looks_back or job["allValue"] == ".*"


@each_panel
def test_a_panel_says_what_it_shows_and_in_which_unit(panel: Json) -> None:
    assert panel["type"] in PANELS
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert len(panel["description"]) > len(panel["title"])
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS


@each_panel
def test_a_panel_says_in_words_that_it_knows_nothing(panel: Json) -> None:
    assert re.search(r"[a-z]{4}", panel["fieldConfig"]["defaults"]["noValue"])


@each_panel
def test_a_line_has_gaps_where_nothing_is_known(panel: Json) -> None:
    custom = panel["fieldConfig"]["defaults"].get("custom", {})
    assert custom.get("spanNulls") is (False if panel["type"] == "timeseries" else None)


@each_query
def test_queries_read_what_the_exporter_exposes_and_no_recorded_series(query: Query) -> None:
    expression = filled_in(query.expression)
    assert metrics(expression) <= exported() | OF_PROMETHEUS | OF_THE_RULES
    assert {matcher.name for matcher in matchers(expression)} <= LABELS


@each_query
def test_a_rate_looks_back_as_far_as_the_scrape_interval_needs(query: Query) -> None:
    for window in re.findall(r"\brate\([^\[]+\[([^\]]+)\]", query.expression):
        assert window == "$__rate_interval"


@each_dashboard
def test_a_range_is_never_asked_for_more_closely_than_each_minute(dashboard: Dashboard) -> None:
    for panel in dashboard.panels:
        for target in panel["targets"]:
            assert target.get("interval") == ("1m" if target["range"] else None)


@each_dashboard
def test_no_colour_is_one_that_only_some_can_tell_apart(dashboard: Dashboard) -> None:
    colours = {*_values_of("color", dashboard.json), *_values_of("fixedColor", dashboard.json)} - {None}
    named = {colour for colour in colours if not colour.startswith("#")}
    assert named <= {"text", "transparent", "blue", "orange"}


@each_dashboard
def test_every_reason_that_has_a_colour_exists(dashboard: Dashboard) -> None:
    for panel in dashboard.panels:
        if panel["title"] == "Failed scrapes a minute, by reason":
            names = {rule["matcher"]["options"] for rule in panel["fieldConfig"]["overrides"]}
            assert {name for name in names if name.isidentifier()} <= set(REASONS)


def _values_of(key: str, tree: Any) -> Any:
    if isinstance(tree, dict):
        for name, value in tree.items():
            if name == key and not (key == "color" and isinstance(value, dict)):
                yield value
            yield from _values_of(key, value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _values_of(key, value)
