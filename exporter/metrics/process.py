"""What the process costs, under the names and with the help that prometheus_client's own collector gives it.

That collector reads the limits of the process, its start and the machine's at each scrape, which is a tenth
of a scrape's CPU time. Here what never changes is taken from it once, and the rest read from where it is
cheap.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

_PAGES = Path("/proc/self/statm")
_OPEN_FILES = Path("/proc/self/fd")
_LASTING = frozenset(("process_start_time_seconds", "process_max_fds"))


class ProcessUsageCollector(Collector):
    """What the process uses at the moment; without /proc, its CPU time alone.

    ::

        process_cpu_seconds_total 0.24
        process_virtual_memory_bytes 2.54263296e+08
        process_resident_memory_bytes 3.9124992e+07
        process_open_fds 9.0
    """

    def collect(self) -> Iterator[Metric]:
        """Yield a family for each resource."""
        yield CounterMetricFamily(
            "process_cpu_seconds_total",
            "Total user and system CPU time spent in seconds.",
            value=time.process_time(),
        )
        try:
            virtual_pages, resident_pages, *_ = _PAGES.read_bytes().split()
            open_fds = len(os.listdir(_OPEN_FILES))  # noqa: PTH208 -- a tenth of iterdir()'s time
        except OSError:
            return
        page_bytes = os.sysconf("SC_PAGE_SIZE")
        yield GaugeMetricFamily(
            "process_virtual_memory_bytes",
            "Virtual memory size in bytes.",
            value=int(virtual_pages) * page_bytes,
        )
        yield GaugeMetricFamily(
            "process_resident_memory_bytes",
            "Resident memory size in bytes.",
            value=int(resident_pages) * page_bytes,
        )
        yield GaugeMetricFamily("process_open_fds", "Number of open file descriptors.", value=open_fds)


class ProcessConstantsCollector(Collector):
    """When the process started, and what it may have.

    ::

        process_start_time_seconds 1.7636e+09
        process_max_fds 1024.0
    """

    def __init__(self) -> None:
        library = ProcessCollector(registry=None)
        self._families = [family for family in library.collect() if family.name in _LASTING]

    def collect(self) -> list[Metric]:
        """Return what was found at the start."""
        return self._families
