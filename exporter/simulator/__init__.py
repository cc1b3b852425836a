"""A stand-in for IonQ's API: a simulated fleet, its history, and a fire drill."""

from exporter.simulator.characterizations import Characterizations, Span
from exporter.simulator.clock import Clock, simulated_clock, utc_now
from exporter.simulator.drill import Drill
from exporter.simulator.faults import FAULTS, Fault
from exporter.simulator.fleet import Fleet, Row
from exporter.simulator.server import Log, Simulator, run_simulator

__all__ = [
    "FAULTS",
    "Characterizations",
    "Clock",
    "Drill",
    "Fault",
    "Fleet",
    "Log",
    "Row",
    "Simulator",
    "Span",
    "run_simulator",
    "simulated_clock",
    "utc_now",
]
