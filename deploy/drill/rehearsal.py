"""The outages, and what people are told of them."""

import time
from dataclasses import dataclass

import httpx

from deploy.drill.inbox import Inbox
from deploy.drill.stage import Stage
from deploy.drill.story import Story

# All that are in service; the others have been retired, and a retired machine raises no alert.
_QPUS = "qpu.forte*"
_ALL_IS_WELL = {"backend": _QPUS, "status": "available"}
_SEES_ALL_WELL = 'min(backend:ionq_backend_available:last{backend=~"qpu[.].+"}) == 1'
_BETWEEN_LOOKS_SECONDS = 0.2


class TooLateError(Exception):
    """What had to come did not come within its time."""


@dataclass(frozen=True, slots=True)
class Outage:
    """What goes wrong, as an order for the simulator, and the alert that has to tell it."""

    what: str
    order: dict[str, str]
    alert: str


OUTAGES = (
    Outage(
        "IonQ reports every QPU as unavailable.",
        {"backend": _QPUS, "status": "unavailable"},
        "IonQAllQPUsUnavailable",
    ),
    Outage(
        "IonQ's API answers 503 to everything: nobody knows what the machines do.",
        {"fault": "http_503"},
        "IonQExporterBlind",
    ),
)


class Rehearsal:
    """Outages on a stage; `patience_seconds` is the longest that anything may take."""

    def __init__(self, stage: Stage, inbox: Inbox, story: Story, *, patience_seconds: float) -> None:
        self._stage = stage
        self._inbox = inbox
        self._story = story
        self._patience_seconds = patience_seconds
        self._http = httpx.Client(trust_env=False)

    def run(self) -> None:
        """Go through all outages. Raises TooLateError, or Interrupted."""
        with self._http:
            self._order(_ALL_IS_WELL)
            self._await_all_well()
            self._story.ready()
            for number, outage in enumerate(OUTAGES, start=1):
                self._go_through(number, outage)

    def _go_through(self, number: int, outage: Outage) -> None:
        self._story.outage_begins(number, outage.what)
        self._order(outage.order)
        self._await(outage.alert, resolved=False)
        self._story.held_back(self._held_back())
        self._story.outage_ends()
        self._http.delete(f"{self._stage.simulator_url}/drill").raise_for_status()
        self._order(_ALL_IS_WELL)
        self._await(outage.alert, resolved=True)

    def _order(self, order: dict[str, str]) -> None:
        self._http.post(f"{self._stage.simulator_url}/drill", json=order).raise_for_status()

    def _await_all_well(self) -> None:
        deadline = time.monotonic() + self._patience_seconds
        while not self._sees_all_well():
            if time.monotonic() > deadline:
                raise TooLateError(f"Prometheus has not seen the QPUs within {self._patience_seconds:g} s")
            self._inbox.next(_BETWEEN_LOOKS_SECONDS)

    def _sees_all_well(self) -> bool:
        answer = self._http.get(
            f"{self._stage.prometheus_url}/api/v1/query", params={"query": _SEES_ALL_WELL}
        )
        # Prometheus answers 503 until it has read its data.
        return answer.is_success and bool(answer.json()["data"]["result"])

    def _await(self, alert: str, *, resolved: bool) -> None:
        """Tell what arrives, until it is this."""
        deadline = time.monotonic() + self._patience_seconds
        while notification := self._inbox.next(deadline - time.monotonic()):
            self._story.notified(notification)
            if notification.alert == alert and notification.resolved == resolved:
                return
        what = "the resolution of " if resolved else ""
        raise TooLateError(f"{what}{alert} has not come within {self._patience_seconds:g} s")

    def _held_back(self) -> list[dict[str, str]]:
        """Return the labels of alerts that fire and that Alertmanager keeps to itself."""
        alerts = self._http.get(
            f"{self._stage.alertmanager_url}/api/v2/alerts",
            params={"active": False, "silenced": False, "inhibited": True},
        ).raise_for_status()
        return [alert["labels"] for alert in alerts.json()]
