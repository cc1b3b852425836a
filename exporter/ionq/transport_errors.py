"""Translates exceptions of httpx, httpcore and the operating system to the exporter's own errors."""

import re
import ssl

import h11
import httpx

from exporter.common.errors import (
    ConnectionFailedError,
    DroppedConnectionError,
    IonQError,
    ProtocolError,
    TLSError,
    UnexpectedError,
)
from exporter.ionq.api_key import ApiKey, redacted_excerpt
from exporter.ionq.progress import ReadProgress

_BYTES = re.compile(r"""(?:bytearray\()?\bb('[^']*'|"[^"]*")\)?""")
"""How h11 quotes what it received: as a Python literal, which is no news to the user."""


def translate(error: Exception, progress: ReadProgress, key: ApiKey | None) -> IonQError:
    """Return the error to raise instead, by how far the request got."""
    root = _root_cause(error)
    # Libraries quote what they received, and a server may echo the key.
    cause = redacted_excerpt(_BYTES.sub(r"\1", str(root)), key)
    host = progress.host
    if not isinstance(error, httpx.HTTPError | OSError):
        return UnexpectedError.of(error, redacted_excerpt(str(error), key))
    if progress.handshaking or isinstance(root, ssl.SSLError):
        return TLSError(
            f"TLS with {host} failed: {cause}; for a private certificate authority set SSL_CERT_FILE"
        )
    if progress.connecting or isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return ConnectionFailedError(f"no connection to {host}: {cause}; check DNS, firewall and HTTPS_PROXY")
    if progress.reused_connection and not progress.answered and not isinstance(root, h11.RemoteProtocolError):
        return DroppedConnectionError(f"{host} closed the kept connection: {cause}")
    return ProtocolError(f"the response of {host} broke off or is not HTTP: {cause}")


def _root_cause(error: BaseException) -> BaseException:
    """Follow the chain to what the operating system or the TLS library said."""
    while (deeper := error.__cause__ or error.__context__) is not None:
        error = deeper
    if isinstance(error, BaseExceptionGroup):
        return _root_cause(error.exceptions[0])
    return error
