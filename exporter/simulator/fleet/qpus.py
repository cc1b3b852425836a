"""The QPUs of the simulated fleet."""

from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

_MINUTE = 60.0
_HOUR = 3600.0
_DAY = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRates:
    """Error rates of a QPU when it enters service (1 minus its fidelities)."""

    spam: float
    one_qubit: float
    two_qubit: float


# Compared by identity, which makes it a fast cache key. There are only the instances below.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QPU:
    """A backend that is a quantum computer; `component` is its name on the status page."""

    name: str
    qubits: int
    in_service: datetime
    retired: datetime | None = None
    location: str | None = None
    component: str | None = None
    needs_key: bool = False
    typical_queue_seconds: float
    queue_swing: float  # amplitude of the logarithm of the queue time; small for a long queue
    kilowatts: float
    two_qubit_gate: str = "zz"
    t1_seconds: float = 100
    t2_seconds: float = 1
    errors: ErrorRates


_COLLEGE_PARK = "College Park, MD, USA"

# From IonQ: names (but for the component of Tempo), qubits, College Park, and the queue times of Harmony,
# Aria-1, Forte-1 and Forte Enterprise-1. Everything else is invented. One QPU has no location, as at IonQ.
QPUS = MappingProxyType(
    {
        qpu.name: qpu
        for qpu in (
            QPU(
                name="qpu.harmony",
                qubits=11,
                in_service=datetime(2020, 9, 1, tzinfo=UTC),
                retired=datetime(2024, 9, 3, 16, tzinfo=UTC),
                location=_COLLEGE_PARK,
                typical_queue_seconds=1352464.532,
                queue_swing=0.1,
                kilowatts=1.4,
                t1_seconds=10000,
                t2_seconds=0.2,
                two_qubit_gate="ms",
                errors=ErrorRates(spam=0.0061, one_qubit=0.0046, two_qubit=0.041),
            ),
            QPU(
                name="qpu.aria-1",
                qubits=25,
                in_service=datetime(2022, 5, 16, tzinfo=UTC),
                retired=datetime(2025, 9, 30, 17, tzinfo=UTC),
                location=_COLLEGE_PARK,
                typical_queue_seconds=136598.879,
                queue_swing=0.3,
                kilowatts=2.6,
                two_qubit_gate="ms",
                errors=ErrorRates(spam=0.0052, one_qubit=0.0007, two_qubit=0.0161),
            ),
            QPU(
                name="qpu.aria-2",
                qubits=25,
                in_service=datetime(2023, 6, 12, tzinfo=UTC),
                retired=datetime(2025, 3, 31, 17, tzinfo=UTC),
                location=_COLLEGE_PARK,
                typical_queue_seconds=9 * _HOUR,
                queue_swing=0.5,
                kilowatts=2.5,
                two_qubit_gate="ms",
                errors=ErrorRates(spam=0.0058, one_qubit=0.0008, two_qubit=0.0177),
            ),
            QPU(
                name="qpu.forte-1",
                component="IonQ Forte",
                qubits=36,
                in_service=datetime(2023, 7, 10, tzinfo=UTC),
                location=_COLLEGE_PARK,
                typical_queue_seconds=1533413.0,
                queue_swing=0.07,
                kilowatts=3.4,
                errors=ErrorRates(spam=0.0072, one_qubit=0.0004, two_qubit=0.0112),
            ),
            QPU(
                name="qpu.forte-enterprise-1",
                component="IonQ Forte Enterprise 1",
                qubits=36,
                in_service=datetime(2024, 4, 22, tzinfo=UTC),
                typical_queue_seconds=2333081.0,
                queue_swing=0.05,
                kilowatts=4.6,
                t1_seconds=188,
                t2_seconds=0.95,
                errors=ErrorRates(spam=0.0066, one_qubit=0.0004, two_qubit=0.0094),
            ),
            QPU(
                name="qpu.forte-enterprise-2",
                component="IonQ Forte Enterprise 2",
                qubits=36,
                in_service=datetime(2025, 1, 20, tzinfo=UTC),
                location="Basel, Switzerland",
                typical_queue_seconds=7 * _HOUR,
                queue_swing=0.6,
                kilowatts=4.3,
                errors=ErrorRates(spam=0.0059, one_qubit=0.0003, two_qubit=0.0081),
            ),
            QPU(
                name="qpu.forte-enterprise-3",
                component="IonQ Forte Enterprise 3",
                qubits=36,
                in_service=datetime(2025, 6, 2, tzinfo=UTC),
                location="Chattanooga, TN, USA",
                typical_queue_seconds=18 * _MINUTE,
                queue_swing=0.85,
                kilowatts=3.9,
                errors=ErrorRates(spam=0.0055, one_qubit=0.0003, two_qubit=0.0074),
            ),
            QPU(
                name="qpu.tempo-1",
                component="IonQ Tempo",
                qubits=100,
                in_service=datetime(2025, 9, 1, tzinfo=UTC),
                location="Bothell, WA, USA",
                needs_key=True,
                typical_queue_seconds=2.5 * _DAY,
                queue_swing=0.35,
                kilowatts=9.7,
                errors=ErrorRates(spam=0.0034, one_qubit=0.0002, two_qubit=0.0026),
            ),
        )
    }
)
