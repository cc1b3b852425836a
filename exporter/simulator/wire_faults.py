"""Faults on the wire: answers that break HTTP's rules, or that never end."""

import asyncio
import socket
import struct
import zlib

from exporter.simulator.exchange import Exchange

_LATE_SECONDS = 5.0
_DRIP_SECONDS = 0.5
_SETTLE_SECONDS = 0.05
_PIECE = b" " * (1 << 20)  # blanks are valid before JSON: only its size tells a client to stop
_PIECES = 64
_GZIP_WINDOW = 31


async def hang(exchange: Exchange) -> None:
    """Accept the request and stay silent until the client gives up."""
    await exchange.wait_for_client_to_leave()


async def late(exchange: Exchange) -> None:
    """Answer properly, but after a while."""
    await exchange.sleep(_LATE_SECONDS)
    await exchange.respond()


async def drip(exchange: Exchange) -> None:
    """Send the head at once, and then a byte now and then."""
    body = exchange.response.body
    await exchange.begin(("Content-Length", str(len(body))))
    for index in range(len(body)):
        await exchange.write(body[index : index + 1])
        await exchange.sleep(_DRIP_SECONDS)


async def truncate(exchange: Exchange) -> None:
    """Close in the middle of the body."""
    await _half(exchange)


async def reset(exchange: Exchange) -> None:
    """Reset the connection instead of answering."""
    _reset(exchange)


async def reset_in_body(exchange: Exchange) -> None:
    """Reset the connection in the middle of the body."""
    await _half(exchange)
    # A reset overtakes what is still in flight, and the client is to see the first half.
    await exchange.sleep(_SETTLE_SECONDS)
    _reset(exchange)


async def close(exchange: Exchange) -> None:
    """Close the connection in order, without a byte."""
    exchange.writer.close()


async def bad_chunk(exchange: Exchange) -> None:
    """Send a first chunk, and for the second a size that is no number."""
    await exchange.begin(("Transfer-Encoding", "chunked"))
    await exchange.write(_chunk(exchange.response.body) + b"zz\r\nnot a chunk\r\n")


async def bad_gzip(exchange: Exchange) -> None:
    """Announce gzip and send something else."""
    body = exchange.response.body
    await exchange.begin(("Content-Encoding", "gzip"), ("Content-Length", str(len(body))))
    await exchange.write(body)


async def not_http(exchange: Exchange) -> None:
    """Answer in another protocol."""
    await exchange.write(b"220 mail.example.com ESMTP ready\r\n")


async def gzip_bomb(exchange: Exchange) -> None:
    """Send 64 MiB in 64 KiB."""
    await exchange.begin(("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked"))
    compressor = zlib.compressobj(9, zlib.DEFLATED, _GZIP_WINDOW)
    for _ in range(_PIECES):
        await _send_chunk(exchange, compressor.compress(_PIECE))
    await _send_chunk(exchange, compressor.compress(exchange.response.body) + compressor.flush())
    await exchange.write(b"0\r\n\r\n")


async def huge(exchange: Exchange) -> None:
    """Send 64 MiB before the answer proper."""
    body = exchange.response.body
    await exchange.begin(("Content-Length", str(_PIECES * len(_PIECE) + len(body))))
    for _ in range(_PIECES):
        await exchange.write(_PIECE)
    await exchange.write(body)


async def endless(exchange: Exchange) -> None:
    """Send a body that ends only with the connection."""
    await exchange.begin(("Transfer-Encoding", "chunked"))
    while True:
        await _send_chunk(exchange, _PIECE)


async def _half(exchange: Exchange) -> None:
    body = exchange.response.body
    await exchange.begin(("Content-Length", str(len(body))))
    await exchange.write(body[: len(body) // 2])


def _reset(exchange: Exchange) -> None:
    connection: socket.socket = exchange.writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    exchange.writer.transport.abort()


async def _send_chunk(exchange: Exchange, data: bytes) -> None:
    if data:  # an empty chunk would end the body
        await exchange.write(_chunk(data))
    # A client that keeps up never makes the write wait, and the other connections want their turn.
    await asyncio.sleep(0)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
