"""The web configuration as typed values: bytes in, one frozen dataclass out."""

import re
from dataclasses import dataclass, field

from exporter.server.web_config.tls_settings import TLSSettings, parse_tls_settings
from exporter.server.web_config.yaml_document import Section, WebConfigError, quoted, read_document

_SECTIONS = ("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit")

_ALLOWED_HEADERS: dict[str, tuple[str, ...]] = {
    "Content-Security-Policy": (),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-Content-Type-Options": ("nosniff",),
    "X-XSS-Protection": (),
    "Strict-Transport-Security": (),
}
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")

_BCRYPT = re.compile(r"\$2[aby]\$(?P<cost>\d\d)\$[./A-Za-z0-9]{53}")
_MIN_COST = 4
_MAX_COST = 18  # a login takes most of a minute

_DURATION = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h)")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A token bucket: one request per interval, and ``burst`` at once."""

    interval_seconds: float
    burst: int


@dataclass(frozen=True, slots=True)
class WebConfig:
    """What a file sets. ``ignored`` lists the settings that have no effect and need none."""

    tls: TLSSettings | None = None
    headers: tuple[tuple[str, str], ...] = ()
    users: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    rate_limit: RateLimit | None = None
    ignored: tuple[str, ...] = ()


def parse_web_config(content: bytes) -> WebConfig:
    """Read a file's content. Raises WebConfigError."""
    document = Section("", read_document(content), _SECTIONS)
    http = document.section("http_server_config", ("http2", "headers"))
    tls, ignored = parse_tls_settings(document.section("tls_server_config", TLSSettings.KEYS))
    if http.flag("http2"):
        ignored = (*ignored, "http_server_config.http2: only HTTP/1.1 is supported")
    users = _users(document.section("basic_auth_users"))
    if users and tls is None:
        ignored = (*ignored, "basic_auth_users: without tls_server_config, passwords are sent in the clear")
    return WebConfig(
        tls=tls,
        headers=_headers(http.section("headers")),
        users=users,
        rate_limit=_rate_limit(document.section("rate_limit", ("interval", "burst"))),
        ignored=ignored,
    )


def cost_of(bcrypt_hash: str) -> int:
    """Return the cost factor of a hash, the binary logarithm of its number of rounds."""
    return int(bcrypt_hash[4:6])


def _headers(section: Section) -> tuple[tuple[str, str], ...]:
    for name, value in section.all_texts():
        if name not in _ALLOWED_HEADERS:
            raise WebConfigError(
                f"HTTP header {quoted(name)} can not be configured: write {', '.join(_ALLOWED_HEADERS)}"
            )
        allowed = _ALLOWED_HEADERS[name]
        if allowed and value not in allowed:
            raise WebConfigError(f"{section.name(name)} must be {' or '.join(allowed)}")
        if not _HEADER_VALUE.fullmatch(value):
            raise WebConfigError(f"{section.name(name)} has characters that a header cannot have")
    return tuple((name, value.strip()) for name, value in section.all_texts() if value.strip())


def _users(section: Section) -> tuple[tuple[str, str], ...]:
    users = section.all_texts()
    for name, bcrypt_hash in users:
        match = _BCRYPT.fullmatch(bcrypt_hash)
        # The value is not quoted: it may be a password that somebody forgot to hash.
        if not match:
            raise WebConfigError(f"basic_auth_users: the value for {quoted(name)} is not a bcrypt hash")
        if not _MIN_COST <= int(match["cost"]) <= _MAX_COST:
            raise WebConfigError(
                f"basic_auth_users: the bcrypt cost for {quoted(name)} is not from {_MIN_COST} to {_MAX_COST}"
            )
    return users


def _rate_limit(section: Section) -> RateLimit | None:
    interval = _seconds(section, "interval")
    burst = section.text("burst") or "0"
    if not (burst.isascii() and burst.isdecimal() and len(burst) < 10):  # noqa: PLR2004 -- a billion is enough
        raise WebConfigError(f"{section.name('burst')} must be a number")
    if not interval:
        return None
    if int(burst) < 1:
        raise WebConfigError(f"{section.name('burst')} must be at least 1: 0 would refuse every request")
    return RateLimit(interval, int(burst))


def _seconds(section: Section, key: str) -> float:
    """Parse a duration of Go's. A number without a unit is refused: in Go it would be nanoseconds."""
    text = section.text(key)
    if text in ("", "0"):
        return 0.0
    parts = _DURATION.findall(text)
    if not parts or "".join(parts) != text or len(text) > 40:  # noqa: PLR2004 -- keeps the sum finite
        raise WebConfigError(f"{section.name(key)} must be a duration like 1s or 500ms")
    return sum(_seconds_of(part) for part in parts)


def _seconds_of(part: str) -> float:
    number = part.rstrip("nuµμmsh")
    return float(number) * _UNITS[part.removeprefix(number)]
