"""All backends: which one to use now, and what changed."""

from grafana_foundation_sdk.models.common import BigValueColorMode, BigValueTextMode

from grafana.generator import annotations, promql, variables
from grafana.generator.api_status import api_status, api_status_over_time
from grafana.generator.characterizations import lately_in_service, latest_error
from grafana.generator.dashboard import Dashboard, Row
from grafana.generator.links import RUNBOOKS, backend_link, link
from grafana.generator.panels import (
    COLOURED_CELL,
    TIME_UNIT,
    bar_gauge,
    instant_query,
    range_query,
    setting,
    stat_panel,
    state_timeline,
    status_column,
    table_panel,
    table_query,
    thresholds,
    wait_graph,
)
from grafana.generator.promql import (
    AVAILABLE,
    SELECTED,
    SELECTED_OR_NONE,
    SELECTED_QPUS,
    STATUS,
    WAIT,
    look_back,
)
from grafana.generator.states import (
    AMBER,
    API_DOWN,
    API_UP,
    BLUE,
    DOES_NOT_APPLY,
    GREEN,
    NO_QPU,
    ORANGE,
    SEVERITIES,
    STATUSES,
    UNKNOWN,
    VERMILION,
    State,
    number_mappings,
    page_status_mappings,
    word_mappings,
)

# Places in the order of the table. The wait of an available QPU is its place, so all others are behind it.
_WAIT_UNKNOWN = "1e13"
_SIMULATOR = "2e13"
_NOT_AVAILABLE = "3e13"

_available_by_wait = f"""\
{promql.only_available(f"1000 * max by (backend) ({WAIT}{{{SELECTED_QPUS}}})")}
or {_WAIT_UNKNOWN} * max by (backend) ({STATUS}{{{AVAILABLE}, {SELECTED_QPUS}}} == 1)"""

_place = f"""\
{_available_by_wait}
or {_SIMULATOR} * max by (backend) ({STATUS}{{{AVAILABLE}, {SELECTED}}} == 1)
or {_NOT_AVAILABLE} * (
  1 + max by (backend) (last_over_time({STATUS}{{status="retired", {SELECTED}}}[{promql.MEMORY}]))
)"""

shortest_wait = (
    stat_panel(
        "Shortest wait now",
        TIME_UNIT,
        "The available QPU with the shortest wait: the first row of the table, which says whether it is "
        "degraded. Unknown while IonQ does not respond.",
        instant_query(promql.or_no_qpu(f"bottomk(1, {_available_by_wait})", "available now"), "{{backend}}"),
        colours=thresholds((0, BLUE)),
        text=BigValueTextMode.VALUE_AND_NAME,
    )
    .decimals(1)
    .mappings(number_mappings(NO_QPU, State(float(_WAIT_UNKNOWN), "wait unknown", BLUE)))
)

qpus_available = (
    stat_panel(
        "QPUs available",
        "none",
        "How many of the selected QPUs take jobs from their queue now, of those that are not retired. "
        "Unknown, not 0, while IonQ does not respond.",
        instant_query(
            f"sum({promql.available(SELECTED_QPUS)})\nor 0 * (max(ionq_up) == 1)",
            "available",
        ),
        instant_query(
            f'count(max by (backend) ({STATUS}{{status="retired", {SELECTED_QPUS}}}) == 0)\n'
            "or 0 * (max(ionq_up) == 1)",
            "in service",
        ),
        colours=thresholds((0, VERMILION), (1, "text"), base="text"),
        text=BigValueTextMode.VALUE_AND_NAME,
    )
    .color_mode(BigValueColorMode.VALUE)
    .override_by_name("in service", [setting("thresholds", thresholds(base="text").build())])
)

last_response = stat_panel(
    "Last response",
    "s",
    "How long ago an exporter last read IonQ's list of backends: the age of what you see. It looks back one "
    "day.",
    instant_query("time() - max_over_time(timestamp(max(ionq_up) == 1)[1d:1m])", "ago"),
    colours=thresholds((0, GREEN), (300, AMBER), (900, VERMILION)),
    empty="none in a day",
).decimals(0)


