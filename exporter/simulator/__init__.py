"""A stand-in for IonQ's API: a simulated fleet, its history, and a drill."""

from exporter.simulator.clock import Clock, simulated_clock, utc_now
from exporter.simulator.drill.requests import InjectFault
from exporter.simulator.faults.table import FAULTS
from exporter.simulator.fleet.backends import BackendFields, Fleet
from exporter.simulator.fleet.characterizations import Characterizations, Span
from exporter.simulator.fleet.incidents import Incident
from exporter.simulator.fleet.status_page import StatusPage
from exporter.simulator.server import Log, Simulator, run_simulator

__all__ = [
    "FAULTS",
    "BackendFields",
    "Characterizations",
    "Clock",
    "Fleet",
    "Incident",
    "InjectFault",
    "Log",
    "Simulator",
    "Span",
    "StatusPage",
    "run_simulator",
    "simulated_clock",
    "utc_now",
]
