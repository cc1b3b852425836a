from grafana.demo_data.history import DAY_SECONDS
from grafana.demo_data.story import OUTAGE, RESTART
from grafana.generator.states import API_DOWN, API_UP, DEGRADED_AVAILABLE, NO_QPU
from tests.support.dashboards import BACKEND, DASHBOARDS, FLEET, QUERIES
from tests.system.grafana.prometheus import END, Prometheus, filled_in, text_of
from tests.system.grafana.scenes import FLEET as SCENE_FLEET
from tests.system.grafana.scenes import moment_of

TABLE = "Which backend to use now"
FIRST_TILE = "Shortest wait now"
RESTART_TIME = END - round(RESTART.hours_before_end * 3600)
AFTER_THE_OUTAGE = END - round((OUTAGE[-1].hours_before_end * 60 - OUTAGE[-1].minutes) * 60) + 240
BEFORE_ALL_SCRAPES = END - 20 * DAY_SECONDS


def shown(prometheus: Prometheus, scene: str, column: str, backend: str = ".*") -> dict[str, float | str]:
    """Return a column of the table as it reads."""
    panel = FLEET.panel(TABLE)
    return {
        row["Backend"]: text_of(panel, column, row.get(column))
        for row in prometheus.table(FLEET, TABLE, moment_of(scene), backend=backend)
    }


def tile(prometheus: Prometheus, scene: str, **values: str) -> list[tuple[str, float | str]]:
    """Return the first tile as it reads."""
    panel = FLEET.panel(FIRST_TILE)
    found = prometheus.stat(FLEET, FIRST_TILE, moment_of(scene), **values)
    return [(name, text_of(panel, "", value)) for name, value in found]


def test_the_shortest_wait_of_all_available_qpus_is_on_top_and_in_the_first_tile(scenes: Prometheus) -> None:
    waits = shown(scenes, "usual", "Wait")
    assert list(waits.items()) == [
        ("qpu.forte-enterprise-1", 500_000),
        ("qpu.forte-enterprise-2", 700_000),
        ("qpu.forte-1", 1_000_000),
        ("simulator", "does not apply"),
        ("qpu.harmony", "does not apply"),
    ]
    assert tile(scenes, "usual") == [("qpu.forte-enterprise-1", 500_000)]


def test_the_status_is_ionqs_word_and_says_what_is_degraded(scenes: Prometheus) -> None:
    assert shown(scenes, "usual", "Status") == {
        "qpu.forte-enterprise-1": "available",
        "qpu.forte-enterprise-2": "available, degraded",
        "qpu.forte-1": "available",
        "simulator": "available",
        "qpu.harmony": "retired",
    }


def test_the_first_tile_says_that_no_qpu_is_available(scenes: Prometheus) -> None:
    assert tile(scenes, "all QPUs down") == [("available now", NO_QPU.text)]
    assert [value for _, value in scenes.stat(FLEET, "QPUs available", moment_of("all QPUs down"))] == [0, 3]


def test_an_empty_queue_of_what_is_not_available_is_no_short_wait(scenes: Prometheus) -> None:
    waits = shown(scenes, "all QPUs down", "Wait")
    assert next(iter(waits)) == "simulator"
    assert {waits[backend] for backend in waits if backend.startswith("qpu.forte")} == {"unknown"}
    assert shown(scenes, "no wait at all", "Wait") == {"qpu.forte-1": 0, "qpu.forte-enterprise-1": 500_000}
    assert tile(scenes, "no wait at all") == [("qpu.forte-1", 0)]


def test_an_available_qpu_without_a_known_wait_comes_before_what_does_not_work(scenes: Prometheus) -> None:
    assert list(shown(scenes, "odd", "Wait").items()) == [
        ("qpu.forte-1", "unknown"),
        ("simulator", "does not apply"),
        ("qpu.forte-enterprise-1", "unknown"),
        ("qpu.forte-enterprise-2", 700_000),
        ("qpu.harmony", "does not apply"),
    ]
    assert tile(scenes, "odd") == [("qpu.forte-1", "wait unknown")]


