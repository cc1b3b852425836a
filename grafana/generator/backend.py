"""One backend: how reliable it is, when its queue is short, and what changed."""

from grafana_foundation_sdk.builders import barchart, common
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models.common import BigValueColorMode, BigValueTextMode, VisibilityMode
from grafana_foundation_sdk.models.dashboard import FieldColorModeId

from grafana.generator import annotations, variables
from grafana.generator.api_status import api_status_over_time
from grafana.generator.characterizations import DATE, error_change, latest, latest_error
from grafana.generator.dashboard import Dashboard, Row
from grafana.generator.links import fidelity_link
from grafana.generator.panels import (
    NO_DATA,
    TIME_UNIT,
    fixed_colour,
    instant_query,
    label_panel,
    range_query,
    setting,
    stat_panel,
    state_timeline,
    table_panel,
    table_query,
    thresholds,
    transformation,
    wait_graph,
)
from grafana.generator.promql import (
    SELECTED_OR_NONE,
    STATUS,
    WAIT,
    available,
    degraded,
    does_not_apply,
    in_service,
    indented,
    look_back,
    status_number,
    status_word,
    wait,
    wait_in_service,
)
from grafana.generator.states import (
    AMBER,
    API_DOWN,
    API_UP,
    AS_SPECIFIED,
    BLUE,
    DEGRADED,
    DOES_NOT_APPLY,
    ORANGE,
    PURPLE,
    SKY,
    STATUSES,
    VERMILION,
    number_mappings,
    status_mappings,
)

_BACKEND = 'backend="$backend"'


_WAIT = f"(\n{indented(wait(_BACKEND))}\n)"
_USUAL_WAIT = f"quantile_over_time(0.5, {look_back(_WAIT, '7d', step='10m')})"
_DEGRADED = degraded(_BACKEND)
_CHARACTERIZATION = f"ionq_backend_characterization_info{{{_BACKEND}}}"


def _or_does_not_apply(expression: str) -> str:
    return f"{does_not_apply(_BACKEND)}\nor on (backend) {expression}"


_DOES_NOT_APPLY = number_mappings(DOES_NOT_APPLY)

status_now = label_panel(
    stat_panel(
        "Status now",
        "none",
        "The status that IonQ reports, in its own word, and whether it calls the backend degraded: it "
        "works, but below its specification or more slowly than usual. Jobs can be submitted in any status; "
        "while it is not available they wait. While IonQ does not respond, it shows for 6 hours what was "
        "last known.",
        table_query(status_word(_BACKEND)),
        colours=thresholds(),
    ),
    "status",
    status_mappings(),
)

wait_now = (
    stat_panel(
        "Wait now",
        TIME_UNIT,
        "What IonQ gives as the average time in the queue.",
        instant_query(_or_does_not_apply(f"1000 * {_WAIT}"), "wait"),
    )
    .mappings(_DOES_NOT_APPLY)
    .decimals(1)
)

wait_against_usual = (
    stat_panel(
        "Wait, compared with usual",
        "percentunit",
        "The wait now, as a share of the median of the last seven days: 100 % is as usual. Blue is half of "
        "it or less, orange one and a half times as much or more.",
        instant_query(
            _or_does_not_apply(f"{_WAIT}\n/ on (backend) ({_USUAL_WAIT} > 0)"),
            "of the usual wait",
        ),
        colours=thresholds((0, "blue"), (0.5, "text"), (1.5, "orange"), base="text"),
    )
    .color_mode(BigValueColorMode.VALUE)
    .mappings(_DOES_NOT_APPLY)
    .decimals(0)
)

# A wait of 0 does not count: it may be that of a backend that was not available.
_SOME_WAIT = f"max by (backend) ({WAIT}{{{_BACKEND}}} > 0)"
_DAYS_AVERAGE = (
    f"avg_over_time({look_back(f'max by (backend) ({WAIT} > 0)', '1d', step='10m', offset='-12h')})"
)


def _against_the_day(average: str) -> str:
    """Compare each hour of two weeks with the day around it, and label it with the hour of the day."""
    return f"""\
(
  avg_over_time({average})
  / {_DAYS_AVERAGE}
  * on () group_left (hour) count_values("hour", hour())
){look_back("", "14d", step="1h")}"""


# Eight hours, since a single one scatters more than most patterns are deep.
_HOURS = _against_the_day(look_back(_SOME_WAIT, "8h", step="10m", offset="-4h"))

