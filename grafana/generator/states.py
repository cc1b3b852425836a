"""States as numbers for timelines, as words for tables, and their colours everywhere.

The colours are those of Okabe and Ito, which people with colour blindness can tell apart. Their yellow is too
pale for a light theme, so olive replaces it. Their orange is too dark for black text and too pale for white,
so text stands on a lighter one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from grafana_foundation_sdk.models.dashboard import (
    DashboardRegexMapOptions,
    RegexMap,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)

BLUE = "#0072B2"
SKY = "#56B4E9"
GREEN = "#009E73"
ORANGE = "#E69F00"
AMBER = "#F5B335"
VERMILION = "#D55E00"
PURPLE = "#CC79A7"
OLIVE = "#999933"
GREY = "#808080"
LIGHT_GREY = "#80808040"


@dataclass(frozen=True, slots=True)
class State:
    """A number, its text and its colour."""

    number: float
    text: str
    colour: str


UNAVAILABLE = State(2, "unavailable", VERMILION)
OTHER_STATUS = State(3, "another status", PURPLE)
AVAILABLE = State(4, "available", BLUE)
DEGRADED_AVAILABLE = State(5, "available, degraded", AMBER)
STATUSES = (UNAVAILABLE, OTHER_STATUS, AVAILABLE, DEGRADED_AVAILABLE)
"""What a timeline shows of a backend. When exporters disagree, the highest number wins."""

API_DOWN = State(10, "down", VERMILION)
API_UP = State(11, "up", GREEN)

IONQ_DOWN = State(API_DOWN.number, "IonQ down", VERMILION)
EXPORTER_DOWN = State(12, "exporter down", PURPLE)
"""What a timeline shows of an exporter, beside API_UP."""

AS_SPECIFIED = State(20, "as specified", GREEN)
DEGRADED = State(21, "degraded", AMBER)

DOES_NOT_APPLY = State(-1, "does not apply", "text")
UNKNOWN = State(-2, "unknown", "text")
"""Numbers in place of a value that is never negative."""

NO_QPU = State(-1, "No QPU", VERMILION)

# "notice" is "info" in the rules for the Prometheus Operator.
SEVERITIES = {"critical": VERMILION, "warning": AMBER, "info": "transparent", "notice": "transparent"}

PAGE_STATUSES = {
    "operational": ("operational", "transparent"),
    "degraded_performance": ("degraded", AMBER),
    "partial_outage": ("partial outage", AMBER),
    "major_outage": ("major outage", VERMILION),
    "under_maintenance": ("maintenance", AMBER),
}
"""What IonQ's status page says of a component."""

_STATUS_COLOURS = {
    **dict.fromkeys(("available", "running"), BLUE),
    **dict.fromkeys(("available, degraded", "running, degraded", "degraded"), AMBER),
    **dict.fromkeys(("unavailable", "offline"), VERMILION),
    "retired": GREY,
}
LAST_KNOWN = "last known: "
"""What stands before a status that is not of this minute."""


def number_mappings(*states: State) -> list[ValueMapping]:
    """Show numbers as the texts and colours of states."""
    return [_value_map({_key(state.number): (state.text, state.colour) for state in states})]


def word_mappings(colours: Mapping[str, str]) -> list[ValueMapping]:
    """Give words their colours."""
    return [_value_map({word: (word, colour) for word, colour in colours.items()})]


def page_status_mappings() -> list[ValueMapping]:
    """Show the words of IonQ's status page as people read them there."""
    return [_value_map(PAGE_STATUSES)]


def status_mappings() -> list[ValueMapping]:
    """Give every status a colour, whatever word IonQ uses; one that is not of this minute is grey."""
    return [
        *word_mappings(_STATUS_COLOURS),
        _regex_map(f"^{LAST_KNOWN}.*$", GREY, index=len(_STATUS_COLOURS)),
        _regex_map("^.+$", PURPLE, index=len(_STATUS_COLOURS) + 1),
    ]


def _key(number: float) -> str:
    """Write a number as JavaScript does."""
    return str(int(number)) if number == int(number) else str(number)


def _value_map(results: Mapping[str, tuple[str, str]]) -> ValueMap:
    return ValueMap(
        options={
            value: ValueMappingResult(text=text, color=colour or None, index=index)
            for index, (value, (text, colour)) in enumerate(results.items())
        }
    )


def _regex_map(pattern: str, colour: str, *, index: int) -> RegexMap:
    # Without a text, the word itself stays.
    result = ValueMappingResult(color=colour, index=index)
    return RegexMap(options=DashboardRegexMapOptions(pattern=pattern, result=result))
