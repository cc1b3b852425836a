"""What came out of a scrape, for tests to look at."""

from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from exporter.metrics.backends import BACKEND_FAMILIES
from exporter.metrics.encoding import BackendFamily

Series = tuple[str, frozenset[tuple[str, str]]]


class Exposition:
    """A body in the text format, parsed."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families = list(text_string_to_metric_families(text))
        self.samples = [sample for family in self.families for sample in family.samples]

    def value(self, name: str, **labels: str) -> float:
        """Return the value of the one sample with this name and at least these labels."""
        (value,) = self._values(name, labels)
        return value

    def by_label(self, name: str, label: str) -> dict[str, float]:
        """Return the values of the samples with this name by the value of a label."""
        return {sample.labels[label]: sample.value for sample in self.samples if sample.name == name}

    def counted(self, name: str, label: str) -> dict[str, float]:
        """The same without what was not counted."""
        return {value: count for value, count in self.by_label(name, label).items() if count}

    def samples_of(self, metrics: Iterable[BackendFamily[Any]]) -> dict[Series, float]:
        """Return the samples of these metrics as they are."""
        names = {metric.name for metric in metrics}
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for sample in self.samples
            if sample.name in names
        }

    @property
    def records(self) -> dict[str, str]:
        """Which record each backend's numbers are from."""
        return {
            sample.labels["backend"]: sample.labels["characterization_id"]
            for sample in self.samples
            if sample.name == "ionq_backend_characterization_record_info"
        }

    @property
    def current(self) -> dict[str, float]:
        """Whether that is the one that IonQ names, by backend."""
        return self.by_label("ionq_backend_characterization_current", "backend")

    @property
    def characterization_failures(self) -> dict[str, float]:
        """How many reads of characterizations failed, by reason."""
        return self.counted("ionq_exporter_characterization_failures_total", "reason")

    @property
    def up(self) -> bool:
        return self.value("ionq_up") == 1

    @property
    def backends(self) -> set[str]:
        """The backends that any backend metric names."""
        names = {metric.name for metric in BACKEND_FAMILIES}
        return {sample.labels["backend"] for sample in self.samples if sample.name in names}

    @property
    def requests(self) -> float:
        """How many requests went to IonQ so far."""
        return self.value("ionq_exporter_api_requests_total")

    def failures_since(self, before: "Exposition") -> dict[str, float]:
        """Return the reasons that were counted since another scrape, and how often."""
        counts = dict(before._failures())
        return {
            reason: count - counts[reason] for reason, count in self._failures() if count > counts[reason]
        }

    def _failures(self) -> Iterator[tuple[str, float]]:
        return (
            (sample.labels["reason"], sample.value)
            for sample in self.samples
            if sample.name == "ionq_exporter_api_failures_total"
        )

    def _values(self, name: str, labels: dict[str, str]) -> Iterator[float]:
        return (
            sample.value
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )
