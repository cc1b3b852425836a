"""Writes the dashboards: ``make dashboards``."""

from pathlib import Path

from grafana.generator import DASHBOARDS

FOLDER = Path(__file__).parents[1] / "dashboards"

for dashboard in DASHBOARDS:
    (FOLDER / f"{dashboard.uid}.json").write_text(dashboard.to_json(), "utf-8")
