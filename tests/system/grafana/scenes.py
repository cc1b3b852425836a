"""Moments in the life of a fleet, written by hand: what a dashboard must not mislead about."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from grafana.demo_data.blocks import create_blocks

_FIRST = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
_APART_SECONDS = 100 * 86400
"""So long that no query looks back from one scene into another."""
_STEP_SECONDS = 60
_DOCUMENTED = ("available", "unavailable", "retired")


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A backend as an exporter exposes it."""

    name: str
    status: str = "available"
    wait: float | None = None
    degraded: bool | None = False
    qubits: int = 36
    two_qubit_fidelity: float | None = None

    def lines(self) -> Iterator[str]:
        """Yield its samples without labels of the target."""
        name = f'backend="{self.name}",location=""'
        for status in sorted({*_DOCUMENTED, self.status}):
            yield f'ionq_backend_status{{{name},status="{status}"}} {int(status == self.status)}'
        yield f"ionq_backend_qubits{{{name}}} {self.qubits}"
        if self.wait is not None:
            yield f"ionq_backend_average_queue_time_seconds{{{name}}} {self.wait}"
        if self.degraded is not None:
            yield f"ionq_backend_degraded{{{name}}} {int(self.degraded)}"
        if self.two_qubit_fidelity is not None:
            yield f'ionq_backend_fidelity_ratio{{{name},operation="2q"}} {self.two_qubit_fidelity}'
            yield f'ionq_backend_fidelity_ratio{{{name},operation="spam"}} 0.99'
            yield f'ionq_backend_operation_duration_seconds{{{name},operation="2q"}} 0.001'


@dataclass(frozen=True, kw_only=True)
class Phase:
    """Minutes in which each exporter exposes the same; None means that it cannot read IonQ's list.

    ``page`` are the samples of IonQ's status page.
    """

    minutes: int
    exporters: tuple[tuple[Backend, ...] | None, ...] = field(default=((),))
    page: tuple[str, ...] = ()


FORTE = Backend(name="qpu.forte-1", wait=1000, two_qubit_fidelity=0.995)
ENTERPRISE = Backend(name="qpu.forte-enterprise-1", wait=500, two_qubit_fidelity=0.99)
DEGRADED = Backend(name="qpu.forte-enterprise-2", wait=700, degraded=True, two_qubit_fidelity=0.98)
SIMULATOR = Backend(name="simulator", wait=0, qubits=29)
RETIRED = Backend(name="qpu.harmony", status="retired", wait=0, degraded=None, qubits=11)
FLEET = (FORTE, ENTERPRISE, DEGRADED, SIMULATOR, RETIRED)

_DOWN = tuple(replace(one, status="unavailable", wait=0) for one in (FORTE, ENTERPRISE, DEGRADED))
_ODD = (
    replace(FORTE, wait=None),
    replace(ENTERPRISE, status="unavailable", wait=0),
    replace(DEGRADED, status="reserved until Friday", degraded=False),
    SIMULATOR,
    replace(RETIRED, wait=5000),
)


PAGE = (
    'ionq_status_component{backend="",component="API",status="operational"} 1',
    'ionq_status_component{backend="qpu.forte-1",component="IonQ Forte",status="operational"} 0',
    'ionq_status_component{backend="qpu.forte-1",component="IonQ Forte",status="under_maintenance"} 1',
    'ionq_status_component{backend="qpu.forte-9",component="IonQ Forte 9",status="operational"} 1',
    'ionq_status_incident_info{impact="minor",incident="p3",name="Slow",status="identified",url=""} 1',
    'ionq_status_incident_start_timestamp_seconds{backend="",incident="p3"} 1700000000',
    'ionq_status_maintenance_info{maintenance="k4",name="Now",status="in_progress",url=""} 1',
    'ionq_status_maintenance_start_timestamp_seconds{backend="qpu.forte-1",maintenance="k4"} 1700000000',
    'ionq_status_maintenance_end_timestamp_seconds{backend="qpu.forte-1",maintenance="k4"} 3000000000',
    'ionq_status_maintenance_info{maintenance="k5",name="Later",status="scheduled",url=""} 1',
    'ionq_status_maintenance_start_timestamp_seconds{backend="qpu.forte-1",maintenance="k5"} 4000000000',
    'ionq_status_maintenance_end_timestamp_seconds{backend="qpu.forte-1",maintenance="k5"} 4000003600',
)
"""A minor incident of the API, and two maintenances of qpu.forte-1: one in progress, and one to come."""


def _calm(*backends: Backend, minutes: int = 30) -> Phase:
    return Phase(minutes=minutes, exporters=(backends,))


_SCENES = {
    "usual": (_calm(*FLEET),),
    "all QPUs down": (_calm(*FLEET), _calm(*_DOWN, SIMULATOR, RETIRED)),
    "odd": (_calm(*FLEET), _calm(*_ODD)),
    "outage": (_calm(*FLEET), Phase(minutes=20, exporters=(None,))),
    "gone": (_calm(*FLEET), _calm(*FLEET[1:])),
    "no wait at all": (_calm(replace(FORTE, wait=0), ENTERPRISE),),
    "disagreement": (Phase(minutes=30, exporters=((replace(FORTE, status="unavailable"),), (FORTE,), None)),),
    "an hour after a change": (
        _calm(replace(FORTE, status="calibrating")),
        _calm(FORTE, minutes=60),
        Phase(minutes=20, exporters=(None,)),
    ),
    "status page": (Phase(minutes=30, exporters=(FLEET, None), page=PAGE),),
    "without characterizations": (_calm(*(replace(one, two_qubit_fidelity=None) for one in FLEET)),),
}


def moment_of(scene: str) -> int:
    """Return the Unix time at which a scene ends."""
    minutes = sum(phase.minutes for phase in _SCENES[scene])
    return _FIRST + list(_SCENES).index(scene) * _APART_SECONDS + minutes * 60


def write_scenes(data: Path, promtool: str) -> None:
    """Store all scenes. Raises CalledProcessError."""
    text = data.parent / "scenes.openmetrics"
    text.write_text("".join(_lines()) + "# EOF\n", "utf-8")
    create_blocks(text, data, promtool, hours=13122)


def _lines() -> Iterator[str]:
    for number, phases in enumerate(_SCENES.values()):
        moment = _FIRST + number * _APART_SECONDS
        for phase in phases:
            end = moment + phase.minutes * 60
            for now in range(moment + _STEP_SECONDS, end + 1, _STEP_SECONDS):
                for port, backends in enumerate(phase.exporters, 10065):
                    for line in (*_scrape(backends), *phase.page):
                        series, _, value = line.partition(" " if "{" not in line else "} ")
                        labels = f'job="ionq-exporter",instance="127.0.0.1:{port}"'
                        series += f",{labels}}}" if "{" in series else f"{{{labels}}}"
                        yield f"{series} {value} {now}\n"
            moment = end


def _scrape(backends: tuple[Backend, ...] | None) -> Iterator[str]:
    yield f"ionq_up {int(backends is not None)}"
    for backend in backends or ():
        yield from backend.lines()
