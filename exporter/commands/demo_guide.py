"""What ``demo`` tells a newcomer on the terminal."""

_GUIDE = """\
A simulated fleet, and the exporter that watches it. No network is needed; Ctrl+C ends both.

  Metrics     {exporter}{telemetry_path}
  Page        {exporter}/
  IonQ's API  {simulator}/v0.4/backends

Rehearse an outage (GET {simulator}/ lists all faults):

  curl -d '{{"backend": "qpu.forte-1", "status": "unavailable", "for": "5m"}}' {simulator}/drill
  curl -d '{{"fault": "http_500", "for": "5m"}}' {simulator}/drill
  curl -X DELETE {simulator}/drill
"""


def demo_guide(exporter_url: str, telemetry_path: str, simulator_url: str) -> str:
    """Return where to look, and what to try."""
    return _GUIDE.format(exporter=exporter_url, telemetry_path=telemetry_path, simulator=simulator_url)
