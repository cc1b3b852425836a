"""The questions about characterizations, as PromQL: how good a machine was when it was last measured."""

from dataclasses import dataclass, replace
from typing import Self

from grafana.generator.promql import Backends

HELD = "1d"
"""A record stays true for days: this joins the hours of history that was written in after the fact."""

REMEMBERED = "6h"
"""A table goes on saying for so long what was last known."""

_ABANDONED_DAYS = 90
_DATE = "ionq_backend_characterization_timestamp_seconds"


@dataclass(frozen=True, slots=True)
class Records:
    """What the current records of these machines say, of those that are not retired."""

    backends: Backends

    @classmethod
    def last_known(cls, backends: Backends) -> Self:
        """Read what is known now, or else was within some hours."""
        return cls(backends.remembering(REMEMBERED))

    @property
    def history(self) -> Self:
        """The same, for looking back."""
        return replace(self, backends=self.backends.held(HELD))

    def earlier(self, offset: str) -> Self:
        """Select the same at an earlier time, where there may be only history."""
        return replace(self, backends=self.backends.earlier(offset).held(HELD))

    def of_each(self, metric: str, further: str = "", *, by: str = "backend") -> str:
        """Select a number of each machine's record; exporters may differ about it for a minute."""
        return self.backends.in_service(self.backends.aggregated("max", metric, further, by=by))

    def while_measured(self, expression: str) -> str:
        """End each machine's line some time after its last record: IonQ names that one for ever."""
        date = self.backends.aggregated("max", _DATE)
        return f"{expression}\nunless on (backend) time() - {date} > {_ABANDONED_DAYS} * 86400"

    def fidelity(self, operation: str) -> str:
        """The median fidelity of an operation."""
        return self.of_each("ionq_backend_fidelity_ratio", f'operation="{operation}"')

    def error(self, operation: str) -> str:
        """How often an operation fails, in the median."""
        return f"1 - {self.fidelity(operation)}"

    @property
    def two_qubit_error(self) -> str:
        """How often a two-qubit gate fails, in the median of a machine's pairs of qubits."""
        return self.error("2q")

    def drift(self, before: str) -> str:
        """How much more often a two-qubit gate fails than some time before; below zero is better."""
        return f"({self.two_qubit_error})\n/ (({self.earlier(before).two_qubit_error}) > 0)\n- 1"

    @property
    def date(self) -> str:
        """When each record was made, in Unix seconds."""
        return self.of_each(_DATE)

    @property
    def age(self) -> str:
        """How long ago each record was made."""
        return f"time() - {self.date}"

    @property
    def qubits(self) -> str:
        """How many qubits a machine has by IonQ's list or, where that is not known, by its record."""
        listed = self.backends.aggregated("max", "ionq_backend_qubits")
        return f"{listed} or on (backend) {self.of_each('ionq_backend_characterized_qubits')}"

    @property
    def identities(self) -> str:
        """The id of each machine's record as a label: the last that any exporter had."""
        info = self.backends.raw("ionq_backend_characterization_record_info")
        seen = f"max_over_time(timestamp({info})[{REMEMBERED}:1m])"
        newest = f"topk by (backend) (1, max by (backend, characterization_id) ({seen}))"
        return self.backends.in_service(newest)


@dataclass(frozen=True, slots=True)
class Circuit:
    """How well machines suit a circuit of so many two-qubit gates on so many qubits."""

    records: Records
    backends: Backends
    gates: str
    qubits: str

    @property
    def candidates(self) -> str:
        """The machines that are not known to be too small for it."""
        return f"({self.records.date}) unless on (backend) ({self.records.qubits}) < {self.qubits}"

    def of_candidates(self, expression: str) -> str:
        """Leave the other machines out."""
        return f"({expression})\nand on (backend) ({self.candidates})"

    @property
    def success(self) -> str:
        """How likely a run of it is free of errors, by the medians alone."""
        gates = f"({self.records.fidelity('2q')}) ^ {self.gates}"
        ends = f"({self.records.fidelity('spam')}) ^ {self.qubits}"
        return self.of_candidates(f"{gates}\n* on (backend) ({ends})")

    @property
    def success_of_available(self) -> str:
        """The same of the machines that take jobs from their queue."""
        return f"({self.success})\nand on (backend) ({self.backends.available}) == 1"

    @property
    def best(self) -> str:
        """The likeliest success of those, with the machine's name."""
        return f"topk(1, {self.success_of_available})"

    @property
    def rank(self) -> str:
        """A number for each candidate, the greatest for the best; what cannot be used now is below 0."""
        return "\nor on (backend) ".join(
            (
                self.success_of_available,
                f"({self.success}) - 1",
                f"-2 * group by (backend) ({self.candidates})",
            )
        )
