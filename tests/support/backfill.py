"""Histories of characterizations: of a scripted IonQ and of the simulator."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from exporter.commands.backfill.plan import Plan
from exporter.common.times import parse_time
from exporter.records.characterizations import MAX_CHARACTERIZATIONS
from exporter.simulator import Characterizations, Span
from tests.support.upstream import FLEET, Request, Script, ok

FORTE = "qpu.forte-1"
ARIA = "qpu.aria-1"
LOCATIONS = {FORTE: "College Park, MD, USA", ARIA: ""}

DAY = 86400
START = parse_time("2025-01-01")
END = parse_time("2025-03-01")


def plan(
    *backends: str, start: float | None = None, end: float = END, page_size: int = MAX_CHARACTERIZATIONS
) -> Plan:
    locations = {backend: LOCATIONS[backend] for backend in backends or (FORTE,)}
    return Plan("https://ionq.test/v0.4", (), start, end, page_size, locations)


def wire_characterization(
    identity: str, date: str, *, backend: str = FORTE, fidelity: float = 0.99
) -> dict[str, Any]:
    """Return a characterization as IonQ sends it."""
    return {
        "id": identity,
        "date": date,
        "backend": backend,
        "qubits": 36,
        "connectivity": [[0, 1]],
        "fidelity": {"2q": {"median": fidelity, "stderr": 0.0001}},
        "timing": {"2q": 0.00097, "t1": 100},
    }


def wire_history(backend: str = FORTE, count: int = 6) -> list[dict[str, Any]]:
    """Return one characterization a week, newest first."""
    return [
        wire_characterization(
            f"{backend}/{number}",
            f"{datetime.fromtimestamp(START + number * 7 * DAY, UTC):%Y-%m-%dT%H:%M:%SZ}",
            backend=backend,
            fidelity=0.99 + number / 1_000,
        )
        for number in reversed(range(count))
    ]


@dataclass(frozen=True)
class Asked:
    """The backend and the query of a request for a page."""

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
    """Serves histories, newest first, page by page."""

    histories: Mapping[str, Sequence[Mapping[str, Any]]]
    per_page: int = 1

    def __call__(self, request: Request) -> Script:
        wanted = asked(request)
        history = self.histories[wanted.backend]
        end = wanted.page * self.per_page
        return page(
            *history[end - self.per_page : end], remaining=-(-max(0, len(history) - end) // self.per_page)
        )


def page(*characterizations: Mapping[str, Any] | None, remaining: int = 0) -> Script:
    """Respond with a page, which is ``null`` if it is empty."""
    return ok(json.dumps({"characterizations": characterizations or None, "pages": remaining}).encode())


def fleet(*names: str) -> Script:
    """List backends that have characterizations, and one that has none."""
    backends = [FLEET[0] | {"backend": name} for name in names]
    return ok(json.dumps([*backends, FLEET[1]]).encode())


@dataclass(frozen=True)
class SimulatedHistory:
    """All characterizations of a simulated backend until a time, read without the code of the backfill."""

    by_date: Mapping[float, Mapping[str, Any]]

    @classmethod
    def of(cls, backend: str, moment: float, seed: int = 1) -> Self:
        now = datetime.fromtimestamp(moment, UTC)

        def pages() -> Any:
            for number in count(1):
                page = Characterizations(seed).page(backend, now, Span(page=number))
                yield from page["characterizations"] or ()
                if not page["pages"]:
                    return

        return cls({datetime.fromisoformat(one["date"]).timestamp(): one for one in pages()})

    def in_force(self, moment: float) -> Mapping[str, Any] | None:
        """Return the newest characterization of a time."""
        date = max((date for date in self.by_date if date <= moment), default=None)
        return None if date is None else self.by_date[date]

    def fidelity(self, moment: float, operation: str = "2q") -> float | None:
        """Return the fidelity in force at a time."""
        characterization = self.in_force(moment)
        fidelity = {} if characterization is None else characterization["fidelity"]
        median: float | None = (fidelity.get(operation) or {}).get("median")
        return None if median is None or median <= 0.5 or median == 0.501 else median
