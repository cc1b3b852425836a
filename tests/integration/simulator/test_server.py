import asyncio
import json
import re
import socket
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from exporter.simulator import Fleet, InjectFault, Simulator, run_simulator
from exporter.simulator.fleet.status_page import StatusPage
from exporter.simulator.server import base_url
from tests.support.clock import Clock
from tests.support.simulator import NOW, connected, content_length, http_client

pytestmark = pytest.mark.anyio

KEY = {"Authorization": "apiKey whatever"}


def drill_url(simulator: Simulator) -> str:
    return f"http://127.0.0.1:{simulator.port}/drill"


@pytest.mark.parametrize("base", ["/v0.4/backends", "/backends"])
async def test_backends_lists_the_fleet(simulator: Simulator, client: httpx.AsyncClient, base: str) -> None:
    response = await client.get(f"http://127.0.0.1:{simulator.port}{base}")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.json() == Fleet(1).backends(NOW)


async def test_a_backend_can_be_read_alone(client: httpx.AsyncClient) -> None:
    backends = {one["backend"]: one for one in Fleet(1).backends(NOW)}
    assert (await client.get("/backends/qpu.forte-1")).json() == backends["qpu.forte-1"]


async def test_a_private_backend_needs_a_key(client: httpx.AsyncClient) -> None:
    assert (await client.get("/backends", headers=KEY)).json() == Fleet(1).backends(NOW, with_key=True)
    for path in ("/backends/qpu.tempo-1", "/backends/qpu.tempo-1/characterizations"):
        assert (await client.get(path)).status_code == 404
        assert (await client.get(path, headers=KEY)).status_code == 200


@pytest.mark.parametrize("authorization", ["Bearer secret", "apiKey", "secret", ""])
async def test_another_authorization_is_refused_in_ionqs_format(
    client: httpx.AsyncClient, authorization: str
) -> None:
    response = await client.get("/backends", headers={"Authorization": authorization})
    assert response.status_code == 401
    assert response.json() == {
        "statusCode": 401,
        "error": "Unauthorized",
        "message": "Invalid key provided: send Authorization: apiKey KEY.",
    }


async def test_characterizations_are_paged_and_filtered_by_the_query(client: httpx.AsyncClient) -> None:
    base = "/backends/qpu.forte-1/characterizations"
    first = (await client.get(base)).json()
    second = (await client.get(base, params={"limit": 3, "page": 2})).json()
    assert len(first["characterizations"]) == 10
    assert second["characterizations"] == first["characterizations"][3:6]
    start, end = (first["characterizations"][index]["date"] for index in (5, 2))
    chosen = (await client.get(base, params={"start": start, "end": end})).json()
    assert chosen == {"characterizations": first["characterizations"][3:6], "pages": 0}


async def test_the_newest_characterization_is_the_one_that_the_backend_names(
    client: httpx.AsyncClient,
) -> None:
    backend = (await client.get("/backends/qpu.forte-1")).json()
    page = (await client.get("/backends/qpu.forte-1/characterizations?limit=1")).json()
    assert [one["id"] for one in page["characterizations"]] == [backend["characterization_id"]]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=11", "limit=x", "limit=", "page=0", "page=-1", "start=now", "end=2025-13-01"]
)
async def test_an_invalid_query_is_refused(client: httpx.AsyncClient, query: str) -> None:
    response = await client.get(f"/backends/qpu.forte-1/characterizations?{query}")
    assert response.status_code == 400
    assert query.partition("=")[0] in response.json()["message"]


