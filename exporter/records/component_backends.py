"""Which backend a component of IonQ's status page is. Pure: no I/O.

The page and the API have different names for a backend, and no identifier in common.
"""

import re
from collections.abc import Mapping

_SYSTEMS = "Aria|Forte|Forte Enterprise|Tempo"

_RULES = (
    (re.compile(r"Quantum Simulator", re.IGNORECASE), "simulator"),
    (re.compile(r"IonQ (Aria|Forte|Tempo)", re.IGNORECASE), r"qpu.\1-1"),
    (re.compile(rf"IonQ ({_SYSTEMS}) (\d{{1,3}})", re.IGNORECASE | re.ASCII), r"qpu.\1-\2"),
)
"""Patterns of whole names, with the backend that they stand for. The first of a system may have no number."""


def backend_of(component: str, known: Mapping[str, str]) -> str:
    """Return the name of a component's backend, or "" where neither ``known`` nor a rule has it.

    ``known`` holds what ``parse_component_backend`` returned, and comes before the rules.
    """
    known_backend = known.get(component.casefold())
    if known_backend is not None:
        return known_backend
    for pattern, backend in _RULES:
        if match := pattern.fullmatch(component):
            return match.expand(backend).lower().replace(" ", "-")
    return ""


def parse_component_backend(text: str) -> tuple[str, str]:
    """Parse ``COMPONENT=BACKEND``, like ``IonQ Tempo=qpu.tempo-1``. Without a backend it stands for none.

    Raises ValueError, with a message for the user.
    """
    component, separator, backend = (part.strip() for part in text.rpartition("="))
    if not separator or not component:
        raise ValueError(f"{text!r} is not COMPONENT=BACKEND: write it like IonQ Tempo=qpu.tempo-1")
    return component.casefold(), backend
