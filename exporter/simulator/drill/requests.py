"""What a drill can be asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class DrillError(Exception):
    """A drill request that is not valid; the message is for the person who sent it."""


@dataclass(frozen=True, slots=True)
class OverrideBackend:
    """Override fields of the backends that match a pattern; None removes a field."""

    pattern: str
    fields: Mapping[str, Any]

    @property
    def key(self) -> tuple[object, ...]:
        """Identify the request: a newer one with the same key replaces it."""
        return ("backend", self.pattern, frozenset(self.fields))

    def as_json(self) -> dict[str, Any]:
        """Return the request as it was sent."""
        return {"backend": self.pattern, **self.fields}


@dataclass(frozen=True, slots=True)
class RemoveBackend:
    """Remove the backends that match a pattern."""

    pattern: str

    @property
    def key(self) -> tuple[object, ...]:
        """Identify the request: a newer one with the same key replaces it."""
        return ("gone", self.pattern)

    def as_json(self) -> dict[str, Any]:
        """Return the request as it was sent."""
        return {"backend": self.pattern, "gone": True}


@dataclass(frozen=True, slots=True)
class InjectFault:
    """Inject a fault into the API, or into one endpoint."""

    fault: str
    endpoint: str | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """Identify the request: a newer one with the same key replaces it."""
        return ("fault", self.endpoint)

    def as_json(self) -> dict[str, Any]:
        """Return the request as it was sent."""
        return {"fault": self.fault} | ({"endpoint": self.endpoint} if self.endpoint else {})


DrillRequest = OverrideBackend | RemoveBackend | InjectFault
