"""The dashboards as their files hold them, read once."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GRAFANA = Path(__file__).parents[2] / "grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))

Json = dict[str, Any]


@dataclass(frozen=True)
class Query:
    """A piece of PromQL and its place."""

    dashboard: str
    place: str
    expression: str
    is_range: bool

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.place}"


@dataclass(frozen=True)
class Dashboard:
    """A dashboard as its file holds it."""

    uid: str
    json: Json

    @property
    def panels(self) -> list[Json]:
        """All panels, those in collapsed rows too."""
        return [
            panel
            for one in self.json["panels"]
            for panel in (one["panels"] if one["type"] == "row" else [one])
        ]

    @property
    def variables(self) -> list[Json]:
        variables: list[Json] = self.json["templating"]["list"]
        return variables

    @property
    def annotations(self) -> list[Json]:
        annotations: list[Json] = self.json["annotations"]["list"]
        return annotations

    @property
    def queries(self) -> Iterator[Query]:
        for panel in self.panels:
            for target in panel["targets"]:
                place = f"{panel['title']} {target['refId']}"
                yield Query(self.uid, place, target["expr"], bool(target["range"]))
        for annotation in self.annotations:
            yield Query(self.uid, f"annotation {annotation['name']}", annotation["expr"], is_range=True)

    def panel(self, title: str) -> Json:
        """Find a panel by its title, in which only what follows a colon may be left out."""
        (found,) = (panel for panel in self.panels if panel["title"].partition(":")[0] == title)
        return found


DASHBOARDS = [Dashboard(path.stem, json.loads(path.read_text("utf-8"))) for path in FILES]
QUERIES = [query for dashboard in DASHBOARDS for query in dashboard.queries]
BACKEND, EXPORTER, FIDELITY, FLEET = DASHBOARDS
