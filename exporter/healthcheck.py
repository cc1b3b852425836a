"""``python -m exporter.healthcheck``: whether the exporter of this container answers, for its engine.

It sees the environment of the exporter but not its flags: a container that listens elsewhere says so in
IONQ_EXPORTER_WEB_LISTEN_ADDRESS, and one with TLS in IONQ_EXPORTER_WEB_CONFIG_FILE. It imports little, since
an engine runs it every few seconds.
"""

import http.client
import os
import ssl
import sys
from collections.abc import Mapping

DEFAULT_ADDRESS = ":10065"
_TIMEOUT_SECONDS = 3.0


def check(environment: Mapping[str, str]) -> str | None:
    """Ask for ``/-/healthy``, and return what is wrong."""
    addresses = environment.get("IONQ_EXPORTER_WEB_LISTEN_ADDRESS", "").split() or [DEFAULT_ADDRESS]
    host, _, port = addresses[0].rpartition(":")
    where = (host.strip("[]") or "localhost", int(port))
    try:
        status = _status_over_tls(*where) if environment.get("IONQ_EXPORTER_WEB_CONFIG_FILE") else None
        if status is None:
            status = _status(http.client.HTTPConnection(*where, timeout=_TIMEOUT_SECONDS))
    except (OSError, http.client.HTTPException) as error:
        return f"{addresses[0]} does not answer: {error}"
    return None if status == http.client.OK else f"{addresses[0]} answers {status}"


def _status_over_tls(host: str, port: int) -> int | None:
    """Return None where the other end speaks plain HTTP, as a web configuration without TLS makes it."""
    # It is this machine's own exporter, and its certificate is for other names than localhost.
    unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    try:
        return _status(http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_SECONDS, context=unverified))
    except ssl.SSLError as error:
        # Who demands a client certificate is alive.
        return http.client.OK if "ALERT" in (error.reason or "") else None


def _status(connection: http.client.HTTPConnection) -> int:
    try:
        connection.request("GET", "/-/healthy")
        return connection.getresponse().status
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(check(os.environ))
