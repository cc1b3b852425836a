"""A proxy in the environment is used."""

import asyncio
from pathlib import Path

import pytest

from exporter.common.errors import ConnectionFailedError
from tests.support.certificates import Authority
from tests.support.clients import connected
from tests.support.exporter_process import ExporterProcess, run_exporter
from tests.support.upstream import Connection, Script, Upstream, hang, ok, reset, send_and_close, status

# Names that resolve nowhere: what reaches them went through the proxy.
HTTP_URL = "http://ionq.test/v0.4"
HTTPS_URL = "https://ionq.test/v0.4"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def tunnel(authority: Authority) -> Script:
    """Open the tunnel that a CONNECT asks for, and be what is at its end, too."""
    context = authority.server_context("ionq.test")

    def script(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        connection.start_tls(context)

    return script


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_https_goes_through_a_tunnel_that_is_kept(authority: Authority, variable: str) -> None:
    with Upstream() as proxy:
        proxy.answers(tunnel(authority), ok())
        environment = {**authority.trusted, variable: f"http://{proxy.authority}"}
        with ExporterProcess(HTTPS_URL, environment=environment) as exporter:
            assert exporter.scrape().up
            assert exporter.scrape().up
        assert [(request.method, request.target) for request in proxy.requests] == [
            ("CONNECT", "ionq.test:443"),
            ("GET", "/v0.4/backends"),
            ("GET", "/v0.4/backends"),
        ]
        assert len(proxy.connections) == 1


def test_the_proxy_sees_its_own_credentials_and_not_the_api_key(authority: Authority) -> None:
    with Upstream() as proxy:
        proxy.answers(tunnel(authority), ok())
        environment = {
            **authority.trusted,
            "HTTPS_PROXY": f"http://user:secret@{proxy.authority}",
            "IONQ_API_KEY": "the-api-key",
        }
        with ExporterProcess(HTTPS_URL, environment=environment) as exporter:
            assert exporter.scrape().up
        connect, get = proxy.requests
        assert connect.headers["proxy-authorization"].startswith("Basic ")
        assert b"the-api-key" not in connect.raw
        assert get.headers["authorization"] == "apiKey the-api-key"
        assert "proxy-authorization" not in get.headers


def test_a_tunnel_that_is_dropped_is_opened_anew(authority: Authority) -> None:
    with Upstream() as proxy:
        drop = Connection.close
        proxy.answers(tunnel(authority), ok(), drop, tunnel(authority), ok())
        environment = {**authority.trusted, "HTTPS_PROXY": f"http://{proxy.authority}"}
        with ExporterProcess(HTTPS_URL, environment=environment) as exporter:
            assert exporter.scrape().up
            assert exporter.scrape().up
        assert len(proxy.connections) == 2


def test_a_plain_http_request_names_its_whole_url_to_the_proxy() -> None:
    with (
        Upstream() as proxy,
        ExporterProcess(HTTP_URL, environment={"http_proxy": f"http://{proxy.authority}"}) as exporter,
    ):
        assert exporter.scrape().up
        assert proxy.requests[0].target == "http://ionq.test/v0.4/backends"


def test_no_proxy_is_honoured() -> None:
    environment = {"http_proxy": "http://proxy.test", "NO_PROXY": "localhost"}
    with Upstream() as upstream, ExporterProcess(upstream.url, environment=environment) as exporter:
        assert exporter.scrape().up


REFUSALS: dict[str, Script] = {
    "forbidden": status(403),
    "wants_credentials": status(407),
    "redirects": status(302, {"Location": "http://login.test/"}),
    "closes": Connection.close,
    "resets": reset,
    "no_http": send_and_close(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
}


@pytest.mark.anyio
@pytest.mark.parametrize("script", REFUSALS.values(), ids=REFUSALS.keys())
async def test_a_proxy_that_opens_no_tunnel_is_named_without_its_credentials(
    monkeypatch: pytest.MonkeyPatch, script: Script
) -> None:
    with Upstream() as proxy:
        proxy.answers(script)
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:hunter2@{proxy.authority}")
        async with connected(HTTPS_URL) as client:
            with pytest.raises(
                ConnectionFailedError,
                match=f"^no connection to ionq.test through the proxy {proxy.authority}: ",
            ) as caught:
                await client.get_backends()
        await asyncio.to_thread(proxy.await_open_connections, 0)
    assert "hunter2" not in str(caught.value)


@pytest.mark.anyio
async def test_a_proxy_that_hangs_leaves_no_connection_open(monkeypatch: pytest.MonkeyPatch) -> None:
    with Upstream() as proxy:
        proxy.answers(hang)
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.authority}")
        async with connected(HTTPS_URL) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await client.get_backends()
        await asyncio.to_thread(proxy.await_open_connections, 0)


def test_a_proxy_that_is_not_there_is_reason_connect(authority: Authority) -> None:
    with Upstream() as gone:
        environment = {**authority.trusted, "HTTPS_PROXY": f"http://{gone.authority}"}
    with ExporterProcess(HTTPS_URL, environment=environment) as exporter:
        assert exporter.scrape().value("ionq_exporter_api_failures_total", reason="connect") == 1
        line = exporter.await_log("ionq_read_failed")
    assert f"no connection to ionq.test through the proxy {gone.authority}" in line
    assert "HTTPS_PROXY" in line


def test_a_proxy_that_opens_no_tunnel_in_time_is_reason_connect(authority: Authority) -> None:
    with Upstream() as proxy:
        proxy.answers(hang)
        environment = {**authority.trusted, "HTTPS_PROXY": f"http://{proxy.authority}"}
        with ExporterProcess(HTTPS_URL, environment=environment) as exporter:
            assert exporter.scrape("1").value("ionq_exporter_api_failures_total", reason="connect") == 1
            exporter.await_log(
                f"no connection to ionq.test through the proxy {proxy.authority} within 0.5s", "HTTPS_PROXY"
            )
        assert [request.method for request in proxy.requests] == ["CONNECT"]


BAD_PROXIES = {
    "port": "http://proxy.test:99999",
    "scheme": "ftp://user:hunter2@proxy.test",
    "socks": "socks5://user:hunter2@proxy.test",
    "password_with_a_hash": "http://user:hunter#2@proxy.test",
    "password_with_a_slash": "http://user:hunter/2@proxy.test",
}


@pytest.mark.parametrize("url", BAD_PROXIES.values(), ids=BAD_PROXIES.keys())
def test_a_bad_proxy_is_one_line_and_exit_status_2(url: str) -> None:
    ended = run_exporter("--web.listen-address=127.0.0.1:0", environment={"HTTPS_PROXY": url})
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith("ionq-exporter: the proxy in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY")
    assert "hunter" not in ended.stderr
