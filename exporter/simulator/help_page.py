"""The help page at the simulator's root."""

from collections.abc import Mapping

from exporter.simulator.faults.table import Fault
from exporter.simulator.http.messages import HTTPResponse

_TEXT = """\
This is a simulator of IonQ's API. None of its data is about a real backend.

  curl {base}/v0.4/backends
  curl {base}/v0.4/backends -H 'Authorization: apiKey any'    # one backend more
  curl '{base}/v0.4/backends/qpu.forte-1/characterizations?limit=1'
  curl {base}/api/v2/summary.json                            # the status page

DRILL

Override fields of one backend, or of all backends that match a pattern:

  curl {base}/drill -d '{{"backend": "qpu.forte-1", "status": "unavailable"}}'
  curl {base}/drill -d '{{"backend": "qpu.*", "status": "unavailable", "for": "10m"}}'
  curl {base}/drill -d '{{"backend": "qpu.forte-1", "average_queue_time": 5000000000, "degraded": true}}'
  curl {base}/drill -d '{{"backend": "qpu.forte-1", "kw": null}}'      # leave a field out
  curl {base}/drill -d '{{"backend": "qpu.forte-1", "gone": true}}'    # leave the backend out

Report an incident on the status page. Its backends are unavailable if the impact is "major" (the default)
or "critical", and the status is "investigating" (the default) or "identified", not "monitoring":

  curl {base}/drill -d '{{"incident": "Laser fault", "backend": "qpu.forte-1", "impact": "critical"}}'
  curl {base}/drill -d '{{"incident": "Slow API", "impact": "minor", "for": "10m"}}'    # no backend: the API

Announce a maintenance. Its backends are unavailable from its start to its end, which is later than announced
if it "overruns". The times are simulated ones. The same text again changes it:

  curl {base}/drill -d '{{"maintenance": "Cooling", "backend": "qpu.forte-1", "in": "2m", "lasts": "5m"}}'
  curl {base}/drill -d '{{"maintenance": "Lasers", "backend": "qpu.*", "lasts": "1m", "overruns": "1h"}}'

Inject a fault into the API, or into one endpoint ("backends", "characterizations" or "status"). The status
page has another host at IonQ, so only a fault for "status" affects it:

  curl {base}/drill -d '{{"fault": "http_503", "for": "5m"}}'
  curl {base}/drill -d '{{"fault": "hang", "endpoint": "status"}}'

List what is active, and end all of it:

  curl {base}/drill
  curl {base}/drill -X DELETE

FAULTS

{faults}
"""


def help_page(host: str, faults: Mapping[str, Fault]) -> HTTPResponse:
    """Return the help, with commands for a client that reaches the simulator as `host`."""
    width = max(map(len, faults))
    lines = [f"  {name:{width}}  {fault.description}" for name, fault in faults.items()]
    text = _TEXT.format(base=f"http://{host}", faults="\n".join(lines))
    return HTTPResponse(200, text.encode(), "text/plain; charset=utf-8")
