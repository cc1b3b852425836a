import asyncio
import gzip
import json
import zlib
from collections.abc import Awaitable, Callable
from types import MappingProxyType

import httpx
import pytest

from exporter.simulator import FAULTS, InjectFault, Simulator
from tests.support.simulator import HeldSleep, Wire, connected, content_length

pytestmark = pytest.mark.anyio

MEBIBYTE = 1 << 20
Proof = Callable[[Wire, HeldSleep], Awaitable[None]]


async def read_response(wire: Wire) -> tuple[int, bytes, bytes]:
    head = await wire.head()
    return int(head.split()[1]), head.lower(), await wire.reader.readexactly(content_length(head))


def responds(status: int, *, starts: bytes = b"", head_has: bytes = b"", body_has: bytes = b"") -> Proof:
    """Expect a valid response, after which the connection can be used again."""

    async def proof(wire: Wire, _sleep: HeldSleep) -> None:
        await wire.get()
        seen, head, body = await read_response(wire)
        assert seen == status
        assert body.startswith(starts)
        assert head_has in head
        assert body_has in body
        await wire.get("/drill")
        assert (await read_response(wire))[0] == 200

    return proof


async def hang(wire: Wire, _sleep: HeldSleep) -> None:
    await wire.get()
    assert await wire.is_silent()
    await wire.get()
    assert await wire.is_silent()


async def late(wire: Wire, sleep: HeldSleep) -> None:
    await wire.get()
    assert await wire.is_silent()
    assert sleep.asked == [5.0]
    sleep.release()
    status, _, body = await read_response(wire)
    assert status == 200
    assert json.loads(body)


async def drip(wire: Wire, sleep: HeldSleep) -> None:
    await wire.get()
    length = content_length(await wire.head())
    assert await wire.reader.readexactly(1) == b"["
    assert await wire.is_silent()
    sleep.release()
    assert await wire.reader.readexactly(1) == b"{"
    assert await wire.is_silent()
    sleep.release(length)
    assert len(await wire.rest()) == length - 2
    assert set(sleep.asked) == {0.5}


async def invalid_json(wire: Wire, _sleep: HeldSleep) -> None:
    await wire.get()
    status, _, body = await read_response(wire)
    assert status == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


async def deep_nesting(wire: Wire, _sleep: HeldSleep) -> None:
    await wire.get()
    status, _, body = await read_response(wire)
    assert status == 200
    with pytest.raises(RecursionError):
        json.loads(body)


async def bad_values(wire: Wire, _sleep: HeldSleep) -> None:
    await wire.get()
    status, _, body = await read_response(wire)
    assert status == 200
    backends = json.loads(body)
    names = [backend.get("backend") for backend in backends if isinstance(backend, dict)]
    assert names[:2] == ["simulator", "qpu.harmony"]
    assert names.count("qpu.forte-enterprise-3") == 2
    assert {"trap.text", "trap.null", "trap.missing-fields", "", None, 36} <= set(names)
    for trap in (b"NaN", b"1e999", b"-Infinity", b"-1181215", b'"36"', b"9" * 400):
        assert trap in body


async def truncate(wire: Wire, _sleep: HeldSleep) -> None:
    await wire.get()
    head, body = await wire.head(), await wire.rest()
    assert 0 < len(body) < content_length(head)


async def close(wire: Wire, _sleep: HeldSleep) -> None:
    await wire.get()
    assert await wire.rest() == b""


async def reset(wire: Wire, _sleep: HeldSleep) -> None:
    await wire.get()
    with pytest.raises(ConnectionResetError):
        await wire.rest()


