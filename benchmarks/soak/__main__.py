"""``make soak``: scrape for a while, print what the exporter holds, and exit with 1 where that grows."""

import asyncio
import json
import os
import re
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import free_port
from benchmarks.soak.upstream import FAULTS, Upstream

_SCRAPES = int(os.environ.get("SOAK_SCRAPES", "300000"))
_SCRAPERS = 8
_ROWS = 12
_WARM_UP_ROWS = 3
_SCRAPES_PER_CONNECTION = 500
_IMPATIENT_EVERY = 997
_MEGABYTES_ALLOWED = 2.0
_FACTOR_ALLOWED = 1.02
_START_SECONDS = 20.0
_SETTLE_SECONDS = 1.5  # longer than a scrape, so that none is under way

_REQUEST = (
    b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n"
    b"X-Prometheus-Scrape-Timeout-Seconds: 1\r\n\r\n"
)


@dataclass(slots=True)
class _Tally:
    scrapes: int = 0
    abandoned: int = 0


@dataclass(frozen=True, slots=True)
class _Row:
    scrapes: int
    seconds: float
    megabytes: float
    descriptors: int
    threads: int
    tasks: int
    objects: int


async def main() -> int:
    """Run everything, and return the exit status."""
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
    api_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v0.4"
    port = free_port()
    command = (sys.executable, "-m", "benchmarks.soak.subject", str(port), api_url)
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await _until_accepting(port)
        rows = await _soak(process, port)
    finally:
        process.terminate()
        await process.wait()
        server.close()
    return _verdict(rows)


async def _soak(process: asyncio.subprocess.Process, port: int) -> list[_Row]:
    print(f"{_SCRAPES:,} scrapes by {_SCRAPERS} scrapers; each fifth read is one of {len(FAULTS)} faults\n")
    print("| scrapes | seconds | resident | file descriptors | threads | tasks | objects |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    tally, rows, started = _Tally(), [], time.monotonic()
    for _ in range(_ROWS):
        share = _SCRAPES // _ROWS // _SCRAPERS
        await asyncio.gather(*(_scrape(port, share, tally) for _ in range(_SCRAPERS)))
        await asyncio.sleep(_SETTLE_SECONDS)
        rows.append(await _measure(process, tally, time.monotonic() - started))
        row = rows[-1]
        print(
            f"| {row.scrapes:,} | {row.seconds:.0f} | {row.megabytes:.1f} MB | {row.descriptors} "
            f"| {row.threads} | {row.tasks} | {row.objects:,} |",
            flush=True,
        )
    print(f"\n{tally.abandoned:,} of the scrapes were abandoned by their scrapers on the way")
    return rows


async def _scrape(port: int, count: int, tally: _Tally) -> None:
    """Scrape so many times, on a new connection now and then; now and then leave without the answer."""
    writer = None
    for number in range(count):
        if writer is None or number % _SCRAPES_PER_CONNECTION == 0:
            if writer is not None:
                writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_REQUEST)
        tally.scrapes += 1
        if number % _IMPATIENT_EVERY == 1:
            writer.transport.abort()
            writer = None
            tally.abandoned += 1
            continue
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"not a scrape: {head!r}")
        length = int(re.findall(rb"content-length: (\d+)", head)[0])
        await reader.readexactly(length)
    if writer is not None:
        writer.close()


async def _measure(process: asyncio.subprocess.Process, tally: _Tally, seconds: float) -> _Row:
    process.send_signal(signal.SIGUSR1)
    assert process.stdout  # noqa: S101 -- for the type checker
    counted = json.loads(await process.stdout.readline())
    return await asyncio.to_thread(_row, process.pid, counted, tally.scrapes, seconds)


def _row(pid: int, counted: dict[str, int], scrapes: int, seconds: float) -> _Row:
    status = Path(f"/proc/{pid}/status").read_text()
    return _Row(
        scrapes=scrapes,
        seconds=seconds,
        megabytes=int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) * 1024 / 1e6,
        descriptors=sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()),
        threads=int(re.findall(r"Threads:\s+(\d+)", status)[0]),
        tasks=counted["tasks"],
        objects=counted["objects"],
    )


async def _until_accepting(port: int) -> None:
    async with asyncio.timeout(_START_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


def _verdict(rows: list[_Row]) -> int:
    """Compare the end with what it was after the warm-up; memory may vary a little, the rest may not."""
    warm, end = rows[_WARM_UP_ROWS - 1], rows[-1]
    grown = [
        name
        for name, limit in (
            ("megabytes", warm.megabytes + _MEGABYTES_ALLOWED),
            ("descriptors", warm.descriptors + 1),
            ("threads", warm.threads),
            ("tasks", warm.tasks),
            ("objects", warm.objects * _FACTOR_ALLOWED),
        )
        if getattr(end, name) > limit
    ]
    print(f"grown since row {_WARM_UP_ROWS}: {', '.join(grown)}" if grown else "nothing grew")
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
