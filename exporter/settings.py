"""What the flags and the environment ask for, as values of the right type."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx

DEFAULT_PORT = 10065
DEFAULT_SIMULATOR_PORT = 10066
DEFAULT_API_URL = "https://api.ionq.co/v0.4"
DEFAULT_STATUS_URL = "https://status.ionq.co"

_MAX_PORT = 65535
_ADDRESS = re.compile(r"(?:\[(?P<ipv6>[^\]]+)\]|(?P<host>[^:\[\]]*)):(?P<port>\d{1,5})")


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where to listen; an empty host is every address of the machine."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``host:port``, ``:port`` or ``[::1]:port``. Raises ValueError, with a message for the user."""
        match = _ADDRESS.fullmatch(text.strip())
        if not match or int(match["port"]) > _MAX_PORT:
            raise ValueError(f"{text!r} is not an address: write host:port, :port or [::1]:port")
        return cls(match["ipv6"] or match["host"], int(match["port"]))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class IonQSettings:
    """How to read IonQ's API and, with a ``status_url``, its status page."""

    api_url: str
    api_key_file: Path | None
    timeout_seconds: float
    max_response_bytes: int
    max_backends: int
    characterizations: bool
    status_url: str | None = None
    component_backends: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WebSettings:
    """How to answer scrapes."""

    listen_addresses: tuple[ListenAddress, ...]
    telemetry_path: str
    timeout_offset_seconds: float


def parse_api_url(text: str) -> str:
    """Check the base URL of the API, and return it without a closing slash.

    Raises ValueError, with a message for the user.
    """
    return _parse_base_url(text, DEFAULT_API_URL, "/backends")


def parse_status_url(text: str) -> str:
    """Check the base URL of the status page, as ``parse_api_url`` does."""
    return _parse_base_url(text, DEFAULT_STATUS_URL, "/api/v2/summary.json")


def default_status_url(api_url: str) -> str | None:
    """Return IonQ's status page for IonQ's API, and none for a simulator or a stand-in."""
    return DEFAULT_STATUS_URL if httpx.URL(api_url).host == httpx.URL(DEFAULT_API_URL).host else None


def _parse_base_url(text: str, example: str, endpoint: str) -> str:
    if "@" in text:
        # Not quoted: it holds a password.
        raise ValueError("the URL holds credentials: put the API key into --ionq.api-key-file instead")
    try:
        # By the library that will ask for it, so that what it could not ask for is known at once.
        parts = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        raise ValueError(f"{text!r} is not a URL") from None
    port_is_valid = parts.port is None or 0 < parts.port <= _MAX_PORT
    if parts.scheme not in ("http", "https") or not parts.host or not port_is_valid:
        raise ValueError(f"{text!r} is not a URL: write https://host/path, like {example}")
    if not text.isprintable() or not set(text).isdisjoint("?# "):
        # Not quoted: a query may hold a token.
        raise ValueError(f"the URL is more than a base URL: write it like {example}")
    url = text.rstrip("/")
    if url.endswith(endpoint):
        raise ValueError(f"{text!r} names the endpoint: give the base URL, {url.removesuffix(endpoint)}")
    return url
