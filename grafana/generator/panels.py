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
    ScaleDistribution,
    SortOrder,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardLink,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    ValueMap,
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
    by_number,
)

SILENCE = (
    "Nothing is known: IonQ does not answer, no exporter is scraped, the machine is retired, or IonQ gives "
    "no such number for it"
)
"""What a panel says instead of a value. Never zero."""

SOLID = {"type": "color-background", "mode": "basic"}
"""A cell of a table with the colour of its value behind it."""

# Only colours: a machine that is not named here gets one of Grafana's.
_COLOURS = {
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


class _Panel(Protocol):
    def title(self, title: str) -> Self: ...
    def description(self, description: str) -> Self: ...
    def unit(self, unit: str) -> Self: ...
    def no_value(self, no_value: str) -> Self: ...
    def with_target(self, target: prometheus.Dataquery) -> Self: ...


_P = TypeVar("_P", bound=_Panel)


def over_time(expression: str, legend: str) -> prometheus.Dataquery:
    """Ask for values over the whole time range, not closer than a minute, whatever the scrape interval."""
    return prometheus.Dataquery().expr(expression).legend_format(legend).interval("1m").range()


def now(expression: str, legend: str) -> prometheus.Dataquery:
    """Ask for the values at the end of the time range."""
    return prometheus.Dataquery().expr(expression).legend_format(legend).instant()


def rows(expression: str) -> prometheus.Dataquery:
    """Ask for the labels and values at the end of the time range as a table."""
    return prometheus.Dataquery().expr(expression).instant().format(PromQueryFormat.TABLE)


def levels(*further: tuple[float, str], base: str = GREY) -> builders.ThresholdsConfig:
    """Colour values from each of these numbers on; without any value it is the base's colour."""
    thresholds = [Threshold(value=None, color=base), *(Threshold(value=at, color=to) for at, to in further)]
    return builders.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(thresholds)


def setting(name: str, value: Any) -> DynamicConfigValue:
    """Write one property of an override."""
    return DynamicConfigValue(id_val=name, value=value)


def fixed_colour(colour: str) -> DynamicConfigValue:
    """Override a colour."""
    return setting("color", {"mode": "fixed", "fixedColor": colour})


def transformation(name: str, **options: Any) -> DataTransformerConfig:
    """Write one transformation."""
    return DataTransformerConfig(id_val=name, options=options)


def joined(
    columns: Mapping[str, str], *, sort: str, descending: bool = False, hidden: Sequence[str] = ()
) -> tuple[DataTransformerConfig, ...]:
    """Make one table of one or several, with columns in the order of their new names."""
    order = {"field": sort, "desc": True} if descending else {"field": sort}
    return (
        transformation("merge"),
        transformation("sortBy", fields={}, sort=[order]),
        transformation(
            "organize",
            excludeByName=dict.fromkeys(("Time", *hidden), True),
            indexByName={name: index for index, name in enumerate(columns)},
            renameByName=dict(columns),
        ),
    )


def link(title: str, url: str) -> DashboardLink:
    """Link from a value to elsewhere."""
    return DashboardLink(title=title, url=url)


def _begin(
    panel: _P, title: str, unit: str, description: str, queries: Sequence[prometheus.Dataquery], *, empty: str
) -> _P:
    panel = panel.title(title).description(description).unit(unit).no_value(empty)
    for query in queries:
        panel = panel.with_target(query)
    return panel


def big_number(
    title: str,
    unit: str,
    description: str,
    *queries: prometheus.Dataquery,
    thresholds: builders.ThresholdsConfig | None = None,
    states: Sequence[State] = (),
    text: BigValueTextMode = BigValueTextMode.VALUE,
    empty: str = "unknown",
) -> stat.Panel:
    """Show values as large as they fit: plain, or on a colour that says how good they are."""
    plain = thresholds is None and not states
    panel = _begin(stat.Panel(), title, unit, description, queries, empty=empty)
    return (
        panel.mappings(list(by_number(states)))
        .thresholds(thresholds or levels(base="text" if plain else GREY))
        .color_mode(BigValueColorMode.NONE if plain else BigValueColorMode.BACKGROUND_SOLID)
        .color_scheme(builders.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .graph_mode(BigValueGraphMode.NONE)
        .text_mode(text)
        .wide_layout(wide_layout=False)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False))
    )


def label_as_number(panel: stat.Panel, label: str, mappings: Sequence[ValueMap] = ()) -> stat.Panel:
    """Show a label of the panel's table in place of a number."""
    reduced = common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False).fields(f"/^{label}$/")
    return panel.mappings(list(mappings)).reduce_options(reduced)


def graph(
    title: str,
    unit: str,
    description: str,
    *queries: prometheus.Dataquery,
    calcs: Sequence[str] = ("lastNotNull", "min", "max"),
    marks: Sequence[float] = (),
    empty: str = SILENCE,
) -> timeseries.Panel:
    """Draw lines, with gaps where nothing is known, and dashed lines at what is marked."""
    panel = _begin(timeseries.Panel(), title, unit, description, queries, empty=empty)
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
    if marks:
        panel = panel.thresholds(levels(*((mark, GREY) for mark in marks), base="transparent"))
        panel = panel.thresholds_style(
            common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
        )
    for name, colour in _COLOURS.items():
        panel = panel.override_by_regexp(f"^{name}(, .+)?$", [fixed_colour(colour)])
    return panel


def logarithmic(
    panel: timeseries.Panel, label: str, *, base: int = 10, has_grid: bool = False
) -> timeseries.Panel:
    """Make small and large readable in one graph; a grid would have ten lines between powers of ten."""
    return panel.scale_distribution(
        common.ScaleDistributionConfig().type(ScaleDistribution.LOG).log(base)
    ).override_by_field_type(
        "number", [setting("custom.axisLabel", label), setting("custom.axisGridShow", value=has_grid)]
    )


def timeline(
    title: str,
    description: str,
    states: Sequence[State],
    *queries: prometheus.Dataquery,
) -> statetimeline.Panel:
    """Draw a bar of coloured states for each series."""
    panel = _begin(statetimeline.Panel(), title, "none", description, queries, empty=SILENCE)
    return (
        panel.mappings(list(by_number(reversed(states))))
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


def grid(
    title: str,
    description: str,
    *queries: prometheus.Dataquery,
    transformations: Sequence[DataTransformerConfig],
    empty: str = SILENCE,
) -> table.Panel:
    """Show labels and values in rows."""
    panel = _begin(table.Panel(), title, "none", description, queries, empty=empty)
    for one in transformations:
        panel = panel.with_transformation(one)
    # The message is for a table without rows; a cell without a value says less.
    return panel.thresholds(levels(base="transparent")).override_by_regexp(".*", [setting("noValue", "-")])


def bars(
    title: str, unit: str, description: str, colour: str, *queries: prometheus.Dataquery
) -> bargauge.Panel:
    """Show one horizontal bar for each series, with its value at the end of the range."""
    # It cuts a longer text off.
    panel = _begin(bargauge.Panel(), title, unit, description, queries, empty="unknown")
    return (
        panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False))
        .color_scheme(builders.FieldColor().mode(FieldColorModeId.FIXED).fixed_color(colour))
        .orientation(VizOrientation.HORIZONTAL)
        .display_mode(BarGaugeDisplayMode.BASIC)
        .value_mode(BarGaugeValueMode.TEXT)
    )
