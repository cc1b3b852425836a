"""Scrapes that come at the same time share one read of IonQ, and each keeps its own deadline."""

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.exporter_process import ExporterProcess
from tests.support.upstream import Held, Upstream, hang, ok, status


def test_scrapes_that_arrive_while_one_is_under_way_share_its_read(
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
    assert len({result.text for result in results}) == 1, "not one response for all"


def test_scrapes_of_two_reads_that_list_nothing_are_two(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    upstream.answers(ok(b"[]"))
    first, second = exporter.scrape(), exporter.scrape()
    assert first.up
    assert second.requests == first.requests + 1


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
    hasty = exporter.scrape("1")
    assert not hasty.up
    assert hasty.value("ionq_scrape_duration_seconds") >= 0.5
    answer.release()
    assert finish_patient().up
    assert len(upstream.requests) == 1


def test_a_read_outlives_the_scrape_that_began_it(exporter: ExporterProcess, upstream: Upstream) -> None:
    answer = Held(ok())
    upstream.answers(answer)
    finish_hasty = exporter.begin_scrape("1")
    finish_patient = exporter.begin_scrape("20")
    assert not finish_hasty().up
    answer.release()
    assert finish_patient().up
    assert len(upstream.requests) == 1


def test_a_failure_reaches_only_the_scrapes_that_still_wait(
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


@pytest.mark.parametrize("timeout", ["0.002", "0.000001", "0.1"])
def test_impatient_scrapers_cannot_multiply_requests(
    exporter: ExporterProcess, upstream: Upstream, timeout: str
) -> None:
    answer = Held(ok())
    upstream.answers(answer)
    assert not any(exporter.scrape(timeout).up for _ in range(50))
    finish_patient = exporter.begin_scrape("20")
    answer.release()
    assert finish_patient().up
    assert len(upstream.requests) == 1
    assert len(upstream.connections) == 1


def test_a_read_that_nobody_waits_for_serves_the_next_scrape(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    answer = Held(ok(b'[{"backend": "first", "qubits": 1}]'))
    upstream.answers(answer, ok(b'[{"backend": "second", "qubits": 1}]'))
    assert not exporter.scrape("0.5").up
    finish = exporter.begin_scrape("20")
    answer.release()
    assert finish().backends == {"first"}
    assert exporter.scrape().backends == {"second"}
    assert len(upstream.requests) == 2


def test_a_scrape_that_shared_a_read_that_timed_out_starts_a_new_one() -> None:
    with Upstream() as upstream:
        upstream.answers(hang, ok())
        with ExporterProcess(upstream.url, "--ionq.timeout=3s") as exporter:
            finish_first = exporter.begin_scrape()
            assert not upstream.await_connections(1)[0].closed.wait(1.5)
            shared = exporter.scrape("10")
            assert not finish_first().up
            assert shared.up
            assert len(upstream.requests) == 2


def test_a_scrape_that_starts_a_new_read_keeps_its_deadline() -> None:
    with Upstream() as upstream:
        upstream.answers(hang)
        with ExporterProcess(upstream.url, "--ionq.timeout=1s", "--web.timeout-offset=0") as exporter:
            finish_first = exporter.begin_scrape()
            assert not upstream.await_connections(1)[0].closed.wait(0.6)
            shared = exporter.scrape("0.8")
            assert not finish_first().up
            assert not shared.up
            assert shared.value("ionq_scrape_duration_seconds") >= 0.8


def test_a_read_that_nobody_waits_for_ends_at_the_timeout() -> None:
    with Upstream() as upstream, ExporterProcess(upstream.url, "--ionq.timeout=1s") as exporter:
        upstream.answers(hang, ok())
        assert not exporter.scrape("0.6").up
        upstream.await_open_connections(0)
        assert exporter.scrape().up
        assert len(upstream.requests) == 2


def test_sigterm_ends_a_read_that_nobody_waits_for(upstream: Upstream) -> None:
    upstream.answers(hang)
    with ExporterProcess(upstream.url, "--ionq.timeout=1h") as exporter:
        assert not exporter.scrape("0.6").up
        exporter.signal(signal.SIGTERM)
        assert exporter.exit_status() == 0
    upstream.await_open_connections(0)


def test_a_hundred_scrapes_at_once_are_all_answered(exporter: ExporterProcess, upstream: Upstream) -> None:
    with ThreadPoolExecutor(max_workers=100) as pool:
        results = list(pool.map(lambda _: exporter.scrape(), range(100)))
    assert all(result.up and result.backends for result in results)
    assert len(upstream.requests) <= 100
    assert len(upstream.connections) == 1, "two reads at once"


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
