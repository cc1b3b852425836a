"""The fire drill: what people have forced on the fleet and on the API, and for how long."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any

from exporter.simulator.fleet import Row

_MOST_ORDERS = 200


class DrillError(Exception):
    """An order that cannot be carried out; the message is for the person who gave it."""


@dataclass(frozen=True, slots=True)
class Force:
    """Put values in the rows of the backends that a pattern matches; None takes the field away."""

    pattern: str
    values: Mapping[str, Any]

    @property
    def subject(self) -> tuple[object, ...]:
        """What a newer order about the same replaces."""
        return ("backend", self.pattern, frozenset(self.values))

    def describe(self) -> dict[str, Any]:
        """Write the order as it was given."""
        return {"backend": self.pattern, **self.values}


@dataclass(frozen=True, slots=True)
class Remove:
    """Drop the rows of the backends that a pattern matches."""

    pattern: str

    @property
    def subject(self) -> tuple[object, ...]:
        """What a newer order about the same replaces."""
        return ("gone", self.pattern)

    def describe(self) -> dict[str, Any]:
        """Write the order as it was given."""
        return {"backend": self.pattern, "gone": True}


@dataclass(frozen=True, slots=True)
class Break:
    """Break the API, or one endpoint of it, with a named fault."""

    fault: str
    endpoint: str | None = None

    @property
    def subject(self) -> tuple[object, ...]:
        """What a newer order about the same replaces."""
        return ("fault", self.endpoint)

    def describe(self) -> dict[str, Any]:
        """Write the order as it was given."""
        return {"fault": self.fault} | ({"endpoint": self.endpoint} if self.endpoint else {})


Order = Force | Remove | Break


@dataclass(frozen=True, slots=True)
class _Held:
    order: Order
    until: float | None


class Drill:
    """The orders in force; `monotonic` tells real time in seconds, whatever the simulated time does."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._held: Mapping[tuple[object, ...], _Held] = MappingProxyType({})

    def begin(self, order: Order, seconds: float | None = None) -> None:
        """Put an order in force, for so many seconds or until ended; it replaces one about the same.

        Raises DrillError when there are too many.
        """
        others = {subject: held for subject, held in self._current().items() if subject != order.subject}
        if len(others) >= _MOST_ORDERS:
            raise DrillError(f"there are {_MOST_ORDERS} orders in force: DELETE /drill ends them")
        until = None if seconds is None else self._monotonic() + seconds
        self._held = {**others, order.subject: _Held(order, until)}

    def end(self) -> int:
        """End everything and tell how much that was."""
        ended = len(self._current())
        self._held = {}
        return ended

    def describe(self) -> list[dict[str, Any]]:
        """List what is in force, oldest first, with the seconds that remain (None: until ended)."""
        now = self._monotonic()
        return [
            held.order.describe()
            | {"remaining_seconds": None if held.until is None else round(held.until - now, 3)}
            for held in self._current().values()
        ]

    def rows(self, rows: Iterable[Row]) -> list[Row]:
        """Change rows as ordered, the newest order last."""
        changed = list(rows)
        for held in self._current().values():
            match held.order:
                case Force(pattern, values):
                    changed = [_forced(row, pattern, values) for row in changed]
                case Remove(pattern):
                    changed = [row for row in changed if not fnmatchcase(row["backend"], pattern)]
                case _:
                    continue
        return changed

    def fault(self, endpoint: str) -> str | None:
        """Name the newest fault in force on an endpoint."""
        faults = [
            held.order.fault
            for held in self._current().values()
            if isinstance(held.order, Break) and held.order.endpoint in {None, endpoint}
        ]
        return faults[-1] if faults else None

    def _current(self) -> Mapping[tuple[object, ...], _Held]:
        now = self._monotonic()
        self._held = {
            subject: held for subject, held in self._held.items() if held.until is None or held.until > now
        }
        return self._held


def _forced(row: Row, pattern: str, values: Mapping[str, Any]) -> Row:
    if not fnmatchcase(row["backend"], pattern):
        return row
    # In the order of IonQ's schema, wherever a forced field was missing before.
    return {field: value for field, value in sorted({**row, **values}.items()) if value is not None}
