"""Addresses to listen on, with real sockets on free ports."""

import socket

import httpx
import pytest

from exporter.server.sockets import address_of, open_sockets, url_of
from exporter.settings import ListenAddress


def answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 5).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.parametrize(
    ("address", "ipv4", "ipv6"),
    [
        (":0", True, True),
        ("[::]:0", True, True),
        ("0.0.0.0:0", True, False),
        ("127.0.0.1:0", True, False),
        ("[::1]:0", False, True),
    ],
)
def test_an_address_serves_the_expected_families_and_its_url_is_reachable(
    address: str,
    ipv4: bool,  # noqa: FBT001
    ipv6: bool,  # noqa: FBT001
) -> None:
    (opened,) = open_sockets([ListenAddress.parse(address)])
    with opened:
        port = address_of(opened).port
        assert (answers("127.0.0.1", port), answers("::1", port)) == (ipv4, ipv6)
        url = httpx.URL(url_of(opened))
        assert answers(url.host, url.port or 0)


def test_if_one_address_is_in_use_no_socket_stays_open() -> None:
    (taken,) = open_sockets([ListenAddress("127.0.0.1", 0)])
    with taken:
        free = ListenAddress("127.0.0.1", 0)
        with pytest.raises(OSError, match=r"cannot listen on 127\.0\.0\.1:\d+: Address already in use"):
            open_sockets([free, address_of(taken)])


def test_a_connection_does_not_delay_small_packets() -> None:
    (opened,) = open_sockets([ListenAddress("127.0.0.1", 0)])
    with opened, socket.create_connection(opened.getsockname()), opened.accept()[0] as accepted:
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 128 * 1024
