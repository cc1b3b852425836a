"""The order in which one would choose a backend, and the choice itself."""

from collections.abc import Iterable
from typing import NamedTuple

from exporter.records.backends import Backend

_GROUPS = ("Available", "Not available", "Simulators", "Retired")
_AVAILABLE, _NOT_AVAILABLE, _SIMULATORS, _RETIRED = _GROUPS


class Group(NamedTuple):
    """Backends under one heading, the best choice first."""

    title: str
    backends: tuple[Backend, ...]


class Summary(NamedTuple):
    """What one wants to know first."""

    qpus: int
    available: int
    best: Backend | None
    """The available QPU with the shortest wait, if any wait is known. The API key has access to it."""
    degraded: tuple[str, ...]

    def __str__(self) -> str:
        if not self.qpus:
            return "No QPU is listed"
        return f"{self.available} of {self.qpus} {'QPU' if self.qpus == 1 else 'QPUs'} available"


def groups_by_choice(backends: Iterable[Backend]) -> list[Group]:
    """Return the backends in the order in which one would choose, without empty groups."""
    by_title: dict[str, list[Backend]] = {title: [] for title in _GROUPS}
    for backend in sorted(backends, key=_by_wait):
        by_title[_group_of(backend)].append(backend)
    return [Group(title, tuple(group)) for title, group in by_title.items() if group]


def summarize(backends: Iterable[Backend]) -> Summary:
    """Count the QPUs in service and find the best choice."""
    groups = {group.title: group.backends for group in groups_by_choice(backends)}
    available = groups.get(_AVAILABLE, ())
    qpus = (*available, *groups.get(_NOT_AVAILABLE, ()))
    return Summary(
        qpus=len(qpus),
        available=len(available),
        best=next((backend for backend in available if _can_be_chosen(backend)), None),
        degraded=tuple(backend.name for backend in qpus if backend.degraded),
    )


def wait_seconds(backend: Backend) -> float | None:
    """Return the wait that means something. IonQ also sends 0 where no queue moves."""
    wait = backend.average_queue_time_seconds
    if backend.status == "retired" or (wait == 0 and backend.status != "available"):
        return None
    return wait


def _group_of(backend: Backend) -> str:
    if backend.status == "retired":
        return _RETIRED
    if not backend.name.startswith("qpu."):
        return _SIMULATORS
    return _AVAILABLE if backend.status == "available" else _NOT_AVAILABLE


def _can_be_chosen(backend: Backend) -> bool:
    return wait_seconds(backend) is not None and backend.has_access is not False


def _by_wait(backend: Backend) -> tuple[bool, bool, float, str]:
    wait = wait_seconds(backend)
    return backend.has_access is False, wait is None, wait or 0.0, backend.name
