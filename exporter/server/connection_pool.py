"""The open connections of a server, bounded in number, in time and in bytes that wait to be sent.

Without these bounds, clients that open many connections or read nothing would take all file descriptors or
all memory. The pool closes such connections in favour of new ones, so Prometheus always gets one.
"""

import asyncio
import contextlib
import enum
import operator
import resource
from typing import Any

MAX_CONNECTIONS = 128
MAX_UNSENT_BYTES = 16 * 1024 * 1024

_MIN_CONNECTIONS = 4
_CHECK_INTERVAL_SECONDS = 1.0

# For the listening sockets, the log, and a scrape with its connections, DNS lookups and certificates.
_RESERVED_DESCRIPTORS = 40


class EvictionPriority(enum.IntEnum):
    """How soon a connection is closed when another needs its place: the lowest first."""

    SLOW = 0
    IDLE = 1
    NEW = 2
    SERVING = 3


class ConnectionPool(set[Any]):
    """A set of ``LimitedHttpProtocol`` that makes room for each one added."""

    def __init__(self, limit: int = MAX_CONNECTIONS) -> None:
        super().__init__()
        self.limit = limit

    @property
    def accepted_at_once(self) -> int:
        """The number of connections to accept before reading from any.

        asyncio accepts up to four times as many before the first of them is added to the pool.
        """
        return max(1, self.limit // 8)

    def add(self, connection: Any) -> None:
        """Add a connection. If the pool is full, close others."""
        if len(self) >= self.limit and connection not in self:
            by_priority = sorted(self, key=operator.attrgetter("eviction_priority"))
            # Several at once, because sorting for each new connection would be slow.
            for evicted in by_priority[: max(1, self.limit // 16)]:
                self._evict(evicted)
        super().add(connection)

    def limit_unsent_bytes(self) -> None:
        """Close the connections with the most unsent bytes until the others have few enough.

        A client that reads has fewer unsent bytes than one that does not. A single connection has no limit.
        """
        sending = sorted((c for c in self if c.unsent_bytes), key=operator.attrgetter("unsent_bytes"))
        total = sum(connection.unsent_bytes for connection in sending)
        while total > MAX_UNSENT_BYTES and len(sending) > 1:
            largest = sending.pop()
            total -= largest.unsent_bytes
            self._evict(largest)

    async def check_deadlines(self) -> None:
        """Close connections with clients that are too slow, until cancelled."""
        while True:
            await asyncio.sleep(_CHECK_INTERVAL_SECONDS)
            now = asyncio.get_running_loop().time()
            for connection in tuple(self):
                connection.check_deadlines(now)

    def _evict(self, connection: Any) -> None:
        self.discard(connection)
        connection.abort()


def connection_limit(descriptors: int) -> int:
    """Return how many connections a process with so many file descriptors can hold."""
    # Half as many again are accepted before they are in the pool.
    available = (descriptors - _RESERVED_DESCRIPTORS) * 2 // 3
    return min(MAX_CONNECTIONS, max(_MIN_CONNECTIONS, available))


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard limit, as Go does, and return the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # not everywhere may a process have as many
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
