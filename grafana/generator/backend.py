"""One machine: how reliable it is, when its queue is short, and what changed."""

from grafana_foundation_sdk.builders import barchart, common
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models.common import BigValueColorMode, BigValueTextMode, VisibilityMode
from grafana_foundation_sdk.models.dashboard import FieldColorModeId

from grafana.generator import controls
from grafana.generator.links import to_fidelity
from grafana.generator.page import Page, Row
from grafana.generator.panels import (
    SILENCE,
    big_number,
    fixed_colour,
    graph,
    grid,
    label_as_number,
    levels,
    now,
    over_time,
    rows,
    setting,
    timeline,
    transformation,
)
from grafana.generator.promql import EXPORTERS, Backends, began, over
from grafana.generator.records import Records
from grafana.generator.states import (
    ANSWERS,
    AS_SPECIFIED,
    BLUE,
    DEGRADED,
    ORANGE,
    PURPLE,
    SILENT,
    SKY,
    STATES,
    VERMILION,
    by_word,
)

ONE = Backends(f'{EXPORTERS}, backend="$backend"')
RECORD = Records(ONE)
USUAL_WAIT = f"quantile_over_time(0.5, {over(ONE.wait, '7d', step='10m')})"
CHARACTERIZATION = ONE.raw("ionq_backend_characterization_info")

_UNKNOWN = "unknown"


status_now = label_as_number(
    big_number(
        "Status now",
        "none",
        "The state that IonQ reports, in its own word. Jobs can be submitted in any state; while it is not "
        "available they wait.",
        rows(ONE.status_words),
        thresholds=levels(),
    ),
    "status",
    by_word(STATES),
)

wait_now = big_number(
    "Wait now",
    "s",
    "What IonQ gives as the average time in the queue.",
    now(ONE.wait, "wait"),
    empty=_UNKNOWN,
)

against_usual = (
    big_number(
        "Of its usual",
        "percentunit",
        "The wait now against the median of the last seven days: 100 % is what is usual for this machine. "
        "Blue is half of it or less, orange one and a half times as much or more.",
        now(f"({ONE.wait})\n/ on (backend) ({USUAL_WAIT} > 0)", "of usual"),
        thresholds=levels((0, "blue"), (0.5, "text"), (1.5, "orange"), base="text"),
        empty=_UNKNOWN,
    )
    .color_mode(BigValueColorMode.VALUE)
    .decimals(0)
)


def _available(window: str) -> str:
    return f"avg_over_time({over(ONE.available, window)})"


availability = (
    big_number(
        "Available",
        "percentunit",
        "For which part of the last day, 7 and 30 days the machine took jobs from its queue, of the time in "
        "which anything was known; before its retirement, where it has retired since. Seen is how much of "
        "the 30 days was known at all: Prometheus keeps 15 days unless told otherwise.",
        now(_available("1d"), "1 day"),
        now(_available("7d"), "7 days"),
        now(_available("30d"), "30 days"),
        now(f"count_over_time({over(ONE.available, '30d')}) / (30 * 24 * 12)", "seen of 30 days"),
        thresholds=levels((0, VERMILION), (0.9, ORANGE), (0.97, BLUE)),
        text=BigValueTextMode.VALUE_AND_NAME,
        empty=_UNKNOWN,
    )
    .decimals(1)
    .override_by_name("seen of 30 days", [setting("thresholds", levels().build()), setting("decimals", 0)])
)

_AT_EACH_HOUR = f"({ONE.wait}) * on () group_left (hour) count_values('hour', hour())"
_BY_HOUR = (
    f'label_replace(avg_over_time({over(_AT_EACH_HOUR, "14d", step="10m")}), "hour", "0$1", "hour", "(.)")'
)

best_hour = label_as_number(
    big_number(
        "Best hour",
        "none",
        "The hour of the day, in UTC, in which the wait was shortest, on average over the last 14 days.",
        rows(f'label_replace(bottomk(1, {_BY_HOUR}), "hour", "$1:00 UTC", "hour", "(..)")'),
        empty=_UNKNOWN,
    ),
    "hour",
)

_TO_FIDELITY = [setting("links", [to_fidelity("$backend")])]

