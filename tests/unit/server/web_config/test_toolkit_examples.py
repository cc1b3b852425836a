"""exporter-toolkit's configurations from its documentation and tests, accepted and refused as there.

The cases follow its docs/web-configuration.md and web/testdata. The last table lists the differences.
"""

from pathlib import Path

import pytest
import structlog
import trustme

from exporter.server.web_config.reload import WebConfigFile
from exporter.server.web_config.yaml_document import WebConfigError
from tests.unit.server.web_config.test_settings import HASH

GO_CIPHERS = ", ".join(
    f"TLS_ECDHE_{key}_WITH_{cipher}"
    for key in ("ECDSA", "RSA")
    for cipher in (
        "AES_128_GCM_SHA256",
        "AES_256_GCM_SHA384",
        "CHACHA20_POLY1305_SHA256",
        "AES_128_CBC_SHA",
        "AES_256_CBC_SHA",
    )
)
TLS = 'tls_server_config:\n  cert_file: "server.crt"\n  key_file: "server.key"\n'

ACCEPTED = {
    "empty": "",
    "plain TLS": TLS,
    "all of the documentation": (
        TLS
        + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n"
        + "  client_allowed_sans: [test.example, 127.0.0.1]\n  min_version: TLS12\n  max_version: TLS13\n"
        + f"  cipher_suites: [{GO_CIPHERS}]\n  prefer_server_cipher_suites: true\n"
        + "  curve_preferences: [CurveP256, CurveP384, CurveP521, X25519]\n"
        + "http_server_config:\n  http2: true\n  headers:\n    X-Frame-Options: deny\n"
        + "    Strict-Transport-Security: max-age=31536000; includeSubDomains\n"
        + "    X-Content-Type-Options: nosniff\n    X-XSS-Protection: 1\n"
        + "    Content-Security-Policy: \"default-src 'self' *.test.example.net\"\n"
        + f"basic_auth_users:\n  alice: {HASH}\nrate_limit:\n  interval: 1s\n  burst: 5\n"
    ),
    "VerifyClientCertIfGiven without authority": TLS + "  client_auth_type: VerifyClientCertIfGiven\n",
    "RequireAndVerifyClientCert without authority": TLS + "  client_auth_type: RequireAndVerifyClientCert\n",
    "no HTTP/2": TLS + "http_server_config:\n  http2: false\n",
    "one curve": TLS + "  curve_preferences: [CurveP521]\n",
    "users without TLS": f"basic_auth_users:\n  alice: {HASH}\n",
    "suites that HTTP/2 would need left out": TLS + "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA]\n",
}
REFUSED = {
    "junk": ("hgjhghfjhfj", "must be a mapping"),
    "junk key": ("cert_filekey_file:\n", "is unknown"),
    "certificate path empty": (
        "tls_server_config: {cert_file: '', key_file: server.key}",
        "missing one of cert",
    ),
    "key path empty": ("tls_server_config: {cert_file: server.crt, key_file: ''}", "missing one of key"),
    "both empty": (
        "tls_server_config: {cert_file: '', key_file: '', client_auth_type: x}",
        "missing one of cert",
    ),
    "certificate path wrong": ("tls_server_config: {cert_file: x, key_file: server.key}", "No such file"),
    "key path wrong": ("tls_server_config: {cert_file: server.crt, key_file: x}", "No such file"),
    "authority without a policy": (TLS + "  client_ca_file: ca.pem\n", "without a client_auth_type"),
    "authority path wrong": (
        TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: x\n",
        "No such file",
    ),
    "policy unknown": (TLS + "  client_auth_type: x\n", "client_auth_type 'x' is unknown"),
    "password not hashed": ("basic_auth_users: {john: doe}", "not a bcrypt hash"),
    "invented cipher": (TLS + "  cipher_suites: [TLS_NO_SUCH_SUITE]\n", "unknown cipher"),
    "invented curve": (TLS + "  curve_preferences: [CurveP257]\n", "unknown curve"),
    "invented version": (TLS + "  min_version: TLS111\n", "unknown TLS version"),
    "unknown header": ("http_server_config: {headers: {X-Test: y}}", "can not be configured"),
    "SANs without a required certificate": (
        TLS + "  client_auth_type: VerifyClientCertIfGiven\n  client_allowed_sans: [a]\n",
        "client_allowed_sans needs",
    ),
}
REFUSED_HERE_ALONE = {
    "a certificate required but not verified": (
        TLS + "  client_auth_type: RequireAnyClientCert\n",
        "verifies no",
    ),
    "a TLS section that turns nothing on": ("tls_server_config: {max_version: TLS13}", "missing one of cert"),
    "an authority without a certificate": (
        TLS + "  client_auth_type: VerifyClientCertIfGiven\n  client_ca: nothing\n",
        "client_ca holds no usable certificate",
    ),
    "a limit that lets nothing through": ("rate_limit: {interval: 1s, burst: 0}", "burst must be at least 1"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("web_config")
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(folder / "server.crt"))
    certificate.private_key_pem.write_to_path(str(folder / "server.key"))
    return folder


def _load(folder: Path, text: str) -> WebConfigFile:
    path = folder / "web.yml"
    path.write_text(text)
    return WebConfigFile(path, structlog.get_logger())


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_the_toolkit_accepts_is_accepted(folder: Path, text: str) -> None:
    with structlog.testing.capture_logs():
        rules = _load(folder, text).rules()
    assert (rules.context is not None) == text.startswith("tls_server_config")


@pytest.mark.parametrize(
    ("text", "problem"),
    [*REFUSED.values(), *REFUSED_HERE_ALONE.values()],
    ids=[*REFUSED, *REFUSED_HERE_ALONE],
)
def test_what_the_toolkit_refuses_and_a_little_more_is_refused_in_one_line(
    folder: Path, text: str, problem: str
) -> None:
    with pytest.raises(WebConfigError) as error:
        _load(folder, text)
    assert str(error.value).startswith(f"{folder / 'web.yml'}: ")
    assert problem in str(error.value)
    assert str(error.value).isprintable()
