"""Writes the dashboards: ``make dashboards``."""

from pathlib import Path

from grafana.generator import DASHBOARDS, to_json

FOLDER = Path(__file__).parents[1] / "dashboards"

for uid, page in DASHBOARDS.items():
    (FOLDER / f"{uid}.json").write_text(to_json(page), "utf-8")
