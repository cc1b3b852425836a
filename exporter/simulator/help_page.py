"""The page of help at the simulator's root."""

from collections.abc import Mapping

from exporter.simulator.faults import Fault
from exporter.simulator.messages import Response

_TEXT = """\
This is a simulator of IonQ's API: nothing that it says is about a real machine.

  curl {base}/v0.4/backends
  curl {base}/v0.4/backends -H 'Authorization: apiKey any'    # one machine more
  curl {base}/v0.4/backends/qpu.forte-1/characterizations?limit=1

The fire drill: force a state on one backend, or on all that a pattern matches,

  curl {base}/drill -d '{{"backend": "qpu.forte-1", "status": "unavailable"}}'
  curl {base}/drill -d '{{"backend": "qpu.*", "status": "unavailable", "for": "10m"}}'
  curl {base}/drill -d '{{"backend": "qpu.forte-1", "average_queue_time": 5000000000, "degraded": true}}'
  curl {base}/drill -d '{{"backend": "qpu.forte-1", "kw": null}}'      # leave a field out
  curl {base}/drill -d '{{"backend": "qpu.forte-1", "gone": true}}'    # leave the backend out

or a fault on the API (on one endpoint with "endpoint": "backends" or "characterizations"),

  curl {base}/drill -d '{{"fault": "http_503", "for": "5m"}}'

see what is in force, and end it all:

  curl {base}/drill
  curl {base}/drill -X DELETE

The faults:

{faults}
"""


def guide(host: str, faults: Mapping[str, Fault]) -> Response:
    """Write the help for a client that reached the simulator as `host`."""
    width = max(map(len, faults))
    lines = [f"  {name:{width}}  {fault.description}" for name, fault in faults.items()]
    text = _TEXT.format(base=f"http://{host}", faults="\n".join(lines))
    return Response(200, text.encode(), "text/plain; charset=utf-8")
