"""Each fault of the fire drill, on characterizations alone: no backend misses a sample for it."""

import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO

import pytest

from exporter.commands.assembly import Exporter
from exporter.common.logging import configure_logs
from exporter.metrics.definitions import BACKEND_METRICS
from exporter.metrics.encoding import Format, render_scrape
from exporter.scrape.characterization_cache import FIRST_PAUSE_SECONDS, SIDE_BY_SIDE
from exporter.settings import IonQSettings
from exporter.simulator import FAULTS, Fleet, Simulator
from exporter.simulator.drill import Break
from tests.support.clock import Clock
from tests.support.exposition import Exposition

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)
FLEET = Fleet(1)
CHARACTERIZED = {
    row["backend"]: row["characterization_id"] for row in FLEET.rows(NOW) if "characterization_id" in row
}

SHORT_BUDGET, LONG_BUDGET = 0.5, 5.0
MOMENT = 1.5
"""What a busy machine may add."""

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Expected:
    """What is counted and said of a fault, and whether it would take all of a scrape's time."""

    reason: str
    log: str
    lasts: bool = False


NEVER_ENDS = Expected("timeout", "no complete answer in what was left of the scrape's time", lasts=True)
NOT_JSON = Expected("invalid_json", "is not JSON")
NO_LIST = Expected("unexpected_shape", "which is no list of characterizations")
BROKEN = Expected("protocol", "broke off or is no HTTP")
TOO_LARGE = Expected("too_large", "raise --ionq.max-response-bytes")

FAULTY: dict[str, Expected] = {
    "hang": NEVER_ENDS,
    "late": NEVER_ENDS,
    "drip": NEVER_ENDS,
    "http_500": Expected("http_status", "IonQ answered 500"),
    "http_502": Expected("http_status", "IonQ answered 502"),
    "http_503": Expected("http_status", "IonQ answered 503"),
    "http_504": Expected("http_status", "IonQ answered 504"),
    "http_520": Expected("http_status", "IonQ answered 520"),
    "unauthorized": Expected("http_status", "IonQ answered 401"),
    "forbidden": Expected("http_status", "IonQ answered 403"),
    "not_found": Expected("http_status", "IonQ answered 404"),
    "rate_limit": Expected("rate_limited", "IonQ asked for a pause of 1m"),
    "redirect": Expected("redirect", "which is not followed"),
    "garbage": NOT_JSON,
    "empty": NOT_JSON,
    "no_backends": NO_LIST,
    "invalid_json": NOT_JSON,
    "deep_nesting": NO_LIST,
    "not_utf8": NO_LIST,
    "wrong_shape": NO_LIST,
    "truncate": BROKEN,
    "close": BROKEN,
    "reset": BROKEN,
    "reset_in_body": BROKEN,
    "bad_chunk": BROKEN,
    "bad_gzip": Expected("protocol", "says that it is gzip, but is not"),
    "not_http": BROKEN,
    "gzip_bomb": TOO_LARGE,
    "huge": TOO_LARGE,
    "endless": TOO_LARGE,
}


class Observed:
    """An exporter without its server, whose clock stands still, and a simulator to scrape."""

    def __init__(self, simulator: Simulator) -> None:
        self.clock = Clock()
        self.log = StringIO()
        settings = IonQSettings(
            api_url=simulator.url,
            timeout_seconds=LONG_BUDGET,
            max_response_bytes=MEBIBYTE,
            max_backends=100,
            characterizations=True,
        )
        self._exporter = Exporter(
            settings, lambda: None, configure_logs("info", "logfmt", self.log), clock=self.clock
        )

    async def scrape(self, budget: float = LONG_BUDGET) -> Exposition:
        """Scrape, and see that it keeps to its time and counts no failure of its own."""
        started = time.monotonic()
        scrape = await self._exporter.scraper.scrape(budget)
        assert time.monotonic() - started < budget + MOMENT
        shown = Exposition(render_scrape(scrape, self._exporter.telemetry, Format.TEXT).plain.decode())
        assert shown.up
        assert shown.counted("ionq_exporter_api_failures_total", "reason") == {}
        return shown

    async def aclose(self) -> None:
        await self._exporter.aclose()


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(FLEET, clock=lambda: NOW) as simulator:
        yield simulator


@pytest.fixture
async def observed(simulator: Simulator) -> AsyncIterator[Observed]:
    async with contextlib.aclosing(Observed(simulator)) as exporter:
        yield exporter


@pytest.fixture
async def untroubled(simulator: Simulator) -> Exposition:
    """Scrape once as it should be, with an exporter of its own."""
    async with contextlib.aclosing(Observed(simulator)) as exporter:
        return await exporter.scrape()


@pytest.mark.parametrize(("fault", "expected"), FAULTY.items(), ids=FAULTY.keys())
async def test_a_fault_costs_characterizations_until_it_ends_and_the_backends_nothing(
    simulator: Simulator, untroubled: Exposition, observed: Observed, fault: str, expected: Expected
) -> None:
    simulator.drill.begin(Break(fault, "characterizations"))
    during = await observed.scrape(SHORT_BUDGET if expected.lasts else LONG_BUDGET)
    assert during.samples_of(BACKEND_METRICS) == untroubled.samples_of(BACKEND_METRICS)
    assert during.records == {}
    assert during.current == dict.fromkeys(CHARACTERIZED, 0)

    asked = simulator.requests_by_endpoint["characterizations"]
    paused = await observed.scrape()
    assert simulator.requests_by_endpoint["characterizations"] == asked, "who fails is left alone for a while"
    assert expected.log in observed.log.getvalue()
    assert paused.characterization_failures.keys() == {expected.reason}
    assert SIDE_BY_SIDE <= paused.characterization_failures[expected.reason] < 2 * SIDE_BY_SIDE

    simulator.drill.end()
    observed.clock.now += FIRST_PAUSE_SECONDS
    after = await observed.scrape()
    assert after.samples_of(BACKEND_METRICS) == untroubled.samples_of(BACKEND_METRICS)
    assert after.records == untroubled.records == CHARACTERIZED
    assert after.current == dict.fromkeys(CHARACTERIZED, 1)
    assert after.characterization_failures == paused.characterization_failures


async def test_bad_values_are_left_out_of_a_record_and_counted_by_field(
    simulator: Simulator, untroubled: Exposition, observed: Observed
) -> None:
    simulator.drill.begin(Break("bad_values", "characterizations"))
    during = await observed.scrape()
    assert during.samples_of(BACKEND_METRICS) == untroubled.samples_of(BACKEND_METRICS)
    assert during.records == CHARACTERIZED
    assert during.characterization_failures == {}
    rejected = during.counted("ionq_exporter_rejected_values_total", "field")
    assert rejected.keys() == {"record.qubits", "record.connectivity", "record.fidelity", "record.timing"}
    assert "is not a number" in observed.log.getvalue()
    with pytest.raises(ValueError, match="not enough values"):
        during.value("ionq_backend_fidelity_ratio", operation="2q", backend="qpu.forte-1")
    dates = "ionq_backend_characterization_timestamp_seconds"
    assert during.by_label(dates, "backend") == untroubled.by_label(dates, "backend")


def test_each_fault_of_the_fire_drill_is_a_case() -> None:
    assert {*FAULTY, "bad_values"} == set(FAULTS)
