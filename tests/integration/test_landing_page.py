"""The landing page: when it reads IonQ, how long it waits, and what it keeps."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from exporter.ionq.client import IonQClient
from exporter.metrics.exporter import ExporterMetrics
from exporter.scrape.failure_log import FailureLog
from exporter.scrape.scraper import Scraper
from tests.support.clients import SILENT, connected
from tests.support.exporter_process import ExporterProcess
from tests.support.upstream import PATIENCE_SECONDS, Held, Upstream, ok, status

MAX_AGE_SECONDS = 30.0


@pytest.fixture
def fresh(upstream: Upstream) -> Iterator[ExporterProcess]:
    """An exporter that has not scraped yet."""
    with ExporterProcess(upstream.url) as exporter:
        yield exporter


def test_the_page_is_html_with_a_relative_link_to_the_metrics(fresh: ExporterProcess) -> None:
    page = fresh.get()
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert '<a href="./metrics">' in page.text


def test_the_first_page_reads_ionq_and_the_next_ones_do_not(
    fresh: ExporterProcess, upstream: Upstream
) -> None:
    assert "qpu.forte-1" in fresh.read_page()
    assert "qpu.forte-1" in fresh.read_page()
    assert len(upstream.requests) == 1


def test_a_page_after_a_scrape_shows_it_and_does_not_read_ionq(
    fresh: ExporterProcess, upstream: Upstream
) -> None:
    fresh.scrape()
    assert "qpu.forte-1" in fresh.get().text
    assert len(upstream.requests) == 1


def test_a_page_does_not_wait_for_a_slow_ionq_and_the_read_goes_on_for_the_next(
    fresh: ExporterProcess, upstream: Upstream
) -> None:
    response = Held(ok())
    upstream.answers(response)
    assert "IonQ has not responded yet." in fresh.get().text
    assert "IonQ has not responded yet." in fresh.get().text
    scrape = fresh.begin_scrape()
    response.release()
    assert scrape().up
    assert "qpu.forte-1" in fresh.get().text
    assert len(upstream.requests) == 1


def test_pages_at_the_same_time_share_one_scrape_and_its_failure(
    fresh: ExporterProcess, upstream: Upstream
) -> None:
    response = Held(status(500))
    upstream.answers(response)
    with ThreadPoolExecutor(max_workers=8) as pool:
        pages = [pool.submit(fresh.get) for _ in range(8)]
        upstream.await_requests(1)
        response.release()
        for page in pages:
            assert page.result().is_success
    assert len(upstream.requests) == 1
    upstream.answers(ok())
    assert fresh.scrape().value("ionq_exporter_api_failures_total", reason="http_status") == 1


def test_an_outage_keeps_the_last_table_beside_the_reason(fresh: ExporterProcess, upstream: Upstream) -> None:
    fresh.scrape()
    upstream.answers(status(500))
    assert not fresh.scrape().up
    page = fresh.get().text
    assert "IonQ cannot be read" in page
    assert "http_status" in page
    assert "Old: read" in page
    assert "qpu.forte-1" in page
    upstream.answers(ok())
    fresh.scrape()
    assert "Old: read" not in fresh.get().text


def test_a_failure_that_the_page_saw_itself_is_shown() -> None:
    with Upstream() as gone:
        pass
    with ExporterProcess(gone.url) as failing:
        page = failing.read_page()
    assert "IonQ cannot be read" in page
    assert "connect" in page


def test_a_head_request_reads_nothing(fresh: ExporterProcess, upstream: Upstream) -> None:
    assert fresh.get(method="HEAD").headers["content-security-policy"]
    assert upstream.connections == []


def test_a_read_for_a_page_that_went_does_not_hold_up_the_end(
    fresh: ExporterProcess, upstream: Upstream
) -> None:
    response = Held(ok())
    upstream.answers(response)
    fresh.get()
    fresh.signal(signal.SIGTERM)
    assert fresh.exit_status() == 0
    response.release()


def test_data_of_the_simulator_are_marked(fresh: ExporterProcess, upstream: Upstream) -> None:
    upstream.answers(ok(headers={"X-IonQ-Simulator": "seed=1"}))
    assert f"{upstream.url} is the exporter's simulator" in fresh.read_page()
    upstream.answers(ok())
    fresh.scrape()
    assert "simulator, not IonQ" not in fresh.get().text


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("age_seconds", "requests"),
    [(0, 1), (MAX_AGE_SECONDS - 5, 1), (MAX_AGE_SECONDS + 1, 2), (-3600, 2)],
    ids=["new", "recent", "old", "clock set back"],
)
async def test_a_scrape_is_made_again_when_it_is_old(
    upstream: Upstream, age_seconds: float, requests: int
) -> None:
    async with connected(upstream.url) as client:
        scraper = scraper_of(client)
        assert await scraper.refresh(MAX_AGE_SECONDS, PATIENCE_SECONDS)
        assert scraper.last is not None
        earlier = scraper.last.finished_at - timedelta(seconds=age_seconds)
        scraper.last = replace(scraper.last, finished_at=earlier)
        assert await scraper.refresh(MAX_AGE_SECONDS, PATIENCE_SECONDS)
        await scraper.aclose()
    assert len(upstream.requests) == requests


def scraper_of(client: IonQClient) -> Scraper:

    return Scraper(
        client,
        ExporterMetrics(),
        FailureLog(SILENT),
        logger=SILENT,
        timeout_seconds=PATIENCE_SECONDS,
        max_backends=10,
    )
