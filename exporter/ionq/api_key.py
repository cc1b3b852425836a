"""The API key: read from a file, sent in one header, redacted everywhere else."""

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

_KEY = re.compile(r"[\x21-\x7e]+")
_ESCAPED_BY_A_BACKSLASH = "\"'/\\"
"""Characters that JSON, or the repr of bytes in a library's message, may write after a backslash."""
_MIN_LENGTH = 8
_MAX_FILE_BYTES = 4096
_MAX_EXCERPT_LENGTH = 256
_REDACTED = b"[redacted]"

ApiKeySource = Callable[[], "ApiKey | None"]
"""Returns the key to use. Called before each request."""


class ApiKey:
    """A secret that its repr and str do not show."""

    def __init__(self, text: str) -> None:
        key = text.strip()
        # Neither message quotes the text: it may be a key with a typing error.
        if not _KEY.fullmatch(key):
            raise ValueError(
                "the API key is empty or has spaces or characters that an HTTP header cannot carry"
            )
        if len(key) < _MIN_LENGTH:
            # Redacting a short text would also redact parts of numbers and names.
            raise ValueError(f"the API key is shorter than {_MIN_LENGTH} characters")
        self._key = key
        self._spellings = re.compile(b"".join(map(_spellings, key)))

    def __repr__(self) -> str:
        return f"ApiKey({_REDACTED.decode()})"

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._key

    def redact(self, received: bytes) -> bytes:
        """Replace the key in what a server sent, so that a server that echoes it cannot publish it."""
        return self._spellings.sub(_REDACTED, received)


def redact(received: bytes, key: ApiKey | None) -> bytes:
    """Replace the key, if there is one, in what a server sent."""
    return key.redact(received) if key else received


def redacted_excerpt(received: str, key: ApiKey | None) -> str:
    """Redact the key and shorten the text for a log line."""
    return redact(received.encode(errors="replace"), key).decode()[:_MAX_EXCERPT_LENGTH]


def _spellings(character: str) -> bytes:
    """Return a pattern for all the ways in which a server may write a character of a key.

    Zero bytes may follow each byte, because JSON may be encoded in UTF-16 or UTF-32.
    """
    code = [f"[{digit}{digit.upper()}]" for digit in f"{ord(character):02x}"]
    literal = re.escape(character)
    ways = [["\\\\", "u", "0", "0", *code], ["%", *code], [literal]]
    if character in _ESCAPED_BY_A_BACKSLASH:
        ways.insert(0, ["\\\\", literal])
    return "(?:{})".format("|".join("".join(byte + r"\x00{0,3}" for byte in way) for way in ways)).encode()


class ApiKeyFile:
    """A source that reads a file before each request, so that a rotated key is used at once."""

    def __init__(self, path: Path, on_unreadable: Callable[[str], None]) -> None:
        """Read the file for the first time. Raises ValueError if it has no usable key."""
        self._path = path
        self._on_unreadable = on_unreadable
        self._readable = True
        self._text: str | None = None
        self._key = self._read()

    def __call__(self) -> ApiKey:
        """Return the key in the file, or the last usable one while the file has none."""
        try:
            self._key = self._read()
            self._readable = True
        except ValueError as error:
            if self._readable:
                self._on_unreadable(str(error))
            self._readable = False
        return self._key

    def _read(self) -> ApiKey:
        text = _read_text(self._path)
        if text == self._text:
            return self._key  # an ApiKey compiles a pattern, which takes time
        try:
            key = ApiKey(text)
        except ValueError as error:
            raise ValueError(f"{self._path}: {error}") from None
        self._text = text
        return key


def _read_text(path: Path) -> str:
    """Read a small regular file without ever waiting. Raises ValueError with a message for the user."""
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ValueError(f"{path} is not a regular file")
            content = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from error
    if len(content) > _MAX_FILE_BYTES:
        raise ValueError(f"{path} has more than {_MAX_FILE_BYTES} bytes")
    return content.decode("ascii", errors="replace")


def _open_without_waiting(path: str, flags: int) -> int:
    # Opening a named pipe would otherwise wait for a writer.
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
