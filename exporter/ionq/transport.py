"""Connections to IonQ: TLS, proxy, socket options, and when a connection is replaced."""

import os
import random
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from exporter.ionq.network import Network

_MAX_AGE_SECONDS = (240.0, 300.0)
"""A connection is kept for a random time in this range: names move, and many exporters start together."""

# Keepalive probes keep firewalls from forgetting an idle connection. The user timeout ends a connection whose
# far end is gone without a word, so that the request is repeated on a new one while there is time.
_SOCKET_OPTIONS = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (
            ("TCP_KEEPIDLE", 60),
            ("TCP_KEEPINTVL", 15),
            ("TCP_KEEPCNT", 3),
            ("TCP_USER_TIMEOUT", 3_000),  # milliseconds
        )
        if hasattr(socket, name)
    ),
)

NewTransport = Callable[[], httpx.AsyncBaseTransport]


class TransportFactory:
    """Makes transports to one host, through the proxy that the environment names for it, if any.

    They are used without httpx's client, which would add cookies, redirects and credentials from .netrc, none
    of which are wanted here, at a fifth of a scrape's CPU time.
    """

    def __init__(self, url: str, certificates: "TrustedCertificates | None" = None) -> None:
        """Raise ValueError, with a message for the user, where proxy or certificates cannot be used.

        Factories may share ``certificates``, which take a megabyte.
        """
        self._secure = url.startswith("https:")
        self._proxy = _proxy_for(url)
        self.certificates = certificates or TrustedCertificates()
        self()

    @property
    def proxy(self) -> str | None:
        """Host and port of the proxy."""
        return urlsplit(self._proxy).netloc.rpartition("@")[2] if self._proxy else None

    def __call__(self) -> "Transport":
        """Return a new transport, which opens its connection at the first request."""
        try:
            return Transport(
                Network(secure=self._secure),
                verify=self.certificates.context(),
                limits=httpx.Limits(keepalive_expiry=None),
                proxy=self._proxy,
                socket_options=_SOCKET_OPTIONS,
            )
        except (ImportError, httpx.InvalidURL, ValueError) as error:
            raise ValueError(
                f"the proxy in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY cannot be used: {error}"
            ) from error


class Transport(httpx.AsyncHTTPTransport):
    """httpx's transport on another network backend than httpcore's default."""

    def __init__(self, network: Network, **options: Any) -> None:
        super().__init__(**options)
        self.network = network
        self._pool._network_backend = network  # noqa: SLF001 -- httpx hands everything else on to httpcore


class KeptConnection:
    """A transport whose one connection is kept between reads for a few minutes at most."""

    def __init__(self, new_transport: NewTransport, clock: Callable[[], float] = time.monotonic) -> None:
        self._new_transport = new_transport
        self._clock = clock
        self._transport: httpx.AsyncBaseTransport | None = None
        self._expires_at = 0.0

    async def transport(self) -> httpx.AsyncBaseTransport:
        """Return the transport, a new one where the connection was closed or is old."""
        if self._transport and self._clock() >= self._expires_at:
            await self.close()
        if self._transport is None:
            self._transport = self._new_transport()
            self._expires_at = self._clock() + random.uniform(*_MAX_AGE_SECONDS)  # noqa: S311 -- no secret
        return self._transport

    async def close(self) -> None:
        """Close the connection. The next read opens a new one."""
        transport, self._transport = self._transport, None
        if transport:
            await transport.aclose()


class TrustedCertificates:
    """certifi's authorities, or those of SSL_CERT_FILE or SSL_CERT_DIR as they are on disk now."""

    def __init__(self) -> None:
        """Raise ValueError, with a message for the user, where they cannot be used."""
        try:
            self._version = _version_on_disk()
            self._context = httpx.create_ssl_context()
        except OSError as error:
            raise ValueError(
                f"the certificates in SSL_CERT_FILE or SSL_CERT_DIR cannot be used: {error}"
            ) from error

    def context(self) -> ssl.SSLContext:
        """Return a context, the last good one while the files cannot be used."""
        try:
            version = _version_on_disk()
            if version != self._version:
                self._context = httpx.create_ssl_context()
                self._version = version
        except OSError:
            pass  # written at this moment, perhaps: the next connection tries again
        return self._context


def _version_on_disk() -> tuple[object, ...]:
    """Return what changes when a certificate is renewed, wherever a link points."""
    paths = [Path(value) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if (value := os.environ.get(name))]
    files = [file for path in paths for file in (path, *(path.iterdir() if path.is_dir() else ()))]
    return tuple(sorted((str(file), _stamp(file)) for file in files))


def _stamp(file: Path) -> tuple[int, int, int]:
    try:
        status = file.stat()
    except OSError:
        return 0, 0, 0
    return status.st_mtime_ns, status.st_ino, status.st_size


def _proxy_for(url: str) -> str | None:
    parts = urlsplit(url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.netloc):
        return None
    proxy_url = proxy if "://" in proxy else f"http://{proxy}"
    try:
        is_usable = urlsplit(proxy_url).port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        # Not quoted: what stands in the port's place is most often a part of a password.
        raise ValueError(
            "the proxy in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY cannot be used: its port is not valid: write "
            "http://user:password@host:port, with %23 for # and so on"
        )
    return proxy_url
