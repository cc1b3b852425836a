"""A moment, a sleep that tests release, and clients of the simulator."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from exporter.simulator import Simulator

NOW = datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC)


@dataclass
class HeldSleep:
    """A sleep that lasts until the test releases it; `asked` lists the requested seconds."""

    asked: list[float] = field(default_factory=list)
    permits: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self.permits.acquire()

    def release(self, count: int = 1) -> None:
        for _ in range(count):
            self.permits.release()


@dataclass
class Wire:
    """A connection to the simulator, at the level of bytes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def get(self, path: str = "/v0.4/backends", *, headers: str = "", method: str = "GET") -> None:
        await self.send(f"{method} {path} HTTP/1.1\r\nHost: simulator\r\n{headers}\r\n".encode())

    async def head(self) -> bytes:
        return await self.reader.readuntil(b"\r\n\r\n")

    async def rest(self) -> bytes:
        return await self.reader.read()

    async def is_silent(self) -> bool:
        """Return whether nothing arrives for a moment, not even the end of the connection."""
        try:
            async with asyncio.timeout(0.05):
                await self.reader.read(1)
        except TimeoutError:
            return True
        return False


def http_client(base_url: str = "") -> httpx.AsyncClient:
    """Return a client for loopback, without the cost of CA certificates and proxies."""
    no_authorities = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.AsyncClient(base_url=base_url, verify=no_authorities, trust_env=False, timeout=5)


@asynccontextmanager
async def connected(simulator: Simulator) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port, limit=1 << 22)
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


def content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    raise AssertionError(f"no length in {head!r}")
