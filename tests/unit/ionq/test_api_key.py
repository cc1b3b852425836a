import json
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.ionq.api_key import ApiKey, ApiKeyFile

SECRET = "8fQ2-vT7.xW+Za/91=="


class Problems(list[str]):
    """Collects the problems that a key file reports."""

    def __call__(self, problem: str) -> None:
        self.append(problem)


# The key


@pytest.mark.parametrize("text", [SECRET, f"{SECRET}\n", f"  {SECRET}\r\n"])
def test_a_key_is_revealed_without_the_white_space_around_it(text: str) -> None:
    assert ApiKey(text).reveal() == SECRET


def test_a_key_is_hidden_in_its_repr_and_str() -> None:
    key = ApiKey(SECRET)
    for shown in (repr(key), str(key), f"{key}", f"{[key]!r}", f"{key!s:>80}"):
        assert SECRET not in shown
        assert "[redacted]" in shown


@pytest.mark.parametrize(
    "text", ["", " \n", "two words", "a\nb", "tab\tbed", "clé", "nul\x00", "\x7f", "\ud800"]
)
def test_a_text_that_no_header_can_carry_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^the API key is empty or has spaces") as refusal:
        ApiKey(text)
    assert not text.strip() or text not in str(refusal.value)


def test_a_key_that_was_pasted_twice_is_refused_without_quoting_it() -> None:
    with pytest.raises(ValueError, match="API key") as refusal:
        ApiKey(f"{SECRET} {SECRET}")
    assert SECRET not in str(refusal.value)


def test_a_key_is_redacted_everywhere_in_a_response() -> None:
    echo = f'{{"message": "bad key {SECRET}", "again": "{SECRET}"}}'.encode()
    assert ApiKey(SECRET).redact(echo) == b'{"message": "bad key [redacted]", "again": "[redacted]"}'


@pytest.mark.parametrize(
    "echo",
    [
        f"bad key {SECRET}",
        json.dumps({"message": SECRET}),
        json.dumps({"message": SECRET}).replace("/", "\\/"),
        f"/login?key={quote(SECRET, safe='')}",
    ],
)
def test_a_key_is_redacted_in_each_spelling(echo: str) -> None:
    redacted = ApiKey(SECRET).redact(echo.encode())
    assert b"8fQ2-vT7.xW" not in redacted
    assert b"[redacted]" in redacted


def test_a_key_with_escaped_quotes_is_redacted() -> None:
    text = """a"b\\c/d'e"""
    key = ApiKey(text)
    assert key.redact(json.dumps([text]).encode()) == b'["[redacted]"]'
    assert key.redact(json.dumps([text]).replace("/", "\\/").encode()) == b'["[redacted]"]'
    assert (
        key.redact(f"illegal header value {text.encode()!r}".encode())
        == b"illegal header value b'[redacted]'"
    )


def as_json_escape(character: str) -> str:
    return f"\\u{ord(character):04x}"


def as_json_escape_in_capitals(character: str) -> str:
    return f"\\u{ord(character):04X}"


def percent_encoded(character: str) -> str:
    return f"%{ord(character):02x}"


def percent_encoded_in_capitals(character: str) -> str:
    return f"%{ord(character):02X}"


def as_json_may(character: str) -> str:
    return f"\\{character}" if character in '"\\/' else character


def as_it_is(character: str) -> str:
    return character


SPELLINGS = (
    as_it_is,
    as_json_may,
    as_json_escape,
    as_json_escape_in_capitals,
    percent_encoded,
    percent_encoded_in_capitals,
)
KEYS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8, max_size=70)


@given(key=KEYS, data=st.data())
def test_a_key_is_redacted_in_a_mix_of_spellings(key: str, data: st.DataObject) -> None:
    spelt = "".join(data.draw(st.sampled_from(SPELLINGS))(character) for character in key)
    assert ApiKey(key).redact(f"<{spelt}>".encode()) == b"<[redacted]>"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
@given(key=KEYS)
def test_a_key_is_redacted_in_each_encoding_of_json(encoding: str, key: str) -> None:
    body = json.dumps([key]).encode(encoding)
    redacted = ApiKey(key).redact(body)
    assert b"[redacted]" in redacted
    assert len(redacted) < len(body)


