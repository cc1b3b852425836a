"""Each fault of the simulator, on characterizations alone: no backend misses a sample for it."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from exporter.metrics.backends import BACKEND_FAMILIES
from exporter.scrape.characterization_cache import FIRST_PAUSE_SECONDS, PARALLEL_READS
from exporter.simulator import FAULTS, Fleet, InjectFault, Simulator
from tests.support.bare_exporter import BareExporter
from tests.support.clock import Clock
from tests.support.exposition import Exposition

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)
FLEET = Fleet(1)
CHARACTERIZED = {
    backend["backend"]: backend["characterization_id"]
    for backend in FLEET.backends(NOW)
    if "characterization_id" in backend
}

SHORT_TIMEOUT = 1.5
LONG_TIMEOUT = 20.0
"""A read that takes so long waits for something that never comes."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The reason and the log line of a fault, and whether its reads end at the timeout only."""

    reason: str
    log: str
    lasts: bool = False


NEVER_ENDS = Expected("timeout", f"no complete response within {SHORT_TIMEOUT}s", lasts=True)
NOT_JSON = Expected("invalid_json", "is not JSON")
NO_LIST = Expected("unexpected_shape", "which is no list of characterizations")
BROKEN = Expected("protocol", "broke off or is not HTTP")
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
    "rate_limit": Expected("rate_limited", "it asks for a pause of 1m"),
    "redirect": Expected("redirect", "which is not followed"),
    "garbage": NOT_JSON,
    "empty": NOT_JSON,
    "no_backends": NO_LIST,
    "invalid_json": NOT_JSON,
    "deep_nesting": NOT_JSON,
    "not_utf8": NO_LIST,
    "wrong_shape": NO_LIST,
    "truncate": BROKEN,
    "close": BROKEN,
    "reset": BROKEN,
    "reset_in_body": BROKEN,
    "bad_chunk": BROKEN,
    "bad_gzip": Expected("protocol", "claims to be gzip, but is not"),
    "not_http": BROKEN,
    "gzip_bomb": TOO_LARGE,
    "huge": TOO_LARGE,
    "endless": TOO_LARGE,
}


class Observed(BareExporter):
    """An exporter whose clock stands still, and a simulator to scrape."""

    def __init__(self, simulator: Simulator, timeout: float = LONG_TIMEOUT) -> None:
        self.timeout = timeout
        self.clock = Clock()
        super().__init__(simulator.url, timeout_seconds=timeout, characterizations=True, clock=self.clock)

    async def scrape(self, seconds: float = 2 * LONG_TIMEOUT) -> Exposition:
        """Scrape, and check that ``/backends`` was read. At most half of the time is for the rest."""
        shown = self.shown(await self.scraped(seconds))
        assert shown.up
        assert shown.counted("ionq_exporter_api_failures_total", "reason") == {}
        return shown


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(FLEET, clock=lambda: NOW) as simulator:
        yield simulator


@pytest.fixture
async def untroubled(simulator: Simulator) -> Exposition:
    """Scrape once as it should be, with an exporter of its own."""
    async with contextlib.aclosing(Observed(simulator)) as exporter:
        return await exporter.scrape()


@pytest.mark.parametrize(("fault", "expected"), FAULTY.items(), ids=FAULTY.keys())
async def test_a_fault_costs_characterizations_until_it_ends_and_the_backends_nothing(
    simulator: Simulator, untroubled: Exposition, fault: str, expected: Expected
) -> None:
    timeout = SHORT_TIMEOUT if expected.lasts else LONG_TIMEOUT
    simulator.drill.begin(InjectFault(fault, "characterizations"))
    async with contextlib.aclosing(Observed(simulator, timeout)) as exporter:
        during = await exporter.scrape(timeout)
        assert during.samples_of(BACKEND_FAMILIES) == untroubled.samples_of(BACKEND_FAMILIES)
        assert during.records == {}
        assert during.current == dict.fromkeys(CHARACTERIZED, 0)

        failed = await exporter.scrape()  # waits for reads that are still under way
        assert expected.log in exporter.log.getvalue()
        assert failed.characterization_failures.keys() == {expected.reason}
        assert PARALLEL_READS <= failed.characterization_failures[expected.reason] < 2 * PARALLEL_READS
        requests = simulator.requests_by_endpoint["characterizations"]
        paused = await exporter.scrape()
        assert paused.characterization_failures == failed.characterization_failures
        assert simulator.requests_by_endpoint["characterizations"] == requests

        simulator.drill.end()
        exporter.clock.now += FIRST_PAUSE_SECONDS
        after = await exporter.scrape()
        assert after.samples_of(BACKEND_FAMILIES) == untroubled.samples_of(BACKEND_FAMILIES)
        assert after.records == untroubled.records == CHARACTERIZED
        assert after.current == dict.fromkeys(CHARACTERIZED, 1)
        assert after.characterization_failures == failed.characterization_failures


async def test_bad_values_are_left_out_of_a_characterization_and_counted_by_field(
    simulator: Simulator, untroubled: Exposition
) -> None:
    simulator.drill.begin(InjectFault("bad_values", "characterizations"))
    async with contextlib.aclosing(Observed(simulator)) as exporter:
        during = await exporter.scrape()
        assert "is not a number" in exporter.log.getvalue()
    assert during.samples_of(BACKEND_FAMILIES) == untroubled.samples_of(BACKEND_FAMILIES)
    assert during.records == CHARACTERIZED
    assert during.characterization_failures == {}
    rejected = during.counted("ionq_exporter_rejected_values_total", "field")
    assert rejected.keys() == {"record.qubits", "record.connectivity", "record.fidelity", "record.timing"}
    with pytest.raises(ValueError, match="not enough values"):
        during.value("ionq_backend_fidelity_ratio", operation="2q", backend="qpu.forte-1")
    dates = "ionq_backend_characterization_timestamp_seconds"
    assert during.by_label(dates, "backend") == untroubled.by_label(dates, "backend")


def test_each_fault_of_the_simulator_is_a_case() -> None:
    assert {*FAULTY, "bad_values"} == set(FAULTS)
