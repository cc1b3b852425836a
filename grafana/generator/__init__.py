"""Grafana dashboards as code: queries, panels and layout. ``make dashboards`` writes them as JSON."""

from grafana.generator import backend, exporter, fidelity, fleet

DASHBOARDS = (fleet.DASHBOARD, backend.DASHBOARD, fidelity.DASHBOARD, exporter.DASHBOARD)

__all__ = ["DASHBOARDS"]
