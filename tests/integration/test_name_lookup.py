"""A resolver that does not respond, with a real process."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.exporter_process import ExporterProcess
from tests.support.upstream import PATIENCE_SECONDS, Upstream

_SILENT_SECONDS = 10 * PATIENCE_SECONDS

_RESOLVER = f"""
import pathlib, socket, time

repaired = pathlib.Path(__file__).with_name("repaired")
look_up = socket.getaddrinfo

def getaddrinfo(name, *more, **hints):
    if name not in ("ionq.test", b"ionq.test"):
        return look_up(name, *more, **hints)
    if not repaired.exists():
        time.sleep({_SILENT_SECONDS})
    return look_up("127.0.0.1", *more, **hints)

socket.getaddrinfo = getaddrinfo
"""


class Resolver:
    """Blocks each lookup until it is repaired."""

    def __init__(self, folder: Path) -> None:
        (folder / "sitecustomize.py").write_text(_RESOLVER)
        self.environment = {"PYTHONPATH": str(folder)}
        self._repaired = folder / "repaired"

    def repair(self) -> None:
        self._repaired.touch()


@pytest.fixture
def resolver(tmp_path: Path) -> Resolver:
    return Resolver(tmp_path)


@pytest.fixture
def exporter(resolver: Resolver) -> Iterator[ExporterProcess]:
    with (
        Upstream(host="ionq.test") as upstream,
        ExporterProcess(
            upstream.url, "--web.timeout-offset=0s", environment=resolver.environment
        ) as exporter,
    ):
        yield exporter


def test_the_next_scrape_works_after_the_resolver_recovers_although_old_lookups_still_wait(
    exporter: ExporterProcess, resolver: Resolver
) -> None:
    for _ in range(10):
        assert not exporter.scrape(timeout="0.1").up
    resolver.repair()
    assert exporter.scrape().up


def test_a_silent_resolver_does_not_delay_shutdown(exporter: ExporterProcess) -> None:
    assert not exporter.scrape(timeout="0.1").up
    began = time.monotonic()
    exporter.signal(signal.SIGTERM)
    assert exporter.exit_status() == 0
    assert time.monotonic() - began < PATIENCE_SECONDS
