"""What an HTTP response of IonQ's says, read within bounds."""

import json
import reprlib
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import cast

import httpx

from exporter.common.errors import IonQError, ProtocolError, ResponseTooLargeError

_DEFAULT_RETRY_AFTER_SECONDS = 30.0
_MAX_ERROR_BODY_BYTES = 16 * 1024
_GZIP_WBITS = 16 + zlib.MAX_WBITS


async def read_body(response: httpx.Response, limit: int) -> bytes:
    """Read a body of at most ``limit`` bytes after decompression.

    Decompresses chunk by chunk, so that a bomb is found before it has gone off.
    Raises ResponseTooLargeError, ProtocolError and httpx's errors.
    """
    body = bytearray()
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        raise ProtocolError("the answer is compressed in a way that was not asked for")
    gunzip = zlib.decompressobj(_GZIP_WBITS) if encoding == "gzip" else None
    async for chunk in cast("httpx.AsyncByteStream", response.stream):
        try:
            body += gunzip.decompress(chunk, limit + 1 - len(body)) if gunzip else chunk
        except zlib.error as error:
            raise ProtocolError(f"the answer says that it is gzip, but is not: {error}") from error
        if gunzip and gunzip.unused_data:
            # They would pile up uncounted; and of a second stream nothing would be read.
            raise ProtocolError("bytes follow the end of the answer's gzip stream")
        if len(body) > limit:
            raise ResponseTooLargeError(
                f"IonQ's answer is over {limit} bytes: if it should be, raise --ionq.max-response-bytes"
            )
    if gunzip and not gunzip.eof:
        raise ProtocolError("the answer's gzip stream broke off")
    return bytes(body)


async def read_explanation(response: httpx.Response, redact: Callable[[bytes], bytes]) -> str:
    """Return the message of an error body in IonQ's format, in brackets; a proxy's HTML tells nothing.

    ``redact`` blanks secrets before the message is shortened, which could cut one in two.
    """
    try:
        message = json.loads(redact(await read_body(response, _MAX_ERROR_BODY_BYTES)))["message"]
    except (IonQError, httpx.HTTPError, ValueError, RecursionError, LookupError, TypeError):
        return ""
    return f" ({reprlib.repr(message)})"


def retry_after_seconds(
    headers: httpx.Headers, longest: float, *, without: float = _DEFAULT_RETRY_AFTER_SECONDS
) -> float:
    """Return the pause that Retry-After asks for, as seconds or as a date, within bounds.

    ``without`` is the pause where there is none; a senseless one counts as 30 s.
    """
    if "Retry-After" not in headers:
        return without
    text = headers["Retry-After"].strip()
    if text.isdecimal() and text.isascii():
        seconds = float(text)
    else:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return _DEFAULT_RETRY_AFTER_SECONDS
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), longest)
