"""Less waiting: the shipped rules and Alertmanager configuration with other durations, all else alike."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from deploy.drill.shipped import ALERTMANAGER, ALERTS, RECORDING, load

# What the outages of the drill set off. All other alerts keep their time, and so stay out of it. The one that
# mutes another ends later: on a busy machine a second is too short to tell which ended first.
REHEARSED_ALERTS = {
    "IonQAllQPUsUnavailable": {"for": "5s", "keep_firing_for": "8s"},
    "IonQBackendUnavailable": {"for": "5s", "keep_firing_for": "5s"},
    "IonQExporterBlind": {"for": "5s", "keep_firing_for": "5s"},
}

_GROUP = {"interval": "1s"}
# Half an evaluation off, as shipped: a notification that goes out while the alerts of an evaluation arrive
# might show the end of an alert and not yet that of those which it mutes.
_ROUTE = {"group_wait": "4500ms", "group_interval": "2s"}


@dataclass(frozen=True, slots=True)
class Shortened:
    """Rule files by their names, the Alertmanager's configuration, and a line for each change."""

    rules: Mapping[str, Any]
    routing: Any
    changes: tuple[str, ...]

    @classmethod
    def from_shipped(cls) -> Self:
        """Read the shipped files, and shorten what was read."""
        rules = {path.name: load(path) for path in (RECORDING, ALERTS)}
        routing = load(ALERTMANAGER)
        changes = [change for file in rules.values() for change in _shorten_rules(file)]
        changes += _shorten("Alertmanager", routing["route"], _ROUTE)
        # Many groups change alike: each line once, in their order.
        return cls(rules, routing, tuple(dict.fromkeys(changes)))


def _shorten_rules(file: Any) -> Iterator[str]:
    for group in file["groups"]:
        yield from _shorten("All rules", group, _GROUP)
        for rule in group["rules"]:
            if durations := REHEARSED_ALERTS.get(rule.get("alert")):
                yield from _shorten(rule["alert"], rule, durations)


def _shorten(what: str, settings: dict[str, Any], durations: Mapping[str, str]) -> Iterator[str]:
    for name, duration in durations.items():
        if name in settings:
            yield f"{what}: {name} {settings[name]} -> {duration}"
            settings[name] = duration
