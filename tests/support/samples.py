"""Backends that tests begin from."""

from exporter.backends import Backend

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
)
SIMULATOR = Backend(name="simulator", status="available", qubits=29, average_queue_time_seconds=0.0)
