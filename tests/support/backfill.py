"""A history that a scripted IonQ keeps, and the one that the simulator keeps."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from exporter.commands.backfill.plan import Machine, Plan
from exporter.common.times import parse_time
from exporter.simulator import Characterizations, Span
from tests.support.upstream import FLEET, Request, Script, ok

FORTE = Machine("qpu.forte-1", "College Park, MD, USA")
ARIA = Machine("qpu.aria-1")

DAY = 86400
START = parse_time("2025-01-01")
END = parse_time("2025-03-01")


def plan(*machines: Machine, start: float | None = None, end: float = END) -> Plan:
    return Plan("https://ionq.test/v0.4", (), machines or (FORTE,), start, end)


def wire_record(
    identity: str, date: str, *, backend: str = FORTE.name, fidelity: float = 0.99
) -> dict[str, Any]:
    """Return a record as IonQ writes it."""
    return {
        "id": identity,
        "date": date,
        "backend": backend,
        "qubits": 36,
        "connectivity": [[0, 1]],
        "fidelity": {"2q": {"median": fidelity, "stderr": 0.0001}},
        "timing": {"2q": 0.00097, "t1": 100},
    }


def wire_history(backend: str = FORTE.name, count: int = 6) -> list[dict[str, Any]]:
    """Return a record for each of some weeks, newest first."""
    return [
        wire_record(
            f"{backend}/{number}",
            f"{datetime.fromtimestamp(START + number * 7 * DAY, UTC):%Y-%m-%dT%H:%M:%SZ}",
            backend=backend,
            fidelity=0.99 + number / 1_000,
        )
        for number in reversed(range(count))
    ]


@dataclass(frozen=True)
class Asked:
    """What a request for a page asked for."""

    backend: str
    query: Mapping[str, str]

    @property
    def page(self) -> int:
        return int(self.query.get("page", "1"))


def asked(request: Request) -> Asked:
    url = urlsplit(request.target)
    return Asked(url.path.split("/")[3], dict(parse_qsl(url.query)))


def pages_asked(requests: Sequence[Request]) -> list[tuple[str, int]]:
    return [(one.backend, one.page) for one in map(asked, requests)]


@dataclass(frozen=True)
class Pages:
    """Serves histories, newest first, by the page."""

    histories: Mapping[str, Sequence[Mapping[str, Any]]]
    per_page: int = 1

    def __call__(self, request: Request) -> Script:
        wanted = asked(request)
        history = self.histories[wanted.backend]
        end = wanted.page * self.per_page
        return page(
            *history[end - self.per_page : end], remaining=-(-max(0, len(history) - end) // self.per_page)
        )


def page(*records: Mapping[str, Any] | None, remaining: int = 0) -> Script:
    """Answer with a page, a ``null`` for none."""
    return ok(json.dumps({"characterizations": records or None, "pages": remaining}).encode())


def fleet(*names: str) -> Script:
    """List machines that have characterizations, and one that has none."""
    machines = [FLEET[0] | {"backend": name} for name in names]
    return ok(json.dumps([*machines, FLEET[1]]).encode())


@dataclass(frozen=True)
class SimulatedHistory:
    """All records that a simulated machine has by a moment, read without any of the backfill's code."""

    records: Mapping[float, Mapping[str, Any]]

    @classmethod
    def of(cls, backend: str, moment: float, seed: int = 1) -> Self:
        now = datetime.fromtimestamp(moment, UTC)

        def pages() -> Any:
            for number in count(1):
                answer = Characterizations(seed).page(backend, now, Span(page=number))
                yield from answer["characterizations"] or ()
                if not answer["pages"]:
                    return

        return cls({datetime.fromisoformat(record["date"]).timestamp(): record for record in pages()})

    def in_force(self, moment: float) -> Mapping[str, Any] | None:
        """Return the newest record that was published by a moment."""
        date = max((date for date in self.records if date <= moment), default=None)
        return None if date is None else self.records[date]

    def fidelity(self, moment: float, operation: str = "2q") -> float | None:
        """Return what the record in force at a moment says."""
        record = self.in_force(moment)
        fidelity = {} if record is None else record["fidelity"]
        median: float | None = (fidelity.get(operation) or {}).get("median")
        return None if median == 0.501 else median
