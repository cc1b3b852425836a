"""Bodies: too large, compressed, compressed wrongly, cut short."""

import gzip
import tracemalloc
import zlib

import pytest

from exporter.common.errors import ResponseTooLargeError
from tests.support.clients import connected
from tests.support.exporter_process import ExporterProcess
from tests.support.upstream import (
    FLEET_BODY,
    Connection,
    Script,
    Upstream,
    ok,
    response,
    send,
    send_and_close,
)

LIMIT = 4096
GZIP = {"Content-Encoding": "gzip"}
MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def flags() -> tuple[str, ...]:
    return (f"--ionq.max-response-bytes={LIMIT}",)


def padded(size: int) -> bytes:
    return FLEET_BODY + b" " * (size - len(FLEET_BODY))


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n", headers: bytes = b"") -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + headers + b"\r\n" + body + end


def deflated(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


def members(data: bytes, size: int) -> bytes:
    """Compress data as gzip members of so many bytes each."""
    return b"".join(gzip.compress(data[start : start + size]) for start in range(0, len(data), size))


GOOD: dict[str, Script] = {
    "as_large_as_allowed": ok(padded(LIMIT)),
    "gzip": ok(gzip.compress(FLEET_BODY), GZIP),
    "gzip_as_large_as_allowed": ok(gzip.compress(padded(LIMIT)), GZIP),
    "gzip_in_capitals": ok(gzip.compress(FLEET_BODY), {"Content-Encoding": "GZip"}),
    "gzip_of_several_members": ok(members(FLEET_BODY, 100), GZIP),
    "gzip_of_several_members_byte_by_byte": send(
        chunked(*(bytes([byte]) for byte in members(FLEET_BODY, 100)), headers=b"Content-Encoding: gzip\r\n")
    ),
    "gzip_of_several_members_as_large_as_allowed": ok(members(padded(LIMIT), 1000), GZIP),
    "gzip_with_an_empty_member": ok(gzip.compress(FLEET_BODY) + gzip.compress(b""), GZIP),
    "x_gzip": ok(gzip.compress(FLEET_BODY), {"Content-Encoding": "x-gzip"}),
    "an_empty_content_encoding": ok(FLEET_BODY, {"Content-Encoding": ""}),
    "identity": ok(FLEET_BODY, {"Content-Encoding": "identity"}),
    "chunked": send(chunked(FLEET_BODY[:5], FLEET_BODY[5:])),
    "chunked_gzip_byte_by_byte": send(
        chunked(*(bytes([byte]) for byte in gzip.compress(FLEET_BODY)), headers=b"Content-Encoding: gzip\r\n")
    ),
    "chunked_with_trailer": send(chunked(FLEET_BODY, end=b"0\r\nX-Trailer: 1\r\n\r\n")),
    "until_the_connection_ends": send_and_close(b"HTTP/1.0 200 OK\r\n\r\n", FLEET_BODY),
    "after_an_interim_response": send(b"HTTP/1.1 103 Early Hints\r\n\r\n", response(FLEET_BODY)),
    "with_a_byte_order_mark": ok(b"\xef\xbb\xbf" + FLEET_BODY),
    "of_another_type": ok(FLEET_BODY, {"Content-Type": "text/html; charset=nonsense"}),
}


@pytest.mark.parametrize("script", GOOD.values(), ids=GOOD.keys())
def test_a_good_body_is_read(exporter: ExporterProcess, upstream: Upstream, script: Script) -> None:
    upstream.answers(script)
    scraped = exporter.scrape()
    assert scraped.up
    assert scraped.backends == {"qpu.forte-1", "simulator"}


HEAD = b"HTTP/1.1 200 OK\r\n"

BAD: dict[str, tuple[Script, str]] = {
    "a_byte_too_large": (ok(padded(LIMIT + 1)), "too_large"),
    "too_large_in_chunks": (send(chunked(*[b" " * 100] * 100)), "too_large"),
    "endless": (
        lambda connection: _send_for_ever(connection, HEAD + b"Transfer-Encoding: chunked\r\n\r\n"),
        "too_large",
    ),
    "a_byte_too_large_after_gzip": (ok(gzip.compress(padded(LIMIT + 1)), GZIP), "too_large"),
    "a_byte_too_large_in_several_members": (ok(members(padded(LIMIT + 1), 1000), GZIP), "too_large"),
    "gzip_cut_short_in_the_second_member": (ok(members(FLEET_BODY, 200)[:-12], GZIP), "protocol"),
    "gzip_that_is_none": (ok(FLEET_BODY, GZIP), "protocol"),
    "gzip_cut_short": (ok(gzip.compress(FLEET_BODY)[:-12], GZIP), "protocol"),
    "gzip_with_a_wrong_checksum": (
        ok(gzip.compress(FLEET_BODY)[:-8] + b"\0" * 4 + gzip.compress(FLEET_BODY)[-4:], GZIP),
        "protocol",
    ),
    "gzip_of_nothing": (ok(b"", GZIP), "protocol"),
    "gzip_with_more_behind_it": (ok(gzip.compress(FLEET_BODY) + b"more", GZIP), "protocol"),
    "brotli": (ok(b"\x8b\x02\x80[]\x03", {"Content-Encoding": "br"}), "protocol"),
    "deflate": (ok(deflated(FLEET_BODY), {"Content-Encoding": "deflate"}), "protocol"),
    "gzip_twice": (
        ok(gzip.compress(gzip.compress(FLEET_BODY)), {"Content-Encoding": "gzip, gzip"}),
        "protocol",
    ),
    "no_chunk_size": (send_and_close(chunked(end=b"nonsense\r\n")), "protocol"),
    "chunks_cut_short": (send_and_close(chunked(FLEET_BODY, end=b"")), "protocol"),
    "chunk_cut_short": (send_and_close(chunked(FLEET_BODY, end=b"ff\r\nabc")), "protocol"),
    "content_length_not_reached": (send_and_close(response(FLEET_BODY)[:-1]), "protocol"),
    "content_length_of_nonsense": (
        send_and_close(HEAD + b"Content-Length: many\r\n\r\n" + FLEET_BODY),
        "protocol",
    ),
    "two_content_lengths": (
        send_and_close(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n" + FLEET_BODY),
        "protocol",
    ),
    "huge_header": (ok(headers={"X-Padding": "x" * 200_000}), "protocol"),
    "endless_header": (lambda connection: _send_for_ever(connection, HEAD + b"X-Padding: "), "protocol"),
    "header_without_a_colon": (send_and_close(HEAD + b"nonsense\r\n\r\n"), "protocol"),
    "header_with_nul": (send_and_close(HEAD + b"X-Nul: \0\r\n\r\n"), "protocol"),
    "status_of_nonsense": (send_and_close(b"HTTP/1.1 two hundred\r\n\r\n"), "protocol"),
    "status_without_a_code": (send_and_close(b"HTTP/1.1 \r\n\r\n"), "protocol"),
    "http_2": (send_and_close(b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\0\x10\0\0"), "protocol"),
    "switch_of_protocols": (send_and_close(b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n"), "protocol"),
}


def _send_for_ever(connection: Connection, head: bytes) -> None:
    connection.send(head)
    while True:
        connection.send(b"400\r\n" + b" " * 1024 + b"\r\n")


@pytest.mark.parametrize(("script", "reason"), BAD.values(), ids=BAD.keys())
def test_a_bad_body_is_a_failure_with_its_reason_and_the_next_scrape_works(
    exporter: ExporterProcess, upstream: Upstream, script: Script, reason: str
) -> None:
    before = exporter.scrape()
    upstream.reset()
    upstream.answers(script)
    assert exporter.scrape().failures_since(before) == {reason: 1}
    upstream.answers(ok())
    assert exporter.scrape().up


def test_the_log_line_of_a_body_too_large_names_the_flag() -> None:
    with Upstream() as upstream, ExporterProcess(upstream.url, "--ionq.max-response-bytes=100") as exporter:
        exporter.scrape()
        line = exporter.await_log("ionq_read_failed", "reason=too_large")
    assert "over 100 bytes" in line
    assert "--ionq.max-response-bytes" in line


@pytest.mark.anyio
@pytest.mark.parametrize("times", [1, 20])
async def test_a_gzip_bomb_takes_bounded_memory(upstream: Upstream, times: int) -> None:
    bomb = _bomb(256 // times * MEBIBYTE) * times
    assert len(bomb) < MEBIBYTE
    upstream.answers(ok(bomb, GZIP))
    async with connected(upstream.url, max_response_bytes=MEBIBYTE) as client:
        tracemalloc.start()
        try:
            with pytest.raises(ResponseTooLargeError):
                await client.get_backends()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 6 * MEBIBYTE


def _bomb(size: int) -> bytes:
    compressor = zlib.compressobj(level=9, wbits=16 + zlib.MAX_WBITS)
    zeros = b"0" * MEBIBYTE
    return b"".join(compressor.compress(zeros) for _ in range(size // MEBIBYTE)) + compressor.flush()