def test_an_unknown_status_is_shown_as_it_is_and_coloured(scenes: Prometheus) -> None:
    assert shown(scenes, "odd", "Status")["qpu.forte-enterprise-2"] == "reserved until Friday"
    (rule,) = (
        one for one in FLEET.panel(TABLE)["fieldConfig"]["overrides"] if one["matcher"]["options"] == "Status"
    )
    (mappings,) = (one["value"] for one in rule["properties"] if one["id"] == "mappings")
    last = mappings[-1]
    assert (last["type"], last["options"]["pattern"]) == ("regex", "^.+$")
    assert last["options"]["result"]["color"]
    assert "text" not in last["options"]["result"]


def test_only_retired_backends_selected_means_that_none_is_available(scenes: Prometheus) -> None:
    for backend in ("qpu.harmony", "simulator"):
        available = scenes.stat(FLEET, "QPUs available", moment_of("usual"), backend=backend)
        assert available == [("available", 0), ("in service", 0)]
    assert tile(scenes, "usual", backend="qpu.harmony") == [("available now", NO_QPU.text)]


def test_in_an_outage_the_table_keeps_what_was_last_known_and_says_so(scenes: Prometheus) -> None:
    status = shown(scenes, "outage", "Status")
    assert status == {backend.name: f"last known: {backend.status}" for backend in SCENE_FLEET}
    assert list(status) == sorted(status, key=lambda name: (name == "qpu.harmony", name))
    for column in ("Wait", "2q error", "Qubits"):
        assert shown(scenes, "outage", column) == shown(scenes, "usual", column)


def test_in_an_outage_nothing_is_zero_and_nothing_is_recommended(scenes: Prometheus) -> None:
    moment = moment_of("outage")
    assert tile(scenes, "outage") == []
    assert scenes.stat(FLEET, "QPUs available", moment) == []
    assert scenes.stat(FLEET, "IonQ's API", moment) == [("IonQ's API", API_DOWN.number)]
    ((_, age),) = scenes.stat(FLEET, "Last response", moment)
    assert age == 20 * 60
    for title in ("Wait", "Status of each backend"):
        assert scenes.panel(FLEET, title, moment)[-1] == []


def test_the_last_known_status_is_the_last_and_not_one_that_was_known_too(scenes: Prometheus) -> None:
    status = shown(scenes, "an hour after a change", "Status")
    assert status == {"qpu.forte-1": "last known: available"}


def test_the_table_shows_what_the_status_page_says_and_the_maintenance_in_progress(
    scenes: Prometheus,
) -> None:
    page = shown(scenes, "status page", "IonQ's page")
    assert page == dict.fromkeys((one.name for one in SCENE_FLEET), "-") | {"qpu.forte-1": "maintenance"}
    assert shown(scenes, "status page", "Maintenance from")["qpu.forte-1"] == 1_700_000_000_000
    assert shown(scenes, "status page", "until")["qpu.forte-1"] == 3_000_000_000_000


def test_without_the_status_page_the_table_is_as_before(scenes: Prometheus) -> None:
    assert set(shown(scenes, "usual", "IonQ's page").values()) == {"-"}
    assert list(shown(scenes, "usual", "Wait")) == list(shown(scenes, "status page", "Wait"))


def test_maintenance_is_marked_once_it_has_begun_and_what_names_no_backend_everywhere(
    scenes: Prometheus,
) -> None:
    moment = moment_of("status page")
    for dashboard in DASHBOARDS:
        for backend, maintenances in (("qpu.forte-1", ["Now"]), ("qpu.harmony", [])):
            marked = {
                annotation["name"]: [
                    labels["name"]
                    for labels, _ in scenes.instant(filled_in(annotation["expr"], backend=backend), moment)
                ]
                for annotation in dashboard.annotations
                if annotation["name"] in {"Incidents", "Maintenances"}
            }
            everything = dashboard.uid == "ionq-exporter"
            assert marked == {"Incidents": ["Slow"], "Maintenances": ["Now"] if everything else maintenances}


def test_a_backend_that_left_the_list_is_marked_and_is_not_recommended(scenes: Prometheus) -> None:
    status = shown(scenes, "gone", "Status")
    assert status["qpu.forte-1"] == "last known: available"
    assert list(status) == [
        "qpu.forte-enterprise-1",
        "qpu.forte-enterprise-2",
        "simulator",
        "qpu.forte-1",
        "qpu.harmony",
    ]


