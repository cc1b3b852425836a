"""What came out of a scrape, for tests to look at."""

from collections.abc import Iterator

from prometheus_client.parser import text_string_to_metric_families

from exporter.metrics import BACKEND_METRICS


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

    @property
    def up(self) -> bool:
        return self.value("ionq_up") == 1

    @property
    def backends(self) -> set[str]:
        """The backends that any backend metric names."""
        names = {metric.name for metric in BACKEND_METRICS}
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
