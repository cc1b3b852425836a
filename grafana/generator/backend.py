"""One machine: how reliable it is, when its queue is short, and what changed."""

from grafana_foundation_sdk.builders import barchart, common
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models.common import BigValueColorMode, BigValueTextMode, VisibilityMode
from grafana_foundation_sdk.models.dashboard import FieldColorModeId

from grafana.generator import controls
from grafana.generator.answers import ionq_api_over_time
from grafana.generator.links import to_fidelity
from grafana.generator.page import Page, Row
from grafana.generator.panels import (
    SILENCE,
    big_number,
    fixed_colour,
    graph,
    grid,
    joined,
    label_as_number,
    levels,
    now,
    over_time,
    rows,
    setting,
    timeline,
)
from grafana.generator.promql import EXPORTERS, Backends, began, over
from grafana.generator.records import Records
from grafana.generator.states import (
    AMBER,
    ANSWERS,
    AS_SPECIFIED,
    BELOW_SPECIFICATION,
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
RECORD = Records.last_known(ONE)
USUAL_WAIT = f"quantile_over_time(0.5, {over(ONE.wait, '7d', step='10m')})"
CHARACTERIZATION = ONE.raw("ionq_backend_characterization_info")

_UNKNOWN = "unknown"


status_now = label_as_number(
    big_number(
        "Status now",
        "none",
        "The state that IonQ reports, in its own word, and whether it calls the machine degraded: it works, "
        "but below its specification or more slowly than usual. Jobs can be submitted in any state; while it "
        "is not available they wait.",
        rows(ONE.condition_words),
        thresholds=levels(),
    ),
    "status",
    by_word((*STATES, BELOW_SPECIFICATION)),
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
        "Wait, of its usual",
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
        now(f"count_over_time({over(ONE.available, '30d')}) / (30 * 24 * 12)", "seen of 30 d"),
        thresholds=levels((0, VERMILION), (0.9, AMBER), (0.97, BLUE)),
        text=BigValueTextMode.VALUE_AND_NAME,
        empty=_UNKNOWN,
    )
    .decimals(1)
    .override_by_name("seen of 30 d", [setting("thresholds", levels().build()), setting("decimals", 0)])
)

_AT_EACH_HOUR = f"({ONE.wait}) * on () group_left (hour) count_values('hour', hour())"
_TWO_WEEKS = over(_AT_EACH_HOUR, "14d", step="10m")
_BY_HOUR = f'label_replace(avg_over_time({_TWO_WEEKS}), "hour", "0$1", "hour", "(.)")'

_SEEN_ON_THREE_DAYS = f"count by (backend) (count_over_time({_TWO_WEEKS}) >= 3 * 6) == 24"
_STANDS_OUT = f"min by (backend) ({_BY_HOUR}) < 0.9 * avg by (backend) ({_BY_HOUR})"

best_hour = label_as_number(
    big_number(
        "Best hour",
        "none",
        "The hour of the day, in UTC, in which the wait was shortest, on average over the last 14 days. None "
        "is clear while not every hour was seen on three days, or where the shortest wait is less than 10 % "
        "below the average.",
        rows(
            f'label_replace(bottomk(1, {_BY_HOUR}), "hour", "$1:00 UTC", "hour", "(..)")\n'
            f"and on (backend) {_SEEN_ON_THREE_DAYS}\nand on (backend) {_STANDS_OUT}"
        ),
        empty="no clear one",
    ),
    "hour",
)

_TO_FIDELITY = [setting("links", [to_fidelity("$backend")])]

two_qubit_error = (
    big_number(
        "Two-qubit error",
        "percentunit",
        "How often a two-qubit gate fails: 1 minus the median fidelity of the machine's pairs of qubits, and "
        "its standard error where IonQ gives one; for some hours after IonQ last answered, what was last "
        "known. It leads to the fidelity of the last year.",
        now(RECORD.two_qubit_error, "median"),
        now(
            RECORD.of_each("ionq_backend_fidelity_standard_error_ratio", 'operation="2q"'),
            "± standard error",
        ),
        text=BigValueTextMode.VALUE_AND_NAME,
        empty=_UNKNOWN,
    )
    .decimals(2)
    .override_by_field_type("number", _TO_FIDELITY)
)

fidelity_drift = (
    big_number(
        "Two-qubit error, change",
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
        "Record's age",
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
    "IonQ's API (whatever part of a step it did not answer), the state that IonQ reports, and whether it "
    "calls the machine degraded. A gap in the lower two means that nothing was known.",
    (*STATES, SILENT, ANSWERS, AS_SPECIFIED, DEGRADED),
    ionq_api_over_time(),
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
    .transformations(
        list(joined({"hour": "Hour", "Value": "Against the average"}, sort="hour", hidden=("backend",)))
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

_WEEK_OF_DEGRADED = over(ONE.degraded, "7d", step="10m")

episodes = (
    graph(
        "Degraded episodes, and their share of the week",
        "percentunit",
        "For which part of the hour and of the seven days before each point the machine was below its "
        "specification or slower than usual, of the time in which anything was known; the share of the week "
        "once a day of it was.",
        over_time(f"avg_over_time({over(ONE.degraded, '1h')})", "of the hour"),
        over_time(
            f"avg_over_time({_WEEK_OF_DEGRADED})\n"
            f"and on (backend) count_over_time({_WEEK_OF_DEGRADED}) >= 24 * 6",
            "of seven days",
        ),
        calcs=("lastNotNull", "max"),
    )
    .min(0)
    .max(1)
    .override_by_name(
        "of the hour",
        [fixed_colour(ORANGE), setting("custom.lineWidth", 1), setting("custom.fillOpacity", 30)],
    )
    .override_by_name("of seven days", [fixed_colour(BLUE)])
)

energy = (
    graph(
        "Energy",
        "kwatth",
        "IonQ's field kw as sent. IonQ's page calls it kilowatt-hours used, its manual average kilowatts.",
        over_time(ONE.energy, "energy"),
        calcs=("lastNotNull",),
    )
    .decimals(3)
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
        transformations=joined(
            {"characterization_id": "Characterization", "Value #B": "From", "Value #A": "Until"},
            sort="Value #A",
            descending=True,
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
                (status_now, 6),
                (wait_now, 4),
                (against_usual, 5),
                (best_hour, 5),
                (record_age, 4),
            ),
        ),
        Row("", 4, ((availability, 10), (two_qubit_error, 7), (fidelity_drift, 7))),
        Row("", 6, ((state, 24),)),
        Row("", 10, ((wait, 12), (by_hour, 12))),
        Row("", 9, ((against_last_week, 12), (episodes, 12))),
        Row("", 8, ((energy, 12), (energy_per_day, 12))),
        Row("", 6, ((characterizations, 24),)),
    ),
)
