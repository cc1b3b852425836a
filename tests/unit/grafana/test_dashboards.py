import json
import math
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
from exporter.records.status_page import StatusPageReading, parse_status_page
from grafana.generator import DASHBOARDS as GENERATED
from grafana.generator.links import REPOSITORY, RUNBOOKS, STATUS_PAGE
from tests.support.dashboards import DASHBOARDS, EXPORTER, FILES, QUERIES, Dashboard, Json, Query
from tests.support.samples import CHARACTERIZED_FORTE, FORTE
from tests.support.status_page import MAINTENANCE, READ_AT, body
from tests.system.deploy.files import ALERT_RULES
from tests.system.deploy.files import RUNBOOKS as RUNBOOK_FOLDER
from tests.system.deploy.promql import matchers, metrics
from tests.system.grafana.prometheus import filled_in

UNITS = {"bytes", "ms", "none", "percentunit", "reqpm", "s", "suffix: d", "suffix: s"}
LONGEST_QUERY = 1000
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
    page = parse_status_page(body(scheduled_maintenances=[MAINTENANCE]), {})
    scrape = Scrape(
        datetime.now(UTC),
        0.1,
        backends=(FORTE,),
        characterized=(CHARACTERIZED_FORTE,),
        status_page=StatusPageReading(page, READ_AT),
    )
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
    rows = [panel for panel in dashboard.json["panels"] if panel["type"] == "row"]
    ids = [panel["id"] for panel in (*rows, *dashboard.panels)]
    assert all(isinstance(one, int) and one > 0 for one in ids)
    assert len(ids) == len(set(ids))
    for panel in dashboard.panels:
        letters = [target["refId"] for target in panel["targets"]]
        assert letters == [chr(ord("A") + index) for index in range(len(letters))]


@each_dashboard
def test_no_data_source_is_hard_coded(dashboard: Dashboard) -> None:
    first, *others = dashboard.variables
    assert (first["name"], first["type"], first["query"]) == ("datasource", "datasource", "prometheus")
    sources = list(_values_of("datasource", dashboard.json))
    asking = [variable for variable in others if variable["type"] == "query"]
    assert len(sources) >= len(dashboard.panels) + len(asking) + len(dashboard.annotations)
    for source in sources:
        assert source == {"type": "prometheus", "uid": "${datasource}"}


@each_dashboard
def test_an_import_asks_for_the_data_source_and_sets_the_variable(dashboard: Dashboard) -> None:
    (question,) = dashboard.json["__inputs"]
    assert (question["type"], question["pluginId"]) == ("datasource", "prometheus")
    chosen = f"${{{question['name']}}}"
    assert dashboard.variables[0]["current"] == {"text": chosen, "value": chosen}
    # File provisioning does not replace it. There, Grafana takes the first data source of the type, because
    # none has this name. A panel that used it directly would not work.
    assert json.dumps(dashboard.json).count(chosen) == 2


@each_dashboard
def test_an_import_is_told_which_plugins_the_dashboard_needs(dashboard: Dashboard) -> None:
    needed = {(one["type"], one["id"]) for one in dashboard.json["__requires"]}
    assert needed == {
        ("grafana", "grafana"),
        ("datasource", "prometheus"),
        *(("panel", panel["type"]) for panel in dashboard.panels),
    }


@each_dashboard
def test_panels_fill_the_width_and_do_not_overlap(dashboard: Dashboard) -> None:
    rows = [panel for panel in dashboard.json["panels"] if panel["type"] == "row"]
    shown = [panel["gridPos"] for panel in dashboard.json["panels"]]
    for places in (shown, *([panel["gridPos"] for panel in row["panels"]] for row in rows)):
        for place in places:
            assert place["x"] + place["w"] <= 24
        assert not any(_overlap(one, other) for one, other in combinations(places, 2))


