"""The parser of the web configuration: any bytes are a configuration or one line of error."""

import ssl
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporter.server.web_config.settings import RateLimit, WebConfig, parse_web_config
from exporter.server.web_config.tls_names import DEFAULT_CIPHERS
from exporter.server.web_config.tls_settings import ClientAuth, Pem, TLSSettings
from exporter.server.web_config.yaml_document import WebConfigError

HASH = "$2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze"
CERTIFICATE = "cert_file: server.crt\n  key_file: server.key"


def parse(text: str) -> WebConfig:
    return parse_web_config(text.encode())


def tls(*lines: str) -> WebConfig:
    return parse("\n  ".join(["tls_server_config:", CERTIFICATE, *lines]))


def settings(*lines: str) -> TLSSettings:
    parsed = tls(*lines).tls
    assert parsed
    return parsed


@pytest.mark.parametrize(
    "text", ["", "{}", "---\n", "# nothing\n", "tls_server_config:\nbasic_auth_users: {}"]
)
def test_an_empty_file_is_plain_http_without_passwords(text: str) -> None:
    assert parse(text) == WebConfig()


def test_a_certificate_and_its_key_are_tls_with_go_s_defaults() -> None:
    assert tls().tls == TLSSettings(
        certificate=Pem("server.crt", ""),
        key=Pem("server.key", ""),
        client_auth=ClientAuth.NONE,
        client_ca=None,
        allowed_sans=None,
        minimum=ssl.TLSVersion.TLSv1_2,
        maximum=ssl.TLSVersion.TLSv1_3,
        ciphers=DEFAULT_CIPHERS,
        prefers_own_order=True,
        curves=(),
    )


def test_certificate_and_key_may_be_inline() -> None:
    parsed = parse("tls_server_config:\n  cert: |\n    one\n    two\n  key: three").tls
    assert parsed
    assert (parsed.certificate, parsed.key) == (Pem("", "one\ntwo\n"), Pem("", "three"))


def test_a_file_takes_precedence_over_inline_content_as_in_go_with_a_warning() -> None:
    parsed = tls("cert: x")
    assert parsed.tls
    assert parsed.tls.certificate == Pem("server.crt", "")
    assert parsed.ignored == ("tls_server_config.cert: cert_file is set too, and takes precedence",)


def test_no_secret_is_in_a_repr() -> None:
    parsed = parse(f"tls_server_config: {{cert: CERT, key: KEY}}\nbasic_auth_users: {{alice: {HASH}}}")
    assert "KEY" not in repr(parsed)
    assert "$2y$" not in repr(parsed)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("NoClientCert", ClientAuth.NONE),
        ("VerifyClientCertIfGiven", ClientAuth.VERIFY_IF_GIVEN),
        ("RequireAndVerifyClientCert", ClientAuth.REQUIRE_AND_VERIFY),
    ],
)
def test_client_auth_types_have_go_s_names(name: str, expected: ClientAuth) -> None:
    authority = "" if expected is ClientAuth.NONE else "client_ca_file: ca.pem"
    parsed = tls(f"client_auth_type: {name}", authority)
    assert parsed.tls
    assert parsed.tls.client_auth is expected
    assert parsed.ignored == ()


def test_a_certificate_is_not_requested_if_it_need_not_be_verified_with_a_warning() -> None:
    parsed = tls("client_auth_type: RequestClientCert", "client_ca_file: ca.pem")
    assert parsed.tls
    assert parsed.tls.client_auth is ClientAuth.NONE
    assert "every client is admitted" in parsed.ignored[0]


def test_verification_by_public_authorities_is_allowed_as_in_go_with_a_warning() -> None:
    assert "public authorities" in tls("client_auth_type: RequireAndVerifyClientCert").ignored[0]


def test_versions_older_than_1_2_are_not_supported_with_a_warning() -> None:
    parsed = tls("min_version: TLS10")
    assert parsed.tls
    assert parsed.tls.minimum is ssl.TLSVersion.TLSv1_2
    assert parsed.ignored == ("tls_server_config.min_version: TLS12 is the oldest supported version",)


def test_cipher_suites_are_translated_in_order_and_those_of_1_3_are_always_enabled() -> None:
    parsed = settings(
        "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256,"
        " TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256]",
        "prefer_server_cipher_suites: false",
    )
    assert parsed.ciphers == ("ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305")
    assert parsed.minimum is ssl.TLSVersion.TLSv1_2
    assert not parsed.prefers_own_order


