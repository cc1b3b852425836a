"""Yields the dashboards beside this folder: what is asked, how it looks, and where it stands."""

from grafana.generator import backend, exporter, fidelity, fleet
from grafana.generator.page import to_json

DASHBOARDS = {page.uid: page for page in (fleet.PAGE, backend.PAGE, fidelity.PAGE, exporter.PAGE)}

__all__ = ["DASHBOARDS", "to_json"]