async def reset_in_body(wire: Wire, sleep: HeldSleep) -> None:
    await wire.get()
    length = content_length(await wire.head())
    assert len(await wire.reader.readexactly(length // 2)) == length // 2
    sleep.release()
    with pytest.raises(ConnectionResetError):
        await wire.rest()


async def bad_chunk(wire: Wire, _sleep: HeldSleep) -> None:
    await wire.get()
    assert b"transfer-encoding: chunked" in (await wire.head()).lower()
    size = int(await wire.reader.readline(), 16)
    assert json.loads(await wire.reader.readexactly(size))
    assert await wire.rest() == b"\r\nzz\r\nnot a chunk\r\n"


async def bad_gzip(wire: Wire, _sleep: HeldSleep) -> None:
    await wire.get()
    status, head, body = await read_response(wire)
    assert status == 200
    assert b"content-encoding: gzip" in head
    with pytest.raises(gzip.BadGzipFile):
        gzip.decompress(body)


async def not_http(wire: Wire, _sleep: HeldSleep) -> None:
    await wire.get()
    assert await wire.rest() == b"220 mail.example.com ESMTP ready\r\n"


async def read_chunk(wire: Wire) -> bytes:
    data = await wire.reader.readexactly(int(await wire.reader.readline(), 16))
    assert await wire.reader.readexactly(2) == b"\r\n"
    return data


async def gzip_bomb(wire: Wire, _sleep: HeldSleep) -> None:
    await wire.get()
    assert b"content-encoding: gzip" in (await wire.head()).lower()
    inflate = zlib.decompressobj(31)
    sent = inflated = 0
    while data := await read_chunk(wire):
        sent += len(data)
        inflated += len(inflate.decompress(data))
    assert inflated > 64 * MEBIBYTE
    assert sent < 0.2 * MEBIBYTE


async def huge(wire: Wire, _sleep: HeldSleep) -> None:
    await wire.get()
    assert content_length(await wire.head()) > 64 * MEBIBYTE
    assert await wire.reader.readexactly(2 * MEBIBYTE) == b" " * 2 * MEBIBYTE


async def endless(wire: Wire, _sleep: HeldSleep) -> None:
    await wire.get()
    assert b"transfer-encoding: chunked" in (await wire.head()).lower()
    for _chunk in range(80):
        assert len(await read_chunk(wire)) == MEBIBYTE


ionq_shape = b'{"statusCode":'
PROOFS = MappingProxyType(
    {
        "hang": hang,
        "late": late,
        "drip": drip,
        "http_500": responds(500, starts=ionq_shape, body_has=b'"error":"Internal Server Error"'),
        "http_502": responds(502, starts=b"<!DOCTYPE html>", head_has=b"content-type: text/html"),
        "http_503": responds(503, starts=ionq_shape),
        "http_504": responds(504, starts=b"<!DOCTYPE html>"),
        "http_520": responds(520, starts=b"<!DOCTYPE html>"),
        "unauthorized": responds(401, starts=ionq_shape),
        "forbidden": responds(403, starts=b"<!DOCTYPE html>"),
        "not_found": responds(404, starts=ionq_shape),
        "rate_limit": responds(429, starts=ionq_shape, head_has=b"retry-after: 60"),
        "redirect": responds(302, head_has=b"location: https://elsewhere.invalid/"),
        "garbage": responds(200, starts=b"<!DOCTYPE html>", head_has=b"content-type: text/html"),
        "empty": responds(200, head_has=b"content-length: 0"),
        "no_backends": responds(200, starts=b"[]"),
        "invalid_json": invalid_json,
        "deep_nesting": deep_nesting,
        "not_utf8": responds(200, body_has=b"\xff\xfe"),
        "wrong_shape": responds(200, starts=b'{"data":{"items":[{', head_has=b"application/json"),
        "bad_values": bad_values,
        "truncate": truncate,
        "close": close,
        "reset": reset,
        "reset_in_body": reset_in_body,
        "bad_chunk": bad_chunk,
        "bad_gzip": bad_gzip,
        "not_http": not_http,
        "gzip_bomb": gzip_bomb,
        "huge": huge,
        "endless": endless,
    }
)


def test_every_fault_has_a_proof() -> None:
    assert FAULTS.keys() == PROOFS.keys()


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_does_on_the_wire_what_its_name_says(
    simulator: Simulator, sleep: HeldSleep, fault: str
) -> None:
    simulator.drill.begin(InjectFault(fault))
    async with asyncio.timeout(5), connected(simulator) as wire:
        await PROOFS[fault](wire, sleep)


@pytest.mark.parametrize("fault", ["gzip_bomb", "huge"])
async def test_a_huge_body_ends_with_the_regular_one(
    simulator: Simulator, client: httpx.AsyncClient, fault: str
) -> None:
    backends = (await client.get("/backends")).json()
    simulator.drill.begin(InjectFault(fault))
    response = await client.get("/backends")
    assert len(response.content) > 64 * MEBIBYTE
    assert response.json() == backends


async def test_the_gzip_bomb_is_compressed_while_it_is_sent(
    simulator: Simulator,
) -> None:
    simulator.drill.begin(InjectFault("gzip_bomb"))
    async with connected(simulator) as wire:
        await wire.get()
        await wire.head()
        assert not (await wire.reader.read(MEBIBYTE)).endswith(b"\r\n0\r\n\r\n")
        await wire.reader.readuntil(b"\r\n0\r\n\r\n")


async def test_an_endless_response_does_not_block_other_clients(
    simulator: Simulator, client: httpx.AsyncClient
) -> None:
    simulator.drill.begin(InjectFault("endless"))
    async with connected(simulator) as wire:
        await wire.get()
        reading = asyncio.create_task(wire.rest())
        assert (await client.get(f"http://127.0.0.1:{simulator.port}/drill")).status_code == 200
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def test_a_fault_on_one_endpoint_leaves_the_other_alone(
    simulator: Simulator, client: httpx.AsyncClient
) -> None:
    simulator.drill.begin(InjectFault("http_503", "characterizations"))
    assert (await client.get("/backends")).status_code == 200
    assert (await client.get("/backends/qpu.forte-1")).status_code == 200
    assert (await client.get("/backends/qpu.forte-1/characterizations")).status_code == 503


async def test_no_fault_affects_the_drill_or_the_help_page(
    simulator: Simulator, client: httpx.AsyncClient
) -> None:
    simulator.drill.begin(InjectFault("reset"))
    root = f"http://127.0.0.1:{simulator.port}"
    assert (await client.get(f"{root}/")).status_code == 200
    assert (await client.get(f"{root}/drill")).status_code == 200
    with pytest.raises(httpx.ReadError):
        await client.get("/backends")


async def test_bad_values_come_in_characterizations_too(
    simulator: Simulator, client: httpx.AsyncClient
) -> None:
    simulator.drill.begin(InjectFault("bad_values"))
    response = await client.get("/backends/qpu.forte-1/characterizations")
    medians = [one["fidelity"]["spam"]["median"] for one in response.json()["characterizations"]]
    assert medians[0] == "0.995"
    assert -0.5 in medians
    assert 1.5 in medians
    assert None in medians
    unknown = await client.get("/backends/qpu.nowhere/characterizations")
    assert unknown.json()["statusCode"] == 404


def status_page(simulator: Simulator) -> str:
    return f"{simulator.status_url}/api/v2/summary.json"


async def test_the_status_page_has_faults_of_its_own(simulator: Simulator, client: httpx.AsyncClient) -> None:
    simulator.drill.begin(InjectFault("http_500"))
    assert (await client.get("/backends")).status_code == 500
    assert (await client.get(status_page(simulator))).status_code == 200
    simulator.drill.begin(InjectFault("http_503", "status"))
    assert (await client.get("/backends")).status_code == 500
    assert (await client.get(status_page(simulator))).status_code == 503


async def test_bad_values_come_on_the_status_page_too(
    simulator: Simulator, client: httpx.AsyncClient
) -> None:
    good = (await client.get(status_page(simulator))).json()
    simulator.drill.begin(InjectFault("bad_values", "status"))
    page = (await client.get(status_page(simulator))).json()
    for part in ("components", "incidents", "scheduled_maintenances"):
        assert page[part][: len(good[part])] == good[part]
        assert {None, 36} <= {value for value in page[part] if not isinstance(value, dict | list)}
    assert {"id": "trap", "name": "trap.unknown", "status": "on_fire"} in page["components"]
