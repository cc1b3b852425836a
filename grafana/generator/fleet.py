"""All machines: which one to use now, and what changed."""

from grafana_foundation_sdk.models.common import BigValueTextMode

from grafana.generator import controls
from grafana.generator.answers import API_UP, ionq_api, ionq_api_over_time
from grafana.generator.links import to_backend
from grafana.generator.page import RUNBOOKS, Page, Row
from grafana.generator.panels import (
    SOLID,
    bars,
    big_number,
    graph,
    grid,
    joined,
    levels,
    link,
    logarithmic,
    now,
    over_time,
    rows,
    setting,
    timeline,
)
from grafana.generator.promql import EXPORTERS, QPUS, Backends, began, over
from grafana.generator.records import Records
from grafana.generator.states import (
    AMBER,
    ANSWERS,
    BLUE,
    GREEN,
    ORANGE,
    SEVERITIES,
    SILENT,
    STATES,
    VERMILION,
    State,
    by_number,
    by_word,
)

ALL = Backends(f'{EXPORTERS}, location=~"$location", backend=~"$backend"')
HARDWARE = ALL.only(QPUS)

best_choice = big_number(
    "Shortest wait now",
    "s",
    "The available QPU with the shortest wait, which is the first row of the table: look there whether it is "
    "degraded. Unknown while IonQ does not answer.",
    now(
        f"bottomk(1, {HARDWARE.wait_of_available})\n"
        f'or on () label_replace(-({API_UP} == 1), "backend", "no QPU", "", "")',
        "{{backend}}",
    ),
    text=BigValueTextMode.VALUE_AND_NAME,
).mappings(list(by_number([State(-1, "available", VERMILION)])))

qpus_available = big_number(
    "QPUs available",
    "none",
    "How many QPUs take jobs from their queue now, of those that are not retired. Unknown, not 0, while IonQ "
    "does not answer.",
    now(f"sum({HARDWARE.available})", "available"),
    now(f"count({HARDWARE.available})", "in service"),
    text=BigValueTextMode.VALUE_AND_NAME,
)

api = ionq_api("Everything else here is known only while it answers.")

last_answer = big_number(
    "Last answer",
    "s",
    "How long ago an exporter last read IonQ's list of backends, within a day: the age of what you see.",
    now(f"time() - max_over_time(timestamp({API_UP} == 1)[1d:1m])", "ago"),
    thresholds=levels((0, GREEN), (300, AMBER), (900, VERMILION)),
    empty="more than a day",
).decimals(0)


def _firing(severity: str) -> str:
    fires = f'ALERTS{{alertstate="firing", alertname=~"IonQ.+", severity="{severity}"}}'
    # Only where rules are loaded does silence mean that nothing is wrong.
    return f"count({fires})\nor 0 * count(max_over_time(ionq:ionq_up:max[1h]))"


alerts_firing = big_number(
    "Alerts",
    "none",
    "How many of this project's alerts fire, critical ones and warnings. They come from Prometheus's rules, "
    "deploy/prometheus: no rules means that those are not loaded, or no exporter was scraped for an hour.",
    now(_firing("critical"), "critical"),
    now(_firing("warning"), "warning"),
    thresholds=levels((0, GREEN), (1, AMBER)),
    text=BigValueTextMode.VALUE_AND_NAME,
    empty="no rules",
).override_by_name("critical", [setting("thresholds", levels((0, GREEN), (1, VERMILION)).build())])

_COLUMNS = {
    "backend": "Backend",
    "status": "Status",
    "Value #C": "Wait",
    "Value #I": "2q error",
    "Value #D": "Degraded",
    "Value #E": "Qubits",
    "Value #F": "Energy",
    "location": "Location",
    "Value #H": "Updated",
}

table = (
    grid(
        "Which machine to use now",
        "The best choice first: available QPUs, the shortest wait before longer ones; then what is not "
        "available, simulators, and retired machines. A degraded machine works, but below its specification "
        "or more slowly than usual. 2q error is how often a two-qubit gate fails, the median of the "
        "machine's pairs in its characterization. Updated is how long ago IonQ renewed the status or the "
        "characterization: hours or days are normal. IonQ calls the energy kilowatt-hours in one place and "
        "average kilowatts in another.",
        rows(ALL.rank),
        rows(ALL.status_words),
        rows(ALL.wait),
        rows(ALL.degraded),
        rows(f"max by (backend) ({ALL.raw('ionq_backend_qubits')})"),
        rows(ALL.energy),
        rows(f"topk by (backend) (1, max by (backend, location) ({ALL.raw('ionq_backend_qubits')}))"),
        rows(f"time() - max by (backend) ({ALL.raw('ionq_backend_last_updated_timestamp_seconds')})"),
        rows(Records(ALL).two_qubit_error),
        transformations=joined(_COLUMNS, sort="Value #A", hidden=("Value #A", "Value #B", "Value #G")),
    )
    .override_by_name("Backend", [setting("links", [to_backend()]), setting("custom.minWidth", 165)])
    .override_by_name(
        "Status",
        [
            setting("mappings", by_word(STATES)),
            setting("custom.cellOptions", SOLID),
            setting("custom.width", 105),
        ],
    )
    .override_by_name("Wait", [setting("unit", "s"), setting("decimals", 1), setting("custom.width", 85)])
    .override_by_name(
        "Degraded",
        [
            setting("mappings", by_number([State(1, "degraded", AMBER), State(0, "no", "transparent")])),
            setting("custom.width", 84),
            setting("custom.cellOptions", SOLID),
        ],
    )
    .override_by_name(
        "Energy", [setting("unit", "kwatth"), setting("decimals", 1), setting("custom.width", 100)]
    )
    .override_by_name(
        "2q error", [setting("unit", "percentunit"), setting("decimals", 2), setting("custom.width", 78)]
    )
    .override_by_name("Qubits", [setting("custom.width", 62)])
    .override_by_name("Location", [setting("custom.minWidth", 160)])
    .override_by_name("Updated", [setting("unit", "s"), setting("decimals", 1), setting("custom.width", 85)])
)