@given(body=st.binary())
def test_a_response_without_the_key_is_unchanged(body: bytes) -> None:
    assert ApiKey(SECRET).redact(body) == body


@given(before=st.binary(), after=st.binary())
def test_no_key_is_left_after_redaction(before: bytes, after: bytes) -> None:
    assert SECRET.encode() not in ApiKey(SECRET).redact(before + SECRET.encode() + after)


def test_a_short_key_is_refused_because_redacting_it_would_redact_numbers_too() -> None:
    with pytest.raises(ValueError, match=r"^the API key is shorter than 8 characters") as refusal:
        ApiKey("36-1234")
    assert "36" not in str(refusal.value)


# The file


def test_the_file_is_read_for_each_request(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("first-key-0001\n")
    source = ApiKeyFile(path, Problems())
    assert source().reveal() == "first-key-0001"
    path.write_text("second-key-0001\n")
    assert source().reveal() == "second-key-0001"


def test_a_link_that_is_replaced_is_followed(tmp_path: Path) -> None:
    link = tmp_path / "key"
    (tmp_path / "v1").write_text("first-key-0001")
    (tmp_path / "v2").write_text("second-key-0001")
    link.symlink_to("v1")
    source = ApiKeyFile(link, Problems())
    link.unlink()
    link.symlink_to("v2")  # as Kubernetes does with a mounted secret
    assert source().reveal() == "second-key-0001"


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"\xff\xfe", "clé".encode()])
def test_a_file_without_a_key_at_the_start_is_an_error_that_names_it(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{path}: the API key is empty or has spaces"):
        ApiKeyFile(path, Problems())


def missing(path: Path) -> str:
    return f"cannot read {path}: No such file or directory"


def folder(path: Path) -> str:
    path.mkdir()
    return f"cannot read {path}: Is a directory"


def device(path: Path) -> str:
    path.symlink_to("/dev/zero")
    return f"{path} is not a regular file"


def pipe_without_a_writer(path: Path) -> str:
    os.mkfifo(path)
    return f"{path} is not a regular file"


def link_to_a_pipe(path: Path) -> str:
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to("pipe")
    return f"{path} is not a regular file"


def large_file(path: Path) -> str:
    path.write_text("k" * 4097)
    return f"{path} has more than 4096 bytes"


UNREADABLE = [missing, folder, device, pipe_without_a_writer, link_to_a_pipe, large_file]


@pytest.mark.parametrize("make", UNREADABLE)
def test_anything_but_a_small_regular_file_is_refused_without_waiting(
    make: Callable[[Path], str], tmp_path: Path
) -> None:
    path = tmp_path / "key"
    problem = make(path)
    with pytest.raises(ValueError, match=r"^(cannot read )?/") as refusal:
        ApiKeyFile(path, Problems())
    assert str(refusal.value) == problem


@pytest.mark.parametrize("make", UNREADABLE)
def test_the_last_key_is_kept_when_the_file_becomes_anything_else(
    make: Callable[[Path], str], tmp_path: Path
) -> None:
    path, problems = tmp_path / "key", Problems()
    path.write_text("good-key-0001")
    source = ApiKeyFile(path, problems)
    path.unlink()
    problem = make(path)
    assert source().reveal() == "good-key-0001"
    assert problems == [problem]


def test_a_key_of_4096_bytes_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("k" * 4096)
    assert ApiKeyFile(path, Problems())().reveal() == "k" * 4096


def test_the_last_key_is_kept_while_the_file_has_none(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("good-key-0001")
    source = ApiKeyFile(path, Problems())
    path.write_text("half writ ten")
    assert source().reveal() == "good-key-0001"
    path.write_text("better-key-0001")
    assert source().reveal() == "better-key-0001"


def test_a_problem_is_reported_once_and_again_after_the_file_was_usable(tmp_path: Path) -> None:
    path, problems = tmp_path / "key", Problems()
    path.write_text("good-key-0001")
    source = ApiKeyFile(path, problems)
    path.unlink()
    source()
    source()
    assert problems == [missing(path)]
    path.write_text("good-key-0001")
    source()
    path.write_text(f"{SECRET} {SECRET}")
    source()
    source()
    assert len(problems) == 2
    assert SECRET not in problems[1]