two_qubit_error = (
    big_number(
        "Two-qubit error",
        "percentunit",
        "How often a two-qubit gate fails: 1 minus the median fidelity of the machine's pairs of qubits, and "
        "its standard error where IonQ gives one. It leads to the fidelity of the last year.",
        now(RECORD.two_qubit_error, "median"),
        now(RECORD.of_each("ionq_backend_fidelity_standard_error_ratio", 'operation="2q"'), "±"),
        text=BigValueTextMode.VALUE_AND_NAME,
        empty=_UNKNOWN,
    )
    .decimals(2)
    .override_by_field_type("number", _TO_FIDELITY)
)

fidelity_drift = (
    big_number(
        "Its change",
        "percentunit",
        "How much more often a two-qubit gate fails than a week and four weeks before. Above 0 is worse "
        "(orange from 10 % on, red from 25 % on), below 0 better (blue from -10 % on).",
        now(RECORD.drift("1w"), "in a week"),
        now(RECORD.drift("4w"), "in four weeks"),
        thresholds=levels((-1, BLUE), (-0.1, "text"), (0.1, ORANGE), (0.25, VERMILION), base="text"),
        text=BigValueTextMode.VALUE_AND_NAME,
        empty=_UNKNOWN,
    )
    .color_mode(BigValueColorMode.VALUE)
    .decimals(1)
    .override_by_field_type("number", _TO_FIDELITY)
)

record_age = (
    big_number(
        "Characterized",
        "s",
        "How long ago the machine was characterized: the age of these numbers.",
        now(RECORD.age, "ago"),
        empty=_UNKNOWN,
    )
    .decimals(1)
    .override_by_field_type("number", _TO_FIDELITY)
)

state = timeline(
    "State",
    "IonQ's API, the state that IonQ reports, and whether it calls the machine degraded. A gap in the lower "
    "two means that nothing was known.",
    (*STATES, SILENT, ANSWERS, AS_SPECIFIED, DEGRADED),
    over_time(f"10 + max(ionq_up{{{EXPORTERS}}})", "IonQ's API"),
    over_time(ONE.status_numbers, "status"),
    over_time(f"20 + {ONE.degraded}", "performance"),
)

wait = (
    graph(
        "Wait, and the band of its last day",
        "s",
        "What IonQ gives as the average time in the queue. Eight of ten readings of the 24 hours before "
        "each point lie in the band.",
        over_time(ONE.wait, "wait"),
        over_time(f"quantile_over_time(0.9, {over(ONE.wait, '1d')})", "high of the day"),
        over_time(f"quantile_over_time(0.1, {over(ONE.wait, '1d')})", "low of the day"),
    )
    .override_by_name("wait", [fixed_colour(BLUE)])
    .override_by_name(
        "high of the day",
        [
            fixed_colour(SKY),
            setting("custom.lineWidth", 0),
            setting("custom.fillBelowTo", "low of the day"),
            setting("custom.fillOpacity", 25),
        ],
    )
    .override_by_name("low of the day", [fixed_colour(SKY), setting("custom.lineWidth", 0)])
)

by_hour = (
    barchart.Panel()
    .title("Wait by hour of the day (UTC)")
    .description(
        "How much shorter or longer the wait is in each hour of the day than the average of all of them, "
        "over the last 14 days, whatever time range is chosen above."
    )
    .unit("percentunit")
    .decimals(0)
    .no_value(SILENCE)
    .with_target(rows(f"{_BY_HOUR}\n/ on (backend) group_left () avg by (backend) ({_BY_HOUR} > 0)\n- 1"))
    .with_transformation(transformation("sortBy", fields={}, sort=[{"field": "hour"}]))
    .with_transformation(
        transformation(
            "organize",
            excludeByName={"Time": True, "backend": True},
            indexByName={"hour": 0, "Value": 1},
            renameByName={"hour": "Hour", "Value": "Against the average"},
        )
    )
    .override_by_name("Hour", [setting("unit", "string")])
    .x_field("Hour")
    .x_tick_label_spacing(30)
    .show_value(VisibilityMode.NEVER)
    .fill_opacity(90)
    .line_width(0)
    .legend(common.VizLegendOptions().show_legend(show_legend=False).calcs([]))
    .color_scheme(builders.FieldColor().mode(FieldColorModeId.FIXED).fixed_color(BLUE))
)