def test_suites_of_1_3_alone_leave_no_older_version() -> None:
    assert settings("cipher_suites: [TLS_AES_128_GCM_SHA256]").minimum is ssl.TLSVersion.TLSv1_3


def test_suites_without_forward_secrecy_are_ignored_with_a_warning() -> None:
    parsed = tls("cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA]")
    assert parsed.tls
    assert parsed.tls.ciphers == ("ECDHE-RSA-AES128-SHA",)
    assert "TLS_RSA_WITH_AES_128_CBC_SHA has no forward secrecy" in parsed.ignored[0]


def test_one_curve_is_set_and_several_are_ignored_with_a_warning() -> None:
    assert settings("curve_preferences: [CurveP384]").curves == ("secp384r1",)
    parsed = tls("curve_preferences: [CurveP521, X25519]")
    assert parsed.tls
    assert parsed.tls.curves == ()
    assert "curve_preferences" in parsed.ignored[0]


def test_http_2_is_ignored_with_a_warning_if_the_file_enables_it() -> None:
    assert "http2" in parse("http_server_config: {http2: true}").ignored[0]
    assert parse("http_server_config: {http2: false}").ignored == ()


def test_user_names_are_text_although_yaml_has_other_types_for_them() -> None:
    parsed = tls(f"\nbasic_auth_users:\n  on: {HASH}\n  1: {HASH}\n  alice: '{HASH}'")
    assert parsed.users == (("on", HASH), ("1", HASH), ("alice", HASH))
    assert parsed.ignored == ()


def test_passwords_without_tls_are_allowed_with_a_warning() -> None:
    assert "sent in the clear" in parse(f"basic_auth_users: {{alice: {HASH}}}").ignored[0]


@pytest.mark.parametrize(
    ("text", "seconds"), [("1s", 1.0), ("500ms", 0.5), ("1m30s", 90.0), ("1.5h", 5400.0), ("100µs", 1e-4)]
)
def test_an_interval_is_a_duration_of_go_s(text: str, seconds: float) -> None:
    assert parse(f"rate_limit: {{interval: {text}, burst: 3}}").rate_limit == RateLimit(
        pytest.approx(seconds),  # type: ignore[arg-type]
        3,
    )


@pytest.mark.parametrize("interval", ["0", "0s", ""])
def test_an_interval_of_0_turns_the_rate_limit_off(interval: str) -> None:
    assert parse(f"rate_limit: {{interval: {interval}, burst: 0}}").rate_limit is None


REFUSED = [
    ("- a list", "the file must be a mapping"),
    ("text", "the file must be a mapping"),
    ("tls_server_config: [", "not valid YAML, line"),
    ("a: b: c", "not valid YAML, line 1: mapping values are not allowed here"),
    ("a: *secret_alias", "not valid YAML, line 1: found undefined alias"),
    ("{}\n---\n{}", "not valid YAML, line 2"),
    ("[" * 5000, "not valid YAML"),
    ('a: "\\UFFFFFFFF"', "not valid YAML"),
    ('basic_auth_users: {"\\ud800": x}', "not UTF-8"),
    ("a: &a [*a]", "not valid YAML, line 1: found unconstructable recursive node"),
    ("? [a]\n: b", "line 1: a key is not text, or there twice"),
    ("no_such_section: {}", "the key 'no_such_section' in the file is unknown: write tls_server_config,"),
    ("tls_server_config: {cert_fil: x}", "the key 'cert_fil' in tls_server_config is unknown"),
    ("http_server_config: {http3: true}", "the key 'http3' in http_server_config is unknown"),
    ("rate_limit: {}\nrate_limit: {}", "line 2: a key is not text, or there twice"),
    ("tls_server_config: yes", "tls_server_config must be a mapping"),
    ("tls_server_config: {cert_file: [x]}", "tls_server_config.cert_file must be text"),
    ('tls_server_config: {cert_file: "\\0", key_file: x}', "is not a file name"),
    ("tls_server_config: {min_version: TLS12}", "missing one of cert or cert_file"),
    ("tls_server_config: {cert_file: x}", "missing one of key or key_file"),
    ("http_server_config: {http2: perhaps}", "http_server_config.http2 must be true or false"),
    ("http_server_config: {headers: {Server: x}}", "HTTP header 'Server' can not be configured"),
    ("http_server_config: {headers: {X-Frame-Options: allow}}", "must be deny or sameorigin"),
    ("http_server_config: {headers: {X-Content-Type-Options: x}}", "must be nosniff"),
    ('http_server_config: {headers: {X-XSS-Protection: "1\\r\\nX: y"}}', "that a header cannot have"),
    ("basic_auth_users: {alice: letmein}", "the value for 'alice' is not a bcrypt hash"),
    (f"basic_auth_users: {{alice: {HASH[:-1]}}}", "is not a bcrypt hash"),
    ("basic_auth_users: {alice: }", "is not a bcrypt hash"),
    (f"basic_auth_users: {{alice: {HASH.replace('$10$', '$31$')}}}", "cost for 'alice' is not from 4 to 18"),
    ("rate_limit: {interval: 1, burst: 1}", "rate_limit.interval must be a duration like 1s"),
    ("rate_limit: {interval: -1s, burst: 1}", "must be a duration"),
    ("rate_limit: {interval: 1s, burst: many}", "rate_limit.burst must be a number"),
    ("rate_limit: {interval: 1s}", "rate_limit.burst must be at least 1"),
]

