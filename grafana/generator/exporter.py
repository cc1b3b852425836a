"""The exporters themselves: do they run, does IonQ answer them, and what do they refuse."""

from collections.abc import Mapping

from grafana_foundation_sdk.builders import common, timeseries
from grafana_foundation_sdk.models.common import BigValueTextMode, GraphDrawStyle, StackingMode

from grafana.generator import controls
from grafana.generator.answers import ionq_api
from grafana.generator.page import Page, Row
from grafana.generator.panels import (
    big_number,
    fixed_colour,
    graph,
    grid,
    joined,
    levels,
    now,
    over_time,
    rows,
    setting,
    timeline,
)
from grafana.generator.promql import EXPORTERS
from grafana.generator.states import (
    AMBER,
    ANSWERS,
    BLUE,
    DOWN,
    GREEN,
    ORANGE,
    PURPLE,
    SILENT,
    SKY,
    VERMILION,
)

_UP = f"max by (instance) (up{{{EXPORTERS}}})"


def _per_minute(metric: str, label: str) -> str:
    return f"60 * sum by ({label}) (rate({metric}{{{EXPORTERS}}}[$__rate_interval]))"


def _worst(metric: str) -> str:
    return f"max by (instance) (min_over_time({metric}{{{EXPORTERS}}}[$__rate_interval]))"


def _in(window: str, metric: str, label: str) -> str:
    return f"sum by ({label}) (increase({metric}{{{EXPORTERS}}}[{window}]))"


def _longest(metric: str) -> str:
    return f"max by (instance) (max_over_time({metric}{{{EXPORTERS}}}[$__rate_interval]))"


running = big_number(
    "Exporters running",
    "none",
    "How many of the selected exporters answered their last scrape, of those that Prometheus knows.",
    now(f"sum({_UP})", "up"),
    now(f"count({_UP})", "known"),
    text=BigValueTextMode.VALUE_AND_NAME,
    empty="none known",
)

api = ionq_api()

succeeded = big_number(
    "Succeeded",
    "percentunit",
    "The share of scrapes in the time range that read IonQ's list of backends, of those that an exporter "
    "answered.",
    now(f"avg(avg_over_time(ionq_up{{{EXPORTERS}}}[$__range]))", "succeeded"),
    thresholds=levels((0, VERMILION), (0.95, AMBER), (0.99, GREEN)),
    empty="no exporter",
).decimals(2)

slowest = big_number(
    "Slowest",
    "s",
    "The longest that a scrape waited for IonQ in the time range. A scrape gives up after 10 s, unless "
    "--ionq.timeout or Prometheus's scrape_timeout say otherwise.",
    now(f"max(max_over_time(ionq_scrape_duration_seconds{{{EXPORTERS}}}[$__range]))", "slowest"),
    thresholds=levels((0, GREEN), (5, AMBER), (9, VERMILION)),
    empty="no exporter",
)

rejected_now = big_number(
    "Rejected, 1 h",
    "none",
    "How many values of IonQ's answers were not valid in the last hour, as the exporter counted that saw "
    "most.",
    now(
        f"max(sum by (instance) (increase(ionq_exporter_rejected_values_total{{{EXPORTERS}}}[1h])))",
        "rejected",
    ),
    thresholds=levels((0, GREEN), (1, AMBER)),
    empty="no exporter",
).decimals(0)

state = timeline(
    "State of each exporter",
    "Whether Prometheus reached the exporter, and the exporter IonQ: the worst of each step, so that minutes "
    "show among weeks. A gap means that Prometheus did not even try.",
    (DOWN, SILENT, ANSWERS),
    over_time(
        f"{DOWN.number} + ({_worst('up')} == 0)\nor on (instance) {SILENT.number} + {_worst('ionq_up')}",
        "{{instance}}",
    ),
)

duration = (
    graph(
        "Scrape duration",
        "s",
        "The longest scrape of each step: how long the exporter waited for IonQ, and with the way between "
        "exporter and Prometheus. The dashed line is the timeout of 10 s that both have unless told "
        "otherwise.",
        over_time(
            _longest("ionq_scrape_duration_seconds"),
            "{{instance}}: waited for IonQ",
        ),
        over_time(
            _longest("scrape_duration_seconds"),
            "{{instance}}: whole scrape",
        ),
        marks=(10,),
        calcs=("lastNotNull", "mean", "max"),
    )
    .min(0)
    .axis_soft_max(11)
)

requests = graph(
    "Requests to IonQ",
    "reqpm",
    "How many requests each exporter sends to IonQ in a minute, retries included: one for each scrape, "
    "however many Prometheus servers scrape at once.",
    over_time(_per_minute("ionq_exporter_api_requests_total", "instance"), "{{instance}}"),
    calcs=("lastNotNull", "mean", "max"),
)


