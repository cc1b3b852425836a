"""``python -m exporter.healthcheck``: whether the exporter of this container answers, for its engine.

It sees the environment of the exporter but not its flags: a container that listens elsewhere says so in
IONQ_EXPORTER_WEB_LISTEN_ADDRESS. It imports little, since an engine runs it every few seconds.
"""

import http.client
import os
import sys
from collections.abc import Mapping

DEFAULT_ADDRESS = ":10065"
_TIMEOUT_SECONDS = 3.0


def check(environment: Mapping[str, str]) -> str | None:
    """Ask for ``/-/healthy``, and return what is wrong."""
    addresses = environment.get("IONQ_EXPORTER_WEB_LISTEN_ADDRESS", "").split() or [DEFAULT_ADDRESS]
    host, _, port = addresses[0].rpartition(":")
    connection = http.client.HTTPConnection(
        host.strip("[]") or "localhost", int(port), timeout=_TIMEOUT_SECONDS
    )
    try:
        connection.request("GET", "/-/healthy")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{addresses[0]} does not answer: {error}"
    finally:
        connection.close()
    return None if status == http.client.OK else f"{addresses[0]} answers {status}"


if __name__ == "__main__":
    sys.exit(check(os.environ))