def test_a_backend_is_available_where_one_of_the_exporters_sees_it_so(scenes: Prometheus) -> None:
    moment = moment_of("disagreement")
    assert [value for _, value in scenes.stat(FLEET, "QPUs available", moment)] == [1, 1]
    assert len(shown(scenes, "disagreement", "Status")) == 1
    assert tile(scenes, "disagreement") == [("qpu.forte-1", 1_000_000)]
    assert scenes.stat(FLEET, "IonQ's API", moment) == [("IonQ's API", API_UP.number)]


def test_without_any_data_everything_is_unknown(prometheus: Prometheus) -> None:
    for title in (FIRST_TILE, "QPUs available", "IonQ's API", "Last response", "Alerts"):
        assert prometheus.stat(FLEET, title, BEFORE_ALL_SCRAPES) == []
    assert prometheus.table(FLEET, TABLE, BEFORE_ALL_SCRAPES) == []


def test_an_outage_of_minutes_shows_in_a_timeline_of_weeks(prometheus: Prometheus) -> None:
    for dashboard, title in ((FLEET, "Status of each backend"), (BACKEND, "Status")):
        (query,) = (one for one in QUERIES if (one.dashboard, one.place) == (dashboard.uid, f"{title} A"))
        # A step of the range that is filled in is 20 minutes.
        for seconds, state in ((600, API_DOWN), (1800, API_UP)):
            ((_, number),) = prometheus.instant(filled_in(query.expression), AFTER_THE_OUTAGE + seconds)
            assert number == state.number
        ((_, number),) = prometheus.instant(filled_in(query.expression), RESTART_TIME + 720)
        assert number == API_UP.number  # The other exporter read on.


def test_a_timeline_tells_a_degraded_backend_from_one_as_specified(prometheus: Prometheus) -> None:
    degraded_moments = 0
    for moment in range(END - DAY_SECONDS * 7, END + 1, DAY_SECONDS // 2):
        words = {
            row["Backend"]: row["Status"] for row in prometheus.table(FLEET, TABLE, moment) if "Status" in row
        }
        numbers = prometheus.panel(FLEET, "Status of each backend", moment)[1]
        for labels, number in numbers:
            is_degraded = words[labels["backend"]] == DEGRADED_AVAILABLE.text
            assert (number == DEGRADED_AVAILABLE.number) == is_degraded
            degraded_moments += is_degraded
    assert degraded_moments


def test_retired_backends_and_simulators_have_no_line(scenes: Prometheus) -> None:
    moment = moment_of("usual")
    for title in ("Wait", "Status of each backend", "Share of the time available"):
        drawn = {labels["backend"] for labels, _ in scenes.panel(FLEET, title, moment)[-1]}
        assert drawn == {backend.name for backend in SCENE_FLEET} - {"simulator", "qpu.harmony"}


def test_that_no_alert_fires_is_only_said_where_rules_are_loaded(prometheus: Prometheus) -> None:
    in_the_outage = END - round(OUTAGE[1].hours_before_end * 3600) + 900
    for moment in (END, in_the_outage):
        for severity, number in prometheus.stat(FLEET, "Alerts", moment):
            firing = f'ALERTS{{alertstate="firing", severity="{severity}"}}'
            assert number == len(prometheus.instant(firing, moment))
    assert dict(prometheus.stat(FLEET, "Alerts", in_the_outage))["critical"] == 1
    assert prometheus.stat(FLEET, "Alerts", BEFORE_ALL_SCRAPES) == []


def test_no_change_of_status_is_marked_where_ionq_only_did_not_respond(
    prometheus: Prometheus,
) -> None:
    for annotation in ("Status", "Characterization"):
        for query in QUERIES:
            if query.place == f"annotation {annotation}" and query.dashboard in {
                "ionq-fleet",
                "ionq-backend",
            }:
                expression = filled_in(query.expression, backend="qpu.forte-enterprise-3")
                assert prometheus.range(expression)
                assert prometheus.instant(expression, AFTER_THE_OUTAGE) == []