def _stacked(
    title: str, description: str, counted: str, label: str, colours: Mapping[str, str]
) -> timeseries.Panel:
    panel = (
        graph(
            title,
            "none",
            description,
            over_time(f"{counted} > 0", f"{{{{{label}}}}}"),
            # Without it, good news would look like no news.
            over_time(f"0 * max({_UP})", "none"),
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


_REASONS = {
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
    "of the metric ionq_exporter_api_failures_total.",
    _per_minute("ionq_exporter_api_failures_total", "reason"),
    "reason",
    _REASONS,
)

rejected = _stacked(
    "Rejected values a minute, by field",
    "Values in a minute, of all selected exporters, that were not valid; the field is IonQ's name. Each "
    "costs its own sample and no other. Those of a characterization (record) count once, when it is read.",
    _per_minute("ionq_exporter_rejected_values_total", "field"),
    "field",
    {"average_queue_time": BLUE, "status": VERMILION, "degraded": ORANGE, "kw": GREEN, "qubits": PURPLE},
)

record_requests = graph(
    "Characterization requests, 24 h",
    "none",
    "How many of each exporter's requests in the day before were for characterizations: one for each that is "
    "new, and more while such a read fails. Those of its first scrape are not among them.",
    over_time(_in("1d", "ionq_exporter_characterization_requests_total", "instance"), "{{instance}}"),
    calcs=("lastNotNull", "max"),
).decimals(0)

record_failures = _stacked(
    "Failed reads of characterizations an hour, by reason",
    "Reads of a characterization that failed in the hour before, of all selected exporters, by the reasons "
    "of the metric ionq_exporter_characterization_failures_total. They are tried again after a minute, later "
    "after an hour, and cost only what the new characterization would say.",
    _in("1h", "ionq_exporter_characterization_failures_total", "reason"),
    "reason",
    _REASONS,
).decimals(0)


def _total(what: str, metric: str, label: str = "reason") -> str:
    counted = f"round({_in('$__range', metric, label)}) > 0"
    by_reason = (
        counted if label == "reason" else f'label_replace({counted}, "reason", "$1", "{label}", "(.+)")'
    )
    return f'label_replace({by_reason}, "what", "{what}", "", "")'


totals = (
    grid(
        "What went wrong in the time range",
        "How many scrapes and reads of characterizations failed, and how many values were rejected, in the "
        "whole time range and of all selected exporters: the totals of the three graphs.",
        rows(
            "\nor ".join(
                (
                    _total("failed scrapes", "ionq_exporter_api_failures_total"),
                    _total(
                        "failed reads of characterizations",
                        "ionq_exporter_characterization_failures_total",
                    ),
                    _total("rejected values", "ionq_exporter_rejected_values_total", "field"),
                    f'on () label_replace(0 * max({_UP}), "what", "nothing", "", "")',
                )
            )
        ),
        transformations=joined(
            {"what": "What", "reason": "Reason or field", "Value": "Times"},
            sort="Value",
            descending=True,
            hidden=("field",),
        ),
        empty="No exporter is scraped",
    )
    .override_by_name("What", [setting("custom.width", 230)])
    .override_by_name("Reason or field", [setting("custom.minWidth", 110)])
    .override_by_name("Times", [setting("custom.width", 80)])
)

memory = graph(
    "Memory",
    "bytes",
    "The memory that each exporter's process occupies (resident set).",
    over_time(f"max by (instance) (process_resident_memory_bytes{{{EXPORTERS}}})", "{{instance}}"),
    calcs=("lastNotNull", "max"),
).min(0)

cpu = graph(
    "CPU",
    "percentunit",
    "The share of one core that each exporter uses.",
    over_time(
        f"max by (instance) (rate(process_cpu_seconds_total{{{EXPORTERS}}}[$__rate_interval]))",
        "{{instance}}",
    ),
    calcs=("mean", "max"),
).min(0)

versions = grid(
    "Versions",
    "Which version each exporter runs, the commit that it was built from, its Python, and since when it "
    "runs.",
    rows(f"max by (instance, version, revision, python_version) (ionq_exporter_build_info{{{EXPORTERS}}})"),
    rows(f"1000 * max by (instance) (process_start_time_seconds{{{EXPORTERS}}})"),
    transformations=joined(
        {
            "instance": "Exporter",
            "version": "Version",
            "revision": "Revision",
            "python_version": "Python",
            "Value #B": "Runs since",
        },
        sort="instance",
        hidden=("Value #A",),
    ),
    empty="No exporter is scraped",
).override_by_name("Runs since", [setting("unit", "dateTimeAsIso")])

PAGE = Page(
    uid="ionq-exporter",
    title="IonQ / Exporter",
    description="The exporters themselves: do they run, does IonQ answer them, and what do they refuse.",
    time_from="now-24h",
    variables=(controls.data_source(), controls.job(), controls.instance()),
    annotations=(
        controls.event(
            "Restarts",
            f"max by (instance) (process_start_time_seconds{{{EXPORTERS}}})\n"
            f"> on (instance) max by (instance) "
            f"(last_over_time(process_start_time_seconds{{{EXPORTERS}}}[1d] offset $__interval))",
            colour=BLUE,
            title="{{instance}}",
            text="was restarted",
        ),
        controls.alerts(
            'alertstate="firing", '
            'alertname=~"IonQ(Exporter|Scrapes|Rate|Values|Characterization|Textfile).+"',
            VERMILION,
        ),
    ),
    rows=(
        Row("", 4, ((running, 5), (api, 5), (succeeded, 5), (slowest, 4), (rejected_now, 5))),
        Row("", 6, ((state, 24),)),
        Row("", 10, ((duration, 12), (requests, 12))),
        Row("", 9, ((failures, 12), (rejected, 12))),
        Row("", 9, ((record_failures, 12), (totals, 12))),
        Row("", 8, ((record_requests, 8), (memory, 8), (cpu, 8))),
        Row("", 5, ((versions, 24),)),
    ),
)
