"""The way to IonQ: TLS, proxy and a connection that outlives scrapes."""

import socket
import ssl
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

KEEPALIVE_SECONDS = 300.0
"""Longer than any scrape interval that makes sense: Prometheus forgets a sample after five minutes."""

# Probes sent on an idle connection keep firewalls from forgetting it, and find out when one has.
_SOCKET_OPTIONS = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 3))
        if hasattr(socket, name)
    ),
)


def tls_context() -> ssl.SSLContext:
    """Return a TLS context that trusts certifi's authorities, or those of SSL_CERT_FILE or SSL_CERT_DIR.

    Raises ValueError, with a message for the user, where those cannot be used.
    """
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        raise ValueError(
            f"the certificates in SSL_CERT_FILE or SSL_CERT_DIR cannot be used: {error}"
        ) from error


def ionq_transport(api_url: str, tls: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    """Return a transport to the API, through the proxy that the environment names for it, if any.

    It is used without httpx's client, which would add cookies, redirects and credentials from other
    places, none of which are wanted here, at a fifth of a scrape's CPU time.
    Raises ValueError, with a message for the user, where the proxy cannot be used.
    """
    try:
        return httpx.AsyncHTTPTransport(
            verify=tls,
            limits=httpx.Limits(keepalive_expiry=KEEPALIVE_SECONDS),
            proxy=_proxy_for(api_url),
            socket_options=_SOCKET_OPTIONS,
        )
    except (ImportError, httpx.InvalidURL, ValueError) as error:
        raise ValueError(
            f"the proxy in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY cannot be used: {error}"
        ) from error


def _proxy_for(api_url: str) -> str | None:
    parts = urlsplit(api_url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.netloc):
        return None
    url = proxy if "://" in proxy else f"http://{proxy}"
    try:
        is_usable = urlsplit(url).port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        # Not quoted, since what stands in the port's place is most often a part of a password.
        raise ValueError(
            "its port is no port: write http://user:password@host:port, with %23 for # and so on"
        )
    return url