_LONG_RETIRED = (
    "min by (backend) (min_over_time("
    + ALL.raw("ionq_backend_status", 'status="retired"')
    + "[$__range] @ end())) == 1"
)

status = timeline(
    "Status of each machine",
    "The state that IonQ reports, and whether it calls a machine that is available degraded: it works, but "
    "below its specification or more slowly than usual. A gap means that nothing was known: IonQ did not "
    "answer, no exporter was scraped, or the machine was not on the list. Machines that were retired all the "
    "time are left out.",
    (*STATES, SILENT, ANSWERS),
    ionq_api_over_time(),
    over_time(f"{HARDWARE.condition_numbers}\nunless on (backend) ({_LONG_RETIRED})", "{{backend}}"),
)

wait = logarithmic(
    graph(
        "Wait",
        "s",
        "What IonQ gives as the average time in the queue, on a logarithmic scale. The dashed lines are one "
        "hour, one day and one week. A wait of nothing is drawn as one second.",
        over_time(f"clamp_min({HARDWARE.wait}, 1)", "{{backend}}"),
        marks=(3600, 86400, 7 * 86400),
    ),
    "dashed: hour, day, week",
)

degraded = (
    bars(
        "Share of the time degraded",
        "percentunit",
        "For which part of the time range each machine was below its specification or slower than usual, of "
        "the time in which anything was known.",
        ORANGE,
        now(f"sort_desc(avg_over_time({over(HARDWARE.degraded, '$__range', step='1m')}))", "{{backend}}"),
    )
    .min(0)
    .max(1)
    .decimals(1)
)

energy = graph(
    "Energy, change per day",
    "kwatth",
    "How much IonQ's energy number, its field kw, differs from a day before. It may fall: IonQ does not say "
    "that it only grows. IonQ's page calls it kilowatt-hours used, its manual average kilowatts.",
    over_time(f"({HARDWARE.energy})\n- ({HARDWARE.earlier('1d').energy})", "{{backend}}"),
    calcs=("lastNotNull", "mean", "min", "max"),
)

alerts = (
    grid(
        "Alerts that fire",
        "What fires now. The name leads to its runbook. The rules are those of deploy/prometheus; without "
        "them this is always empty.",
        rows(
            'time() - max by (alertname, severity, backend) (ALERTS_FOR_STATE{alertname=~"IonQ.+"})\n'
            "and on (alertname, severity, backend) "
            'ALERTS{alertstate="firing", alertname=~"IonQ.+"}'
        ),
        transformations=joined(
            {"alertname": "Alert", "severity": "Severity", "backend": "Backend", "Value": "Since"},
            sort="Value",
        ),
        empty="No alert fires, or no rules are loaded",
    )
    .override_by_name(
        "Alert",
        [
            setting("links", [link("Runbook", f"{RUNBOOKS}/${{__value.raw}}.md")]),
            setting("custom.minWidth", 190),
        ],
    )
    .override_by_name(
        "Severity",
        [
            setting("mappings", by_word(SEVERITIES)),
            setting("custom.cellOptions", SOLID),
            setting("custom.width", 80),
        ],
    )
    .override_by_name("Backend", [setting("links", [to_backend()]), setting("custom.minWidth", 165)])
    .override_by_name("Since", [setting("unit", "s"), setting("decimals", 0), setting("custom.width", 80)])
)

PAGE = Page(
    uid="ionq-fleet",
    title="IonQ / Fleet",
    description="Which of IonQ's machines to use now, and what changed.",
    time_from="now-24h",
    variables=(
        controls.data_source(),
        controls.job(),
        controls.instance(),
        controls.location(),
        controls.backends(),
    ),
    annotations=(
        controls.event(
            "Status",
            began(HARDWARE.raw("ionq_backend_status"), "backend, status", "backend"),
            colour=BLUE,
            title="{{backend}}",
            text="is now {{status}}",
        ),
        controls.alerts('alertstate="firing", alertname=~"IonQ.+"', VERMILION),
    ),
    rows=(
        Row("", 4, ((best_choice, 7), (qpus_available, 5), (api, 4), (last_answer, 4), (alerts_firing, 4))),
        Row("", 10, ((table, 24),)),
        Row("", 8, ((status, 24),)),
        Row("", 11, ((wait, 24),)),
        Row("", 7, ((alerts, 15), (degraded, 9))),
        Row("", 11, ((energy, 24),)),
    ),
)
