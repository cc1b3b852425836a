"""What a scrape makes of what nobody thought of, and what each of those that share a read is told."""

import asyncio
from io import StringIO
from pathlib import Path

import httpx
import pytest

from exporter.common.errors import IonQError
from exporter.common.logging import configure_logs
from exporter.ionq.api_key import ApiKey
from exporter.ionq.client import IonQClient
from exporter.metrics.exporter import ExporterMetrics
from exporter.records.scrape import Scrape
from exporter.scrape.failure_log import FailureLog
from exporter.scrape.scraper import Scraper
from tests.support.certificates import Authority
from tests.support.clock import Clock
from tests.support.upstream import Held, Upstream, hang, send

pytestmark = pytest.mark.anyio

KEY = "8fQ2-vT7.xW+Za/91"


class Observed:
    """A scraper, its counters and its log."""

    def __init__(self, client: IonQClient) -> None:
        self.clock = Clock()
        self.log = StringIO()
        self.telemetry = ExporterMetrics()
        self.scraper = Scraper(
            client,
            self.telemetry,
            FailureLog(configure_logs("info", "logfmt", self.log), self.clock),
            timeout_seconds=20,
            max_backends=10,
        )

    def failures(self, reason: str) -> float | None:
        return self.telemetry.incidents.get_sample_value(
            "ionq_exporter_api_failures_total", {"reason": reason}
        )


class Broken(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise RuntimeError(f"nobody thought of {request.headers['authorization']}")


def reason_and_message(scrape: Scrape) -> tuple[str, str]:
    assert isinstance(scrape.outcome, IonQError)
    return scrape.outcome.reason, scrape.outcome.message


async def test_what_nobody_thought_of_is_a_failure_that_is_counted_and_traced_without_the_key() -> None:
    key = ApiKey(KEY)
    client = IonQClient("http://ionq.test", max_response_bytes=1, new_transport=Broken, api_key=lambda: key)
    observed = Observed(client)
    scrapes = [await observed.scraper.scrape(5) for _ in range(3)]
    assert [reason_and_message(scrape) for scrape in scrapes] == [
        ("protocol", "RuntimeError: nobody thought of apiKey [redacted]")
    ] * 3
    assert observed.failures("protocol") == 3
    log = observed.log.getvalue()
    assert log.count("ionq_read_failed") == 1
    assert "in handle_async_request" in log
    assert KEY not in log


async def test_what_nobody_thought_of_in_an_answer_is_a_failure_that_is_counted_and_traced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def parse(_body: bytes, _max_rows: int) -> None:
        raise KeyError("qubits")

    monkeypatch.setattr("exporter.scrape.scraper.parse_backends", parse)
    with Upstream() as upstream:
        client = IonQClient(upstream.url, max_response_bytes=1 << 20)
        observed = Observed(client)
        assert reason_and_message(await observed.scraper.scrape(5)) == ("protocol", "KeyError: 'qubits'")
        monkeypatch.undo()
        assert (await observed.scraper.scrape(5)).up
        await client.aclose()
    assert observed.failures("protocol") == 1
    failed, recovered = observed.log.getvalue().splitlines()
    assert "in parse" in failed
    assert "ionq_read_recovered" in recovered


async def test_each_of_those_that_share_a_read_is_told_how_far_it_had_got_by_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", authority.trusted["SSL_CERT_FILE"])
    greeting = Held(send())
    with Upstream(tls=authority.server_context(), greeting=greeting) as upstream:
        upstream.answers(hang)
        client = IonQClient(upstream.url, max_response_bytes=1)
        observed = Observed(client)
        hasty, patient = (asyncio.create_task(observed.scraper.scrape(budget)) for budget in (0.3, 3))
        reason, message = reason_and_message(await hasty)
        assert reason == "tls"
        assert message.startswith("no TLS handshake with localhost within 0.3s: check firewall")
        greeting.release()
        assert reason_and_message(await patient)[0] == "timeout"
        await client.aclose()
        assert len(upstream.connections) == len(upstream.requests) == 1