best_hour = label_panel(
    stat_panel(
        "Best hour",
        "none",
        "The hour of the day, in UTC, around which the wait is shortest: by the average of the eight hours "
        "around it, against the average of the day around it. Named only where the last 14 days agree: the "
        "median is at least 10 % below the day's average, and seven of eight days are below it. Else there "
        "is no pattern. Unknown until two weeks of waits are known. A wait of 0 does not count, since IonQ "
        "sends it for backends that are not available too.",
        table_query(
            f"""\
(
label_replace(
{indented(f"bottomk by (backend) (1, quantile_over_time(0.5, {_HOURS}) < 0.9)")}
{indented(f"and quantile_over_time(7/8, {_HOURS}) < 1")},
"hour", "$1:00 UTC", "hour", "(.+)")
or on (backend)
label_replace(max by (backend) ({WAIT}{{{_BACKEND}}} offset 13d), "hour", "no pattern", "", "")
)
and on (backend) {WAIT} offset 13d"""
        ),
    ),
    "hour",
)

characterization_age = (
    stat_panel(
        "Characterized",
        TIME_UNIT,
        "How long ago IonQ last characterized the backend: the age of the numbers about its gates.",
        instant_query(_or_does_not_apply(f"1000 * (time() - {latest(DATE, _BACKEND)})"), "ago"),
    )
    .mappings(_DOES_NOT_APPLY)
    .decimals(1)
)

availability = (
    stat_panel(
        "Available",
        "percentunit",
        "For which part of the last day, 7 and 30 days the backend took jobs from its queue, of the time in "
        "which its status was known; before its retirement, where it has retired since. Known is how much "
        "of the 30 days that was: Prometheus keeps 15 days unless told otherwise.",
        *(
            instant_query(
                f"avg_over_time(({in_service(available(_BACKEND))}){look_back('', window)})", window
            )
            for window in ("1d", "7d", "30d")
        ),
        instant_query(
            f"count_over_time({look_back(available(_BACKEND), '30d')}) / (30 * 24 * 12)", "known of 30d"
        ),
        colours=thresholds((0, VERMILION), (0.9, AMBER), (0.97, BLUE)),
        text=BigValueTextMode.VALUE_AND_NAME,
    )
    .decimals(1)
    .override_by_name("known of 30d", [setting("thresholds", thresholds().build()), setting("decimals", 0)])
)

degraded_share = stat_panel(
    "Degraded",
    "percentunit",
    "For which part of the last day, 7 and 30 days IonQ called the backend degraded, of the time in which "
    "that was known.",
    *(
        instant_query(f"avg_over_time({look_back(_DEGRADED, window)})", window)
        for window in ("1d", "7d", "30d")
    ),
    text=BigValueTextMode.VALUE_AND_NAME,
).decimals(1)

_FIDELITY_LINK = [setting("links", [fidelity_link("$backend")])]

two_qubit_error = (
    stat_panel(
        "Two-qubit error",
        "percentunit",
        "How often a two-qubit gate fails: 1 minus the median fidelity in the latest characterization.",
        instant_query(_or_does_not_apply(latest_error("2q", _BACKEND)), "median"),
    )
    .mappings(_DOES_NOT_APPLY)
    .decimals(2)
    .override_by_field_type("number", _FIDELITY_LINK)
)

error_changes = (
    stat_panel(
        "Two-qubit error, change",
        "percentunit",
        "The median error of the last seven days against that of a week and four weeks before. Above 0 is "
        "worse (orange from 10 % on, red from 25 % on), below 0 better (blue from -10 % on).",
        instant_query(_or_does_not_apply(error_change("1w", _BACKEND)), "in a week"),
        instant_query(_or_does_not_apply(error_change("4w", _BACKEND)), "in four weeks"),
        colours=thresholds((-1, BLUE), (-0.1, "text"), (0.1, ORANGE), (0.25, VERMILION), base="text"),
        text=BigValueTextMode.VALUE_AND_NAME,
    )
    .color_mode(BigValueColorMode.VALUE)
    .mappings(_DOES_NOT_APPLY)
    .decimals(1)
    .override_by_field_type("number", _FIDELITY_LINK)
)

energy = (
    stat_panel(
        "Energy or power",
        "none",
        "IonQ's field kw, as sent. IonQ's API reference calls it energy used, in kilowatt-hours; its user "
        "manual average power, in kilowatts.",
        instant_query(_or_does_not_apply(f"max by (backend) (ionq_backend_energy_kwh{{{_BACKEND}}})"), "kw"),
    )
    .mappings(_DOES_NOT_APPLY)
    .decimals(2)
)

state = state_timeline(
    "Status",
    "IonQ's API (whatever part of a step it did not respond), the status that IonQ reports, and whether it "
    "calls the backend degraded. A gap in the lower two means that nothing was known, or that the backend "
    "is retired.",
    (*STATUSES, API_DOWN, API_UP, AS_SPECIFIED, DEGRADED),
    api_status_over_time(),
    range_query(status_number(_BACKEND), "status"),
    range_query(f"{AS_SPECIFIED.number} + {_DEGRADED}", "performance"),
)