against_last_week = (
    graph(
        "Wait against a week before",
        "s",
        "The wait, the same hour a week before, and what is usual: the median of the seven days before each "
        "point.",
        over_time(ONE.wait, "wait"),
        over_time(ONE.earlier("1w").wait, "a week before"),
        over_time(USUAL_WAIT, "usual"),
        calcs=("lastNotNull",),
    )
    .override_by_name("wait", [fixed_colour(BLUE)])
    .override_by_name("a week before", [fixed_colour(PURPLE), setting("custom.lineWidth", 1)])
    .override_by_name(
        "usual",
        [fixed_colour(ORANGE), setting("custom.lineStyle", {"fill": "dash", "dash": [10, 10]})],
    )
)

episodes = (
    graph(
        "Degraded: share of each day",
        "percentunit",
        "For which part of the 24 hours before each point the machine was below its specification or slower "
        "than usual, of the time in which anything was known.",
        over_time(f"avg_over_time({over(ONE.degraded, '1d')})", "degraded"),
        calcs=("lastNotNull", "mean", "max"),
    )
    .min(0)
    .max(1)
    .override_by_name("degraded", [fixed_colour(ORANGE), setting("custom.fillOpacity", 20)])
)

energy = (
    graph(
        "Energy",
        "kwatth",
        "IonQ's field kw as sent. IonQ's page calls it kilowatt-hours used, its manual average kilowatts.",
        over_time(ONE.energy, "energy"),
        calcs=("lastNotNull",),
    )
    .decimals(2)
    .override_by_name("energy", [fixed_colour(BLUE)])
)

energy_per_day = graph(
    "Energy, change per day",
    "kwatth",
    "How much the energy number differs from a day before. It may fall: IonQ does not say that it only "
    "grows.",
    over_time(f"({ONE.energy})\n- ({ONE.earlier('1d').energy})", "change"),
    calcs=("lastNotNull", "mean"),
).override_by_name("change", [fixed_colour(BLUE)])

_SEEN = over(f"timestamp(max by (characterization_id) ({CHARACTERIZATION}))", "$__range")

characterizations = (
    grid(
        "Characterizations",
        "Which characterizations were in force in the time range, the newest first, and from when until "
        "when they were seen.",
        rows(f"1000 * max_over_time({_SEEN})"),
        rows(f"1000 * min_over_time({_SEEN})"),
        transformations=(
            transformation("merge"),
            transformation("sortBy", fields={}, sort=[{"field": "Value #A", "desc": True}]),
            transformation(
                "organize",
                excludeByName={"Time": True},
                indexByName={"characterization_id": 0, "Value #B": 1, "Value #A": 2},
                renameByName={
                    "characterization_id": "Characterization",
                    "Value #B": "From",
                    "Value #A": "Until",
                },
            ),
        ),
        empty="None is known",
    )
    .override_by_name("From", [setting("unit", "dateTimeAsIso")])
    .override_by_name("Until", [setting("unit", "dateTimeAsIso")])
)

PAGE = Page(
    uid="ionq-backend",
    title="IonQ / Backend",
    description="One of IonQ's machines: how reliable it is, when its queue is short, and what changed.",
    time_from="now-7d",
    variables=(
        controls.data_source(),
        controls.any_job(),
        controls.instance(),
        controls.one_backend("qpu.forte-1"),
    ),
    annotations=(
        controls.event(
            "Status",
            began(ONE.raw("ionq_backend_status"), "backend, status", "backend"),
            colour=BLUE,
            title="{{backend}}",
            text="is now {{status}}",
        ),
        controls.event(
            "Characterization",
            began(CHARACTERIZATION, "backend, characterization_id", "backend"),
            colour=PURPLE,
            title="New characterization",
            text="{{characterization_id}}",
        ),
        controls.alerts('alertstate="firing", alertname=~"IonQ.+", backend="$backend"', VERMILION),
    ),
    rows=(
        Row(
            "",
            4,
            (
                (status_now, 4),
                (wait_now, 4),
                (against_usual, 4),
                (best_hour, 4),
                (availability, 8),
            ),
        ),
        Row("", 4, ((two_qubit_error, 9), (fidelity_drift, 10), (record_age, 5))),
        Row("", 6, ((state, 24),)),
        Row("", 10, ((wait, 12), (by_hour, 12))),
        Row("", 9, ((against_last_week, 12), (episodes, 12))),
        Row("", 8, ((energy, 12), (energy_per_day, 12))),
        Row("", 6, ((characterizations, 24),)),
    ),
)
