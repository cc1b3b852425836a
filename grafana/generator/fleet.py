"""All machines: which one to use now, and what changed."""

from grafana_foundation_sdk.models.common import BigValueTextMode

from grafana.generator import controls
from grafana.generator.answers import API_UP, ionq_api
from grafana.generator.links import to_backend
from grafana.generator.page import RUNBOOKS, Page, Row
from grafana.generator.panels import (
    SOLID,
    bars,
    big_number,
    graph,
    grid,
    levels,
    link,
    logarithmic,
    now,
    over_time,
    rows,
    setting,
    timeline,
    transformation,
)
from grafana.generator.promql import EXPORTERS, QPUS, Backends, began, over
from grafana.generator.records import Records
from grafana.generator.states import (
    ANSWERS,
    BLUE,
    GREEN,
    ORANGE,
    SILENT,
    STATES,
    UNREACHABLE,
    VERMILION,
    State,
    by_number,
    by_word,
)

ALL = Backends(f'{EXPORTERS}, location=~"$location", backend=~"$backend"')
HARDWARE = ALL.only(QPUS)

# The one row of a table that nothing is known for.
_NO_ANSWER = f'label_replace({API_UP} == 0, "backend", "every machine", "", "")'

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
    thresholds=levels((0, GREEN), (300, ORANGE), (900, VERMILION)),
    empty="more than a day",
).decimals(0)

alerts_firing = big_number(
    "Alerts",
    "none",
    "How many of this project's alerts fire. They come from Prometheus's rules, deploy/prometheus; without "
    "those it is always 0.",
    now('count(ALERTS{alertstate="firing", alertname=~"IonQ.+"}) or vector(0)', "firing"),
    thresholds=levels((0, GREEN), (1, ORANGE)),
)

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
        rows(f"{ALL.rank}\nor on () {_NO_ANSWER}"),
        rows(f'{ALL.status_words}\nor on () label_replace({_NO_ANSWER}, "status", "no answer", "", "")'),
        rows(ALL.wait),
        rows(ALL.degraded),
        rows(f"max by (backend) ({ALL.raw('ionq_backend_qubits')})"),
        rows(ALL.energy),
        rows(f"topk by (backend) (1, max by (backend, location) ({ALL.raw('ionq_backend_qubits')}))"),
        rows(f"time() - max by (backend) ({ALL.raw('ionq_backend_last_updated_timestamp_seconds')})"),
        rows(Records(ALL).two_qubit_error),
        transformations=(
            transformation("merge"),
            transformation("sortBy", fields={}, sort=[{"field": "Value #A"}]),
            transformation(
                "organize",
                excludeByName={"Time": True, "Value #A": True, "Value #B": True, "Value #G": True},
                indexByName={name: index for index, name in enumerate(_COLUMNS)},
                renameByName=_COLUMNS,
            ),
        ),
    )
    .override_by_name("Backend", [setting("links", [to_backend()]), setting("custom.minWidth", 180)])
    .override_by_name(
        "Status",
        [
            setting("mappings", by_word((*STATES, UNREACHABLE))),
            setting("custom.cellOptions", SOLID),
            setting("custom.width", 130),
        ],
    )
    .override_by_name("Wait", [setting("unit", "s"), setting("decimals", 1), setting("custom.width", 100)])
    .override_by_name(
        "Degraded",
        [
            setting("mappings", by_number([State(1, "degraded", ORANGE), State(0, "no", "transparent")])),
            setting("custom.width", 90),
            setting("custom.cellOptions", SOLID),
        ],
    )
    .override_by_name(
        "Energy", [setting("unit", "kwatth"), setting("decimals", 1), setting("custom.width", 100)]
    )
    .override_by_name(
        "2q error", [setting("unit", "percentunit"), setting("decimals", 2), setting("custom.width", 90)]
    )
    .override_by_name("Qubits", [setting("custom.width", 70)])
    .override_by_name("Location", [setting("custom.minWidth", 160)])
    .override_by_name("Updated", [setting("unit", "s"), setting("decimals", 1), setting("custom.width", 95)])
)

_LONG_RETIRED = (
    "min by (backend) (min_over_time("
    + ALL.raw("ionq_backend_status", 'status="retired"')
    + "[$__range] @ end())) == 1"
)

status = timeline(
    "Status of each machine",
    "The state that IonQ reports. A gap means that nothing was known: IonQ did not answer, no exporter was "
    "scraped, or the machine was not on the list. Machines that were retired all the time are left out.",
    (*STATES, SILENT, ANSWERS),
    over_time(f"10 + {API_UP}", "IonQ's API"),
    over_time(f"{HARDWARE.status_numbers}\nunless on (backend) ({_LONG_RETIRED})", "{{backend}}"),
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
        "Alerts",
        "What fires now. The name leads to its runbook. The rules are those of deploy/prometheus; without "
        "them this is always empty.",
        rows(
            'time() - max by (alertname, severity, backend) (ALERTS_FOR_STATE{alertname=~"IonQ.+"})\n'
            "and on (alertname, severity, backend) "
            'ALERTS{alertstate="firing", alertname=~"IonQ.+"}'
        ),
        transformations=(
            transformation("sortBy", fields={}, sort=[{"field": "Value"}]),
            transformation(
                "organize",
                excludeByName={"Time": True},
                indexByName={"alertname": 0, "severity": 1, "backend": 2, "Value": 3},
                renameByName={
                    "alertname": "Alert",
                    "severity": "Severity",
                    "backend": "Backend",
                    "Value": "Since",
                },
            ),
        ),
        empty="No alert fires",
    )
    .override_by_name(
        "Alert",
        [
            setting("links", [link("Runbook", f"{RUNBOOKS}/${{__value.raw}}.md")]),
            setting("custom.minWidth", 200),
        ],
    )
    .override_by_name("Severity", [setting("custom.width", 90)])
    .override_by_name("Backend", [setting("links", [to_backend()]), setting("custom.width", 180)])
    .override_by_name("Since", [setting("unit", "s"), setting("decimals", 0), setting("custom.width", 100)])
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
        Row("", 4, ((best_choice, 8), (qpus_available, 5), (api, 4), (last_answer, 4), (alerts_firing, 3))),
        Row("", 10, ((table, 24),)),
        Row("", 8, ((status, 24),)),
        Row("", 11, ((wait, 24),)),
        Row("", 7, ((alerts, 15), (degraded, 9))),
        Row("", 11, ((energy, 24),)),
    ),
)
