"""Which notifications are sent for an outage that ends while IonQ cannot be read, and for the next one."""

import time
from pathlib import Path

import httpx
import pytest

from deploy.drill.inbox import Inbox
from deploy.drill.shortening import Shortened
from deploy.drill.stage import Tools, set_stage
from tests.support.tools import require_tool

PATIENCE = 60.0
QPUS = "qpu.forte*"
DOWN = {"backend": QPUS, "status": "unavailable"}
UP = {"backend": QPUS, "status": "available"}
ALL_QPUS, BLIND = "IonQAllQPUsUnavailable", "IonQExporterBlind"


@pytest.fixture
def tools() -> Tools:
    return Tools(
        require_tool("prometheus", package="prometheus"),
        require_tool("prometheus-alertmanager", "alertmanager", package="prometheus-alertmanager"),
    )


def test_an_outage_that_ends_while_ionq_fails_is_told_to_be_over_and_so_is_the_next_one(
    tools: Tools, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    inbox = Inbox()

    def told(*expected: tuple[str, bool]) -> None:
        """Wait until each of these alerts was told of, firing or resolved, and no other."""
        missing = set(expected)
        deadline = time.monotonic() + PATIENCE
        while missing:
            notification = inbox.next(deadline - time.monotonic())
            assert notification is not None, f"not told of {missing}"
            missing.remove((notification.alert, notification.resolved))

    with set_stage(tools, Shortened.from_shipped(), inbox) as stage:

        def order(what: dict[str, str]) -> None:
            httpx.post(f"{stage.simulator_url}/drill", json=what).raise_for_status()

        order(DOWN)
        told((ALL_QPUS, False))
        order({"fault": "http_503"})
        told((BLIND, False))
        httpx.delete(f"{stage.simulator_url}/drill").raise_for_status()
        order(UP)
        told((BLIND, True), (ALL_QPUS, True))
        order(DOWN)
        told((ALL_QPUS, False))
