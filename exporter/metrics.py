"""Which metric comes from which field of IonQ's answer, and the families that a list of backends yields.

Pure: backends in, metric families out.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from exporter.backends import Backend

BACKEND_LABELS = ("backend", "location")
KNOWN_STATUSES = ("available", "unavailable", "retired")
"""The states that IonQ documents for v0.4; others are exported as they come."""

Samples = Iterable[tuple[tuple[str, ...], float]]
"""Pairs of the further label values, and the value."""


@dataclass(frozen=True, slots=True)
class BackendMetric:
    """One gauge of each backend."""

    name: str
    field: str
    help: str
    samples: Callable[[Backend], Samples]
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


BACKEND_METRICS = (
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


class BackendCollector(Collector):
    """Metric families of a list of backends, such as these samples.

    ::

        ionq_backend_qubits{backend="qpu.forte-1",location="College Park, MD, USA"} 36.0
        ionq_backend_degraded{backend="qpu.forte-1",location="College Park, MD, USA"} 0.0
        ionq_backend_status{backend="qpu.forte-1",location="College Park, MD, USA",status="available"} 1.0
    """

    def __init__(self, backends: Iterable[Backend]) -> None:
        self._backends = tuple(backends)

    def collect(self) -> Iterator[Metric]:
        """Yield the families that have at least one sample."""
        for metric in BACKEND_METRICS:
            family = GaugeMetricFamily(metric.name, metric.help, labels=metric.label_names, unit=metric.unit)
            for backend in self._backends:
                for further_values, value in metric.samples(backend):
                    family.add_metric((backend.name, backend.location, *further_values), value)
            if family.samples:
                yield family