def _firing(severity: str) -> str:
    fires = f'ALERTS{{alertstate="firing", alertname=~"IonQ.+", severity="{severity}"}}'
    # Only where rules are loaded does silence mean that nothing is wrong.
    return f"count({fires})\nor 0 * count(max_over_time(ionq:ionq_up:max[1h]))"


alerts_firing = stat_panel(
    "Alerts",
    "none",
    "How many of this project's alerts fire. They come from the rules in deploy/prometheus. No rules means "
    "that they are not loaded, or that no exporter was scraped for an hour.",
    instant_query(_firing("critical"), "critical"),
    instant_query(_firing("warning"), "warning"),
    colours=thresholds((0, GREEN), (1, AMBER)),
    text=BigValueTextMode.VALUE_AND_NAME,
    empty="no rules",
).override_by_name("critical", [setting("thresholds", thresholds((0, GREEN), (1, VERMILION)).build())])

# Every selected backend has a number, known or not: so what is remembered is never older than its status.
_wait_or_why_not = f"""\
1000 * last_over_time((
{promql.indented(promql.does_not_apply(SELECTED))}
  or on (backend) (
{promql.indented(promql.indented(promql.wait(SELECTED)))}
  )
  or on (backend) -2 * group by (backend) ({STATUS}{{{SELECTED}}})
)[{promql.MEMORY}:1m])"""


def _listed(expression: str) -> str:
    """Leave out what the status page names and IonQ's list does not."""
    return f"{expression}\nand on (backend) last_over_time({STATUS}[{promql.MEMORY}])"


_page_status = f"""\
topk by (backend) (1, max by (backend, page) (
  label_replace(ionq_status_component{{{SELECTED}}} == 1, "page", "$1", "status", "(.+)")
))"""


def _maintenance(boundary: str) -> str:
    return f"1000 * min by (backend) (ionq_status_maintenance_{boundary}_timestamp_seconds{{{SELECTED}}})"


which_backend = (
    table_panel(
        "Which backend to use now",
        "The best choice first: available QPUs, the shortest wait before longer ones; then simulators, what "
        "is not available, and what is retired. A degraded backend works, but below its specification or "
        "more slowly than usual. 2q error is how often a two-qubit gate fails: the median of the backend's "
        "pairs of qubits in its latest characterization. While IonQ does not respond, the table shows for 6 "
        "hours what was last known, and the status says so. IonQ's page is what its status page says, "
        "written by people, and with the maintenance that it announces next or that is in progress.",
        {
            "backend": "Backend",
            "status": "Status",
            "Value #C": "Wait",
            "Value #D": "2q error",
            "Value #E": "Qubits",
            "page": "IonQ's page",
            "Value #G": "Maintenance from",
            "Value #H": "until",
            "Value #A": "",
            "Value #B": "",
            "Value #F": "",
        },
        table_query(_place),
        table_query(promql.status_word(SELECTED)),
        table_query(_wait_or_why_not),
        table_query(lately_in_service(latest_error("2q"))),
        table_query(f"max by (backend) (last_over_time(ionq_backend_qubits{{{SELECTED}}}[{promql.MEMORY}]))"),
        table_query(_listed(_page_status)),
        table_query(_listed(_maintenance("start"))),
        table_query(_listed(_maintenance("end"))),
        sort=("Value #A", "backend"),
    )
    .override_by_name("Backend", [setting("links", [backend_link()]), setting("custom.minWidth", 165)])
    .override_by_name(
        "Status",
        [*status_column(), setting("custom.minWidth", 170)],
    )
    .override_by_name(
        "IonQ's page",
        [
            setting("mappings", page_status_mappings()),
            setting("custom.cellOptions", COLOURED_CELL),
            setting("custom.width", 105),
        ],
    )
    .override_by_regexp(
        "Maintenance from|until",
        [setting("unit", "time:ddd D MMM HH:mm"), setting("custom.width", 135)],
    )
    .override_by_name(
        "Wait",
        [
            setting("unit", TIME_UNIT),
            setting("decimals", 1),
            setting("noValue", "unknown"),
            setting(
                "mappings",
                number_mappings(
                    *(State(1000 * one.number, one.text, one.colour) for one in (DOES_NOT_APPLY, UNKNOWN))
                ),
            ),
            setting("custom.width", 115),
        ],
    )
    .override_by_name(
        "2q error", [setting("unit", "percentunit"), setting("decimals", 2), setting("custom.width", 80)]
    )
    .override_by_name("Qubits", [setting("custom.width", 70)])
)

