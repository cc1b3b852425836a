"""TLS: what is trusted, and what a failed handshake is called."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exporter.common.errors import TLSError
from tests.support.certificates import Authority
from tests.support.clients import connected
from tests.support.exporter_process import ExporterProcess, run_exporter
from tests.support.upstream import Connection, Script, Upstream, hang, ok, reset, send_and_close


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
    trusting.answers(ok(), reset, ok())
    with ExporterProcess(trusting.url, environment=authority.trusted) as exporter:
        assert exporter.scrape().up
        assert exporter.scrape().up
    assert len(trusting.requests) == 3


def _replace(bundle: Path, content: bytes) -> None:
    new = bundle.with_suffix(".new")
    new.write_bytes(content)
    new.replace(bundle)


def _move_the_link(bundle: Path, content: bytes) -> None:
    """Renew a file as Kubernetes does: the path stays a link, and what it links to is another file."""
    renewed = bundle.with_suffix(".renewed")
    renewed.write_bytes(content)
    link = bundle.with_suffix(".link")
    link.symlink_to(renewed)
    link.replace(bundle)


RENEWALS = {"replaced": _replace, "link_moved": _move_the_link, "written_in_place": Path.write_bytes}


@pytest.mark.parametrize("renew", RENEWALS.values(), ids=RENEWALS.keys())
def test_a_renewed_ssl_cert_file_is_used_without_a_restart(
    authority: Authority, stranger: Authority, tmp_path: Path, renew: Callable[[Path, bytes], object]
) -> None:
    old, new = (Path(each.trusted["SSL_CERT_FILE"]).read_bytes() for each in (authority, stranger))
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(old)
    contexts = [authority.server_context()]
    with Upstream(greeting=lambda connection: connection.start_tls(contexts[-1]), scheme="https") as upstream:
        upstream.answers(ok(headers={"Connection": "close"}))
        with ExporterProcess(upstream.url, environment={"SSL_CERT_FILE": str(bundle)}) as exporter:
            assert exporter.scrape().up
            contexts.append(stranger.server_context())
            assert exporter.scrape().value("ionq_exporter_api_failures_total", reason="tls") == 1
            renew(bundle, old + new)
            assert exporter.scrape().up
            bundle.write_text("no certificate")
            assert exporter.scrape().up, "the last good certificates are kept"


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
        async with connected(upstream.url) as client:
            with pytest.raises(TLSError, match="TLS with localhost failed"):
                await client.get_backends()
        await asyncio.to_thread(upstream.await_open_connections, 0)


def test_a_handshake_that_never_ends_is_reason_tls_and_leaves_no_connection_open(
    authority: Authority,
) -> None:
    with (
        Upstream(greeting=hang, scheme="https") as upstream,
        ExporterProcess(upstream.url, "--ionq.timeout=2s", environment=authority.trusted) as exporter,
    ):
        for _ in range(2):
            failed = exporter.scrape()
        assert failed.value("ionq_exporter_api_failures_total", reason="tls") == 2
        upstream.await_open_connections(0)


def test_after_a_failed_handshake_the_next_scrape_works(authority: Authority) -> None:
    greetings: list[Script] = [reset, hang]

    def greeting(connection: Connection) -> None:
        if greetings:
            greetings.pop(0)(connection)

    context = authority.server_context()
    with (
        Upstream(tls=context, greeting=greeting) as upstream,
        ExporterProcess(upstream.url, "--ionq.timeout=3s", environment=authority.trusted) as exporter,
    ):
        assert [exporter.scrape().up for _ in range(4)] == [False, False, True, True]
        assert len(upstream.connections) == 3


@pytest.mark.anyio
@pytest.mark.parametrize("at_the_end", [Connection.close, hang], ids=["closed", "hanging"])
async def test_failed_handshakes_behind_a_proxy_leave_no_connection_open(
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
        async with connected("https://ionq.test/v0.4") as client:
            for _ in range(3):
                with pytest.raises((TLSError, TimeoutError)):
                    async with asyncio.timeout(0.3):
                        await client.get_backends()
                await asyncio.to_thread(proxy.await_open_connections, 0)


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
