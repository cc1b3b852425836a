"""Scrapes that come at the same time share one read of IonQ, and each keeps its own deadline."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from exporter.common.single_flight import SingleFlight
from tests.support.exporter_process import ExporterProcess
from tests.support.exposition import Exposition
from tests.support.upstream import Held, Upstream, hang, ok, status

MOMENT = 5.0
"""More than a busy machine adds to a deadline, and less than what a scrape takes without one."""


def test_scrapes_that_arrive_while_one_is_under_way_share_its_answer(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    before = exporter.scrape()
    answer = Held(ok())
    upstream.reset()
    upstream.answers(answer)
    scrapes = [exporter.begin_scrape() for _ in range(10)]
    answer.release()
    results = [finish() for finish in scrapes]
    assert all(result.up for result in results)
    assert len(upstream.requests) == 1
    assert {result.requests for result in results} == {before.requests + 1}


def test_a_failure_is_shared_too(exporter: ExporterProcess, upstream: Upstream) -> None:
    before = exporter.scrape()
    answer = Held(status(500))
    upstream.reset()
    upstream.answers(answer)
    scrapes = [exporter.begin_scrape() for _ in range(5)]
    answer.release()
    assert not any(finish().up for finish in scrapes)
    assert len(upstream.requests) == 1
    upstream.answers(ok())
    assert exporter.scrape().failures_since(before) == {"http_status": 5}


def test_each_scrape_keeps_its_own_deadline(exporter: ExporterProcess, upstream: Upstream) -> None:
    answer = Held(ok())
    upstream.answers(answer)
    finish_patient = exporter.begin_scrape("20")
    hasty, took = _timed(exporter, "1")
    assert not hasty.up
    assert 0.5 <= took < MOMENT
    answer.release()
    assert finish_patient().up
    assert len(upstream.requests) == 1


def test_who_joined_gets_the_answer_after_the_one_that_began_has_given_up(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    answer = Held(ok())
    upstream.answers(answer)
    finish_hasty = exporter.begin_scrape("1")
    finish_patient = exporter.begin_scrape("20")
    assert not finish_hasty().up
    answer.release()
    assert finish_patient().up
    assert len(upstream.requests) == 1


def test_a_failure_after_some_have_given_up_reaches_only_those_that_wait(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    before = exporter.scrape()
    answer = Held(status(500))
    upstream.reset()
    upstream.answers(answer)
    finish_hasty = exporter.begin_scrape("1")
    finish_patient = exporter.begin_scrape("20")
    assert finish_hasty().failures_since(before) == {"timeout": 1}
    answer.release()
    assert finish_patient().failures_since(before) == {"timeout": 1, "http_status": 1}


def test_who_joined_a_call_that_dies_of_old_age_gets_one_of_its_own() -> None:
    with Upstream() as upstream:
        upstream.answers(hang, ok())
        with ExporterProcess(upstream.url, "--ionq.timeout=1.5s") as exporter:
            finish_first = exporter.begin_scrape()
            assert not upstream.await_connections(1)[0].closed.wait(0.5)
            joined = exporter.scrape("10")
            assert not finish_first().up
            assert joined.up
            assert len(upstream.requests) == 2


def test_who_joined_a_call_that_dies_of_old_age_keeps_its_deadline_too() -> None:
    with Upstream() as upstream:
        upstream.answers(hang)
        with ExporterProcess(upstream.url, "--ionq.timeout=1s", "--web.timeout-offset=0") as exporter:
            finish_first = exporter.begin_scrape()
            assert not upstream.await_connections(1)[0].closed.wait(0.6)
            joined, took = _timed(exporter, "0.8")
            assert not finish_first().up
            assert not joined.up
            assert 0.8 <= took < MOMENT


def test_a_call_that_nobody_waits_for_any_more_is_broken_off(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    upstream.answers(hang, ok())
    assert not exporter.scrape("0.5").up
    assert upstream.connections[0].closed.wait(5)
    assert exporter.scrape().up
    assert len(upstream.requests) == 2


def test_a_hundred_scrapes_at_once_are_all_answered(exporter: ExporterProcess, upstream: Upstream) -> None:
    with ThreadPoolExecutor(max_workers=100) as pool:
        results = list(pool.map(lambda _: exporter.scrape(), range(100)))
    assert all(result.up and result.backends for result in results)
    assert len(upstream.requests) <= 100
    assert len(upstream.connections) == 1, "two calls at once"


@pytest.mark.anyio
async def test_a_call_that_cancels_a_part_of_itself_is_still_under_way() -> None:
    """anyio does this while it connects, when the first of several addresses answers."""
    answered = asyncio.Event()
    calls = 0

    async def read() -> str:
        nonlocal calls
        calls += 1
        task = asyncio.current_task()
        assert task
        task.cancel()
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            await answered.wait()
            task.uncancel()
        return "answer"

    shared = SingleFlight(read, lifetime=5)
    tasks = []
    for _ in range(2):
        tasks.append(asyncio.create_task(shared(5)))
        for _ in range(3):
            await asyncio.sleep(0)
    answered.set()
    assert [await task for task in tasks] == ["answer", "answer"]
    assert calls == 1


def test_a_scraper_that_hangs_up_disturbs_nobody(exporter: ExporterProcess, upstream: Upstream) -> None:
    answer = Held(ok())
    upstream.answers(answer)
    with exporter.connect() as impatient:
        impatient.sendall(b"GET /metrics HTTP/1.1\r\nHost: exporter\r\n\r\n")
        upstream.await_requests(1)
        finish_patient = exporter.begin_scrape()
    answer.release()
    assert finish_patient().up
    assert len(upstream.requests) == 1


def _timed(exporter: ExporterProcess, timeout: str) -> tuple[Exposition, float]:
    started = time.monotonic()
    return exporter.scrape(timeout), time.monotonic() - started
