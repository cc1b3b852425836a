"""What a scrape makes of unexpected exceptions, and what each scrape that shares a read reports."""

import asyncio
from io import StringIO
from pathlib import Path

import httpx
import pytest

from exporter.common.logging import configure_logs
from exporter.ionq.api_key import ApiKey
from exporter.ionq.client import IonQClient
from exporter.metrics.exporter import ExporterMetrics
from exporter.records.scrape import Scrape
from exporter.scrape.deadline import Deadline
from exporter.scrape.failure_log import FailureLog
from exporter.scrape.scraper import Scraper
from tests.support.certificates import Authority
from tests.support.clients import connected
from tests.support.clock import Clock
from tests.support.upstream import Held, Upstream, hang, send

pytestmark = pytest.mark.anyio

KEY = "8fQ2-vT7.xW+Za/91"


class Observed:
    """A scraper, its counters and its log."""

    def __init__(self, client: IonQClient) -> None:
        self.log = StringIO()
        self.metrics = ExporterMetrics()
        logger = configure_logs("info", "logfmt", self.log)
        self.scraper = Scraper(
            client,
            self.metrics,
            FailureLog(logger, Clock()),
            logger=logger,
            timeout_seconds=20,
            max_backends=10,
        )

    async def scrape(self, seconds: float = 5) -> Scrape:
        return await self.scraper.scrape(Deadline(seconds))


class Broken(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise RuntimeError(f"a bug with {request.headers['authorization']}")


def reason_and_message(scrape: Scrape) -> tuple[str, str]:
    assert scrape.error
    return scrape.error.reason, scrape.error.message


async def test_an_unexpected_exception_is_counted_and_traced_without_the_key() -> None:
    key = ApiKey(KEY)
    async with connected("http://ionq.test", new_transport=Broken, api_key=lambda: key) as client:
        observed = Observed(client)
        scrapes = [await observed.scrape() for _ in range(3)]
    assert [reason_and_message(scrape) for scrape in scrapes] == [
        ("protocol", "RuntimeError: a bug with apiKey [redacted]")
    ] * 3
    assert observed.metrics.api_failures["protocol"] == 3
    log = observed.log.getvalue()
    assert log.count("ionq_read_failed") == 1
    assert "in handle_async_request" in log
    assert KEY not in log


async def test_an_unexpected_exception_in_the_parser_is_counted_and_traced(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse(_body: bytes, _max_rows: int) -> None:
        raise KeyError("qubits")

    monkeypatch.setattr("exporter.scrape.scraper.parse_backends", parse)
    async with connected(upstream.url) as client:
        observed = Observed(client)
        assert reason_and_message(await observed.scrape()) == ("protocol", "KeyError: 'qubits'")
        monkeypatch.undo()
        assert (await observed.scrape()).up
    assert observed.metrics.api_failures["protocol"] == 1
    failed, recovered = observed.log.getvalue().splitlines()
    assert "in parse" in failed
    assert "ionq_read_recovered" in recovered


async def test_each_scrape_that_shares_a_read_reports_how_far_it_had_got_at_its_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", authority.trusted["SSL_CERT_FILE"])
    greeting = Held(send())
    with Upstream(tls=authority.server_context(), greeting=greeting) as upstream:
        upstream.answers(hang)
        async with connected(upstream.url) as client:
            observed = Observed(client)
            hasty, patient = (asyncio.create_task(observed.scrape(seconds)) for seconds in (1, 4))
            reason, message = reason_and_message(await hasty)
            assert reason == "tls"
            assert message.startswith("no TLS handshake with localhost within 1s: check firewall")
            greeting.release()
            assert reason_and_message(await patient)[0] == "timeout"
            await observed.scraper.aclose()
            assert len(upstream.connections) == len(upstream.requests) == 1
