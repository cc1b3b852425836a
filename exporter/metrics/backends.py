"""The metrics of each backend, from ``GET /backends``.

::

    ionq_backend_qubits{backend="qpu.forte-1",location="College Park, MD, USA"} 36.0
    ionq_backend_degraded{backend="qpu.forte-1",location="College Park, MD, USA"} 0.0
    ionq_backend_status{backend="qpu.forte-1",location="College Park, MD, USA",status="available"} 1.0
"""

from collections.abc import Mapping
from operator import attrgetter

from exporter.metrics.encoding import BackendFamily, state_set
from exporter.records.backends import KNOWN_STATUSES, Backend


def _read_status(backend: Backend) -> Mapping[str, float] | None:
    return None if backend.status is None else state_set(KNOWN_STATUSES, backend.status)


def _read_characterization_id(backend: Backend) -> Mapping[str, float] | None:
    return None if backend.characterization_id is None else {backend.characterization_id: 1.0}


BACKEND_FAMILIES: tuple[BackendFamily[Backend], ...] = (
    BackendFamily(
        name="ionq_backend_qubits",
        field="qubits",
        help="Number of qubits, IonQ's field qubits (a count upstream).",
        read=attrgetter("qubits"),
    ),
    BackendFamily(
        name="ionq_backend_average_queue_time_seconds",
        field="average_queue_time",
        help=(
            "Average wait in the queue in seconds, IonQ's field average_queue_time (milliseconds upstream). "
            "An unavailable backend may show 0."
        ),
        unit="seconds",
        read=attrgetter("average_queue_time_seconds"),
    ),
    BackendFamily(
        name="ionq_backend_energy_kwh",
        field="kw",
        help=(
            "IonQ's field kw as sent. IonQ's API page says energy in kilowatt-hours, its user manual average "
            "power in kilowatts, and recorded values look like power: take no rate or difference of it."
        ),
        unit="kwh",
        read=attrgetter("energy_kwh"),
    ),
    BackendFamily(
        name="ionq_backend_degraded",
        field="degraded",
        help=(
            "Whether IonQ marks the backend as degraded, 1 or 0, IonQ's field degraded (a boolean upstream)."
        ),
        read=attrgetter("degraded"),
    ),
    BackendFamily(
        name="ionq_backend_status",
        field="status",
        help="Status of the backend, IonQ's field status: 1 for its current state, 0 for the others.",
        label="status",
        read=_read_status,
    ),
    BackendFamily(
        name="ionq_backend_last_updated_timestamp_seconds",
        field="last_updated",
        help=(
            "When IonQ last updated its data of the backend, in seconds since the epoch, IonQ's field "
            "last_updated (ISO 8601 upstream). It may be the moment of the response."
        ),
        unit="seconds",
        read=attrgetter("last_updated_timestamp_seconds"),
    ),
    BackendFamily(
        name="ionq_backend_characterization_info",
        field="characterization_id",
        help="The current characterization, IonQ's field characterization_id (a UUID): always 1.",
        label="characterization_id",
        read=_read_characterization_id,
    ),
    BackendFamily(
        name="ionq_backend_has_access",
        field="has_access",
        help=(
            "Whether the API key has access to the backend, 1 or 0, IonQ's field has_access (a boolean "
            "upstream, seen in responses to requests with a key)."
        ),
        read=attrgetter("has_access"),
    ),
)