async def test_a_single_characterization_needs_a_key(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/backends/qpu.forte-1/characterizations?limit=1")).json()
    (characterization,) = listed["characterizations"]
    path = f"/backends/qpu.forte-1/characterizations/{characterization['id']}"
    refused = await client.get(path)
    assert refused.status_code == 401
    assert refused.json()["error"] == "Unauthorized"
    assert (await client.get(path, headers=KEY)).json() == characterization
    assert (await client.get(f"{path}0", headers=KEY)).status_code == 404


async def test_the_simulator_has_no_characterizations(client: httpx.AsyncClient) -> None:
    response = await client.get("/backends/simulator/characterizations")
    assert response.json() == {"characterizations": None, "pages": 0}


@pytest.mark.parametrize("path", ["/nothing", "/backends/", "/backends/qpu.moon", "/backends/a/b", "/jobs"])
async def test_an_unknown_path_is_404_in_ionqs_format(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 404
    assert response.json()["statusCode"] == 404
    assert response.json()["error"] == "Not Found"


@pytest.mark.parametrize(("method", "path"), [("POST", "/backends"), ("DELETE", "/backends/x"), ("PUT", "/")])
async def test_other_methods_are_405_with_the_allowed_ones(
    client: httpx.AsyncClient, simulator: Simulator, method: str, path: str
) -> None:
    url = f"http://127.0.0.1:{simulator.port}{path}"
    response = await client.request(method, url)
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD"
    assert response.json()["error"] == "Method Not Allowed"


async def test_head_has_the_length_of_get_and_no_body(simulator: Simulator) -> None:
    async with connected(simulator) as wire:
        await wire.get(method="HEAD")
        head = await wire.head()
        await wire.get()
        assert content_length(await wire.head()) == content_length(head) > 0
        assert json.loads(await wire.reader.readexactly(content_length(head)))


async def test_gzip_is_sent_only_if_the_client_accepts_it(client: httpx.AsyncClient) -> None:
    packed = await client.get("/backends", headers={"Accept-Encoding": "br, gzip;q=0.5"})
    assert packed.headers["content-encoding"] == "gzip"
    for refusal in ("identity", "gzip;q=0", "gzip; q=0.00", "br"):
        plain = await client.get("/backends", headers={"Accept-Encoding": refusal})
        assert "content-encoding" not in plain.headers
        assert plain.json() == packed.json()
        assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])


async def test_every_response_has_its_own_request_id(simulator: Simulator, client: httpx.AsyncClient) -> None:
    paths = ["/backends", "/nothing", drill_url(simulator), "/backends/x/characterizations"]
    seen = [UUID((await client.get(path)).headers["x-request-id"]) for path in paths]
    assert len(set(seen)) == len(paths)


@pytest.mark.parametrize("fault", [None, "http_502", "drip", "bad_gzip"])
async def test_every_response_says_that_it_is_simulated(simulator: Simulator, fault: str | None) -> None:
    if fault:
        simulator.drill.begin(InjectFault(fault))
    async with connected(simulator) as wire:
        await wire.get()
        assert b"x-ionq-simulator: seed=1\r\n" in (await wire.head()).lower()


async def test_the_demo_begins_with_a_degraded_backend_and_a_maintenance_within_a_day(
    simulator: Simulator, client: httpx.AsyncClient
) -> None:
    simulator.begin_demo()
    assert (await client.get("/backends/qpu.forte-enterprise-2")).json()["degraded"] is True
    listed = (await summary(client, simulator))["scheduled_maintenances"]
    (maintenance,) = [one for one in listed if one["name"] == "Maintenance of the demo"]
    assert [component["name"] for component in maintenance["components"]] == ["IonQ Forte"]
    ahead = datetime.fromisoformat(maintenance["scheduled_for"]) - NOW
    assert timedelta(0) < ahead < timedelta(days=1)


async def test_a_connection_is_kept_for_any_number_of_requests(simulator: Simulator) -> None:
    async with connected(simulator) as wire:
        for _ in range(3):
            await wire.get("/drill")
            await wire.reader.readexactly(content_length(await wire.head()))
        await wire.get("/drill", headers="Connection: close\r\n")
        head = await wire.head()
        assert b"connection: close" in head.lower()
        assert len(await wire.rest()) == content_length(head)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /" + b"a" * 40_000, b"431"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40_000, b"431"),
        (b"POST /drill HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n" + b"a" * 90_000, b"413"),
        (b"GET http://[/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"400"),
        (b"POST /drill HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
    ],
)
async def test_a_malformed_or_too_large_request_is_refused_and_closes_the_connection(
    simulator: Simulator, sent: bytes, status: bytes
) -> None:
    async with connected(simulator) as wire:
        await wire.send(sent)
        head = await wire.head()
        assert head.split()[1] == status
        assert b"connection: close" in head.lower()
        assert json.loads(await wire.rest())["statusCode"] == int(status)


async def test_expect_100_continue_is_honoured(simulator: Simulator) -> None:
    body = b'{"fault": "hang"}'
    async with connected(simulator) as wire:
        headers = f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n"
        await wire.get("/drill", method="POST", headers=headers)
        assert await wire.head() == b"HTTP/1.1 100 \r\n\r\n"
        await wire.send(body)
        assert (await wire.head()).split()[1] == b"200"
        assert simulator.drill.fault("backends") == "hang"


async def test_an_idle_connection_is_closed_after_a_while() -> None:
    async with Simulator(Fleet(1), idle_seconds=0.01) as simulator, connected(simulator) as wire:
        assert await wire.rest() == b""


