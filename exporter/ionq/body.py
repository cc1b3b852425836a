"""Reads the body of a response within a limit."""

import json
import reprlib
import zlib
from collections.abc import Callable
from typing import cast

import httpx

from exporter.common.errors import IonQError, ProtocolError, ResponseTooLargeError

_MAX_ERROR_BODY_BYTES = 16 * 1024
_GZIP_WBITS = 16 + zlib.MAX_WBITS
_PLAIN = ("", "identity")
_GZIP = ("gzip", "x-gzip")


async def read_body(response: httpx.Response, limit: int) -> bytes:
    """Return a body of at most ``limit`` bytes after decompression.

    Decompresses chunk by chunk, so that a gzip bomb fills no memory.
    Raises ResponseTooLargeError, ProtocolError and httpx's errors.
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in (*_PLAIN, *_GZIP):
        raise ProtocolError(f"the response has the encoding {encoding[:20]!r}, which was not asked for")
    decompress = _Gunzip() if encoding in _GZIP else None
    body = bytearray()
    async for chunk in cast("httpx.AsyncByteStream", response.stream):
        if decompress:
            decompress(chunk, body, limit + 1)
        else:
            body += chunk
        if len(body) > limit:
            raise ResponseTooLargeError(
                f"IonQ's response is over {limit} bytes: if it should be, raise --ionq.max-response-bytes"
            )
    if decompress and not decompress.complete:
        raise ProtocolError("the gzip stream of the response broke off")
    return bytes(body)


class _Gunzip:
    """Decompresses a body of one or several gzip members (RFC 1952, 2.2)."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP_WBITS)

    @property
    def complete(self) -> bool:
        return self._member.eof

    def __call__(self, chunk: bytes, body: bytearray, limit: int) -> None:
        """Append what a chunk holds to the body, until that has ``limit`` bytes."""
        try:
            while chunk and len(body) < limit:
                if self._member.eof:
                    self._member = zlib.decompressobj(_GZIP_WBITS)
                body += self._member.decompress(chunk, limit - len(body))
                chunk = self._member.unused_data
        except zlib.error as error:
            raise ProtocolError(f"the response claims to be gzip, but is not: {error}") from error


async def read_explanation(response: httpx.Response, redact: Callable[[bytes], bytes]) -> str:
    """Return the message of an error body in IonQ's format, in brackets, or "" for any other body.

    ``redact`` blanks secrets before the message is shortened, which could cut a secret in two.
    """
    try:
        message = json.loads(redact(await read_body(response, _MAX_ERROR_BODY_BYTES)))["message"]
    except (IonQError, httpx.HTTPError, ValueError, RecursionError, LookupError, TypeError):
        return ""
    return f" ({reprlib.repr(message)})" if isinstance(message, str) else ""
