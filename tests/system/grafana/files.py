"""What the repository holds for Grafana, read once."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.repository import ROOT

GRAFANA = ROOT / "grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))

Json = dict[str, Any]


@dataclass(frozen=True)
class Query:
    """A piece of PromQL and where it stands."""

    dashboard: str
    place: str
    expression: str
    is_range: bool

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.place}"


@dataclass(frozen=True)
class Dashboard:
    """A dashboard as its file has it."""

    uid: str
    json: Json

    @property
    def panels(self) -> list[Json]:
        return [panel for panel in self.json["panels"] if panel["type"] != "row"]

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


DASHBOARDS = [Dashboard(path.stem, json.loads(path.read_text("utf-8"))) for path in FILES]
QUERIES = [query for dashboard in DASHBOARDS for query in dashboard.queries]