def _band(quantile: float) -> str:
    return f"quantile_over_time({quantile}, {look_back(_WAIT, '1d')})"


wait_and_band = (
    wait_graph(
        "Wait, and the band of its last day",
        "What IonQ gives as the average time in the queue. Eight of ten waits of the 24 hours before each "
        "point lie in the band.",
        (wait_in_service(_BACKEND), "wait"),
        (_band(0.9), "high of the day"),
        (_band(0.1), "low of the day"),
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

wait_against_last_week = (
    wait_graph(
        "Wait against a week before",
        "The wait, the wait at the same hour a week before, and the usual one: the median of the seven days "
        "before each point.",
        (wait_in_service(_BACKEND), "wait"),
        (wait(_BACKEND, offset="1w"), "a week before"),
        (_USUAL_WAIT, "usual"),
    )
    .override_by_name("wait", [fixed_colour(BLUE)])
    .override_by_name("a week before", [fixed_colour(PURPLE), setting("custom.lineWidth", 1)])
    .override_by_name(
        "usual",
        [fixed_colour(ORANGE), setting("custom.lineStyle", {"fill": "dash", "dash": [10, 10]})],
    )
)

_EACH_HOUR = _against_the_day(look_back(_SOME_WAIT, "1h", offset="-1h"))

wait_by_hour = (
    barchart.Panel()
    .title("Wait by hour of the day (UTC)")
    .description(
        "How much shorter or longer the wait is in each hour than the average of the day around it: the "
        "median of the last 14 days, whatever time range is chosen. The days may differ: Best hour says "
        "whether they agree."
    )
    .unit("percentunit")
    .decimals(0)
    .no_value(NO_DATA)
    .with_target(
        table_query(f'label_replace(quantile_over_time(0.5, {_EACH_HOUR}) - 1, "hour", "0$1", "hour", "(.)")')
    )
    .transformations(
        [
            transformation("sortBy", fields={}, sort=[{"field": "hour"}]),
            transformation(
                "organize",
                excludeByName={"Time": True, "backend": True},
                indexByName={"hour": 0, "Value": 1},
                renameByName={"hour": "Hour", "Value": "Against the average"},
            ),
        ]
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

_SEEN = look_back(f"timestamp(max by (characterization_id) ({_CHARACTERIZATION}))", "$__range")

characterizations = (
    table_panel(
        "Characterizations",
        "Which characterizations IonQ named in the time range, the newest first, from when until when.",
        {"characterization_id": "Characterization", "Value #B": "From", "Value #A": "Until"},
        table_query(f"1000 * max_over_time({_SEEN})"),
        table_query(f"1000 * min_over_time({_SEEN})"),
        sort=("-Value #A",),
        empty="None is known",
    )
    .override_by_name("Characterization", [setting("custom.minWidth", 290)])
    .override_by_regexp("From|Until", [setting("unit", "dateTimeAsIso"), setting("custom.width", 160)])
)

DASHBOARD = Dashboard(
    uid="ionq-backend",
    title="IonQ / Backend",
    description="One of IonQ's backends: how reliable it is, when its queue is short, and what changed.",
    time_from="now-7d",
    variables=(variables.data_source(), variables.one_backend("qpu.forte-1")),
    annotations=(
        annotations.event(
            "Status",
            annotations.changes(f"{STATUS}{{{_BACKEND}}}", "status"),
            colour=BLUE,
            title="{{backend}}",
            text="is now {{status}}",
        ),
        annotations.event(
            "Characterization",
            annotations.changes(_CHARACTERIZATION, "characterization_id"),
            colour=PURPLE,
            title="New characterization",
            text="{{characterization_id}}",
        ),
        annotations.firing_alerts(f'alertname=~"IonQ.+", {_BACKEND}'),
        *annotations.status_page(SELECTED_OR_NONE),
    ),
    rows=(
        Row(
            4,
            ((status_now, 6), (wait_now, 5), (wait_against_usual, 5), (best_hour, 5), (energy, 3)),
        ),
        Row(
            4,
            (
                (availability, 8),
                (degraded_share, 5),
                (two_qubit_error, 3),
                (error_changes, 5),
                (characterization_age, 3),
            ),
        ),
        Row(6, ((state, 24),)),
        Row(10, ((wait_and_band, 12), (wait_by_hour, 12))),
        Row(10, ((wait_against_last_week, 12), (characterizations, 12))),
    ),
)
