"""A folder with a web configuration and the certificates that it names."""

import ssl
from pathlib import Path
from typing import Any

import bcrypt
import trustme
import yaml

PASSWORD = "correct horse"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
CERTIFICATE = {"cert_file": "server.crt", "key_file": "server.key"}
CLIENT_CERTIFICATE = {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "authority.pem"}


class WebConfigFolder:
    """Issues certificates of an authority of its own, and writes the file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "web.yml"
        self.flag = f"--web.config.file={self.file}"
        self._authority = trustme.CA()
        self.authority_file = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(str(self.authority_file))
        self.renew_certificate()

    def write(self, **sections: Any) -> None:
        """Replace the file in one step, as careful tools do."""
        new = self.file.with_suffix(".new")
        new.write_text(yaml.safe_dump(sections))
        new.replace(self.file)

    def new_certificate(self, *names: str) -> tuple[bytes, bytes]:
        """Return a certificate, with its chain, and its key."""
        issued = self._authority.issue_cert(*names)
        return b"".join(pem.bytes() for pem in issued.cert_chain_pems), issued.private_key_pem.bytes()

    def renew_certificate(self, *more_names: str) -> None:
        """Write the server's certificate and key anew."""
        certificate, key = self.new_certificate("localhost", "127.0.0.1", *more_names)
        (self.folder / "server.crt").write_bytes(certificate)
        (self.folder / "server.key").write_bytes(key)

    def client_files(self, *names: str) -> tuple[Path, Path]:
        """Write a client's certificate and key, and return where."""
        certificate, key = self.new_certificate(*names)
        paths = self.folder / f"{names[0]}.crt", self.folder / f"{names[0]}.key"
        for path, content in zip(paths, (certificate, key), strict=True):
            path.write_bytes(content)
        return paths

    def client_context(
        self, certificate: tuple[Path, Path] | None = None, **attributes: Any
    ) -> ssl.SSLContext:
        """Return a context that trusts the authority, with further attributes set."""
        context = ssl.create_default_context(cafile=self.authority_file)
        if certificate:
            context.load_cert_chain(*certificate)
        for name, value in attributes.items():
            setattr(context, name, value)
        return context


def peer_names(connection: ssl.SSLSocket) -> set[str]:
    """Return the names in the certificate of the other end."""
    certificate: dict[str, Any] = connection.getpeercert() or {}
    return {name for _, name in certificate["subjectAltName"]}
