"""Which metric comes from which field of IonQ's answers, and the families that they yield.

Pure: backends and their characterizations in, metric families out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from exporter.records.backends import KNOWN_STATUSES, Backend
from exporter.records.characterizations import Characterization, CharacterizedBackend

BACKEND_LABELS = ("backend", "location")

Samples = Iterable[tuple[tuple[str, ...], float]]
"""Pairs of the further label values, and the value."""


class _Labelled(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def location(self) -> str: ...


Source = TypeVar("Source", bound=_Labelled)


@dataclass(frozen=True, slots=True)
class BackendMetric(Generic[Source]):
    """One gauge of each backend, from what is known of it."""

    name: str
    field: str
    help: str
    samples: Callable[[Source], Samples]
    unit: str = ""
    further_labels: tuple[str, ...] = ()

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels of each sample, in order."""
        return BACKEND_LABELS + self.further_labels


def _value(number: float | None) -> Samples:
    return () if number is None else (((), float(number)),)


def _status_set(backend: Backend) -> Samples:
    if backend.status is None:
        return
    for status in dict.fromkeys((*KNOWN_STATUSES, backend.status)):
        yield (status,), float(status == backend.status)


def _characterization(backend: Backend) -> Samples:
    return () if backend.characterization_id is None else (((backend.characterization_id,), 1.0),)


BACKEND_METRICS: tuple[BackendMetric[Backend], ...] = (
    BackendMetric(
        name="ionq_backend_qubits",
        field="qubits",
        help="Number of qubits available, IonQ's field qubits (a count upstream).",
        samples=lambda backend: _value(backend.qubits),
    ),
    BackendMetric(
        name="ionq_backend_average_queue_time_seconds",
        field="average_queue_time",
        help="Current wait in the queue in seconds, IonQ's field average_queue_time (milliseconds upstream).",
        samples=lambda backend: _value(backend.average_queue_time_seconds),
        unit="seconds",
    ),
    BackendMetric(
        name="ionq_backend_energy_kwh",
        field="kw",
        help=(
            "Energy used, in kilowatt-hours, IonQ's field kw as sent. IonQ's API page says kilowatt-hours, "
            "its user manual average kilowatts; not known to be monotonic."
        ),
        samples=lambda backend: _value(backend.energy_kwh),
        unit="kwh",
    ),
    BackendMetric(
        name="ionq_backend_degraded",
        field="degraded",
        help=(
            "Whether the backend performs below its specification, 1 or 0, IonQ's field degraded (a boolean "
            "upstream)."
        ),
        samples=lambda backend: _value(backend.degraded),
    ),
    BackendMetric(
        name="ionq_backend_status",
        field="status",
        help="Status of the backend, IonQ's field status: 1 for the state that it is in, 0 for the others.",
        samples=_status_set,
        further_labels=("status",),
    ),
    BackendMetric(
        name="ionq_backend_last_updated_timestamp_seconds",
        field="last_updated",
        help=(
            "When the backend's status or characterization was last updated, in seconds since the epoch, "
            "IonQ's field last_updated (ISO 8601 upstream). Hours or days ago is normal."
        ),
        samples=lambda backend: _value(backend.last_updated_timestamp_seconds),
        unit="seconds",
    ),
    BackendMetric(
        name="ionq_backend_characterization_info",
        field="characterization_id",
        help="The characterization in force, IonQ's field characterization_id (a UUID): always 1.",
        samples=_characterization,
        further_labels=("characterization_id",),
    ),
)


def _record_value(
    read: Callable[[Characterization], float | None],
) -> Callable[[CharacterizedBackend], Samples]:
    return lambda backend: () if backend.record is None else _value(read(backend.record))


def _record_values(
    read: Callable[[Characterization], Mapping[str, float]],
) -> Callable[[CharacterizedBackend], Samples]:
    return lambda backend: (
        ()
        if backend.record is None
        else [((key,), float(value)) for key, value in read(backend.record).items()]
    )


