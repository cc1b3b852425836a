"""The exporters themselves: do they run, does IonQ respond, and what do they reject."""

from collections.abc import Mapping

from grafana_foundation_sdk.builders import common, timeseries
from grafana_foundation_sdk.models.common import BigValueTextMode, GraphDrawStyle, StackingMode

from grafana.generator import annotations, variables
from grafana.generator.api_status import api_status
from grafana.generator.dashboard import Collapsed, Dashboard, Row
from grafana.generator.panels import (
    fixed_colour,
    graph,
    instant_query,
    range_query,
    setting,
    stat_panel,
    state_timeline,
    table_panel,
    table_query,
    thresholds,
)
from grafana.generator.states import (
    AMBER,
    API_UP,
    BLUE,
    EXPORTER_DOWN,
    GREEN,
    IONQ_DOWN,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
)

_EXPORTERS = 'job=~"$job", instance=~"$instance"'
_UP = f"max by (instance) (up{{{_EXPORTERS}}})"
_FAILURES = "ionq_exporter_api_failures_total"
_REJECTIONS = "ionq_exporter_rejected_values_total"
_CHARACTERIZATION_FAILURES = "ionq_exporter_characterization_failures_total"


def _per_minute(metric: str, label: str) -> str:
    return f"60 * sum by ({label}) (rate({metric}{{{_EXPORTERS}}}[$__rate_interval]))"


def _increase(metric: str, label: str, window: str) -> str:
    return f"sum by ({label}) (increase({metric}{{{_EXPORTERS}}}[{window}]))"


def _of_step(function: str, metric: str) -> str:
    return f"max by (instance) ({function}({metric}{{{_EXPORTERS}}}[$__rate_interval]))"


running = stat_panel(
    "Exporters running",
    "none",
    "How many of the selected exporters responded to their last scrape, of those that Prometheus knows.",
    instant_query(f"sum({_UP})", "up"),
    instant_query(f"count({_UP})", "known"),
    text=BigValueTextMode.VALUE_AND_NAME,
    empty="none known",
)

succeeded = stat_panel(
    "Scrapes that succeeded",
    "percentunit",
    "The share of scrapes in the time range that read IonQ's list of backends, of those that an exporter "
    "answered.",
    instant_query(f"avg(avg_over_time(ionq_up{{{_EXPORTERS}}}[$__range]))", "succeeded"),
    colours=thresholds((0, VERMILION), (0.95, AMBER), (0.99, GREEN)),
    empty="no exporter",
).decimals(2)

slowest = stat_panel(
    "Slowest scrape",
    "s",
    "The longest that a scrape waited for IonQ in the time range. A scrape gives up after 10 s, unless "
    "--ionq.timeout or Prometheus's scrape_timeout say otherwise.",
    instant_query(f"max(max_over_time(ionq_scrape_duration_seconds{{{_EXPORTERS}}}[$__range]))", "slowest"),
    colours=thresholds((0, GREEN), (5, AMBER), (9, VERMILION)),
    empty="no exporter",
)

rejected_values = stat_panel(
    "Rejected values",
    "none",
    "How many of IonQ's values were not valid in the time range, by the exporter that counted most. What "
    "went wrong, below, names the fields.",
    instant_query(f"max({_increase(_REJECTIONS, 'instance', '$__range')})", "rejected"),
    colours=thresholds((0, GREEN), (1, AMBER)),
    empty="no exporter",
).decimals(0)

state = state_timeline(
    "State of each exporter",
    "Whether Prometheus reached the exporter, and the exporter IonQ: the worst of each step, so that a "
    "weeks-long timeline shows minutes. A gap means that Prometheus did not even try.",
    (EXPORTER_DOWN, IONQ_DOWN, API_UP),
    range_query(
        f"{EXPORTER_DOWN.number} + ({_of_step('min_over_time', 'up')} == 0)\n"
        f"or on (instance) {IONQ_DOWN.number} + {_of_step('min_over_time', 'ionq_up')}",
        "{{instance}}",
    ),
)

duration = graph(
    "Scrape duration",
    "s",
    "The longest scrape of each step: how long the exporter waited for IonQ, and the whole scrape as "
    "Prometheus saw it.",
    range_query(_of_step("max_over_time", "ionq_scrape_duration_seconds"), "{{instance}}: waited for IonQ"),
    range_query(_of_step("max_over_time", "scrape_duration_seconds"), "{{instance}}: whole scrape"),
    calcs=("lastNotNull", "mean", "max"),
).min(0)

requests = graph(
    "Requests to IonQ",
    "reqpm",
    "How many requests each exporter sends to IonQ in a minute, retries included: one for each scrape, "
    "however many Prometheus servers scrape at once.",
    range_query(_per_minute("ionq_exporter_api_requests_total", "instance"), "{{instance}}"),
    calcs=("lastNotNull", "mean", "max"),
).min(0)


def _stacked(
    title: str, description: str, count: str, label: str, colours: Mapping[str, str]
) -> timeseries.Panel:
    panel = (
        graph(
            title,
            "none",
            description,
            range_query(f"{count} > 0", f"{{{{{label}}}}}"),
            # Without failures it shows 0 instead of no data, and it keeps a single bar as narrow as a step.
            range_query(f"0 * max({_UP})", "none"),
            calcs=("max",),
        )
        .draw_style(GraphDrawStyle.BARS)
        .line_width(0)
        .fill_opacity(85)
        .stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
        .min(0)
        .axis_soft_max(1)
    )
    for name, colour in colours.items():
        panel = panel.override_by_name(name, [fixed_colour(colour)])
    return panel


_REASON_COLOURS = {
    "http_status": VERMILION,
    "timeout": ORANGE,
    "rate_limited": PURPLE,
    "connect": BLUE,
    "tls": SKY,
    "protocol": GREEN,
}

