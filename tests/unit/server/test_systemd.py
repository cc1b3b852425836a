"""Notifications to a service manager, over real datagram sockets."""

import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.server.systemd import READY, notify


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A service manager's socket, and its name in the environment."""
    name = f"@ionq-exporter-{uuid.uuid4()}" if request.param == "abstract" else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(5)
        listening.bind(name.replace("@", "\0", 1) if request.param == "abstract" else name)
        yield listening, name


def test_a_state_is_one_datagram(manager: tuple[socket.socket, str]) -> None:
    listening, name = manager
    notify(READY, {"NOTIFY_SOCKET": name})
    assert listening.recv(100) == b"READY=1"


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}])
def test_nobody_is_told_where_there_is_no_such_manager(environment: dict[str, str]) -> None:
    notify(READY, environment)


def test_a_manager_that_went_away_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        notify(READY, {"NOTIFY_SOCKET": str(tmp_path / "nobody")})