def test_what_is_quiet_in_normal_times_is_collapsed() -> None:
    rows = [panel for panel in EXPORTER.json["panels"] if panel["type"] == "row"]
    assert [row["title"] for row in rows] == ["What went wrong", "Process"]
    assert all(row["collapsed"] for row in rows)
    failures = {panel["title"] for panel in rows[0]["panels"]}
    assert failures >= {"Failed scrapes a minute, by reason", "Rejected values a minute, by field"}


def _overlap(one: Json, other: Json) -> bool:
    return not (
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
def test_a_link_keeps_the_data_source_and_no_other_variable(
    dashboard: Dashboard,
) -> None:
    for link in dashboard.json["links"]:
        assert not link["includeVars"]
        if link["url"].startswith("/"):
            assert link["url"].partition("?")[2] == "var-datasource=${datasource}"


@each_dashboard
def test_every_variable_in_use_is_there(dashboard: Dashboard) -> None:
    names = {variable["name"] for variable in dashboard.variables}
    for query in dashboard.queries:
        assert set(re.findall(VARIABLE, query.expression)) <= names
    for panel in dashboard.panels:
        assert set(re.findall(VARIABLE, f"{panel['title']} {panel['description']}")) <= names
    assert "datasource" in names


@each_dashboard
def test_a_variable_to_type_in_has_a_first_value(dashboard: Dashboard) -> None:
    for variable in dashboard.variables:
        if variable["type"] == "textbox":
            assert int(variable["query"]) > 0
            assert variable["current"]["value"] == variable["query"]


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


@each_panel
def test_an_axis_of_waits_is_in_days_and_never_in_weeks(panel: Json) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    if panel["type"] == "timeseries" and "Wait" in panel["title"]:
        assert defaults["unit"] == "suffix: d"
        assert defaults["custom"]["scaleDistribution"] == {"type": "log", "log": 2}
        (ticks,) = (mapping["options"] for mapping in defaults["mappings"])
        texts = {float(days): tick["text"] for days, tick in ticks.items()}
        assert {texts[days] for days in (0.0625, 0.25, 1, 8)} == {"1.5 h", "6 h", "1 d", "8 d"}
        assert all(math.log2(days).is_integer() for days in texts)
        marks = [step["value"] for step in defaults["thresholds"]["steps"][1:]]
        assert marks == [1 / 24, 6 / 24, 1, 7]


@each_query
def test_queries_read_what_the_exporter_exposes_and_no_recorded_series(query: Query) -> None:
    expression = filled_in(query.expression)
    assert metrics(expression) <= exported() | OF_PROMETHEUS | OF_THE_RULES
    assert {matcher.name for matcher in matchers(expression)} <= LABELS


@each_query
def test_a_person_can_read_a_query_in_grafanas_editor(query: Query) -> None:
    assert len(query.expression) <= LONGEST_QUERY
    assert all(len(line) <= 160 for line in query.expression.splitlines())


@each_query
def test_nothing_is_made_of_the_energy_whose_unit_is_in_doubt(query: Query) -> None:
    if "ionq_backend_energy_kwh" in query.expression:
        assert (
            query.expression.splitlines()[-1]
            == 'or on (backend) max by (backend) (ionq_backend_energy_kwh{backend="$backend"})'
        )


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


def test_every_reason_that_has_a_colour_exists() -> None:
    overrides = EXPORTER.panel("Failed scrapes a minute, by reason")["fieldConfig"]["overrides"]
    names = {rule["matcher"]["options"] for rule in overrides}
    assert {name for name in names if name.isidentifier()} - {"simulator"} <= set(REASONS)


def test_the_files_are_what_the_generator_writes() -> None:
    assert {path.stem for path in FILES} == {dashboard.uid for dashboard in GENERATED}
    for dashboard in GENERATED:
        (path,) = (one for one in FILES if one.stem == dashboard.uid)
        assert path.read_text("utf-8") == dashboard.to_json(), "run: make dashboards"


def _values_of(key: str, tree: Any) -> Any:
    if isinstance(tree, dict):
        for name, value in tree.items():
            if name == key and not (key == "color" and isinstance(value, dict)):
                yield value
            yield from _values_of(key, value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _values_of(key, value)
