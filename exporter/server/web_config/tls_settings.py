"""The section ``tls_server_config``: Go's names as settings for Python's TLS."""

import enum
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

from exporter.server.web_config.tls_names import (
    CURVES,
    DEFAULT_CIPHERS,
    OLDEST_VERSION,
    OUTDATED_SUITES,
    SUITES,
    TLS13_SUITES,
    VERSIONS,
)
from exporter.server.web_config.yaml_document import Section, WebConfigError, quoted


class ClientAuth(enum.Enum):
    """How client certificates are verified."""

    NONE = enum.auto()
    VERIFY_IF_GIVEN = enum.auto()
    REQUIRE_AND_VERIFY = enum.auto()


_CLIENT_AUTH = {
    "": ClientAuth.NONE,
    "NoClientCert": ClientAuth.NONE,
    "RequestClientCert": ClientAuth.NONE,
    "VerifyClientCertIfGiven": ClientAuth.VERIFY_IF_GIVEN,
    "RequireAndVerifyClientCert": ClientAuth.REQUIRE_AND_VERIFY,
}
_NEVER_VERIFIED = ("RequireAnyClientCert", "RequireClientCert")


@dataclass(frozen=True, slots=True)
class Pem:
    """Certificates or a key: a file name, or the content."""

    path: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TLSSettings:
    """Settings of a TLS server, in OpenSSL's names."""

    KEYS: ClassVar = (
        "cert_file",
        "key_file",
        "cert",
        "key",
        "client_auth_type",
        "client_ca_file",
        "client_ca",
        "client_allowed_sans",
        "min_version",
        "max_version",
        "cipher_suites",
        "prefer_server_cipher_suites",
        "curve_preferences",
    )

    certificate: Pem
    key: Pem
    client_auth: ClientAuth
    client_ca: Pem | None
    allowed_sans: frozenset[str] | None
    minimum: ssl.TLSVersion
    maximum: ssl.TLSVersion
    ciphers: tuple[str, ...]
    prefers_own_order: bool
    curves: tuple[str, ...]


def parse_tls_settings(section: Section) -> tuple[TLSSettings | None, tuple[str, ...]]:
    """Return the settings, or None for plain HTTP, and which keys are ignored. Raises WebConfigError."""
    if not section:
        return None, ()
    ignored: list[str] = []
    certificate, key = _pem(section, "cert", ignored), _pem(section, "key", ignored)
    # Go serves plain HTTP if a section names neither. The author of the section wants TLS.
    if certificate is None or key is None:
        missing = "cert" if certificate is None else "key"
        raise WebConfigError(f"tls_server_config: missing one of {missing} or {missing}_file")
    client_auth, client_ca = _client_auth(section, ignored)
    minimum, maximum = _versions(section, ignored)
    ciphers = _ciphers(section, ignored)
    if not ciphers:  # a list with suites of TLS 1.3 only
        minimum = ssl.TLSVersion.TLSv1_3
    if minimum > maximum:
        raise WebConfigError(
            "tls_server_config: no TLS version satisfies min_version, max_version and cipher_suites"
        )
    settings = TLSSettings(
        certificate=certificate,
        key=key,
        client_auth=client_auth,
        client_ca=client_ca,
        allowed_sans=_allowed_sans(section, client_auth),
        minimum=minimum,
        maximum=maximum,
        ciphers=ciphers,
        prefers_own_order=section.flag("prefer_server_cipher_suites") is not False,
        curves=_curves(section, ignored),
    )
    return settings, tuple(ignored)


def _pem(section: Section, name: str, ignored: list[str]) -> Pem | None:
    path, text = section.text(f"{name}_file"), section.text(name)
    if "\0" in path:
        raise WebConfigError(f"{section.name(name)}_file is not a file name")
    if path and text:
        ignored.append(f"{section.name(name)}: {name}_file is set too, and takes precedence")
    return Pem(path, "" if path else text) if path or text else None


def _client_auth(section: Section, ignored: list[str]) -> tuple[ClientAuth, Pem | None]:
    name = section.text("client_auth_type")
    if name in _NEVER_VERIFIED:
        raise WebConfigError(
            f"client_auth_type {name} verifies no certificate, and Python cannot require one without"
            " verifying it: write RequireAndVerifyClientCert"
        )
    if name not in _CLIENT_AUTH:
        raise WebConfigError(f"client_auth_type {quoted(name)} is unknown: write {_names(_CLIENT_AUTH)}")
    authority = _pem(section, "client_ca", ignored)
    if authority and name in ("", "NoClientCert"):
        raise WebConfigError("client_ca is set without a client_auth_type, which would admit every client")
    if name == "RequestClientCert":
        ignored.append(
            "client_auth_type RequestClientCert: no certificate is requested; every client is admitted"
        )
    elif _CLIENT_AUTH[name] is not ClientAuth.NONE and not authority:
        ignored.append(
            "client_auth_type without client_ca: certificates of the system's public authorities are admitted"
        )
    return _CLIENT_AUTH[name], authority


def _allowed_sans(section: Section, client_auth: ClientAuth) -> frozenset[str] | None:
    names = section.texts("client_allowed_sans")
    if names is None:
        return None
    if client_auth is not ClientAuth.REQUIRE_AND_VERIFY:
        raise WebConfigError("client_allowed_sans needs client_auth_type RequireAndVerifyClientCert")
    if not names:
        raise WebConfigError("client_allowed_sans is empty, which would admit no client")
    return frozenset(names)


def _versions(section: Section, ignored: list[str]) -> tuple[ssl.TLSVersion, ssl.TLSVersion]:
    bounds = []
    for key, default in (("min_version", "TLS12"), ("max_version", "TLS13")):
        name = section.text(key) or default
        if name not in VERSIONS:
            raise WebConfigError(f"unknown TLS version {quoted(name)} in {key}: write {_names(VERSIONS)}")
        bounds.append(VERSIONS[name])
    minimum, maximum = bounds
    if maximum < OLDEST_VERSION:
        raise WebConfigError("max_version is older than TLS12, the oldest supported version")
    if minimum < OLDEST_VERSION:
        ignored.append("tls_server_config.min_version: TLS12 is the oldest supported version")
    return max(minimum, OLDEST_VERSION), maximum


def _ciphers(section: Section, ignored: list[str]) -> tuple[str, ...]:
    """Return the cipher suites for TLS 1.2."""
    names = section.texts("cipher_suites")
    if not names:
        return DEFAULT_CIPHERS
    for name in names:
        if name in OUTDATED_SUITES:
            ignored.append(f"tls_server_config.cipher_suites: {name} has no forward secrecy")
        elif name not in SUITES and name not in TLS13_SUITES:
            raise WebConfigError(
                f"unknown cipher {quoted(name)} in cipher_suites, or one that Go calls insecure"
            )
    return tuple(SUITES[name] for name in names if name in SUITES)


def _curves(section: Section, ignored: list[str]) -> tuple[str, ...]:
    names = section.texts("curve_preferences") or ()
    for name in names:
        if name not in CURVES:
            raise WebConfigError(f"unknown curve {quoted(name)} in curve_preferences: write {_names(CURVES)}")
    if len(names) > 1:
        ignored.append("tls_server_config.curve_preferences: Python can set one curve only; OpenSSL chooses")
        return ()
    return tuple(CURVES[name] for name in names)


def _names(table: Iterable[str]) -> str:
    return ", ".join(name for name in table if name)
