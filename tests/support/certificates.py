"""Throw-away certificates."""

import ssl
from datetime import datetime
from pathlib import Path

import trustme


class Authority:
    """A certificate authority, and the environment that makes a program trust it alone."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self._file = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(str(self._file))

    @property
    def trusted(self) -> dict[str, str]:
        return {"SSL_CERT_FILE": str(self._file)}

    def server_context(self, host: str = "localhost", not_after: datetime | None = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(host, not_after=not_after).configure_cert(context)
        return context
