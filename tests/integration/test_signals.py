"""SIGHUP, and repeated SIGINT."""

import signal
from pathlib import Path

from tests.support.exporter_process import ExporterProcess
from tests.support.upstream import Upstream, hang
from tests.support.web_config import HASH, WebConfigFolder


def test_sighup_reloads_the_web_configuration_at_once(upstream: Upstream, tmp_path: Path) -> None:
    web = WebConfigFolder(tmp_path)
    web.write()
    with ExporterProcess(upstream.url, web.flag) as exporter:
        web.write(basic_auth_users={"prometheus": HASH})
        exporter.signal(signal.SIGHUP)
        exporter.await_log("event=web_config_reloaded")
        web.file.write_text("nonsense")
        exporter.signal(signal.SIGHUP)
        exporter.await_log("event=web_config_not_reloaded")
        assert exporter.get("metrics").status_code == 401


def test_sighup_does_not_end_it_where_there_is_nothing_to_reload(upstream: Upstream) -> None:
    with ExporterProcess(upstream.url) as exporter:
        exporter.signal(signal.SIGHUP)
        exporter.await_log("event=reload_requested")
        assert exporter.scrape().up


def test_a_second_sigint_ends_it_at_once_without_a_traceback(upstream: Upstream) -> None:
    upstream.answers(hang)
    with (
        ExporterProcess(upstream.url, "--ionq.timeout=60s") as exporter,
        exporter.connect() as scraper,
        exporter.connect() as idle,
    ):
        scraper.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        upstream.await_requests(1)
        exporter.signal(signal.SIGINT)
        assert idle.recv(1) == b"", "it waits for the scrape"
        exporter.signal(signal.SIGINT)
        assert exporter.exit_status() == 0


def test_repeated_sigint_shows_no_traceback(upstream: Upstream) -> None:
    with ExporterProcess(upstream.url) as exporter:
        for _ in range(5):
            exporter.signal(signal.SIGINT)
        assert exporter.exit_status() == 0
