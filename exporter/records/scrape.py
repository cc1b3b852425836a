"""The result of one scrape."""

from dataclasses import dataclass
from datetime import datetime

from exporter.common.errors import IonQError
from exporter.records.backends import BackendList
from exporter.records.characterizations import NOTHING_CHARACTERIZED, CharacterizedBackends


@dataclass(frozen=True, slots=True)
class Scrape:
    """What one scrape came to: the backends, or the error that there are none."""

    finished_at: datetime
    duration_seconds: float
    outcome: BackendList | IonQError
    characterized: CharacterizedBackends = NOTHING_CHARACTERIZED

    @property
    def up(self) -> bool:
        """Whether IonQ's backends were read and understood."""
        return isinstance(self.outcome, BackendList)