async def test_only_requests_to_ionqs_endpoints_are_counted(
    simulator: Simulator, client: httpx.AsyncClient
) -> None:
    for path in ("/backends", "/backends/qpu.moon", "/backends/qpu.forte-1/characterizations", "/nothing"):
        await client.get(path)
    await client.get(drill_url(simulator))
    await client.get(f"{simulator.status_url}/api/v2/summary.json")
    assert simulator.requests_by_endpoint == {"backends": 2, "characterizations": 1, "status": 1}


async def test_a_drill_is_begun_listed_and_ended_over_http(
    simulator: Simulator, client: httpx.AsyncClient, clock: Clock
) -> None:
    url = drill_url(simulator)
    request = {"backend": "qpu.forte-*", "status": "unavailable", "for": "5m"}
    posted = await client.post(url, json=request)
    assert posted.status_code == 200
    assert posted.text == '{"backend":"qpu.forte-*","status":"unavailable","remaining_seconds":300.0}\n'
    assert (await client.get("/backends/qpu.forte-1")).json()["status"] == "unavailable"
    clock.now += 100
    listed = (await client.get(url)).text
    assert listed == f'{{"active":[{posted.text.strip().replace("300.0", "200.0")}]}}\n'
    assert (await client.delete(url)).text == '{"ended":1}\n'
    assert (await client.get("/backends")).json() == Fleet(1).backends(NOW)


async def summary(client: httpx.AsyncClient, simulator: Simulator) -> dict[str, Any]:
    response = await client.get(f"{simulator.status_url}/api/v2/summary.json")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    page: dict[str, Any] = response.json()
    return page


