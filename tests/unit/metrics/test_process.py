import os
import threading
import time
from pathlib import Path

import pytest
from prometheus_client import ProcessCollector
from prometheus_client.metrics_core import Metric

import exporter.metrics.process
from exporter.metrics.process import ProcessConstantsCollector, ProcessUsageCollector


def families() -> dict[str, Metric]:
    found = (*ProcessUsageCollector().collect(), *ProcessConstantsCollector().collect())
    return {family.name: family for family in found}


def value(name: str) -> float:
    (sample,) = families()[name].samples
    return sample.value


def test_names_types_and_help_are_those_of_prometheus_client() -> None:
    def described(found: list[Metric]) -> set[tuple[str, str, str, str]]:
        return {
            (family.name, family.type, family.documentation, sample.name)
            for family in found
            for sample in family.samples
        }

    library = list(ProcessCollector(registry=None).collect())
    assert described(list(families().values())) == described(library) != set()


def test_start_and_limit_are_those_of_prometheus_client() -> None:
    library = {family.name: family for family in ProcessCollector(registry=None).collect()}
    for name in ("process_start_time_seconds", "process_max_fds"):
        assert families()[name].samples == library[name].samples


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


def test_a_system_without_proc_tells_cpu_time_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(exporter.metrics.process, "_PAGES", tmp_path / "statm")
    names = [family.name for family in ProcessUsageCollector().collect()]
    assert names == ["process_cpu_seconds"]