failures = _stacked(
    "Failed scrapes a minute, by reason",
    "Scrapes in a minute, of all selected exporters, that did not read IonQ's list. The reasons are those "
    f"of the metric {_FAILURES}.",
    _per_minute(_FAILURES, "reason"),
    "reason",
    _REASON_COLOURS,
)

rejections = _stacked(
    "Rejected values a minute, by field",
    "Values in a minute, of all selected exporters, that were not valid; the field is IonQ's name. Each "
    "costs its own sample and no other. Those of a characterization count once, when it is read.",
    _per_minute(_REJECTIONS, "field"),
    "field",
    {"average_queue_time": BLUE, "status": VERMILION, "degraded": ORANGE, "kw": GREEN, "qubits": PURPLE},
)

characterization_failures = _stacked(
    "Failed reads of characterizations an hour, by reason",
    "Reads of a characterization that failed in the hour before, of all selected exporters, by the reasons "
    f"of the metric {_CHARACTERIZATION_FAILURES}. They cost only what the new characterization would say.",
    _increase(_CHARACTERIZATION_FAILURES, "reason", "1h"),
    "reason",
    _REASON_COLOURS,
).decimals(0)


def _total(what: str, metric: str, label: str) -> str:
    count = f"round({_increase(metric, label, '$__range')})"
    return f'label_replace(\n  {count} > 0,\n  "what", "{what}", "", ""\n)'


totals = (
    table_panel(
        "Totals of the time range",
        "How many scrapes and reads of characterizations failed, and how many values were rejected, in the "
        "whole time range and of all selected exporters.",
        {"what": "What", "reason": "Reason", "field": "Field", "Value": "Times"},
        table_query(
            "\nor ".join(
                (
                    _total("failed scrapes", _FAILURES, "reason"),
                    _total("failed reads of characterizations", _CHARACTERIZATION_FAILURES, "reason"),
                    _total("rejected values", _REJECTIONS, "field"),
                )
            )
        ),
        sort=("-Value",),
        empty="Nothing went wrong, or no exporter is scraped",
    )
    .override_by_name("What", [setting("custom.minWidth", 230)])
    .override_by_regexp("Reason|Field", [setting("custom.width", 130)])
    .override_by_name("Times", [setting("custom.width", 80)])
)

characterization_requests = graph(
    "Characterization requests, 24 h",
    "none",
    "How many of each exporter's requests in the day before were for characterizations: one for each that is "
    "new, and more while such a read fails. Those of its first scrape are not among them.",
    range_query(_increase("ionq_exporter_characterization_requests_total", "instance", "1d"), "{{instance}}"),
    calcs=("lastNotNull", "max"),
).decimals(0)

memory = graph(
    "Memory",
    "bytes",
    "The memory that each exporter's process occupies (resident set).",
    range_query(f"max by (instance) (process_resident_memory_bytes{{{_EXPORTERS}}})", "{{instance}}"),
    calcs=("lastNotNull", "max"),
).min(0)

cpu = graph(
    "CPU",
    "percentunit",
    "The share of one core that each exporter uses.",
    range_query(
        f"max by (instance) (rate(process_cpu_seconds_total{{{_EXPORTERS}}}[$__rate_interval]))",
        "{{instance}}",
    ),
    calcs=("mean", "max"),
).min(0)

versions = table_panel(
    "Versions",
    "Which version each exporter runs, the commit that it was built from, its Python, and since when it "
    "runs.",
    {
        "instance": "Exporter",
        "version": "Version",
        "revision": "Revision",
        "python_version": "Python",
        "Value #B": "Runs since",
        "Value #A": "",
    },
    table_query(
        f"max by (instance, version, revision, python_version) (ionq_exporter_build_info{{{_EXPORTERS}}})"
    ),
    table_query(f"1000 * max by (instance) (process_start_time_seconds{{{_EXPORTERS}}})"),
    sort=("instance",),
    empty="No exporter is scraped",
).override_by_name("Runs since", [setting("unit", "dateTimeAsIso")])

_START = f"max by (instance) (process_start_time_seconds{{{_EXPORTERS}}})"
_EARLIER_START = (
    f"max by (instance) (last_over_time(process_start_time_seconds{{{_EXPORTERS}}}[1d] offset $__interval))"
)

DASHBOARD = Dashboard(
    uid="ionq-exporter",
    title="IonQ / Exporter",
    description="The exporters themselves: do they run, does IonQ respond, and what do they reject.",
    time_from="now-24h",
    variables=(variables.data_source(), variables.job(), variables.instance()),
    annotations=(
        annotations.event(
            "Restarts",
            f"{_START}\n> on (instance) {_EARLIER_START}",
            colour=BLUE,
            title="{{instance}}",
            text="was restarted",
        ),
        annotations.firing_alerts(
            'alertname=~"IonQ(Exporter|Scrapes|Rate|Values|Characterization|Textfile).+"'
        ),
        *annotations.status_page(""),
    ),
    rows=(
        Row(
            4,
            (
                (running, 5),
                (api_status(_EXPORTERS), 4),
                (succeeded, 5),
                (slowest, 5),
                (rejected_values, 5),
            ),
        ),
        Row(6, ((state, 24),)),
        Row(10, ((duration, 12), (requests, 12))),
        Collapsed(
            "What went wrong",
            (
                Row(9, ((failures, 12), (rejections, 12))),
                Row(9, ((characterization_failures, 12), (totals, 12))),
            ),
        ),
        Collapsed(
            "Process",
            (
                Row(8, ((characterization_requests, 8), (memory, 8), (cpu, 8))),
                Row(5, ((versions, 24),)),
            ),
        ),
    ),
)
