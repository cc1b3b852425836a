"""The result of one scrape."""

from dataclasses import dataclass
from datetime import datetime

from exporter.common.errors import IonQError
from exporter.records.backends import Backend
from exporter.records.characterizations import CharacterizedBackend
from exporter.records.status_page import StatusPageReading


@dataclass(frozen=True, slots=True)
class Scrape:
    """The backends that a scrape read, or the error that it failed with.

    ``status_page`` is None where that page is not read at all. ``duration_seconds`` is how long the first of
    the scrapes with this result waited for IonQ.
    """

    finished_at: datetime
    duration_seconds: float
    error: IonQError | None = None
    backends: tuple[Backend, ...] = ()
    characterized: tuple[CharacterizedBackend, ...] = ()
    status_page: StatusPageReading | None = None

    @property
    def up(self) -> bool:
        """Whether IonQ's backends were read and understood."""
        return self.error is None

    def shows_the_same(self, other: "Scrape") -> bool:
        """Whether both show one read of ``/backends``, and beside it the same."""
        return (
            self.backends is other.backends
            and bool(self.backends)  # all empty tuples are one
            and self.characterized == other.characterized
            and self.status_page == other.status_page
        )

    def age_seconds(self, now: datetime) -> float:
        """How long ago the scrape ended."""
        return (now - self.finished_at).total_seconds()
