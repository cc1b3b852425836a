"""The text that ``demo`` prints."""

_GUIDE = """\
A simulated fleet and the exporter that reads it. No network is needed. Ctrl+C stops both.

The page: each backend, its status and its queue
  {exporter}/

The metrics, as Prometheus scrapes them. The queue of qpu.forte-enterprise-3 changes every minute
  curl -s {exporter}{telemetry_path} | grep queue_time

A query for a Prometheus that scrapes them: the available QPU with the shortest queue
  bottomk(1, ionq_backend_average_queue_time_seconds{{backend=~"qpu[.].+"}}
    and on (backend) ionq_backend_status{{status="available"}} == 1)

IonQ's side: qpu.forte-enterprise-2 is degraded, and maintenance of qpu.forte-1 begins in 6 hours
  {simulator}/v0.4/backends
  {simulator}/api/v2/summary.json

The drill: lose a backend, break the API, end both. {simulator}/ shows more
  curl -d '{{"backend": "qpu.forte-1", "status": "unavailable", "for": "5m"}}' {simulator}/drill
  curl -d '{{"fault": "http_500", "for": "5m"}}' {simulator}/drill
  curl -X DELETE {simulator}/drill
"""


def demo_guide(exporter_url: str, telemetry_path: str, simulator_url: str) -> str:
    """Return where to look, and what to try."""
    return _GUIDE.format(exporter=exporter_url, telemetry_path=telemetry_path, simulator=simulator_url)
