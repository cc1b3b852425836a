"""The API key: where it comes from, and that it goes nowhere but into one header."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

_KEY = re.compile(r"[\x21-\x7e]+")
_MIN_LENGTH = 8
_MAX_EXCERPT_LENGTH = 256
_REDACTED = "[redacted]"

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
        in_json = json.dumps(key)[1:-1]
        in_a_library_s_message = repr(key.encode())[2:-1]
        in_a_url = quote(key, safe="")
        spellings = {key, in_json, in_json.replace("/", "\\/"), in_a_library_s_message, in_a_url}
        self._spellings = [spelling.encode() for spelling in sorted(spellings, key=len, reverse=True)]

    def __repr__(self) -> str:
        return f"ApiKey({_REDACTED})"

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._key

    def redact(self, body: bytes) -> bytes:
        """Blank the key in what a server sent back, so that one that echoes it cannot publish it."""
        for spelling in self._spellings:
            body = body.replace(spelling, _REDACTED.encode())
        return body


def redact(received: bytes, key: ApiKey | None) -> bytes:
    """Blank the key in what was received, if there is one."""
    return key.redact(received) if key else received


def excerpt(received: str, key: ApiKey | None) -> str:
    """Blank the key in what was received, and shorten it to what a log line can bear."""
    return redact(received.encode(errors="replace"), key).decode()[:_MAX_EXCERPT_LENGTH]


class ApiKeyFile:
    """A file that holds the key, read before each request, so that a rotated key is used at once."""

    def __init__(self, path: Path, on_unreadable: Callable[[Exception], None]) -> None:
        """Read the file for the first time. Raises OSError or ValueError where it cannot be used."""
        self._path = path
        self._on_unreadable = on_unreadable
        self._unreadable = False
        self._key = self._read()

    def __call__(self) -> ApiKey:
        """Return the key in the file, or the last good one while the file cannot be used."""
        try:
            self._key = self._read()
            self._unreadable = False
        except (OSError, ValueError) as error:
            if not self._unreadable:
                self._on_unreadable(error)
            self._unreadable = True
        return self._key

    def _read(self) -> ApiKey:
        return ApiKey(self._path.read_text("ascii", errors="replace"))
