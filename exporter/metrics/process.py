"""The metrics of the process, under the names and with the help of prometheus_client's own collectors.

The library's process collector reads start time and limits at each scrape, which took a tenth of a scrape's
CPU time. Here it is asked for them once, and only what changes is read each time.
"""

import functools
import os
import time
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest as generate_text
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from exporter.metrics.encoding import END_OF_OPENMETRICS, Family, Format

_PAGES = Path("/proc/self/statm")
_OPEN_FILES = Path("/proc/self/fd")
_CONSTANTS = ("process_start_time_seconds", "process_max_fds", "python_info")

_CPU = Family(
    name="process_cpu_seconds_total", type="counter", help="Total user and system CPU time spent in seconds."
)
_VIRTUAL_MEMORY = Family(name="process_virtual_memory_bytes", help="Virtual memory size in bytes.")
_RESIDENT_MEMORY = Family(name="process_resident_memory_bytes", help="Resident memory size in bytes.")
_OPEN_FDS = Family(name="process_open_fds", help="Number of open file descriptors.")


def encode_process(form: Format) -> str:
    """Return what the process uses and runs on. Without /proc, that is its CPU time and Python."""
    return "".join((*_encode_usage(form), _encode_constants(form)))


def _encode_usage(form: Format) -> Iterator[str]:
    yield _CPU.encode(time.process_time(), form)
    try:
        virtual_pages, resident_pages, *_ = _PAGES.read_bytes().split()
        open_fds = len(os.listdir(_OPEN_FILES))  # noqa: PTH208 -- a tenth of iterdir()'s time
    except OSError:
        return
    page_bytes = os.sysconf("SC_PAGE_SIZE")
    yield _VIRTUAL_MEMORY.encode(int(virtual_pages) * page_bytes, form)
    yield _RESIDENT_MEMORY.encode(int(resident_pages) * page_bytes, form)
    yield _OPEN_FDS.encode(open_fds, form)


@functools.cache
def _encode_constants(form: Format) -> str:
    registry = CollectorRegistry(auto_describe=True)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    constants = registry.restricted_registry(_CONSTANTS)
    generate = generate_openmetrics if form is Format.OPENMETRICS else generate_text
    text: bytes = generate(constants)
    return text.decode().removesuffix(END_OF_OPENMETRICS)
