"""A dashboard: what it consists of, and how that becomes JSON in Grafana's classic schema."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    AnnotationQuery,
    Dashboard,
    DashboardCursorSync,
    DashboardLink,
    DashboardLinkType,
    DataSourceRef,
    GridPos,
    Panel,
    RowPanel,
    VariableModel,
)

from grafana.generator.links import to_others

REPOSITORY = "https://github.com/ionq-exporter/ionq-exporter"
RUNBOOKS = f"{REPOSITORY}/blob/main/deploy/runbooks"
STATUS_PAGE = "https://status.ionq.co"
TAG = "ionq"

DATA_SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")

_COLUMNS = 24


@dataclass(frozen=True, slots=True)
class Row:
    """A row of panels with their widths, under a heading or, without a title, at the top."""

    title: str
    height: int
    panels: Sequence[tuple[Builder[Panel], int]]


@dataclass(frozen=True, slots=True)
class Page:
    """A dashboard before it is laid out."""

    uid: str
    title: str
    description: str
    time_from: str
    variables: Sequence[Builder[VariableModel]]
    annotations: Sequence[AnnotationQuery]
    rows: Sequence[Row]

    def build(self) -> Dashboard:
        """Lay it out."""
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
            .links(list(_links(self.uid)))
            .build()
        )
        board.annotations.list_val = list(self.annotations)
        board.panels = list(_lay_out(self.rows))
        return board


def to_json(page: Page) -> str:
    """Write a dashboard as its file holds it."""
    return json.dumps(page.build(), cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"


def _lay_out(rows: Iterable[Row]) -> Iterable[Panel | RowPanel]:
    number = y = 0
    for row in rows:
        if row.title:
            number += 1
            yield RowPanel(title=row.title, id_val=number, grid_pos=GridPos(x=0, y=y, w=_COLUMNS, h=1))
            y += 1
        x = 0
        for builder, width in row.panels:
            number += 1
            panel = builder.build()
            panel.id_val = number
            panel.datasource = DATA_SOURCE
            panel.grid_pos = GridPos(x=x, y=y, w=width, h=row.height)
            for letter, target in zip(ascii_uppercase, panel.targets or (), strict=False):
                target.ref_id = letter  # type: ignore[attr-defined]  # a union of all data sources' queries
                target.datasource = DATA_SOURCE  # type: ignore[attr-defined]
            x += width
            yield panel
        if x != _COLUMNS:
            raise ValueError(f"the row {row.title!r} is {x} columns wide, not {_COLUMNS}")
        y += row.height


def _links(uid: str) -> Iterable[Builder[DashboardLink]]:
    yield from to_others(uid)
    for title, icon, url in (
        ("Runbooks", "doc", f"{RUNBOOKS}/README.md"),
        ("IonQ's status page", "external link", STATUS_PAGE),
    ):
        yield (
            builders.DashboardLink(title)
            .type(DashboardLinkType.LINK)
            .icon(icon)
            .url(url)
            .target_blank(target_blank=True)
        )