REFUSED_TLS = [
    ("client_auth_type: Sometimes", "client_auth_type 'Sometimes' is unknown: write NoClientCert,"),
    ("client_auth_type: RequireAnyClientCert", "write RequireAndVerifyClientCert"),
    ("client_auth_type: RequireClientCert", "write RequireAndVerifyClientCert"),
    ("client_ca_file: ca.pem", "would admit every client"),
    ("client_allowed_sans: [a]", "needs client_auth_type RequireAndVerifyClientCert"),
    ("client_allowed_sans: x", "must be a list"),
    ("client_allowed_sans: [[a]]", "must be a list"),
    ("client_auth_type: RequireAndVerifyClientCert\n  client_allowed_sans: []", "would admit no client"),
    ("min_version: TLS1.2", "unknown TLS version 'TLS1.2' in min_version: write TLS10,"),
    ("max_version: TLS11", "max_version is older than TLS12"),
    ("min_version: TLS13\n  max_version: TLS12", "no TLS version satisfies"),
    ("max_version: TLS12\n  cipher_suites: [TLS_AES_128_GCM_SHA256]", "no TLS version satisfies"),
    ("cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]", "unknown cipher 'TLS_RSA_WITH_RC4_128_SHA'"),
    ("curve_preferences: [CurveP257]", "unknown curve 'CurveP257'"),
]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        *REFUSED,
        *((f"tls_server_config:\n  {CERTIFICATE}\n  {line}", problem) for line, problem in REFUSED_TLS),
    ],
)
def test_an_invalid_file_is_one_line(text: str, problem: str) -> None:
    with pytest.raises(WebConfigError) as error:
        parse(text)
    assert problem in str(error.value)
    assert str(error.value).isprintable()
    assert "letmein" not in str(error.value)
    assert "secret" not in str(error.value)


def test_a_file_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(WebConfigError, match="not UTF-8"):
        parse_web_config(b"\xff")


def _is_config_or_one_line(content: bytes) -> None:
    try:
        parsed = parse_web_config(content)
    except WebConfigError as error:
        assert str(error).isprintable()  # noqa: PT017 -- either outcome is right
        assert len(str(error)) < 1000  # noqa: PT017
    else:
        assert isinstance(parsed, WebConfig)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_configuration_or_one_printable_line(content: bytes) -> None:
    _is_config_or_one_line(content)


@given(st.text(max_size=200))
def test_any_text_is_a_configuration_or_one_printable_line(text: str) -> None:
    _is_config_or_one_line(text.encode(errors="surrogatepass"))


WORDS = st.sampled_from(
    [
        *TLSSettings.KEYS,
        "http2",
        "headers",
        "interval",
        "burst",
        "X-Frame-Options",
        "TLS12",
        "1s",
        "true",
        HASH,
    ]
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=9)
    | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=12,
)
SECTIONS = st.sampled_from(["tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"])


@given(st.dictionaries(SECTIONS | st.text(max_size=9), VALUES, max_size=4))
def test_any_yaml_is_a_configuration_or_one_printable_line(document: dict[str, Any]) -> None:
    _is_config_or_one_line(yaml.safe_dump(document).encode())
