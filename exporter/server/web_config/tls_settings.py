"""The section ``tls_server_config``: Go's names, and what Python's TLS can do of what they mean."""

import enum
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

from exporter.server.web_config.tls_names import (
    CURVES,
    OLDEST_VERSION,
    OUTDATED_SUITES,
    SUITES,
    TLS13_SUITES,
    VERSIONS,
)
from exporter.server.web_config.yaml_document import Section, WebConfigError, quoted


class ClientAuth(enum.Enum):
    """Which client certificates are let in."""

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
    """Certificates or a key: the name of a file, or what would be in it."""

    path: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TLSSettings:
    """How to speak TLS, in OpenSSL's names."""

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
    """Return the settings, None for plain HTTP, and what of them is ignored. Raises WebConfigError."""
    if not section:
        return None, ()
    ignored: list[str] = []
    certificate, key = _pem(section, "cert", ignored), _pem(section, "key", ignored)
    # Go takes a section that names neither as no TLS at all; who wrote one wants more than that.
    if certificate is None or key is None:
        missing = "cert" if certificate is None else "key"
        raise WebConfigError(f"tls_server_config: missing one of {missing} or {missing}_file")
    client_auth, client_ca = _client_auth(section, ignored)
    minimum, maximum = _versions(section, ignored)
    ciphers, minimum = _ciphers(section, minimum, ignored)
    if minimum > maximum:
        raise WebConfigError(
            "tls_server_config: no TLS version satisfies min_version, max_version and ciphers"
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
        raise WebConfigError(f"{section.name(name)}_file is no name of a file")
    if path and text:
        ignored.append(f"{section.name(name)}: {name}_file is there too, and wins")
    return Pem(path, "" if path else text) if path or text else None


def _client_auth(section: Section, ignored: list[str]) -> tuple[ClientAuth, Pem | None]:
    name = section.text("client_auth_type")
    if name in _NEVER_VERIFIED:
        raise WebConfigError(
            f"client_auth_type {name} verifies no certificate, and Python's TLS requires none"
            " without verifying it: write RequireAndVerifyClientCert"
        )
    if name not in _CLIENT_AUTH:
        raise WebConfigError(f"client_auth_type {quoted(name)} is unknown: write {_names(_CLIENT_AUTH)}")
    authority = _pem(section, "client_ca", ignored)
    if authority and name in ("", "NoClientCert"):
        raise WebConfigError("client_ca is there without a client_auth_type, so it would let everybody in")
    if name == "RequestClientCert":
        ignored.append(
            "client_auth_type RequestClientCert: lets everybody in, so no certificate is asked for"
        )
    elif _CLIENT_AUTH[name] is not ClientAuth.NONE and not authority:
        ignored.append(
            "client_auth_type without client_ca: the system's public authorities decide who is let in"
        )
    return _CLIENT_AUTH[name], authority


def _allowed_sans(section: Section, client_auth: ClientAuth) -> frozenset[str] | None:
    names = section.texts("client_allowed_sans")
    if names is None:
        return None
    if client_auth is not ClientAuth.REQUIRE_AND_VERIFY:
        raise WebConfigError("client_allowed_sans needs client_auth_type RequireAndVerifyClientCert")
    if not names:
        raise WebConfigError("client_allowed_sans names nobody, so nobody would be let in")
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
        raise WebConfigError("max_version is older than TLS12, which is the oldest that is spoken")
    if minimum < OLDEST_VERSION:
        ignored.append("tls_server_config.min_version: TLS12 is the oldest that is spoken")
    return max(minimum, OLDEST_VERSION), maximum


def _ciphers(
    section: Section, minimum: ssl.TLSVersion, ignored: list[str]
) -> tuple[tuple[str, ...], ssl.TLSVersion]:
    names = section.texts("cipher_suites") or ()
    for name in names:
        if name in OUTDATED_SUITES:
            ignored.append(
                f"tls_server_config.cipher_suites: {name} lacks forward secrecy, so it is left out"
            )
        elif name not in SUITES and name not in TLS13_SUITES:
            raise WebConfigError(
                f"unknown cipher {quoted(name)} in cipher_suites, or one that Go calls insecure"
            )
    ciphers = tuple(SUITES[name] for name in names if name in SUITES)
    # Suites of TLS 1.3 alone leave none for an older version.
    return ciphers, ssl.TLSVersion.TLSv1_3 if names and not ciphers else minimum


def _curves(section: Section, ignored: list[str]) -> tuple[str, ...]:
    names = section.texts("curve_preferences") or ()
    for name in names:
        if name not in CURVES:
            raise WebConfigError(f"unknown curve {quoted(name)} in curve_preferences: write {_names(CURVES)}")
    if len(names) > 1:
        ignored.append("tls_server_config.curve_preferences: only a single curve can be set; OpenSSL chooses")
        return ()
    return tuple(CURVES[name] for name in names)


def _names(table: Iterable[str]) -> str:
    return ", ".join(name for name in table if name)
