"""A stand-in for IonQ's API: a simulated fleet, its history, and a drill."""

from exporter.simulator.clock import Clock, simulated_clock, utc_now
from exporter.simulator.drill.requests import InjectFault
from exporter.simulator.faults.table import FAULTS
from exporter.simulator.fleet.backends import BackendFields, Fleet
from exporter.simulator.fleet.characterizations import Characterizations, Span
from exporter.simulator.server import Log, Simulator, run_simulator

__all__ = [
    "FAULTS",
    "BackendFields",
    "Characterizations",
    "Clock",
    "Fleet",
    "InjectFault",
    "Log",
    "Simulator",
    "Span",
    "run_simulator",
    "simulated_clock",
    "utc_now",
]
