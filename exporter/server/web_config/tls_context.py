"""TLS contexts made from settings. A failed handshake is explained to the client and in the log."""

import contextlib
import ipaddress
import os
import ssl
import tempfile
from collections.abc import Callable, Iterator
from typing import NoReturn, cast

from exporter.server.web_config.tls_names import DEFAULT_CIPHERS
from exporter.server.web_config.tls_settings import ClientAuth, Pem, TLSSettings
from exporter.server.web_config.yaml_document import WebConfigError

_VERIFICATION = {
    ClientAuth.NONE: ssl.CERT_NONE,
    ClientAuth.VERIFY_IF_GIVEN: ssl.CERT_OPTIONAL,
    ClientAuth.REQUIRE_AND_VERIFY: ssl.CERT_REQUIRED,
}

_SPEAKS_PLAIN_HTTP = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 24\r\nConnection: close\r\n\r\n"
    b"This port speaks HTTPS.\n"
)


class _Connection(ssl.SSLObject):
    """The server side of a connection. It sends an alert if the handshake fails.

    asyncio would close the connection without sending the alert, and clients would see a reset.
    """

    bios: tuple[ssl.MemoryBIO, ssl.MemoryBIO]
    _refused = False

    def do_handshake(self) -> None:
        incoming, outgoing = self.bios
        context = cast("ServerContext", self.context)
        if self._refused:
            incoming.read()
            raise ssl.SSLWantReadError  # wait until the client has read the alert and closes
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            context.on_refused((error.reason or "no TLS").replace("_", " ").lower())
            if error.reason == "HTTP_REQUEST":
                outgoing.write(_SPEAKS_PLAIN_HTTP)
            if not outgoing.pending:
                raise
            self._refused = True
            raise ssl.SSLWantReadError from None  # makes asyncio send the alert
        allowed = context.allowed_sans
        if allowed is not None and allowed.isdisjoint(_subject_names(self)):
            reason = "the client certificate has no name of client_allowed_sans"
            context.on_refused(reason)
            raise ssl.SSLError(reason)


class ServerContext(ssl.SSLContext):
    """A context that calls ``on_refused`` with the reason if it refuses a client."""

    sslobject_class = _Connection
    allowed_sans: frozenset[str] | None = None
    on_refused: Callable[[str], None]

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002 -- the base class's
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Begin a connection."""
        connection = super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        cast("_Connection", connection).bios = (incoming, outgoing)
        return connection


def server_context(settings: TLSSettings, read: Callable[[Pem], bytes]) -> ServerContext:
    """Make a context from settings and the files that they name. Raises WebConfigError."""
    context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.on_refused = lambda _reason: None
    context.minimum_version, context.maximum_version = settings.minimum, settings.maximum
    context.options |= ssl.OP_NO_RENEGOTIATION
    if not settings.prefers_own_order:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    # Always set: the default of some OpenSSL builds has suites without forward secrecy.
    context.set_ciphers(":".join(settings.ciphers or DEFAULT_CIPHERS))
    for curve in settings.curves:
        context.set_ecdh_curve(curve)
    _load_certificate(context, read(settings.certificate), read(settings.key))
    context.verify_mode = _VERIFICATION[settings.client_auth]
    context.allowed_sans = settings.allowed_sans
    if settings.client_ca:
        _load_authority(context, read(settings.client_ca))
    elif settings.client_auth is not ClientAuth.NONE:
        context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
    return context


def _load_certificate(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    try:
        with _as_file(certificate) as certificate_file, _as_file(key) as key_file:
            context.load_cert_chain(certificate_file, key_file, password=_refuse_encrypted_key)
    except ssl.SSLError as error:
        reason = (error.reason or "not PEM").replace("_", " ").lower()
        raise WebConfigError(f"tls_server_config: certificate and key cannot be used: {reason}") from error


def _refuse_encrypted_key() -> NoReturn:
    raise WebConfigError("tls_server_config: the key is encrypted")


def _load_authority(context: ssl.SSLContext, authority: bytes) -> None:
    try:
        context.load_verify_locations(cadata=authority.decode("ascii", errors="replace"))
    except (ssl.SSLError, ValueError) as error:
        raise WebConfigError("tls_server_config: client_ca holds no usable certificate") from error


@contextlib.contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """Yield the name of a file with this content, in memory if possible: Python's TLS reads only files."""
    if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):  # noqa: PTH112 -- not a user's path
        with os.fdopen(os.memfd_create("tls"), "wb") as file:
            file.write(content)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
    else:  # pragma: no cover -- not on Linux
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            yield file.name


def _subject_names(connection: ssl.SSLObject) -> set[str]:
    """Return the subject alternative names of a client's certificate, formatted as in Go."""
    certificate = connection.getpeercert() or {}
    names = cast("tuple[tuple[str, str], ...]", certificate.get("subjectAltName", ()))
    return {_canonical(name.strip()) if kind == "IP Address" else name for kind, name in names}


def _canonical(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:  # pragma: no cover -- OpenSSL writes none
        return address
