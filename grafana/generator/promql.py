"""The questions, as PromQL over the exporter's own metrics: nothing here needs the recording rules.

First aggregate over everything but the backend, so that two exporters or a changed location double
nothing; then look back. What the words mean is what deploy/prometheus/recording.yml says.
"""

from dataclasses import dataclass, replace
from typing import Self

from grafana.generator.states import BELOW_SPECIFICATION, LIMPING, OTHER, STATES, WORKING

EXPORTERS = 'job=~"$job", instance=~"$instance"'
QPUS = 'backend=~"qpu[.].+"'
NO_QPUS = 'backend!~"qpu[.].+"'

_WORKING = "|".join(state.pattern for state in WORKING)
_KNOWN = "|".join(state.pattern for state in STATES if state.words)

# For the order of the table: a worse choice is behind every better one, whatever its wait.
_NOT_WORKING = "1e10"
_NOTHING_KNOWN = "1e11"
_NO_QPU = "1e12"
_RETIRED = "1e13"


@dataclass(frozen=True, slots=True)
class Backends:
    """PromQL about the backends with these labels. Retired ones have no values, only a status."""

    labels: str
    offset: str = ""
    window: str = ""
    memory: str = ""

    def raw(self, metric: str, further: str = "") -> str:
        """Select a metric of theirs."""
        selector = f"{metric}{{{', '.join(filter(None, (further, self.labels)))}}}"
        selector += f"[{self.window}]" if self.window else ""
        selector += f" offset {self.offset}" if self.offset else ""
        return f"last_over_time({selector})" if self.window else selector

    def only(self, labels: str) -> Self:
        """Narrow the selection."""
        return replace(self, labels=f"{self.labels}, {labels}")

    def earlier(self, offset: str) -> Self:
        """Select the same at an earlier time."""
        return replace(self, offset=offset)

    def held(self, window: str) -> Self:
        """Hold each value for so long after it was last seen, or until there is a new one."""
        return replace(self, window=window, memory="")

    def remembering(self, window: str) -> Self:
        """Take what was last known within this time wherever a backend has no value now."""
        return replace(self, memory=window)

    def aggregated(self, operator: str, metric: str, further: str = "", *, by: str = "backend") -> str:
        """Aggregate a metric over exporters and locations.

        What is known now is not mixed with what is remembered: an exporter that is gone may have known less.
        """
        now = f"{operator} by ({by}) ({self.raw(metric, further)})"
        if not self.memory:
            return now
        return (
            f"({now} or on (backend) {self.held(self.memory).aggregated(operator, metric, further, by=by)})"
        )

    @property
    def listed(self) -> str:
        """1 for each backend on the list."""
        return f"group by (backend) ({self.raw('ionq_backend_status')} or {self.raw('ionq_backend_qubits')})"

    @property
    def status_words(self) -> str:
        """The number of each backend's state, with IonQ's word for it as a label."""
        return f"topk by (backend) (1, max by (backend, status) ({self._in_force}))"

    @property
    def status_numbers(self) -> str:
        """The number of each backend's state."""
        return f"max by (backend) ({self._in_force})"

    @property
    def _limping(self) -> str:
        """Tell which backends take jobs although they are below their specification."""
        return f"(({self.degraded}) == 1 and on (backend) ({self.available}) == 1)"

    @property
    def condition_words(self) -> str:
        """IonQ's word for each backend's state, unless it is available and degraded: then both."""
        (both,) = BELOW_SPECIFICATION.words
        limping = f'label_replace({self._limping}, "status", "{both}", "", "")'
        return f"({limping}\nor on (backend) {self.status_words})"

    @property
    def condition_numbers(self) -> str:
        """The number of each backend's state; a machine that works, but is degraded, has that state's."""
        return f"({LIMPING.number} * {self._limping}\nor on (backend) {self.status_numbers})"

    @property
    def _in_force(self) -> str:
        known = [
            f"{state.number} * {self.raw('ionq_backend_status', _matcher(state.pattern))}"
            for state in STATES
            if state.words
        ]
        unknown = self.raw("ionq_backend_status", f'status!~"{_KNOWN}"')
        other = f"{OTHER.number} * {unknown}"
        terms = "\n  or ".join([*known, other])
        return f"\n  (\n  {terms}\n  ) and {self.raw('ionq_backend_status')} == 1\n"

    @property
    def retired(self) -> str:
        """1 or 0 for each backend."""
        return self.aggregated("min", "ionq_backend_status", _matcher("retired"))

    @property
    def available(self) -> str:
        """1 while a backend takes jobs from its queue, else 0."""
        status = self.raw("ionq_backend_status", _matcher(_WORKING))
        return self.in_service(f"max by (backend) ({status})")

    @property
    def degraded(self) -> str:
        """1 while a backend is below its specification, else 0; IonQ says so by flag or by status."""
        status = f"max without (status) ({self.raw('ionq_backend_status', _matcher('degraded'))} == 1)"
        return self.in_service(f"min by (backend) ({status} or {self.raw('ionq_backend_degraded')})")

    @property
    def wait(self) -> str:
        """The queue time in seconds."""
        return self._maximum("ionq_backend_average_queue_time_seconds")

    @property
    def energy(self) -> str:
        """The energy in kWh."""
        return self._maximum("ionq_backend_energy_kwh")

    @property
    def rank(self) -> str:
        """A number for each listed backend, the least for the best choice: first the wait where it ends."""
        qpus = self.only(QPUS)
        return "\nor on (backend) ".join(
            (
                qpus.wait_of_available,
                f"{_RETIRED} * ({self.retired} == 1)",
                f"{_NO_QPU} * {self.only(NO_QPUS).listed}",
                f"{_NOT_WORKING} + ({qpus.wait})",
                f"{_NOTHING_KNOWN} * {self.listed}",
            )
        )

    @property
    def wait_of_available(self) -> str:
        """The queue time of each backend that takes jobs from its queue."""
        return f"({self.wait} and on (backend) ({self.available}) == 1)"

    def _maximum(self, metric: str) -> str:
        return self.in_service(self.aggregated("max", metric))

    def in_service(self, expression: str) -> str:
        """Leave retired backends out."""
        return f"{expression} unless on (backend) ({self.retired} == 1)"


def over(expression: str, window: str, *, step: str = "5m") -> str:
    """Look back on an expression: the argument of a function such as avg_over_time."""
    return f"({expression})[{window}:{step}]"


def began(selector: str, labels: str, known_by: str) -> str:
    """Select what is 1 now and was not a step before, where anything at all was known within the hour.

    An exporter's restart, or IonQ's silence in between, is no news.
    """
    before = f"last_over_time({selector}[1h] offset $__interval)"
    return (
        f"max by ({labels}) ({selector} == 1)\n"
        f"unless on ({labels}) max by ({labels}) ({before} == 1)\n"
        f"and on ({known_by}) max by ({known_by}) ({before})"
    )


def _matcher(pattern: str) -> str:
    return f'status=~"{pattern}"' if "|" in pattern else f'status="{pattern}"'
