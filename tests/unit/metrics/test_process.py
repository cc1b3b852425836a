import os
import threading
import time
from pathlib import Path

import pytest
from prometheus_client import PlatformCollector, ProcessCollector
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

import exporter.metrics.process
from exporter.metrics.encoding import Format
from exporter.metrics.process import encode_process
from tests.support.oracle import encode


def families() -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(encode_process(Format.TEXT))}


def value(name: str) -> float:
    (sample,) = families()[name].samples
    return sample.value


def library() -> list[Metric]:
    return [*ProcessCollector(registry=None).collect(), *PlatformCollector(registry=None).collect()]


@pytest.mark.parametrize("form", Format)
def test_names_types_and_help_are_those_of_prometheus_client(form: Format) -> None:
    def heads(text: str) -> set[str]:
        return {line for line in text.splitlines() if line.startswith("#")}

    assert heads(encode_process(form)) == heads(encode(library(), form)) != set()


def test_what_never_changes_is_what_prometheus_client_says() -> None:
    expected = {family.name: family.samples for family in library()}
    for name in ("process_start_time_seconds", "process_max_fds", "python_info"):
        assert families()[name].samples == expected[name]


def test_cpu_time_is_that_of_all_threads() -> None:
    def work() -> None:
        while time.thread_time() < 0.05:
            pass

    before = value("process_cpu_seconds")
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert before + 0.05 <= value("process_cpu_seconds") <= time.process_time()


def test_memory_is_in_bytes() -> None:
    before = value("process_resident_memory_bytes"), value("process_virtual_memory_bytes")
    ballast = b"\1" * (64 << 20)
    after = value("process_resident_memory_bytes"), value("process_virtual_memory_bytes")
    for less, more in zip(before, after, strict=True):
        assert len(ballast) * 0.9 < more - less < len(ballast) * 1.5


def test_each_open_file_is_one_more() -> None:
    before = value("process_open_fds")
    opened = os.pipe()
    try:
        assert value("process_open_fds") == before + len(opened)
    finally:
        for number in opened:
            os.close(number)


def test_a_system_without_proc_shows_cpu_time_and_what_never_changes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(exporter.metrics.process, "_PAGES", tmp_path / "statm")
    assert "process_cpu_seconds" in families()
    assert "process_resident_memory_bytes" not in families()
    assert "python_info" in families()
