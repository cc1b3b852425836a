"""--web.config.file over real sockets: its rules for clients, and how it is reloaded."""

import base64
import concurrent.futures
import contextlib
import http.client
import re
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import httpx
import pytest

from exporter import healthcheck
from tests.support.exporter_process import ExporterProcess, run_exporter
from tests.support.exposition import Exposition
from tests.support.prometheus import eventually, running_prometheus
from tests.support.tools import require_tool
from tests.support.upstream import PATIENCE_SECONDS, Held, Upstream, ok
from tests.support.web_config import (
    CERTIFICATE,
    CLIENT_CERTIFICATE,
    HASH,
    PASSWORD,
    WebConfigFolder,
    peer_names,
)

LOGIN = ("prometheus", PASSWORD)
HEALTH = ("-/healthy", "-/ready")


@pytest.fixture
def web(tmp_path: Path) -> WebConfigFolder:
    return WebConfigFolder(tmp_path)


def fetch(
    exporter: ExporterProcess,
    path: str = "metrics",
    context: ssl.SSLContext | None = None,
    auth: tuple[str, str] | None = None,
) -> httpx.Response:
    with httpx.Client(verify=context or False, trust_env=False, timeout=PATIENCE_SECONDS) as client:
        return client.get(exporter.url + path, auth=auth)


