"""What the drill prints, as it happens."""

import textwrap
import time
from collections.abc import Iterable, Mapping

from deploy.drill.notifications import Notification

_WIDTH = 100
_MARGIN = " " * 10
_BAR = f"{_MARGIN}| "

_OPENING = """\
A fire drill with IonQ's simulator, the exporter, Prometheus and Alertmanager, all on this machine.
Rules, routes and texts are the shipped ones; only the time is shortened, in a copy:

{changes}

The texts still speak of the shipped times. All takes less than a minute; Ctrl+C ends it.
"""


class Story:
    """Tells the drill; the column at the left is seconds since the outage began."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def opening(self, changes: Iterable[str]) -> None:
        """Say what this is, and what is not as shipped."""
        _tell(_OPENING.format(changes=textwrap.indent("\n".join(changes), "  ")))

    def ready(self) -> None:
        """Tell that it can begin."""
        _tell("Everything runs, and Prometheus has seen every QPU available.\n")

    def outage_begins(self, number: int, what: str) -> None:
        """Begin an act, and count its seconds."""
        self._began = time.monotonic()
        self._line(f"Outage {number}. {what}")

    def outage_ends(self) -> None:
        """Tell the end."""
        self._line("The outage ends.")

    def notified(self, notification: Notification) -> None:
        """Show a notification as its reader sees it."""
        self._line(f"{notification.receiver} is told of {notification.alert}:")
        _tell("")
        for paragraph in [notification.title, "", *notification.text.strip().splitlines()]:
            for line in _wrapped(paragraph, initial_indent=_BAR, subsequent_indent=_BAR):
                _tell(line)
        _tell("")

    def held_back(self, alerts: Iterable[Mapping[str, str]]) -> None:
        """Tell what fires, and is not told since the one notification says it all."""
        backends: dict[str, list[str]] = {}
        for labels in alerts:
            backends.setdefault(labels["alertname"], []).append(labels.get("backend", ""))
        for name, concerned in backends.items():
            self._line(f"Held back meanwhile: {name} for {', '.join(sorted(concerned))}.")

    def _line(self, text: str) -> None:
        time_and_text = f"{time.monotonic() - self._began:6.1f} s  {text}"
        _tell("\n".join(_wrapped(time_and_text, subsequent_indent=_MARGIN)))


def _tell(text: str) -> None:
    print(text, flush=True)


def _wrapped(paragraph: str, initial_indent: str = "", subsequent_indent: str = "") -> list[str]:
    wrapper = textwrap.TextWrapper(
        width=_WIDTH,
        initial_indent=initial_indent,
        subsequent_indent=subsequent_indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapper.wrap(paragraph) or [initial_indent.rstrip()]
