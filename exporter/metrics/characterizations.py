"""The metrics of each backend's characterization, from ``GET /backends/{backend}/characterizations``.

::

    ionq_backend_fidelity_ratio{backend="qpu.tempo-1",location="Bothell, WA, USA",operation="2q"} 0.998
"""

from collections.abc import Callable, Mapping
from typing import Any

from exporter.metrics.encoding import BackendFamily
from exporter.records.characterizations import Characterization, CharacterizedBackend


def _read(
    value: Callable[[Characterization], Any],
) -> Callable[[CharacterizedBackend], Any]:
    return lambda backend: None if backend.characterization is None else value(backend.characterization)


def _read_id(characterization: Characterization) -> Mapping[str, float]:
    return {characterization.id: 1.0}


HISTORY_FAMILIES: tuple[BackendFamily[CharacterizedBackend], ...] = (
    BackendFamily(
        name="ionq_backend_fidelity_ratio",
        field="fidelity.*.median",
        help=(
            "Median fidelity of an operation, from 0 to 1, fidelity.*.median of IonQ's characterization (a "
            "ratio upstream): spam is state preparation and measurement, 1q and 2q are gates."
        ),
        unit="ratio",
        label="operation",
        read=_read(lambda characterization: characterization.fidelity),
    ),
    BackendFamily(
        name="ionq_backend_fidelity_standard_error_ratio",
        field="fidelity.*.stderr",
        help=(
            "Standard error of that median, fidelity.*.stderr of IonQ's characterization (a ratio upstream), "
            "as sent: 0 may mean that it was not estimated."
        ),
        unit="ratio",
        label="operation",
        read=_read(lambda characterization: characterization.fidelity_standard_error),
    ),
    BackendFamily(
        name="ionq_backend_operation_duration_seconds",
        field="timing.*",
        help=(
            "How long an operation takes, in seconds, timing.1q, .2q, .readout and .reset of IonQ's "
            "characterization (seconds upstream)."
        ),
        unit="seconds",
        label="operation",
        read=_read(lambda characterization: characterization.duration_seconds),
    ),
    BackendFamily(
        name="ionq_backend_t1_seconds",
        field="timing.t1",
        help="Relaxation time T1 in seconds, timing.t1 of IonQ's characterization (seconds upstream).",
        unit="seconds",
        read=_read(lambda characterization: characterization.t1_seconds),
    ),
    BackendFamily(
        name="ionq_backend_t2_seconds",
        field="timing.t2",
        help="Dephasing time T2 in seconds, timing.t2 of IonQ's characterization (seconds upstream).",
        unit="seconds",
        read=_read(lambda characterization: characterization.t2_seconds),
    ),
    BackendFamily(
        name="ionq_backend_connected_qubit_pairs",
        field="connectivity",
        help=(
            "Number of pairs of qubits that a gate can join, connectivity of IonQ's characterization (a list "
            "of pairs upstream)."
        ),
        read=_read(lambda characterization: characterization.connected_pairs),
    ),
    BackendFamily(
        name="ionq_backend_characterized_qubits",
        field="qubits",
        help="Number of qubits characterized, qubits of IonQ's characterization (a count upstream).",
        read=_read(lambda characterization: characterization.qubits),
    ),
    BackendFamily(
        name="ionq_backend_characterization_timestamp_seconds",
        field="date",
        help=(
            "When the backend was characterized, in seconds since the epoch, date of IonQ's characterization "
            "(ISO 8601 upstream)."
        ),
        unit="seconds",
        read=_read(lambda characterization: characterization.timestamp_seconds),
    ),
    BackendFamily(
        name="ionq_backend_characterization_record_info",
        field="id",
        help="The characterization that fidelities and times are from, its id (a UUID): always 1.",
        label="characterization_id",
        read=_read(_read_id),
    ),
)
"""What a characterization says, whenever it was current. A backfilled history has these metrics."""

CHARACTERIZATION_FAMILIES: tuple[BackendFamily[CharacterizedBackend], ...] = (
    *HISTORY_FAMILIES,
    BackendFamily(
        name="ionq_backend_characterization_current",
        field="characterization_id",
        help=(
            "Whether fidelities and times are from the characterization that /backends names, 1 or 0. It is "
            "0 while that one is not read, and older or no values are shown."
        ),
        read=lambda backend: float(backend.is_current),
    ),
)
