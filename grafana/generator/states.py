"""Words that IonQ has for the state of a backend: their number in a timeline, and their colour everywhere.

The colours are those of Okabe and Ito, which people with colour blindness can tell apart. Their yellow is too
pale for a light theme: olive stands for it. Their orange is too dark for black text on it and too pale for
white, so that a lighter one is what text stands on.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from grafana_foundation_sdk.models.dashboard import ValueMap, ValueMappingResult

BLUE = "#0072B2"
SKY = "#56B4E9"
GREEN = "#009E73"
ORANGE = "#E69F00"
AMBER = "#F5B335"
VERMILION = "#D55E00"
PURPLE = "#CC79A7"
OLIVE = "#999933"
GREY = "#808080"


@dataclass(frozen=True, slots=True)
class State:
    """One colour of a timeline; the highest number wins where two exporters disagree."""

    number: int
    text: str
    colour: str
    words: tuple[str, ...] = ()

    @property
    def pattern(self) -> str:
        """A regular expression for the words of IonQ's that mean it."""
        return "|".join(self.words)


RETIRED = State(0, "retired", GREY, ("retired",))
UNAVAILABLE = State(1, "unavailable", VERMILION, ("unavailable", "offline"))
OTHER = State(2, "another state", PURPLE)
CALIBRATING = State(3, "calibrating", PURPLE, ("calibrating",))
RESERVED = State(4, "reserved", PURPLE, ("reserved",))
LIMPING = State(5, "degraded, available", AMBER, ("degraded",))
AVAILABLE = State(6, "available", BLUE, ("available", "running"))
STATES = (RETIRED, UNAVAILABLE, OTHER, CALIBRATING, RESERVED, LIMPING, AVAILABLE)
WORKING = (AVAILABLE, LIMPING)
"""A machine in one of these takes jobs from its queue."""

BELOW_SPECIFICATION = State(8, "degraded, available", AMBER, ("degraded, available",))
"""Not a word of IonQ's: it calls the machine available, and sets its flag."""

UNREACHABLE = State(9, "no answer", VERMILION, ("no answer",))
"""Not a state of IonQ's: what stands in its place."""

CRITICAL = State(0, "critical", VERMILION, ("critical",))
WARNING = State(1, "warning", AMBER, ("warning",))
INFO = State(2, "info", "transparent", ("info",))
SEVERITIES = (CRITICAL, WARNING, INFO)

SILENT = State(10, "no answer", VERMILION)
ANSWERS = State(11, "answers", GREEN)
DOWN = State(12, "exporter down", PURPLE)
AS_SPECIFIED = State(20, "as specified", GREEN)
DEGRADED = State(21, "degraded", AMBER)


def by_number(states: Iterable[State]) -> list[ValueMap]:
    """Give numbers their texts and colours."""
    return [_mapping({str(state.number): state for state in states})]


def by_word(states: Iterable[State]) -> list[ValueMap]:
    """Give IonQ's own words their colours."""
    return [
        _mapping(
            {
                word: State(state.number, word, state.colour)
                for state in reversed(list(states))
                for word in state.words
            }
        )
    ]


def _mapping(states: dict[str, State]) -> ValueMap:
    return ValueMap(
        options={
            value: ValueMappingResult(text=state.text, color=state.colour, index=index)
            for index, (value, state) in enumerate(states.items())
        }
    )
