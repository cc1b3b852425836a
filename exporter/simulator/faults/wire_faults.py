"""Wire faults: responses that break HTTP's rules, come late, or never end."""

import asyncio
import socket
import struct
import zlib

from exporter.simulator.http.exchange import Exchange

_LATE_SECONDS = 5.0
_DRIP_SECONDS = 0.5
_SETTLE_SECONDS = 0.05
_PIECE = b" " * (1 << 20)  # spaces are valid before JSON: only the size is wrong
_PIECES = 64
_GZIP_WINDOW = 31


async def hang(exchange: Exchange) -> None:
    """Send nothing until the client disconnects."""
    await exchange.wait_for_disconnect()


async def late(exchange: Exchange) -> None:
    """Send the regular response, but late."""
    await exchange.sleep(_LATE_SECONDS)
    await exchange.respond()


async def drip(exchange: Exchange) -> None:
    """Send the head at once, and the body byte by byte, with pauses."""
    body = exchange.response.body
    await exchange.send_head(("Content-Length", str(len(body))))
    for index in range(len(body)):
        await exchange.write(body[index : index + 1])
        await exchange.sleep(_DRIP_SECONDS)


async def truncate(exchange: Exchange) -> None:
    """Close in the middle of the body."""
    await _half(exchange)


async def reset(exchange: Exchange) -> None:
    """Reset the connection without a response."""
    _reset(exchange)


async def reset_in_body(exchange: Exchange) -> None:
    """Reset the connection in the middle of the body."""
    await _half(exchange)
    # A reset discards unread data, and the client should see the first half.
    await exchange.sleep(_SETTLE_SECONDS)
    _reset(exchange)


async def close(exchange: Exchange) -> None:
    """Close the connection without a response."""
    exchange.writer.close()


async def bad_chunk(exchange: Exchange) -> None:
    """Send a chunk, and then one whose size is not a number."""
    await exchange.send_head(("Transfer-Encoding", "chunked"))
    await exchange.write(_chunk(exchange.response.body) + b"zz\r\nnot a chunk\r\n")


async def bad_gzip(exchange: Exchange) -> None:
    """Send a body that is not gzip, but says so."""
    body = exchange.response.body
    await exchange.send_head(("Content-Encoding", "gzip"), ("Content-Length", str(len(body))))
    await exchange.write(body)


async def not_http(exchange: Exchange) -> None:
    """Respond in another protocol."""
    await exchange.write(b"220 mail.example.com ESMTP ready\r\n")


async def gzip_bomb(exchange: Exchange) -> None:
    """Send 64 MiB, compressed to 64 KiB."""
    await exchange.send_head(("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked"))
    compressor = zlib.compressobj(9, zlib.DEFLATED, _GZIP_WINDOW)
    for _ in range(_PIECES):
        await _send_chunk(exchange, compressor.compress(_PIECE))
    await _send_chunk(exchange, compressor.compress(exchange.response.body) + compressor.flush())
    await exchange.write(b"0\r\n\r\n")


async def huge(exchange: Exchange) -> None:
    """Send 64 MiB before the regular body."""
    body = exchange.response.body
    await exchange.send_head(("Content-Length", str(_PIECES * len(_PIECE) + len(body))))
    for _ in range(_PIECES):
        await exchange.write(_PIECE)
    await exchange.write(body)


async def endless(exchange: Exchange) -> None:
    """Send a body that never ends."""
    await exchange.send_head(("Transfer-Encoding", "chunked"))
    while True:
        await _send_chunk(exchange, _PIECE)


async def _half(exchange: Exchange) -> None:
    body = exchange.response.body
    await exchange.send_head(("Content-Length", str(len(body))))
    await exchange.write(body[: len(body) // 2])


def _reset(exchange: Exchange) -> None:
    connection: socket.socket = exchange.writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    exchange.writer.transport.abort()


async def _send_chunk(exchange: Exchange, data: bytes) -> None:
    if data:  # an empty chunk would end the body
        await exchange.write(_chunk(data))
    # With a fast client the write never waits: give the other connections their turn.
    await asyncio.sleep(0)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
