"""Backends that tests begin from."""

from typing import Any

from exporter.records.backends import Backend
from exporter.records.characterizations import Characterization, CharacterizedBackend

FORTE = Backend(
    name="qpu.forte-1",
    location="College Park, MD, USA",
    status="available",
    qubits=36,
    average_queue_time_seconds=1_533_413.0,
    energy_kwh=4902.81,
    degraded=False,
    last_updated_timestamp_seconds=1_750_032_000.0,
    characterization_id="617a1f8b-59d4-435d-aa33-695433d7155e",
    has_access=True,
)
SIMULATOR = Backend(name="simulator", status="available", qubits=29, average_queue_time_seconds=0.0)

RECORD = Characterization(
    id="617a1f8b-59d4-435d-aa33-695433d7155e",
    timestamp_seconds=1_750_032_000.0,
    qubits=36,
    connected_pairs=3,
    fidelity={"spam": 0.9962, "1q": 0.9998, "2q": 0.995},
    fidelity_standard_error={"spam": 0.0003, "1q": 0.0, "2q": 0.0001},
    duration_seconds={"1q": 0.00013, "2q": 0.00097, "readout": 0.00015, "reset": 0.00005},
    t1_seconds=100.0,
    t2_seconds=1.0,
)
CHARACTERIZED_FORTE = CharacterizedBackend(FORTE.name, FORTE.location, RECORD.id, RECORD)


def qpu(name: str, status: str | None = "available", wait: float | None = None, **fields: Any) -> Backend:
    """Return a QPU with a queue time in seconds."""
    return Backend(f"qpu.{name}", status=status, average_queue_time_seconds=wait, **fields)
