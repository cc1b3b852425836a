"""Panels as this project draws them, over the library's builders."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self, TypeVar

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BarGaugeValueMode,
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    LineInterpolation,
    ScaleDistribution,
    SortOrder,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    ValueMapping,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.generator.states import (
    BLUE,
    GREEN,
    GREY,
    OLIVE,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    State,
    number_mappings,
    status_mappings,
)

NO_DATA = (
    "Nothing is known: IonQ does not respond, no exporter is scraped, the backend is retired, or IonQ gives "
    "no such number for it"
)
"""What a panel says instead of a value. Never zero."""

COLOURED_CELL = {"type": "color-background", "mode": "basic"}
"""A table cell with the colour of its value behind it."""

TIME_UNIT = "ms"
"""Grafana writes milliseconds as minutes, hours and days; seconds also as weeks."""

# A backend without an entry gets one of Grafana's colours.
_BACKEND_COLOURS = {
    r"qpu\.forte-1": BLUE,
    r"qpu\.forte-enterprise-1": ORANGE,
    r"qpu\.forte-enterprise-2": GREEN,
    r"qpu\.forte-enterprise-3": PURPLE,
    r"qpu\.tempo-1": SKY,
    "simulator": GREY,
    # Retired, but part of the history.
    r"qpu\.harmony": GREY,
    r"qpu\.aria-1": VERMILION,
    r"qpu\.aria-2": OLIVE,
}

# A logarithmic axis in days has its ticks at powers of two.
_DAYS = {
    -11: "42 s",
    -10: "1.4 min",
    -9: "3 min",
    -8: "6 min",
    -7: "11 min",
    -6: "22 min",
    -5: "45 min",
    -4: "1.5 h",
    -3: "3 h",
    -2: "6 h",
    -1: "12 h",
    **{power: f"{2**power} d" for power in range(8)},
}
_MARKS = (1 / 24, 6 / 24, 1, 7)


class _Panel(Protocol):
    def title(self, title: str) -> Self: ...
    def description(self, description: str) -> Self: ...
    def unit(self, unit: str) -> Self: ...
    def no_value(self, no_value: str) -> Self: ...
    def with_target(self, target: prometheus.Dataquery) -> Self: ...


_P = TypeVar("_P", bound=_Panel)


def range_query(expression: str, legend: str) -> prometheus.Dataquery:
    """Query values over the time range, at most one a minute."""
    return prometheus.Dataquery().expr(expression).legend_format(legend).interval("1m").range()


def instant_query(expression: str, legend: str) -> prometheus.Dataquery:
    """Query the values at the end of the time range."""
    return prometheus.Dataquery().expr(expression).legend_format(legend).instant()


def table_query(expression: str) -> prometheus.Dataquery:
    """Query the labels and values at the end of the time range as a table."""
    return prometheus.Dataquery().expr(expression).instant().format(PromQueryFormat.TABLE)


def thresholds(*steps: tuple[float, str], base: str = GREY) -> builders.ThresholdsConfig:
    """Colour values from each of these numbers on. The base is the colour below them, and of no value."""
    colours = [Threshold(value=None, color=base), *(Threshold(value=at, color=to) for at, to in steps)]
    return builders.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(colours)


def setting(name: str, value: Any) -> DynamicConfigValue:
    """Set one property in an override."""
    return DynamicConfigValue(id_val=name, value=value)


def fixed_colour(colour: str) -> DynamicConfigValue:
    """Set a colour in an override."""
    return setting("color", {"mode": "fixed", "fixedColor": colour})


def status_column() -> list[DynamicConfigValue]:
    """Show a status whole, on its colour."""
    return [
        setting("mappings", status_mappings()),
        # Grafana 12 moved the wrapping of text out of the cell's options.
        setting("custom.cellOptions", COLOURED_CELL | {"wrapText": True}),
        setting("custom.wrapText", value=True),
    ]


def transformation(name: str, **options: Any) -> DataTransformerConfig:
    """Transform the results of a panel's queries."""
    return DataTransformerConfig(id_val=name, options=options)


def _panel(
    panel: _P, title: str, unit: str, description: str, queries: Sequence[prometheus.Dataquery], *, empty: str
) -> _P:
    panel = panel.title(title).description(description).unit(unit).no_value(empty)
    for query in queries:
        panel = panel.with_target(query)
    return panel


def stat_panel(
    title: str,
    unit: str,
    description: str,
    *queries: prometheus.Dataquery,
    colours: builders.ThresholdsConfig | None = None,
    states: Sequence[State] = (),
    text: BigValueTextMode = BigValueTextMode.VALUE,
    empty: str = "unknown",
) -> stat.Panel:
    """Show values as large as they fit: plain, or on a colour that says how good they are."""
    plain = colours is None and not states
    panel = _panel(stat.Panel(), title, unit, description, queries, empty=empty)
    return (
        panel.mappings(list(number_mappings(*states)) if states else [])
        .thresholds(colours or thresholds(base="text" if plain else GREY))
        .color_mode(BigValueColorMode.NONE if plain else BigValueColorMode.BACKGROUND_SOLID)
        .color_scheme(builders.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .graph_mode(BigValueGraphMode.NONE)
        .text_mode(text)
        .wide_layout(wide_layout=False)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False))
    )


def label_panel(panel: stat.Panel, label: str, mappings: Sequence[ValueMapping] = ()) -> stat.Panel:
    """Show a label of the panel's table query instead of its value."""
    reduced = common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False).fields(f"/^{label}$/")
    return panel.mappings(list(mappings)).reduce_options(reduced)


