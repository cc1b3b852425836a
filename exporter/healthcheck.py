"""``python -m exporter.healthcheck``: the health check of the container image.

It sees the exporter's environment but not its flags. In a container, set IONQ_EXPORTER_WEB_LISTEN_ADDRESS and
IONQ_EXPORTER_WEB_CONFIG_FILE instead of the flags. It imports little, because it runs every few seconds.
"""

import http.client
import os
import ssl
import sys
from collections.abc import Mapping

DEFAULT_ADDRESS = ":10065"
_TIMEOUT_SECONDS = 3.0


def check(environment: Mapping[str, str]) -> str | None:
    """Request ``/-/healthy``. Return the problem, or None if there is none."""
    addresses = environment.get("IONQ_EXPORTER_WEB_LISTEN_ADDRESS", "").split() or [DEFAULT_ADDRESS]
    host, _, port = addresses[0].rpartition(":")
    try:
        address = (host.strip("[]") or "localhost", int(port))
        status = _status_over_tls(*address) if environment.get("IONQ_EXPORTER_WEB_CONFIG_FILE") else None
        if status is None:
            status = _status(http.client.HTTPConnection(*address, timeout=_TIMEOUT_SECONDS))
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"{addresses[0]} does not respond: {error}"
    return None if status == http.client.OK else f"{addresses[0]} responds with status {status}"


def _status_over_tls(host: str, port: int) -> int | None:
    """Return the status, or None if the server has no TLS: the configuration file may not ask for it."""
    # The server is on this machine, and its certificate is not for localhost.
    unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    try:
        return _status(http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_SECONDS, context=unverified))
    except ssl.SSLError as error:
        # A server that requests a client certificate is up.
        return http.client.OK if "ALERT" in (error.reason or "") else None


def _status(connection: http.client.HTTPConnection) -> int:
    try:
        connection.request("GET", "/-/healthy")
        return connection.getresponse().status
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(check(os.environ))
