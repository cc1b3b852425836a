"""The machines of the simulated fleet, as one table."""

from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

_MINUTE = 60.0
_HOUR = 3600.0
_DAY = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """How often an operation of a machine fails when it enters service (1 minus its fidelity)."""

    spam: float
    one_qubit: float
    two_qubit: float


# Compared by identity, since each is a row of the table below: that makes it a quick key.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Machine:
    """One quantum computer; `publication_days` is how often it is characterized anew."""

    name: str
    qubits: int
    in_service: datetime
    retired: datetime | None = None
    location: str | None = None
    needs_key: bool = False
    typical_queue_seconds: float
    queue_swing: float  # how far the logarithm of the queue wanders: a long queue moves little
    kilowatts: float
    publication_days: float
    errors: Errors


_COLLEGE_PARK = "College Park, MD, USA"

# Names, qubits and College Park are IonQ's, and so are the queues of Harmony, Aria-1, Forte-1 and Forte
# Enterprise-1, as recorded answers had them. IonQ leaves the location of some machines out: so does this
# table. The other locations, the dates and everything else are invented to be plausible.
MACHINES = MappingProxyType(
    {
        machine.name: machine
        for machine in (
            Machine(
                name="qpu.harmony",
                qubits=11,
                in_service=datetime(2020, 9, 1, tzinfo=UTC),
                retired=datetime(2024, 9, 3, 16, tzinfo=UTC),
                location=_COLLEGE_PARK,
                typical_queue_seconds=1352464.532,
                queue_swing=0.1,
                kilowatts=1.4,
                publication_days=6.8,
                errors=Errors(spam=0.0061, one_qubit=0.0046, two_qubit=0.041),
            ),
            Machine(
                name="qpu.aria-1",
                qubits=25,
                in_service=datetime(2022, 5, 16, tzinfo=UTC),
                retired=datetime(2025, 9, 30, 17, tzinfo=UTC),
                location=_COLLEGE_PARK,
                typical_queue_seconds=136598.879,
                queue_swing=0.3,
                kilowatts=2.6,
                publication_days=5.2,
                errors=Errors(spam=0.0052, one_qubit=0.0007, two_qubit=0.0161),
            ),
            Machine(
                name="qpu.aria-2",
                qubits=25,
                in_service=datetime(2023, 6, 12, tzinfo=UTC),
                retired=datetime(2025, 3, 31, 17, tzinfo=UTC),
                location=_COLLEGE_PARK,
                typical_queue_seconds=9 * _HOUR,
                queue_swing=0.5,
                kilowatts=2.5,
                publication_days=5.6,
                errors=Errors(spam=0.0058, one_qubit=0.0008, two_qubit=0.0177),
            ),
            Machine(
                name="qpu.forte-1",
                qubits=36,
                in_service=datetime(2023, 7, 10, tzinfo=UTC),
                location=_COLLEGE_PARK,
                typical_queue_seconds=1533413.0,
                queue_swing=0.07,
                kilowatts=3.4,
                publication_days=4.3,
                errors=Errors(spam=0.0072, one_qubit=0.0004, two_qubit=0.0112),
            ),
            Machine(
                name="qpu.forte-enterprise-1",
                qubits=36,
                in_service=datetime(2024, 4, 22, tzinfo=UTC),
                typical_queue_seconds=2333081.0,
                queue_swing=0.05,
                kilowatts=4.1,
                publication_days=6.3,
                errors=Errors(spam=0.0066, one_qubit=0.0004, two_qubit=0.0094),
            ),
            Machine(
                name="qpu.forte-enterprise-2",
                qubits=36,
                in_service=datetime(2025, 1, 20, tzinfo=UTC),
                location="Basel, Switzerland",
                typical_queue_seconds=7 * _HOUR,
                queue_swing=0.6,
                kilowatts=4.3,
                publication_days=3.4,
                errors=Errors(spam=0.0059, one_qubit=0.0003, two_qubit=0.0081),
            ),
            Machine(
                name="qpu.forte-enterprise-3",
                qubits=36,
                in_service=datetime(2025, 6, 2, tzinfo=UTC),
                location="Chattanooga, TN, USA",
                typical_queue_seconds=18 * _MINUTE,
                queue_swing=0.85,
                kilowatts=3.9,
                publication_days=2.9,
                errors=Errors(spam=0.0055, one_qubit=0.0003, two_qubit=0.0074),
            ),
            Machine(
                name="qpu.tempo-1",
                qubits=100,
                in_service=datetime(2025, 9, 1, tzinfo=UTC),
                location="Bothell, WA, USA",
                needs_key=True,
                typical_queue_seconds=2.5 * _DAY,
                queue_swing=0.35,
                kilowatts=9.7,
                publication_days=2.3,
                errors=Errors(spam=0.0034, one_qubit=0.0002, two_qubit=0.0026),
            ),
        )
    }
)