def graph(
    title: str,
    unit: str,
    description: str,
    *queries: prometheus.Dataquery,
    calcs: Sequence[str] = (),
    empty: str = NO_DATA,
) -> timeseries.Panel:
    """Draw lines, with gaps where nothing is known."""
    panel = _panel(timeseries.Panel(), title, unit, description, queries, empty=empty)
    panel = (
        panel.line_width(2)
        .fill_opacity(0)
        .show_points(VisibilityMode.NEVER)
        .span_nulls(span_nulls=False)
        .color_scheme(builders.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.TABLE if calcs else LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(show_legend=True)
            .calcs(list(calcs))
        )
    )
    for name, colour in _BACKEND_COLOURS.items():
        panel = panel.override_by_regexp(f"^{name}$", [fixed_colour(colour)])
    return panel


def wait_graph(title: str, description: str, *queries: tuple[str, str]) -> timeseries.Panel:
    """Draw queue times, given in seconds, on a logarithmic axis in days."""
    in_days = [
        range_query(f"clamp_min(({expression}) / 86400, 0.001)", legend) for expression, legend in queries
    ]
    panel = graph(title, "suffix: d", description, *in_days)
    return (
        panel.decimals(2)
        .mappings([*number_mappings(*(State(2.0**power, text, "") for power, text in _DAYS.items()))])
        .scale_distribution(common.ScaleDistributionConfig().type(ScaleDistribution.LOG).log(2))
        .thresholds(thresholds(*((mark, GREY) for mark in _MARKS), base="transparent"))
        .thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
        # On the number fields only, or the time axis has the label too.
        .override_by_field_type("number", [setting("custom.axisLabel", "dashed: 1 h, 6 h, 1 d, 1 w")])
    )


def history_graph(
    title: str, unit: str, description: str, query: prometheus.Dataquery, *, empty: str
) -> timeseries.Panel:
    """Draw values that hold until the next characterization."""
    panel = graph(title, unit, description, query, empty=empty)
    return panel.line_interpolation(LineInterpolation.STEP_AFTER).line_width(1)


def state_timeline(
    title: str,
    description: str,
    states: Sequence[State],
    *queries: prometheus.Dataquery,
    empty: str = NO_DATA,
) -> statetimeline.Panel:
    """Draw a bar of coloured states for each series."""
    panel = _panel(statetimeline.Panel(), title, "none", description, queries, empty=empty)
    return (
        panel.mappings(list(number_mappings(*reversed(states))) if states else [])
        .color_scheme(builders.FieldColor().mode(FieldColorModeId.FIXED).fixed_color(GREY))
        .fill_opacity(85)
        .line_width(0)
        .row_height(0.8)
        .merge_values(merge_values=True)
        .show_value(VisibilityMode.AUTO)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(show_legend=True)
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.SINGLE))
    )


def threshold_timeline(
    title: str,
    unit: str,
    description: str,
    colours: builders.ThresholdsConfig,
    *queries: prometheus.Dataquery,
    empty: str,
) -> statetimeline.Panel:
    """Draw a bar for each series whose colours say between which thresholds it is."""
    return (
        state_timeline(title, description, (), *queries, empty=empty)
        .unit(unit)
        .mappings([])
        .thresholds(colours)
        .color_scheme(builders.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .show_value(VisibilityMode.NEVER)
    )


def table_panel(
    title: str,
    description: str,
    columns: Mapping[str, str],
    *queries: prometheus.Dataquery,
    sort: Sequence[str],
    required: str = "",
    empty: str = NO_DATA,
) -> table.Panel:
    """Join queries into one table. Columns stand in the order of their names; those without one are hidden.

    `sort` names fields, the most important first; a minus means in descending order. Rows without the
    `required` field are left out.
    """
    panel = _panel(table.Panel(), title, "none", description, queries, empty=empty)
    panel = panel.with_transformation(transformation("merge"))
    if required:
        is_null = {"fieldName": required, "config": {"id": "isNull", "options": {}}}
        panel = panel.with_transformation(
            transformation("filterByValue", filters=[is_null], type="exclude", match="any")
        )
    # Grafana sorts by one field at a time, and keeps the order of rows that are equal.
    for field in reversed(sort):
        order = {"field": field.removeprefix("-"), "desc": field.startswith("-")}
        panel = panel.with_transformation(transformation("sortBy", fields={}, sort=[order]))
    shown = {field: name for field, name in columns.items() if name}
    if shown.get("Value #A"):
        # Grafana's name for it while no other query has a result, as on the first day.
        shown["Value"] = shown["Value #A"]
    hidden = ["Time", *(field for field, name in columns.items() if not name)]
    panel = panel.with_transformation(
        transformation(
            "organize",
            excludeByName=dict.fromkeys(hidden, True),
            indexByName={field: index for index, field in enumerate(shown)},
            renameByName=shown,
        )
    )
    # A message is for a table without rows; a cell without a value says less.
    return panel.thresholds(thresholds(base="transparent")).override_by_regexp(
        ".*", [setting("noValue", "-")]
    )


def bar_gauge(
    title: str, unit: str, description: str, colour: str, *queries: prometheus.Dataquery
) -> bargauge.Panel:
    """Show a horizontal bar for each series, with its value at the end of the range."""
    # It cuts off a longer text.
    panel = _panel(bargauge.Panel(), title, unit, description, queries, empty="unknown")
    return (
        panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False))
        .color_scheme(builders.FieldColor().mode(FieldColorModeId.FIXED).fixed_color(colour))
        .orientation(VizOrientation.HORIZONTAL)
        .display_mode(BarGaugeDisplayMode.BASIC)
        .value_mode(BarGaugeValueMode.TEXT)
    )
