"""TLS: what is trusted, and what a failed handshake is called."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from exporter.common.errors import TLSError
from exporter.ionq.client import IonQClient
from tests.support.certificates import Authority
from tests.support.exporter_process import ExporterProcess, run_exporter
from tests.support.upstream import Connection, Script, Upstream, hang, reset, send_and_close, status


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that the exporter does not trust."""
    return Authority(tmp_path_factory.mktemp("stranger"))


@pytest.fixture
def trusting(authority: Authority) -> Iterator[Upstream]:
    with Upstream(tls=authority.server_context()) as upstream:
        yield upstream


def test_an_authority_in_ssl_cert_file_is_trusted(trusting: Upstream, authority: Authority) -> None:
    with ExporterProcess(trusting.url, environment=authority.trusted) as exporter:
        for _ in range(3):
            assert exporter.scrape().up
    assert len(trusting.requests) == 3
    assert len(trusting.connections) == 1


def test_a_dropped_connection_is_retried_over_tls_too(trusting: Upstream, authority: Authority) -> None:
    trusting.answers(status(500), reset, status(500))
    with ExporterProcess(trusting.url, environment=authority.trusted) as exporter:
        exporter.scrape()
        assert exporter.scrape().value("ionq_exporter_api_failures_total", reason="http_status") == 2
    assert len(trusting.requests) == 3


def test_an_unknown_authority_is_reason_tls(authority: Authority, stranger: Authority) -> None:
    with Upstream(tls=stranger.server_context()) as upstream:
        line = _tls_failure(upstream, authority)
    assert "certificate verify failed" in line
    assert "set SSL_CERT_FILE" in line


def test_an_expired_certificate_is_reason_tls(authority: Authority) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    with Upstream(tls=authority.server_context(not_after=yesterday)) as upstream:
        assert "certificate has expired" in _tls_failure(upstream, authority)


def test_a_certificate_for_another_host_is_reason_tls(authority: Authority) -> None:
    with Upstream(tls=authority.server_context("ionq.example")) as upstream:
        assert "Hostname mismatch" in _tls_failure(upstream, authority)


def _once_greeted(answer: Script) -> Script:
    """Answer the client's greeting, so that the connection is made and its handshake begun before."""

    def script(connection: Connection) -> None:
        connection.receive()
        answer(connection)

    return script


BROKEN_GREETINGS: dict[str, Script] = {
    "plain_http": _once_greeted(send_and_close(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    "alert": _once_greeted(send_and_close(b"\x15\x03\x03\x00\x02\x02\x28")),
    "closed": _once_greeted(send_and_close()),
    "reset": _once_greeted(reset),
}


@pytest.mark.anyio
@pytest.mark.parametrize("greeting", BROKEN_GREETINGS.values(), ids=BROKEN_GREETINGS.keys())
async def test_a_port_that_speaks_no_tls_is_reason_tls(greeting: Script) -> None:
    with Upstream(greeting=greeting, scheme="https") as upstream:
        client = IonQClient(upstream.url, max_response_bytes=1)
        with pytest.raises(TLSError, match="TLS with localhost failed"):
            await client.get_backends()
        await client.aclose()
        upstream.await_open_connections(0)


def test_a_handshake_that_never_ends_is_reason_tls_and_leaves_no_connection_open(
    authority: Authority,
) -> None:
    with (
        Upstream(greeting=hang, scheme="https") as upstream,
        ExporterProcess(upstream.url, environment=authority.trusted) as exporter,
    ):
        for _ in range(4):
            failed = exporter.scrape("0.4")
        assert failed.value("ionq_exporter_api_failures_total", reason="tls") == 4
        upstream.await_open_connections(0)


def test_after_a_failed_handshake_the_next_scrape_works(authority: Authority) -> None:
    greetings: list[Script] = [reset, hang]

    def greeting(connection: Connection) -> None:
        if greetings:
            greetings.pop(0)(connection)

    context = authority.server_context()
    with (
        Upstream(tls=context, greeting=greeting) as upstream,
        ExporterProcess(upstream.url, environment=authority.trusted) as exporter,
    ):
        assert [exporter.scrape("1").up for _ in range(4)] == [False, False, True, True]
        assert len(upstream.connections) == 3


@pytest.mark.anyio
@pytest.mark.parametrize("at_the_end", [Connection.close, hang], ids=["closed", "hanging"])
async def test_failed_handshakes_behind_a_proxy_do_not_fill_the_connection_pool(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, at_the_end: Script
) -> None:
    def tunnel_into_nothing(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        at_the_end(connection)

    for name, value in authority.trusted.items():
        monkeypatch.setenv(name, value)
    with Upstream() as proxy:
        proxy.answers(tunnel_into_nothing)
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.authority}")
        client = IonQClient("https://ionq.test/v0.4", max_response_bytes=1)
        for _ in range(3):
            with pytest.raises((TLSError, TimeoutError)):
                async with asyncio.timeout(0.3):
                    await client.get_backends()
            assert isinstance(client._transport, httpx.AsyncHTTPTransport)
            assert client._transport._pool.connections == []
        await client.aclose()
        proxy.await_open_connections(0)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bad_ssl_cert_file_is_one_line_and_exit_status_2(tmp_path: Path, content: str | None) -> None:
    certificates = tmp_path / "authority.pem"
    if content is not None:
        certificates.write_text(content)
    ended = run_exporter("--web.listen-address=127.0.0.1:0", environment={"SSL_CERT_FILE": str(certificates)})
    assert ended.returncode == 2
    assert ended.stderr.startswith("ionq-exporter: the certificates in SSL_CERT_FILE or SSL_CERT_DIR cannot")
    assert ended.stderr.count("\n") == 1


def _tls_failure(upstream: Upstream, authority: Authority) -> str:
    with ExporterProcess(upstream.url, environment=authority.trusted) as exporter:
        failed = exporter.scrape()
        assert not failed.up
        assert failed.backends == set()
        assert failed.value("ionq_exporter_api_failures_total", reason="tls") == 1
        assert upstream.requests == []
        return exporter.await_log("ionq_read_failed", "reason=tls", "TLS with localhost failed")
