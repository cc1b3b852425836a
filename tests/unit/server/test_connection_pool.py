"""Which connections are closed to make room."""

import resource
from dataclasses import dataclass, field

import pytest

from exporter.server.connection_pool import (
    MAX_CONNECTIONS,
    MAX_UNSENT_BYTES,
    ConnectionPool,
    EvictionPriority,
    connection_limit,
    raise_descriptor_limit,
)


@dataclass(eq=False)
class Connection:
    priority: EvictionPriority = EvictionPriority.IDLE
    active_at: float = 0.0
    unsent_bytes: int = 0
    aborted: bool = field(default=False, init=False)

    @property
    def eviction_priority(self) -> tuple[EvictionPriority, float]:
        return self.priority, self.active_at

    def check_deadlines(self, _now: float) -> None:
        raise NotImplementedError

    def abort(self) -> None:
        self.aborted = True


def test_a_full_pool_closes_the_slow_then_the_idle_then_the_new_and_the_served_last() -> None:
    pool = ConnectionPool(limit=4)
    connections = [Connection(priority) for priority in EvictionPriority]
    for connection in reversed(connections):
        pool.add(connection)
    for number in range(4):
        pool.add(Connection(EvictionPriority.SERVING, active_at=1))
        assert [connection.aborted for connection in connections] == [n <= number for n in range(4)]
        assert len(pool) == 4


def test_of_equal_connections_the_one_that_was_active_longest_ago_is_closed() -> None:
    pool = ConnectionPool(limit=2)
    newer, older = Connection(active_at=2), Connection(active_at=1)
    for connection in (newer, older, Connection(active_at=3)):
        pool.add(connection)
    assert (newer.aborted, older.aborted) == (False, True)


def test_a_connection_that_is_in_the_pool_already_needs_no_room() -> None:
    pool = ConnectionPool(limit=2)
    connections = Connection(), Connection()
    for connection in connections * 2:
        pool.add(connection)
    assert pool == set(connections)


def test_too_many_unsent_bytes_close_the_connections_that_have_most() -> None:
    pool = ConnectionPool()
    half = MAX_UNSENT_BYTES // 2
    reads, reads_nothing, idle = (
        Connection(unsent_bytes=half),
        Connection(unsent_bytes=half + 1),
        Connection(),
    )
    for connection in (reads, reads_nothing, idle):
        pool.add(connection)
    pool.limit_unsent_bytes()
    assert pool == {reads, idle}
    assert reads_nothing.aborted


def test_a_single_response_may_be_as_large_as_it_is() -> None:
    pool = ConnectionPool()
    pool.add(large := Connection(unsent_bytes=10 * MAX_UNSENT_BYTES))
    pool.limit_unsent_bytes()
    assert pool == {large}


@pytest.mark.parametrize(
    ("descriptors", "connections"), [(1, 4), (64, 16), (128, 58), (256, 128), (1024, MAX_CONNECTIONS)]
)
def test_few_file_descriptors_are_few_connections_with_some_left_for_scrapes(
    descriptors: int, connections: int
) -> None:
    assert connection_limit(descriptors) == connections


def test_the_soft_limit_of_file_descriptors_is_raised_to_the_hard_one() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(100, hard), hard))
    try:
        assert raise_descriptor_limit() == hard
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
