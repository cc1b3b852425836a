"""TLS contexts, as OpenSSL describes them."""

import pytest
import trustme

from exporter.server.web_config.settings import parse_web_config
from exporter.server.web_config.tls_context import server_context

SECRECY = ("Kx=ECDH ", "Kx=any ")


@pytest.mark.parametrize(
    "suites",
    ["", "[]", "[TLS_RSA_WITH_AES_128_GCM_SHA256]", "[TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA]"],
)
def test_every_suite_has_forward_secrecy(suites: str) -> None:
    certificate = trustme.CA().issue_cert("localhost")
    tls = parse_web_config(f"tls_server_config: {{cert: c, key: k, cipher_suites: {suites}}}".encode()).tls
    assert tls
    pems = {
        tls.certificate: b"".join(pem.bytes() for pem in certificate.cert_chain_pems),
        tls.key: certificate.private_key_pem.bytes(),
    }
    ciphers = server_context(tls, pems.__getitem__).get_ciphers()
    assert ciphers
    assert [
        cipher["name"] for cipher in ciphers if not any(kx in cipher["description"] for kx in SECRECY)
    ] == []
