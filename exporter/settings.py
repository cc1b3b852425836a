"""The settings: frozen values of the right type, which the commands make from their flags."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

DEFAULT_PORT = 10065
DEFAULT_SIMULATOR_PORT = 10066
DEFAULT_API_URL = "https://api.ionq.co/v0.4"
DEFAULT_STATUS_URL = "https://status.ionq.co"

_MAX_PORT = 65535
_LABEL = r"[a-z\d_-]{1,63}"
_IPV6 = r"[\da-f.]*:[\da-f:.]*"
_HOST = rf"(?P<host>{_LABEL}(?:\.{_LABEL})*\.?)"
_ADDRESS = re.compile(
    rf"(?:\[(?P<ipv6>{_IPV6}(?:%[\w.-]+)?)\]|{_HOST}?):(?P<port>\d{{1,5}})", re.ASCII | re.IGNORECASE
)
_URL = re.compile(
    rf"https?://(?:\[(?P<ipv6>{_IPV6})\]|{_HOST})(?::(?P<port>\d{{1,5}}))?(?:/[!-~]*)?",
    re.ASCII | re.IGNORECASE,
)
_IPV4 = re.compile(r"[\d.]+")


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """An address to listen on. An empty host means all addresses of the machine."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``host:port``, ``:port`` or ``[::1]:port``. Raises ValueError with a message for the user."""
        match = _ADDRESS.fullmatch(text.strip())
        if not match or int(match["port"]) > _MAX_PORT:
            raise ValueError(f"{text!r} is not an address: write host:port, :port or [::1]:port")
        return cls(match["ipv6"] or match["host"] or "", int(match["port"]))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class IonQSettings:
    """Settings for reading IonQ's API and, with a ``status_url``, its status page."""

    api_url: str
    timeout_seconds: float
    max_response_bytes: int
    max_backends: int
    characterizations: bool
    status_url: str | None = None
    component_backends: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Settings for answering scrapes."""

    listen_addresses: tuple[ListenAddress, ...]
    telemetry_path: str
    timeout_offset_seconds: float


def parse_api_url(text: str) -> str:
    """Check the base URL of the API and return it without a trailing slash.

    Raises ValueError with a message for the user.
    """
    return _parse_base_url(text, DEFAULT_API_URL, "/backends")


def parse_status_url(text: str) -> str:
    """Check the base URL of the status page as ``parse_api_url`` does."""
    return _parse_base_url(text, DEFAULT_STATUS_URL, "/api/v2/summary.json")


def default_status_url(api_url: str) -> str | None:
    """Return IonQ's status page for IonQ's API, and none for a simulator or a stand-in."""
    is_ionq = urlsplit(api_url).hostname == urlsplit(DEFAULT_API_URL).hostname
    return DEFAULT_STATUS_URL if is_ionq else None


def _parse_base_url(text: str, example: str, endpoint: str) -> str:
    if "@" in text:
        # The message does not quote the URL, because it contains a password.
        raise ValueError("the URL contains credentials: use --ionq.api-key-file for the API key")
    if not set(text).isdisjoint("?#"):
        # The message does not quote the URL, because a query may contain a token.
        raise ValueError(f"the URL has a query or a fragment: write a base URL like {example}")
    if not _is_url(text):
        raise ValueError(f"{text!r} is not a URL: write https://host/path, like {example}")
    url = text.rstrip("/")
    if url.endswith(endpoint):
        raise ValueError(f"{text!r} is the endpoint: write the base URL, {url.removesuffix(endpoint)}")
    return url


def is_unencrypted(api_url: str) -> bool:
    """Return whether requests to a base URL cross a network without TLS."""
    parts = urlsplit(api_url)
    return parts.scheme == "http" and not _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_url(text: str) -> bool:
    match = _URL.fullmatch(text)
    if not match or not 0 < int(match["port"] or 1) <= _MAX_PORT:
        return False
    try:
        if match["ipv6"]:
            ipaddress.IPv6Address(match["ipv6"])
        elif _IPV4.fullmatch(match["host"]):
            ipaddress.IPv4Address(match["host"])
    except ValueError:
        return False
    return True
