"""``ionq-exporter demo``: the simulator and the exporter in one process."""

from typing import Any

import click

from exporter.commands.assembly import Exporter
from exporter.commands.options import LOG_FLAGS, READ_FLAGS, SIMULATOR_FLAGS, WEB_FLAGS, Command, flags
from exporter.commands.serve import serve_exporter
from exporter.commands.simulate import new_simulator
from exporter.commands.startup import ionq_settings, listen, start_log, web_settings
from exporter.common import event_loop
from exporter.server.sockets import url_of

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

The drill: lose a backend, break the API, end all changes, those of the demo too. {simulator}/ shows more
  curl -d '{{"backend": "qpu.forte-1", "status": "unavailable", "for": "5m"}}' {simulator}/drill
  curl -d '{{"fault": "http_500", "for": "5m"}}' {simulator}/drill
  curl -X DELETE {simulator}/drill
"""


@click.command(name="demo", cls=Command)
@flags(*WEB_FLAGS, *READ_FLAGS, *SIMULATOR_FLAGS, *LOG_FLAGS)
def command(**values: Any) -> int:
    """Serve metrics of a simulated fleet without a network."""
    web = web_settings(values)
    sockets = listen("--web.listen-address", web.listen_addresses)
    simulator_sockets = listen("--simulator.listen-address", [values["simulator_listen_address"]])
    simulator_url = url_of(simulator_sockets[0])
    ionq = ionq_settings(values, ionq_api_url=f"{simulator_url}/v0.4", ionq_status_url=simulator_url)
    logger = start_log(values)
    # The user's API key is not sent to the simulator.
    exporter = Exporter(ionq, lambda: None, logger)
    simulator = new_simulator(values, logger)
    simulator.begin_demo()

    async def run() -> None:
        await simulator.start(sockets=simulator_sockets)
        async with simulator:
            await serve_exporter(exporter, sockets, ionq, web, logger)

    click.echo(
        _GUIDE.format(exporter=url_of(sockets[0]), telemetry_path=web.telemetry_path, simulator=simulator_url)
    )
    event_loop.run(run())
    return 0