@contextlib.contextmanager
def tls_connection(exporter: ExporterProcess, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    with exporter.connect() as plain, context.wrap_socket(plain, server_hostname="localhost") as connection:
        yield connection


def names_shown(exporter: ExporterProcess, web: WebConfigFolder) -> set[str]:
    with tls_connection(exporter, web.client_context()) as connection:
        return peer_names(connection)


def test_without_the_flag_its_libraries_are_not_loaded(exporter: ExporterProcess) -> None:
    exporter.get("-/healthy")
    loaded = Path(f"/proc/{exporter.process.pid}/maps").read_text()
    assert "/_yaml" not in loaded
    assert "/_bcrypt" not in loaded


def test_a_scrape_over_tls_with_verification_works_and_the_log_says_https(
    upstream: Upstream, web: WebConfigFolder
) -> None:
    web.write(tls_server_config=CERTIFICATE)
    with ExporterProcess(upstream.url, web.flag) as exporter:
        assert exporter.urls[0].startswith("https://127.0.0.1:")
        answer = fetch(exporter, context=web.client_context())
        assert Exposition(answer.text).up


def test_certificate_and_key_may_be_inline(upstream: Upstream, web: WebConfigFolder) -> None:
    certificate, key = web.new_certificate("127.0.0.1")
    web.write(tls_server_config={"cert": certificate.decode(), "key": key.decode()})
    with ExporterProcess(upstream.url, web.flag) as exporter:
        assert fetch(exporter, context=web.client_context()).status_code == 200


def test_a_plain_http_request_to_a_tls_port_gets_an_explanation(
    upstream: Upstream, web: WebConfigFolder
) -> None:
    web.write(tls_server_config=CERTIFICATE)
    with ExporterProcess(upstream.url, web.flag) as exporter:
        answer = httpx.get(exporter.url.replace("https:", "http:"), trust_env=False)
        assert (answer.status_code, answer.text) == (400, "This port speaks HTTPS.\n")
        exporter.await_log("event=tls_handshake_failed", "http request")


def test_versions_and_ciphers_are_those_of_the_file(upstream: Upstream, web: WebConfigFolder) -> None:
    suite = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
    web.write(tls_server_config={**CERTIFICATE, "max_version": "TLS12", "cipher_suites": [suite]})
    with ExporterProcess(upstream.url, web.flag) as exporter:
        with tls_connection(exporter, web.client_context()) as connection:
            assert connection.version() == "TLSv1.2"
            assert (connection.cipher() or ("",))[0] == "ECDHE-ECDSA-AES128-GCM-SHA256"
        web.write(tls_server_config={**CERTIFICATE, "min_version": "TLS13"})
        with tls_connection(exporter, web.client_context()) as connection:
            assert connection.version() == "TLSv1.3"
        old = web.client_context(maximum_version=ssl.TLSVersion.TLSv1_2)
        with pytest.raises(ssl.SSLError, match=r"(?i)alert protocol version"), tls_connection(exporter, old):
            pass


def test_a_missing_client_certificate_is_explained_to_the_client_and_in_the_log(
    upstream: Upstream, web: WebConfigFolder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stranger = WebConfigFolder(tmp_path_factory.mktemp("stranger"))
    web.write(tls_server_config={**CERTIFICATE, **CLIENT_CERTIFICATE})
    with ExporterProcess(upstream.url, web.flag) as exporter:
        context = web.client_context(web.client_files("prometheus.test"))
        assert Exposition(fetch(exporter, context=context).text).up
        with pytest.raises(httpx.HTTPError, match=r"(?i)alert certificate required"):
            fetch(exporter, context=web.client_context())
        with pytest.raises(httpx.HTTPError, match=r"(?i)alert unknown ca"):
            fetch(exporter, context=web.client_context(stranger.client_files("prometheus.test")))
        exporter.await_log("event=tls_handshake_failed", "peer did not return a certificate")


@pytest.mark.parametrize("name", ["prometheus.test", "192.0.2.1", "2001:db8::1"])
def test_only_the_named_clients_are_admitted(upstream: Upstream, web: WebConfigFolder, name: str) -> None:
    web.write(tls_server_config={**CERTIFICATE, **CLIENT_CERTIFICATE, "client_allowed_sans": [name]})
    with ExporterProcess(upstream.url, web.flag) as exporter:
        named = web.client_context(web.client_files(name))
        assert fetch(exporter, context=named).status_code == 200
        with pytest.raises(httpx.HTTPError):
            fetch(exporter, context=web.client_context(web.client_files("other.test")))
        exporter.await_log("event=tls_handshake_failed", "no name of client_allowed_sans")


def test_an_optional_certificate_is_verified_if_it_is_sent(
    upstream: Upstream, web: WebConfigFolder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stranger = WebConfigFolder(tmp_path_factory.mktemp("stranger"))
    policy = {**CLIENT_CERTIFICATE, "client_auth_type": "VerifyClientCertIfGiven"}
    web.write(tls_server_config={**CERTIFICATE, **policy})
    with ExporterProcess(upstream.url, web.flag) as exporter:
        assert fetch(exporter, context=web.client_context()).status_code == 200
        with pytest.raises(httpx.HTTPError):
            fetch(exporter, context=web.client_context(stranger.client_files("prometheus.test")))


def test_a_password_is_required_except_on_the_health_paths(upstream: Upstream, web: WebConfigFolder) -> None:
    web.write(basic_auth_users={"prometheus": HASH})
    with ExporterProcess(upstream.url, web.flag) as exporter:
        for path in ("", "metrics", "nothing"):
            refused = fetch(exporter, path)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"].startswith("Basic ")
            assert fetch(exporter, path, auth=("prometheus", "wrong")).status_code == 401
            assert fetch(exporter, path, auth=("nobody", PASSWORD)).status_code == 401
        assert upstream.requests == []
        assert [fetch(exporter, path).status_code for path in HEALTH] == [200, 200]
        for path, status in (("", 200), ("metrics", 200), ("nothing", 404)):
            assert fetch(exporter, path, auth=LOGIN).status_code == status


def test_the_right_password_is_admitted_during_a_flood_of_wrong_ones(
    upstream: Upstream, web: WebConfigFolder
) -> None:
    costly = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(8)).decode()
    web.write(basic_auth_users={"prometheus": costly})
    statuses: list[int] = []
    with (
        ExporterProcess(upstream.url, web.flag) as exporter,
        concurrent.futures.ThreadPoolExecutor(40) as pool,
    ):

        def guess(password: str) -> None:
            statuses.append(fetch(exporter, auth=("prometheus", password)).status_code)

        flood = [pool.submit(guess, f"wrong {number}") for number in range(40)]
        eventually(lambda: statuses)
        before = len(statuses)
        assert fetch(exporter, auth=LOGIN).status_code == 200
        assert len(statuses) - before < 20, "it did not wait for the flood"
        for guessed in flood:
            guessed.result()
    assert statuses == [401] * 40


def test_a_changed_password_is_valid_from_the_next_request_on(
    upstream: Upstream, web: WebConfigFolder
) -> None:
    web.write(basic_auth_users={"prometheus": HASH})
    with ExporterProcess(upstream.url, web.flag) as exporter:
        assert fetch(exporter, auth=LOGIN).status_code == 200
        web.write(basic_auth_users={"somebody": HASH})
        assert fetch(exporter, auth=LOGIN).status_code == 401
        assert fetch(exporter, auth=("somebody", PASSWORD)).status_code == 200
        exporter.await_log("event=web_config_reloaded")


def test_headers_are_added_to_every_response_but_do_not_replace_its_own(
    upstream: Upstream, web: WebConfigFolder
) -> None:
    headers = {"Strict-Transport-Security": "max-age=60", "Content-Security-Policy": "default-src *"}
    web.write(http_server_config={"headers": headers}, basic_auth_users={"prometheus": HASH})
    with ExporterProcess(upstream.url, web.flag) as exporter:
        answers = [fetch(exporter, path, auth=LOGIN) for path in ("metrics", "nothing", "-/ready")]
        for answer in [*answers, fetch(exporter)]:
            assert answer.headers["strict-transport-security"] == "max-age=60"
            assert answer.headers["content-security-policy"] == "default-src *"
        page = fetch(exporter, auth=LOGIN, path="")
        assert page.headers["strict-transport-security"] == "max-age=60"
        assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_beyond_the_rate_limit_the_status_is_429_except_on_the_health_paths(
    upstream: Upstream, web: WebConfigFolder
) -> None:
    web.write(rate_limit={"interval": "1h", "burst": 2})
    with ExporterProcess(upstream.url, web.flag) as exporter:
        assert [fetch(exporter).status_code for _ in range(3)] == [200, 200, 429]
        assert 3500 < int(fetch(exporter).headers["retry-after"]) <= 3600
        assert [fetch(exporter, path).status_code for path in HEALTH * 2] == [200] * 4
        web.write(rate_limit={"interval": "1h", "burst": 1})
        assert [fetch(exporter).status_code for _ in range(2)] == [200, 429]


def test_a_renewed_certificate_is_used_for_new_connections_and_no_scrape_is_dropped(
    upstream: Upstream, web: WebConfigFolder
) -> None:
    web.write(tls_server_config=CERTIFICATE)
    answer = Held(ok())
    upstream.answers(answer)
    with ExporterProcess(upstream.url, web.flag) as exporter:
        assert names_shown(exporter, web) == {"localhost", "127.0.0.1"}
        kept = http.client.HTTPSConnection(
            *exporter.address, context=web.client_context(), timeout=PATIENCE_SECONDS
        )
        with contextlib.closing(kept):
            kept.request("GET", "/metrics")
            upstream.await_requests(1)
            web.renew_certificate("renewed.test")
            assert "renewed.test" in names_shown(exporter, web)
            exporter.await_log("event=web_config_reloaded")
            answer.release()
            for _ in range(2):  # the running scrape, and the next one on the same connection
                with kept.getresponse() as response:
                    assert Exposition(response.read().decode()).up
                    assert kept.sock
                kept.request("GET", "/metrics")


def test_the_old_pair_stays_in_use_until_both_certificate_and_key_are_renewed(
    upstream: Upstream, web: WebConfigFolder
) -> None:
    web.write(tls_server_config=CERTIFICATE)
    certificate, key = web.new_certificate("renewed.test", "localhost")
    with ExporterProcess(upstream.url, web.flag) as exporter:
        (web.folder / "server.crt").write_bytes(certificate)
        assert "renewed.test" not in names_shown(exporter, web)
        assert "key values mismatch" in exporter.await_log("event=web_config_not_reloaded")
        (web.folder / "server.key").write_bytes(key)
        assert "renewed.test" in names_shown(exporter, web)


@pytest.mark.parametrize("broken", ["a: [", "no_such_key: 1", "basic_auth_users: {prometheus: plain}", None])
def test_a_broken_file_is_logged_once_and_the_old_rules_apply_until_it_is_repaired(
    upstream: Upstream, web: WebConfigFolder, broken: str | None
) -> None:
    web.write(basic_auth_users={"prometheus": HASH})
    with ExporterProcess(upstream.url, web.flag) as exporter:
        if broken is None:
            web.file.unlink()
        else:
            web.file.write_text(broken)
        for _ in range(3):
            assert fetch(exporter).status_code == 401
            assert fetch(exporter, auth=LOGIN).status_code == 200
        exporter.await_log("event=web_config_not_reloaded", "last good one")
        web.write(basic_auth_users={"somebody": HASH})
        assert fetch(exporter, auth=LOGIN).status_code == 401
        exporter.await_log("event=web_config_reloaded")
        assert sum("web_config_not_reloaded" in line for line in exporter.log) == 1


def test_a_changed_file_does_not_turn_tls_off(upstream: Upstream, web: WebConfigFolder) -> None:
    web.write(tls_server_config=CERTIFICATE)
    with ExporterProcess(upstream.url, web.flag) as exporter:
        web.write()
        assert fetch(exporter, context=web.client_context()).status_code == 200
        exporter.await_log("event=web_config_not_reloaded", "by a restart only")


def test_handshakes_that_never_end_block_neither_others_nor_shutdown(
    upstream: Upstream, web: WebConfigFolder
) -> None:
    web.write(tls_server_config=CERTIFICATE)
    with ExporterProcess(upstream.url, web.flag) as exporter, contextlib.ExitStack() as opened:
        idle = [opened.enter_context(exporter.connect()) for _ in range(200)]
        idle[-1].sendall(b"\x16\x03\x01")
        context = web.client_context()
        assert Exposition(fetch(exporter, context=context).text).up
        # The oldest have been closed to make room for the others.
        assert idle[0].recv(1) == b""
        exporter.process.terminate()
        assert exporter.exit_status() == 0
        assert _is_closed(idle[-1])


def test_an_idle_tls_connection_does_not_delay_shutdown(upstream: Upstream, web: WebConfigFolder) -> None:
    web.write(tls_server_config=CERTIFICATE)
    with (
        ExporterProcess(upstream.url, web.flag) as exporter,
        tls_connection(exporter, web.client_context()) as connection,
    ):
        connection.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in connection.recv(1000)
        exporter.process.terminate()
        assert exporter.exit_status() == 0


def test_a_request_that_arrives_with_the_end_of_the_handshake_is_served(
    upstream: Upstream, web: WebConfigFolder
) -> None:
    web.write(tls_server_config=CERTIFICATE)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = web.client_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with ExporterProcess(upstream.url, web.flag) as exporter, exporter.connect() as connection:
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                connection.sendall(outgoing.read())
                incoming.write(connection.recv(65536))
        client.write(b"GET /-/healthy HTTP/1.0\r\n\r\n")
        connection.sendall(outgoing.read())  # the end of the handshake and the request in one packet
        while received := connection.recv(65536):
            incoming.write(received)
        assert b"200 OK" in client.read(1000)


CONFIGURATIONS: dict[str, dict[str, object]] = {
    "nothing": {},
    "tls": {"tls_server_config": CERTIFICATE},
    "password": {"basic_auth_users": {"prometheus": HASH}},
    "client certificate": {"tls_server_config": CERTIFICATE | CLIENT_CERTIFICATE},
}


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_the_health_check_of_a_container_works_with_any_configuration(
    upstream: Upstream, web: WebConfigFolder, configuration: str
) -> None:
    web.write(**CONFIGURATIONS[configuration])
    with ExporterProcess(upstream.url, web.flag) as exporter:
        host, port = exporter.address
        environment = {
            "IONQ_EXPORTER_WEB_LISTEN_ADDRESS": f"{host}:{port}",
            "IONQ_EXPORTER_WEB_CONFIG_FILE": str(web.file),
        }
        assert healthcheck.check(environment) is None
    problem = healthcheck.check(environment)
    assert problem
    assert "does not respond" in problem


def test_a_prometheus_scrapes_with_tls_a_client_certificate_and_a_password(
    upstream: Upstream, web: WebConfigFolder
) -> None:
    program = require_tool("prometheus", package="prometheus")
    web.write(
        tls_server_config={**CERTIFICATE, **CLIENT_CERTIFICATE, "client_allowed_sans": ["prometheus.test"]},
        basic_auth_users={"prometheus": HASH},
    )
    certificate, key = web.client_files("prometheus.test")
    client = {
        "tls_config": {
            "ca_file": str(web.authority_file),
            "cert_file": str(certificate),
            "key_file": str(key),
        },
        "basic_auth": {"username": LOGIN[0], "password": LOGIN[1]},
    }
    with (
        ExporterProcess(upstream.url, web.flag) as exporter,
        running_prometheus(program, httpx.URL(exporter.urls[0]), web.folder, client=client) as prometheus,
    ):
        eventually(lambda: prometheus.query("ionq_up == 1"))
        web.renew_certificate()
        eventually(lambda: prometheus.query("count_over_time(up[1m]) >= 4"))
        assert prometheus.query("min_over_time(up[1m]) == 1")


def test_no_secret_is_in_any_log(upstream: Upstream, web: WebConfigFolder) -> None:
    certificate, key = web.new_certificate("127.0.0.1")
    tls = {"cert": certificate.decode(), "key": key.decode()}
    web.write(tls_server_config=tls, basic_auth_users={"prometheus": HASH})
    with ExporterProcess(upstream.url, web.flag, "--log.level=debug") as exporter:
        fetch(exporter, auth=LOGIN)
        fetch(exporter, auth=("prometheus", "a wrong password"))
        for broken in ({**tls, "cert": tls["key"]}, {**tls, "unknown": tls["key"]}):
            web.write(tls_server_config=broken, basic_auth_users={"prometheus": HASH})
            fetch(exporter, auth=LOGIN)
        web.file.write_text(f"basic_auth_users: {{prometheus: '{HASH}x', *{HASH[7:20]}\n  bad")
        fetch(exporter, auth=LOGIN)
        eventually(lambda: sum("web_config_not_reloaded" in line for line in exporter.log) == 3)
        log = "\n".join(exporter.log)
    login = base64.b64encode(f"{LOGIN[0]}:{PASSWORD}".encode()).decode()
    for secret in (PASSWORD, HASH, HASH[7:20], "a wrong password", login, *key.decode().split()[4:-4]):
        assert secret not in log


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        ({"tls_server_config": CERTIFICATE}, 0, "can be used"),
        ({"tls_server_config": {**CERTIFICATE, "key_file": "none"}}, 2, "none: No such file"),
        ({"tls_server_config": {**CERTIFICATE, "key_file": "server.crt"}}, 2, "cannot be used"),
        ({"tls_server_config": {**CERTIFICATE, "key_file": "."}}, 2, "not a file"),
        ({"nonsense": 1}, 2, "the key 'nonsense' in the file is unknown"),
    ],
)
def test_a_file_can_be_checked_without_serving(
    web: WebConfigFolder, content: dict[str, object], status: int, said: str
) -> None:
    web.write(**content)
    ended = run_exporter(web.flag, "--web.config.check")
    assert ended.returncode == status
    assert said in ended.stdout + ended.stderr
    assert (ended.stdout + ended.stderr).count("\n") == 1
    if status:
        assert run_exporter(web.flag, "--web.listen-address=127.0.0.1:0").stderr == ended.stderr


def test_an_encrypted_key_is_refused_without_asking_for_its_password(web: WebConfigFolder) -> None:
    encrypted = re.sub(
        "(-----BEGIN [A-Z ]*PRIVATE KEY-----)\n",
        r"\1\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00000000000000000000000000000000\n\n",
        (web.folder / "server.key").read_text(),
    )
    (web.folder / "server.key").write_text(encrypted)
    web.write(tls_server_config=CERTIFICATE)
    ended = run_exporter(web.flag, "--web.config.check")
    assert ended.returncode == 2
    assert "the key is encrypted" in ended.stderr


def test_a_check_without_a_file_is_one_line_and_exit_status_2() -> None:
    ended = run_exporter("--web.config.check")
    assert ended.returncode == 2
    assert "--web.config.check needs --web.config.file" in ended.stderr


def _is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True