alerts = (
    table_panel(
        "Alerts that fire",
        "What fires now. The name leads to its runbook. The rules are those of deploy/prometheus.",
        {"alertname": "Alert", "severity": "Severity", "backend": "Backend", "Value": "Since"},
        table_query(
            "1000 * (time() - max by (alertname, severity, backend) "
            '(ALERTS_FOR_STATE{alertname=~"IonQ.+"}))\n'
            'and on (alertname, severity, backend) ALERTS{alertstate="firing", alertname=~"IonQ.+"}'
        ),
        sort=("Value",),
        empty="No alert fires, or no rules are loaded",
    )
    .override_by_name(
        "Alert",
        [
            setting("links", [link("Runbook", f"{RUNBOOKS}/${{__value.raw}}.md")]),
            setting("custom.minWidth", 170),
        ],
    )
    .override_by_name(
        "Severity",
        [
            setting("mappings", word_mappings(SEVERITIES)),
            setting("custom.cellOptions", COLOURED_CELL),
            setting("custom.width", 80),
        ],
    )
    .override_by_name("Backend", [setting("links", [backend_link()]), setting("custom.minWidth", 165)])
    .override_by_name(
        "Since", [setting("unit", TIME_UNIT), setting("decimals", 0), setting("custom.width", 80)]
    )
)

status = state_timeline(
    "Status of each backend",
    "The status that IonQ reports, and whether it calls an available backend degraded: it works, but below "
    "its specification or more slowly than usual. A gap means that nothing was known: IonQ did not respond, "
    "no exporter was scraped, or the backend was not on the list. Retired backends are left out.",
    (*STATUSES, API_DOWN, API_UP),
    api_status_over_time(),
    range_query(promql.status_number(SELECTED_QPUS), "{{backend}}"),
)

wait = wait_graph(
    "Wait",
    "What IonQ gives as the average time in the queue, on a logarithmic scale. No wait is drawn as one and "
    "a half minutes. Retired backends and simulators are left out.",
    (promql.wait_in_service(SELECTED_QPUS), "{{backend}}"),
)

share_available = (
    bar_gauge(
        "Share of the time available",
        "percentunit",
        "For which part of the time range each QPU took jobs from its queue, of the time in which its "
        "status was known.",
        BLUE,
        instant_query(
            "sort_desc(avg_over_time(("
            f"\n{promql.indented(promql.in_service(promql.available(SELECTED_QPUS)))}\n"
            f"){look_back('', '$__range')}))",
            "{{backend}}",
        ),
    )
    .min(0)
    .max(1)
    .decimals(1)
)

share_degraded = (
    bar_gauge(
        "Share of the time degraded",
        "percentunit",
        "For which part of the time range IonQ called each QPU degraded, of the time in which it was known.",
        ORANGE,
        instant_query(
            f"sort_desc(avg_over_time({look_back(promql.degraded(SELECTED_QPUS), '$__range')}))",
            "{{backend}}",
        ),
    )
    .min(0)
    .max(1)
    .decimals(1)
)

DASHBOARD = Dashboard(
    uid="ionq-fleet",
    title="IonQ / Fleet",
    description="Which of IonQ's backends to use now, and what changed.",
    time_from="now-24h",
    variables=(variables.data_source(), variables.backends()),
    annotations=(
        annotations.event(
            "Status",
            annotations.changes(f"{STATUS}{{{SELECTED_QPUS}}}", "status"),
            colour=BLUE,
            title="{{backend}}",
            text="is now {{status}}",
        ),
        annotations.firing_alerts('alertname=~"IonQ.+"'),
        *annotations.status_page(SELECTED_OR_NONE),
    ),
    rows=(
        Row(
            4,
            (
                (shortest_wait, 8),
                (qpus_available, 4),
                (api_status(), 4),
                (last_response, 4),
                (alerts_firing, 4),
            ),
        ),
        Row(10, ((which_backend, 16), (alerts, 8))),
        Row(8, ((status, 24),)),
        Row(11, ((wait, 24),)),
        Row(7, ((share_available, 12), (share_degraded, 12))),
    ),
)
