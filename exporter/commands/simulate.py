"""``ionq-exporter simulate``: a stand-in for IonQ's API."""

import contextlib
from typing import Any

import click
from structlog.typing import FilteringBoundLogger

from exporter import __version__
from exporter.commands.options import LOG_FLAGS, SIMULATOR_FLAGS, Command, flags
from exporter.commands.signals import StoppedError, StopSignals
from exporter.commands.startup import Values, listen, start_log
from exporter.common import event_loop
from exporter.server.sockets import url_of
from exporter.simulator import Fleet, Simulator, run_simulator, simulated_clock


@click.command(name="simulate", cls=Command)
@flags(*SIMULATOR_FLAGS, *LOG_FLAGS)
def command(**values: Any) -> int:
    """Simulate IonQ's API and its failures.

    POST /drill sets the state of a backend or a fault of the API. GET / explains it.
    """
    stop_signals = StopSignals()
    sockets = listen("--simulator.listen-address", [values["simulator_listen_address"]])
    logger = start_log(values)
    simulator = new_simulator(values, logger)
    logger.info("simulator_started", version=__version__, url=url_of(sockets[0]), speed=values["speed"])

    async def run() -> None:
        with stop_signals.cancelling():
            await simulator.start(sockets=sockets)
            await run_simulator(simulator)

    with contextlib.suppress(StoppedError):
        event_loop.run(run())
    logger.info("simulator_stopped")
    return 0


def new_simulator(values: Values, logger: FilteringBoundLogger) -> Simulator:
    """Return a simulator that does not listen yet."""
    return Simulator(Fleet(values["seed"]), clock=simulated_clock(values["speed"]), log=logger.debug)