RECORD_METRICS: tuple[BackendMetric[CharacterizedBackend], ...] = (
    BackendMetric(
        name="ionq_backend_fidelity_ratio",
        field="fidelity.*.median",
        help=(
            "Median fidelity of an operation, from 0 to 1, fidelity.*.median of IonQ's characterization (a "
            "ratio upstream): spam is state preparation and measurement, 1q and 2q are gates."
        ),
        samples=_record_values(lambda record: record.fidelity),
        unit="ratio",
        further_labels=("operation",),
    ),
    BackendMetric(
        name="ionq_backend_fidelity_standard_error_ratio",
        field="fidelity.*.stderr",
        help=(
            "Standard error of that median, fidelity.*.stderr of IonQ's characterization (a ratio upstream), "
            "as sent: 0 may mean that it was not estimated."
        ),
        samples=_record_values(lambda record: record.fidelity_standard_error),
        unit="ratio",
        further_labels=("operation",),
    ),
    BackendMetric(
        name="ionq_backend_operation_duration_seconds",
        field="timing.*",
        help=(
            "How long an operation takes, in seconds, timing.1q, .2q, .readout and .reset of IonQ's "
            "characterization (seconds upstream)."
        ),
        samples=_record_values(lambda record: record.duration_seconds),
        unit="seconds",
        further_labels=("operation",),
    ),
    BackendMetric(
        name="ionq_backend_t1_seconds",
        field="timing.t1",
        help="Relaxation time T1 in seconds, timing.t1 of IonQ's characterization (seconds upstream).",
        samples=_record_value(lambda record: record.t1_seconds),
        unit="seconds",
    ),
    BackendMetric(
        name="ionq_backend_t2_seconds",
        field="timing.t2",
        help="Dephasing time T2 in seconds, timing.t2 of IonQ's characterization (seconds upstream).",
        samples=_record_value(lambda record: record.t2_seconds),
        unit="seconds",
    ),
    BackendMetric(
        name="ionq_backend_connected_qubit_pairs",
        field="connectivity",
        help=(
            "Number of pairs of qubits that a gate can join, connectivity of IonQ's characterization (a list "
            "of pairs upstream)."
        ),
        samples=_record_value(lambda record: record.connected_pairs),
    ),
    BackendMetric(
        name="ionq_backend_characterized_qubits",
        field="qubits",
        help="Number of qubits characterized, qubits of IonQ's characterization (a count upstream).",
        samples=_record_value(lambda record: record.qubits),
    ),
    BackendMetric(
        name="ionq_backend_characterization_timestamp_seconds",
        field="date",
        help=(
            "When the backend was characterized, in seconds since the epoch, date of IonQ's characterization "
            "(ISO 8601 upstream)."
        ),
        samples=_record_value(lambda record: record.timestamp_seconds),
        unit="seconds",
    ),
    BackendMetric(
        name="ionq_backend_characterization_record_info",
        field="id",
        help="The characterization that fidelities and times are from, its id (a UUID): always 1.",
        samples=lambda backend: () if backend.record is None else (((backend.record.id,), 1.0),),
        further_labels=("characterization_id",),
    ),
)
"""What a characterization says, at whatever time it was in force."""

CHARACTERIZATION_METRICS: tuple[BackendMetric[CharacterizedBackend], ...] = (
    *RECORD_METRICS,
    BackendMetric(
        name="ionq_backend_characterization_current",
        field="characterization_id",
        help=(
            "Whether fidelities and times are from the characterization that /backends names, 1; or 0, from "
            "one before it or another, or not known yet."
        ),
        samples=lambda backend: _value(backend.is_current),
    ),
)


class BackendCollector(Collector, Generic[Source]):
    """Metric families of a list of backends, such as these samples.

    ::

        ionq_backend_qubits{backend="qpu.forte-1",location="College Park, MD, USA"} 36.0
        ionq_backend_degraded{backend="qpu.forte-1",location="College Park, MD, USA"} 0.0
        ionq_backend_status{backend="qpu.forte-1",location="College Park, MD, USA",status="available"} 1.0

    or, of their characterizations,

    ::

        ionq_backend_fidelity_ratio{backend="qpu.tempo-1",location="Bothell, WA, USA",operation="2q"} 0.998
    """

    def __init__(self, metrics: Sequence[BackendMetric[Source]], backends: Iterable[Source]) -> None:
        self._metrics = metrics
        self._backends = tuple(backends)

    def collect(self) -> Iterator[Metric]:
        """Yield the families that have at least one sample."""
        for metric in self._metrics:
            family = GaugeMetricFamily(metric.name, metric.help, labels=metric.label_names, unit=metric.unit)
            for backend in self._backends:
                for further_values, value in metric.samples(backend):
                    family.add_metric((backend.name, backend.location, *further_values), value)
            if family.samples:
                yield family