async def test_the_status_page_is_served_without_a_key(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    assert await summary(client, simulator) == StatusPage(1).summary(NOW)


async def test_a_drill_reports_an_incident_on_the_status_page_and_makes_its_backends_unavailable(
    client: httpx.AsyncClient, simulator: Simulator, clock: Clock
) -> None:
    incident = {"incident": "Laser fault", "backend": "qpu.forte-1", "impact": "critical", "for": "5m"}
    posted = (await client.post(drill_url(simulator), json=incident)).json()
    assert posted["backends"] == ["qpu.forte-1"]
    (listed,) = (await summary(client, simulator))["incidents"]
    assert (listed["id"], listed["name"], listed["impact"]) == (posted["id"], "Laser fault", "critical")
    assert [component["name"] for component in listed["components"]] == ["IonQ Forte"]
    assert (await client.get("/backends/qpu.forte-1")).json()["status"] == "unavailable"
    clock.now += 300
    assert (await summary(client, simulator))["incidents"] == []
    assert (await client.get("/backends/qpu.forte-1")).json()["status"] == "available"


async def test_a_drill_announces_a_maintenance_that_begins_overruns_and_ends() -> None:
    now = NOW
    async with (
        Simulator(Fleet(1), clock=lambda: now) as simulator,
        http_client(simulator.url) as client,
    ):
        maintenance = {
            "maintenance": "Cooling",
            "backend": "qpu.forte-1",
            "in": "1m",
            "lasts": "1h",
            "overruns": "1h",
        }
        posted = (await client.post(drill_url(simulator), json=maintenance)).json()
        seen = []
        for minutes in (0, 1, 62, 121):
            now = NOW + timedelta(minutes=minutes)
            listed = (await summary(client, simulator))["scheduled_maintenances"]
            status = [one["status"] for one in listed if one["id"] == posted["id"]]
            seen.append((status, (await client.get("/backends/qpu.forte-1")).json()["status"]))
        assert seen == [
            (["scheduled"], "available"),
            (["in_progress"], "unavailable"),
            (["in_progress"], "unavailable"),
            ([], "available"),
        ]
        assert posted["scheduled_until"] == "2026-11-22T13:01:30Z"
        assert (await client.get(drill_url(simulator))).json() == {"active": []}


async def test_a_backend_that_a_drill_removed_is_404(client: httpx.AsyncClient, simulator: Simulator) -> None:
    await client.post(drill_url(simulator), json={"backend": "qpu.forte-1", "gone": True})
    assert (await client.get("/backends/qpu.forte-1")).status_code == 404
    assert (await client.get("/backends/qpu.forte-1/characterizations")).status_code == 404
    back = {"backend": "qpu.forte-1", "status": "available"}
    assert (await client.post(drill_url(simulator), json=back)).status_code == 200


async def test_a_drill_can_change_a_private_backend_without_a_key(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    await client.post(drill_url(simulator), json={"backend": "qpu.tempo-1", "status": "retired"})
    assert (await client.get("/backends/qpu.tempo-1", headers=KEY)).json()["status"] == "retired"


async def test_an_invalid_drill_request_is_400_and_says_what_is_accepted(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    response = await client.post(drill_url(simulator), json={"backend": "qpu.moon", "status": "x"})
    assert response.status_code == 400
    assert response.json()["error"] == "Bad Request"
    assert response.text.endswith("\n")
    assert '"qpu.forte-1", "qpu.forte-enterprise-1"' in response.json()["message"]


async def test_an_override_can_be_any_text(client: httpx.AsyncClient, simulator: Simulator) -> None:
    override = b'{"backend": "qpu.forte-1", "location": "\\ud800 \\u0000 \xc3\xa9"}'
    await client.post(drill_url(simulator), content=override)
    assert (await client.get("/backends/qpu.forte-1")).json()["location"] == "\ud800 \0 é"


async def test_the_help_page_has_commands_for_this_server(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    response = await client.get(f"http://127.0.0.1:{simulator.port}/")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert f"curl http://127.0.0.1:{simulator.port}/drill -d" in response.text
    for command in re.findall(r"drill -d '(.*?)'", response.text):
        assert (await client.post(drill_url(simulator), content=command)).status_code == 200, command
    assert "rate_limit" in response.text


async def test_responses_follow_simulated_time() -> None:
    moments = iter([NOW, NOW + timedelta(days=30)])
    async with (
        Simulator(Fleet(1), clock=lambda: next(moments)) as simulator,
        http_client(simulator.url) as client,
    ):
        first, second = [(await client.get("/backends")).json() for _ in range(2)]
    assert first == Fleet(1).backends(NOW)
    assert second == Fleet(1).backends(NOW + timedelta(days=30))


async def test_closing_does_not_wait_for_clients() -> None:
    arrived = asyncio.Event()
    simulator = Simulator(Fleet(1), log=lambda _event, **_fields: arrived.set())
    await simulator.start()
    async with connected(simulator) as idle, connected(simulator) as hanging, connected(simulator) as deaf:
        await idle.send(b"GET / HT")
        for wire, fault in ((hanging, "hang"), (deaf, "endless")):
            arrived.clear()
            simulator.drill.begin(InjectFault(fault))
            await wire.get()
            await arrived.wait()
        async with asyncio.timeout(1):
            await simulator.close()
        assert await hanging.rest() == b""
    with pytest.raises(RuntimeError, match="not running"):
        _ = simulator.port


async def test_a_simulator_can_be_started_again_but_not_twice_at_once() -> None:
    simulator = Simulator(Fleet(1))
    for _ in range(2):
        async with simulator:
            with pytest.raises(RuntimeError, match="already running"):
                await simulator.start()
    await simulator.close()


async def test_it_listens_on_sockets_that_are_bound_already() -> None:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        simulator = Simulator(Fleet(1))
        await simulator.start(sockets=[first, second])
        async with simulator, http_client() as client:
            assert simulator.port == first.getsockname()[1]
            for one in (first, second):
                url = f"http://127.0.0.1:{one.getsockname()[1]}/backends"
                assert (await client.get(url)).status_code == 200


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80/v0.4"),
        ("0.0.0.0", "http://127.0.0.1:80/v0.4"),  # noqa: S104  # nothing is bound to it here
        ("::1", "http://[::1]:80/v0.4"),
        ("::", "http://[::1]:80/v0.4"),
    ],
)
def test_the_url_can_be_used_on_this_machine(host: str, url: str) -> None:
    assert base_url(host, 80) == url


async def test_cancelling_stops_the_server() -> None:
    simulator = Simulator(Fleet(1))
    await simulator.start()
    running = asyncio.create_task(run_simulator(simulator))
    async with http_client() as client:
        assert (await client.get(f"{simulator.url}/backends")).status_code == 200
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    with pytest.raises(RuntimeError, match="not running"):
        _ = simulator.url


async def test_requests_are_logged_with_their_fault() -> None:
    logged: list[tuple[str, dict[str, Any]]] = []

    def log(event: str, /, **fields: object) -> None:
        logged.append((event, fields))

    async with (
        Simulator(Fleet(1), log=log) as simulator,
        http_client(simulator.url) as client,
    ):
        await client.get("/backends")
        simulator.drill.begin(InjectFault("http_503"))
        await client.get("/backends", headers=KEY)
    target = {"method": "GET", "target": "/v0.4/backends", "status": 200}
    assert logged == [
        ("simulated_request", {**target, "fault": None}),
        ("simulated_request", {**target, "fault": "http_503"}),
    ]
    assert "whatever" not in repr(logged)
