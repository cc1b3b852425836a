"""The API key: where it comes from, and that it goes nowhere but into one header."""

import re
from collections.abc import Callable
from pathlib import Path

_KEY = re.compile(r"[\x21-\x7e]+")
_ESCAPED_BY_A_BACKSLASH = "\"'/\\"
"""In JSON, or in what Python shows of bytes, as libraries do in their messages."""
_MIN_LENGTH = 8
_MAX_EXCERPT_LENGTH = 256
_REDACTED = b"[redacted]"

ApiKeySource = Callable[[], "ApiKey | None"]
"""Called before each request, for the key to use."""


class ApiKey:
    """A secret that shows itself in no repr, no string and no log, unless asked by name."""

    def __init__(self, text: str) -> None:
        key = text.strip()
        if not _KEY.fullmatch(key):
            # Quoting it would publish most of a key that has merely been pasted with a blank in it.
            raise ValueError("the API key is empty or holds blanks or characters that no header can carry")
        if len(key) < _MIN_LENGTH:
            # Blanking it in what IonQ sends would blank much else.
            raise ValueError(
                f"the API key is shorter than {_MIN_LENGTH} characters, so it can be no key of IonQ's"
            )
        self._key = key
        self._spellings = re.compile(b"".join(map(_spellings, key)))

    def __repr__(self) -> str:
        return f"ApiKey({_REDACTED.decode()})"

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._key

    def redact(self, body: bytes) -> bytes:
        """Blank the key in what a server sent back, so that one that echoes it cannot publish it."""
        return self._spellings.sub(_REDACTED, body)


def redact(received: bytes, key: ApiKey | None) -> bytes:
    """Blank the key in what was received, if there is one."""
    return key.redact(received) if key else received


def redacted_excerpt(received: str, key: ApiKey | None) -> str:
    """Blank the key in what was received, and shorten it to what a log line can bear."""
    return redact(received.encode(errors="replace"), key).decode()[:_MAX_EXCERPT_LENGTH]


def _spellings(character: str) -> bytes:
    """Return a pattern of all the ways in which a server may write a character of a key.

    As JSON may be in UTF-16 and UTF-32 too, there may be zero bytes between any two.
    """
    code = [f"[{digit}{digit.upper()}]" for digit in f"{ord(character):02x}"]
    literal = re.escape(character)
    ways = [["\\\\", "u", "0", "0", *code], ["%", *code], [literal]]
    if character in _ESCAPED_BY_A_BACKSLASH:
        ways.insert(0, ["\\\\", literal])
    return "(?:{})".format("|".join("".join(byte + r"\x00{0,3}" for byte in way) for way in ways)).encode()


class ApiKeyFile:
    """A file that holds the key, read before each request, so that a rotated key is used at once."""

    def __init__(self, path: Path, on_unreadable: Callable[[Exception], None]) -> None:
        """Read the file for the first time. Raises OSError or ValueError where it cannot be used."""
        self._path = path
        self._on_unreadable = on_unreadable
        self._unreadable = False
        self._text: str | None = None
        self._key = self._read()

    def __call__(self) -> ApiKey:
        """Return the key in the file, or the last good one while the file cannot be used."""
        try:
            self._read()
            self._unreadable = False
        except (OSError, ValueError) as error:
            if not self._unreadable:
                self._on_unreadable(error)
            self._unreadable = True
        return self._key

    def _read(self) -> ApiKey:
        text = self._path.read_text("ascii", errors="replace")
        # A new one takes its time, since it comes to know each of its spellings.
        if text != self._text:
            self._key = ApiKey(text)
            self._text = text
        return self._key
