"""What the exporter uses of libraries beyond their documented interfaces.

Any release of a library may change these. If one of these tests fails after an update, adapt the module that
it names, and only then raise the bound in pyproject.toml.
"""

import asyncio
import inspect
import re
from asyncio import sslproto
from pathlib import Path
from types import ModuleType

import httpx
import prometheus_client.utils
import pytest
import uvicorn
from httpcore import _synchronization
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

import exporter

INTERNALS: tuple[tuple[type | ModuleType, str, str], ...] = (
    (
        HttpToolsProtocol,
        """connection_lost connection_made data_received on_body on_header on_headers_complete
        on_message_begin on_message_complete on_response_complete pause_writing resume_writing
        send_400_response _unset_keepalive_if_required connections cycle headers loop pipeline
        timeout_keep_alive_task transport url _start_asgi_task flow""",
        "server/connection_limits.py",
    ),
    (
        RequestResponseCycle,
        "disconnected expected_content_length response_complete response_started transport",
        "server/connection_limits.py",
    ),
    (
        uvicorn.Server,
        "capture_signals config server_state servers should_exit shutdown started startup",
        "server/http_server.py",
    ),
    (HttpToolsProtocol, "app_state config server_state", "server/http_server.py"),
    (
        sslproto.SSLProtocol,
        "connection_lost connection_made max_size pause_writing resume_writing",
        "server/web_config/tls_protocol.py",
    ),
    (asyncio.StreamReader, "_buffer", "ionq/network.py"),
    (asyncio.BaseEventLoop, "getaddrinfo", "common/event_loop.py"),
    (prometheus_client.utils, "floatToGoString", "metrics/encoding.py"),
)


@pytest.mark.parametrize(
    ("owner", "names", "module"), INTERNALS, ids=[owner.__name__ for owner, *_ in INTERNALS]
)
def test_a_library_has_the_names_that_the_exporter_uses(
    owner: type | ModuleType, names: str, module: str
) -> None:
    user = Path(exporter.__file__).parent.joinpath(module).read_text()
    unused = [name for name in names.split() if not re.search(rf"\b{name}\b", user)]
    assert not unused, f"exporter/{module} does not use {', '.join(unused)}"
    source = inspect.getsource(owner)
    missing = [name for name in names.split() if not re.search(rf"\b(def |self\.){name}\b", source)]
    assert not missing, f"{owner.__name__} has no {', '.join(missing)}, which exporter/{module} uses"


def test_httpcore_waits_and_locks_by_what_the_exporter_puts_in_the_place_of_anyio() -> None:
    source = inspect.getsource(_synchronization)
    used = set(re.findall(r"\banyio\.(\w+)", source))
    # The last two are for HTTP/2, and for requests that wait for another's connection: here none does.
    assert used == {"Lock", "Event", "CancelScope", "Semaphore", "fail_after"}, (
        "adapt exporter/ionq/network.py"
    )


@pytest.mark.parametrize("proxy", [None, "http://localhost:3128"])
def test_httpx_hands_its_requests_to_a_pool_whose_network_backend_can_be_set(proxy: str | None) -> None:
    pool = httpx.AsyncHTTPTransport(proxy=proxy)._pool
    assert hasattr(pool, "_network_backend"), "exporter/ionq/transport.py sets it"
