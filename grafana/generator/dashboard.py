"""A dashboard: its parts, its layout, and its JSON in Grafana's classic schema."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    AnnotationQuery,
    DashboardCursorSync,
    GridPos,
    Panel,
    RowPanel,
    VariableModel,
)

from grafana.generator.links import dashboard_links
from grafana.generator.variables import DATA_SOURCE, DATA_SOURCE_INPUT

TAG = "ionq"

_COLUMNS = 24
_OLDEST_GRAFANA = "10.0.0"
_PANEL_NAMES = {
    "barchart": "Bar chart",
    "bargauge": "Bar gauge",
    "stat": "Stat",
    "state-timeline": "State timeline",
    "table": "Table",
    "timeseries": "Time series",
}


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side, each with its width."""

    height: int
    panels: Sequence[tuple[Builder[Panel], int]]


@dataclass(frozen=True, slots=True)
class Collapsed:
    """Rows behind a heading. They load when the heading is clicked."""

    title: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard before it is laid out."""

    uid: str
    title: str
    description: str
    time_from: str
    variables: Sequence[Builder[VariableModel]]
    annotations: Sequence[AnnotationQuery]
    rows: Sequence[Row | Collapsed]

    def to_json(self) -> str:
        """Return the dashboard as its file holds it."""
        panels = list(_laid_out(self.rows))
        board = (
            builders.Dashboard(self.title)
            .uid(self.uid)
            .description(self.description)
            .tags([TAG])
            .editable()
            .tooltip(DashboardCursorSync.CROSSHAIR)
            .refresh("1m")
            .time(self.time_from, "now")
            .variables(list(self.variables))
            .links(list(dashboard_links(self.uid)))
            .build()
        )
        board.annotations.list_val = list(self.annotations)
        board.panels = panels
        document = {"__inputs": [DATA_SOURCE_INPUT], "__requires": _requirements(panels)} | board.to_json()
        return json.dumps(document, cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"


def _requirements(panels: Iterable[Panel | RowPanel]) -> list[dict[str, Any]]:
    types = {panel.type_val for panel in _flattened(panels)} - {"row"}
    return [
        {"type": "grafana", "id": "grafana", "name": "Grafana", "version": _OLDEST_GRAFANA},
        {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"},
        *({"type": "panel", "id": one, "name": _PANEL_NAMES[one], "version": ""} for one in sorted(types)),
    ]


def _flattened(panels: Iterable[Panel | RowPanel]) -> Iterator[Panel | RowPanel]:
    for panel in panels:
        yield panel
        if isinstance(panel, RowPanel):
            yield from panel.panels


def _laid_out(rows: Iterable[Row | Collapsed]) -> Iterator[Panel | RowPanel]:
    """Place panels from top to bottom, and number them."""
    number = y = 0
    for row in rows:
        if isinstance(row, Row):
            panels = _side_by_side(row, y=y, first_id=number + 1)
            yield from panels
            number += len(panels)
            y += row.height
            continue
        number += 1
        heading = RowPanel(
            collapsed=True, title=row.title, id_val=number, grid_pos=GridPos(x=0, y=y, w=_COLUMNS, h=1)
        )
        y += 1
        inner = y
        for one in row.rows:
            panels = _side_by_side(one, y=inner, first_id=number + 1)
            heading.panels += panels
            number += len(panels)
            inner += one.height
        yield heading


def _side_by_side(row: Row, *, y: int, first_id: int) -> list[Panel]:
    x = 0
    panels = []
    for number, (builder, width) in enumerate(row.panels, first_id):
        panel = builder.build()
        panel.id_val = number
        panel.datasource = DATA_SOURCE
        panel.grid_pos = GridPos(x=x, y=y, w=width, h=row.height)
        for letter, target in zip(ascii_uppercase, panel.targets or (), strict=False):
            target.ref_id = letter  # type: ignore[attr-defined]  # a union of all data sources' queries
            target.datasource = DATA_SOURCE  # type: ignore[attr-defined]
        x += width
        panels.append(panel)
    if x != _COLUMNS:
        raise ValueError(f"a row is {x} columns wide, not {_COLUMNS}")
    return panels
