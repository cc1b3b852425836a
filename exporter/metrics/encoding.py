"""Writes metric families in Prometheus's text format 0.0.4 and in OpenMetrics 1.0.0.

Samples are written as text straight from records. prometheus_client's ``generate_latest`` makes several
objects for each sample, which took two fifths of a scrape's time. Tests compare each byte with the library's.
"""

import enum
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar

from prometheus_client.utils import floatToGoString


class Format(enum.Enum):
    """An exposition format. The value is its Content-Type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


END_OF_OPENMETRICS = "# EOF\n"
_FIRST_EXPONENT = 1_000_000  # below it Go writes numbers as Python does
BACKEND_LABELS = ("backend", "location")


@dataclass(frozen=True, kw_only=True)
class Family:
    """The definition of a metric family. ``name`` is the name of its samples."""

    name: str
    help: str
    type: Literal["gauge", "counter"] = "gauge"
    unit: str = ""

    @functools.cached_property
    def heads(self) -> dict[Format, str]:
        """The lines HELP, TYPE and UNIT by format. OpenMetrics has UNIT, and drops _total in all three."""
        name = self.name.removesuffix("_total") if self.type == "counter" else self.name
        unit = f"# UNIT {name} {self.unit}\n" if self.unit else ""
        return {
            Format.TEXT: f"# HELP {self.name} {self.help}\n# TYPE {self.name} {self.type}\n",
            Format.OPENMETRICS: f"# HELP {name} {self.help}\n# TYPE {name} {self.type}\n{unit}",
        }

    def encode(self, value: float, form: Format) -> str:
        """Return the family with one sample without labels."""
        return f"{self.heads[form]}{self.name} {encode_number(value)}\n"

    def encode_by(self, label: str, values: dict[str, float], form: Format) -> str:
        """Return the family with a sample for each value of one label."""
        samples = (
            f"{self.name}{{{encode_label(label, key)}}} {encode_number(value)}\n"
            for key, value in values.items()
        )
        return self.heads[form] + "".join(samples)


@functools.lru_cache(maxsize=1024)
def encode_number(value: float) -> str:
    """Return a number as Go writes it. Cached, because most values are 0, 1 or the same as before."""
    text: str = repr(float(value)) if 0 <= value < _FIRST_EXPONENT else floatToGoString(value)  # type: ignore[no-untyped-call]
    return text


@functools.lru_cache(maxsize=2048)
def encode_label(name: str, value: str) -> str:
    """Return a label as a sample shows it, its value escaped. Cached, because most come in each scrape."""
    escaped = value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    return f'{name}="{escaped}"'


@functools.lru_cache(maxsize=64)
def state_set(known: tuple[str, ...], current: str) -> Mapping[str, float]:
    """Return 1 for the current state and 0 for the other known ones."""
    return {**dict.fromkeys(known, 0.0), current: 1.0}


class _Labelled(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def location(self) -> str: ...


Source = TypeVar("Source", bound=_Labelled)


Labels = tuple[str, str]
"""The labels ``backend`` and ``location`` as text."""


def encode_labels(source: _Labelled) -> Labels:
    """Return the labels of a backend, escaped once for all its samples."""
    return encode_label("backend", source.name), encode_label("location", source.location)


@dataclass(frozen=True, kw_only=True)
class BackendFamily(Family, Generic[Source]):
    """A gauge with the labels ``backend`` and ``location``, from one field of IonQ's.

    ``read`` returns the value, or None for no sample. With a further ``label`` it returns the values by that
    label.
    """

    field: str
    read: Callable[[Source], float | Mapping[str, float] | None]
    label: str = ""

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels of each sample."""
        return (*BACKEND_LABELS, self.label) if self.label else BACKEND_LABELS

    def samples(self, sources: Iterable[Source], labels: Iterable[Labels]) -> list[tuple[str, float]]:
        """Return the series, which is name and labels as text, and the value of each sample."""
        name, label = self.name, self.label
        values: Iterator[Any] = map(self.read, sources)
        labelled = zip(labels, values, strict=True)
        if not label:
            return [
                (f"{name}{{{backend},{location}}}", value)
                for (backend, location), value in labelled
                if value is not None
            ]
        # Labels are in alphabetical order, as prometheus_client and Go write them.
        before_location = label < BACKEND_LABELS[-1]
        return [
            (
                f"{name}{{{backend},{encode_label(label, key)},{location}}}"
                if before_location
                else f"{name}{{{backend},{location},{encode_label(label, key)}}}",
                value,
            )
            for (backend, location), by_label in labelled
            if by_label is not None
            for key, value in by_label.items()
        ]


def encode_families(
    families: Iterable[BackendFamily[Source]], sources: Sequence[Source], form: Format
) -> Iterator[str]:
    """Yield each family that has at least one sample."""
    labels = [encode_labels(source) for source in sources]
    for family in families:
        lines = [f"{series} {encode_number(value)}\n" for series, value in family.samples(sources, labels)]
        if lines:
            yield family.heads[form] + "".join(lines)
