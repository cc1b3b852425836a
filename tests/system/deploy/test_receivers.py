"""The mail server that the tests of Alertmanager use must end with its test, however a sender behaves."""

import socket

import pytest

from deploy.drill.receiver import serving
from tests.system.deploy.receivers import MailReceiver


@pytest.mark.timeout(20)
def test_a_sender_that_dies_within_its_letter_leaves_no_thread_behind() -> None:
    with (
        serving(MailReceiver()) as server,
        socket.create_connection(("127.0.0.1", server.server_address[1])) as sender,
        sender.makefile("rb") as replies,
    ):
        replies.readline()
        sender.sendall(b"DATA\r\nSubject: half a let")
        replies.readline()
    assert server.messages.empty()
