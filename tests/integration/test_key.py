"""The API key goes to IonQ, and nowhere else."""

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.command_line import assert_refused, run_command
from tests.support.exporter_process import ExporterProcess, run_exporter
from tests.support.upstream import Script, Upstream, ok, send_and_close, status

KEY = 'Zq7xW/Vw3k+9JdT"Rm2pK\\Tf8bN=Yh4nQ-Lc6sZ_Gx5vB.Xj1tW~Pd0fR'
"""Long enough to be cut in two, and with characters that are escaped in one place or another."""


def authorizations(upstream: Upstream) -> list[str | None]:
    return [request.headers.get("authorization") for request in upstream.requests]


def assert_hidden(text: str) -> None:
    """Assert that a text has no part of the key."""
    for start in range(len(KEY) - 7):
        assert KEY[start : start + 8] not in text


def test_the_key_in_the_environment_is_sent_in_the_format_of_ionq(upstream: Upstream) -> None:
    with ExporterProcess(upstream.url, environment={"IONQ_API_KEY": KEY}) as exporter:
        assert exporter.scrape().up
    assert authorizations(upstream) == [f"apiKey {KEY}"]


def test_an_empty_variable_is_no_key(upstream: Upstream) -> None:
    with ExporterProcess(upstream.url, environment={"IONQ_API_KEY": ""}) as exporter:
        assert exporter.scrape().up
    assert authorizations(upstream) == [None]


def test_the_key_file_wins_over_the_environment(upstream: Upstream, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("from-the-file\n")
    with ExporterProcess(
        upstream.url, f"--ionq.api-key-file={path}", environment={"IONQ_API_KEY": KEY}
    ) as exporter:
        exporter.scrape()
    assert authorizations(upstream) == ["apiKey from-the-file"]


def test_a_changed_key_file_is_used_from_the_next_scrape_on(upstream: Upstream, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("first-key-of-all\n")
    with ExporterProcess(upstream.url, f"--ionq.api-key-file={path}") as exporter:
        exporter.scrape()
        path.write_text("second-key-of-all\n")
        exporter.scrape()
        replacement = tmp_path / "replacement"
        replacement.write_text("third-key-of-all")
        replacement.replace(path)
        exporter.scrape()
    assert authorizations(upstream) == [
        "apiKey first-key-of-all",
        "apiKey second-key-of-all",
        "apiKey third-key-of-all",
    ]


def test_while_the_key_file_is_unusable_the_last_key_is_used_and_one_line_is_logged(
    upstream: Upstream, tmp_path: Path
) -> None:
    path = tmp_path / "key"
    path.write_text("first-key-of-all")
    with ExporterProcess(upstream.url, f"--ionq.api-key-file={path}") as exporter:
        exporter.scrape()
        path.unlink()
        for _ in range(3):
            assert exporter.scrape().up
        exporter.await_log("event=api_key_file_unreadable", str(path))
        assert len([line for line in exporter.log if "api_key_file_unreadable" in line]) == 1
        path.write_text("second-key-of-all")
        exporter.scrape()
        path.write_text("not a key")
        exporter.scrape()
    log = "\n".join(exporter.log)  # whole, because the exporter has ended
    assert authorizations(upstream) == ["apiKey first-key-of-all"] * 4 + ["apiKey second-key-of-all"] * 2
    assert log.count("api_key_file_unreadable") == 2
    assert "not a key" not in log


BAD_KEYS = {
    "blank_inside": "half-a-secret and-the-other-half",
    "two_lines": "one-secret\nanother-secret",
    "not_ascii": "gehéim-secret",
}


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS.keys())
def test_a_bad_key_is_refused_by_the_name_of_its_variable_without_showing_it(key: str) -> None:
    ended = run_command("once", environment={"IONQ_API_KEY": key})
    assert_refused(ended, "Invalid value for IONQ_API_KEY: the API key is empty or has spaces")
    assert "secret" not in ended.stderr


def refused_file(path: Path) -> str:
    ended = run_command("--web.listen-address=127.0.0.1:0", f"--ionq.api-key-file={path}")
    assert_refused(
        ended, f"Invalid value for --ionq.api-key-file: {path}: the API key is empty or has spaces"
    )
    return ended.stderr


def test_a_bad_key_in_a_file_is_refused_by_the_names_of_flag_and_file_without_showing_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "key"
    path.write_text(BAD_KEYS["two_lines"])
    assert "secret" not in refused_file(path)


def test_an_empty_key_file_is_refused_by_the_names_of_flag_and_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.touch()
    refused_file(path)


def test_a_missing_key_file_is_refused_by_the_names_of_flag_and_file(tmp_path: Path) -> None:
    path = tmp_path / "none"
    assert_refused(
        run_command("--web.listen-address=127.0.0.1:0", f"--ionq.api-key-file={path}"),
        f"Invalid value for --ionq.api-key-file: cannot read {path}: No such file or directory",
    )


def test_a_key_file_that_becomes_a_pipe_does_not_block_a_scrape(upstream: Upstream, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("first-key-of-all")
    with ExporterProcess(upstream.url, f"--ionq.api-key-file={path}") as exporter:
        path.unlink()
        os.mkfifo(path)
        assert exporter.scrape().up
        exporter.await_log("event=api_key_file_unreadable", f"{path} is not a regular file")
    assert authorizations(upstream) == ["apiKey first-key-of-all"]


INSECURE_URL = "--ionq.api-url=http://192.0.2.1/v0.4"


@pytest.mark.parametrize("command", ["once", "serve", "backfill"])
def test_a_key_is_refused_for_a_url_without_tls(command: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(KEY)
    for ended in (
        run_command(command, INSECURE_URL, environment={"IONQ_API_KEY": KEY}),
        run_command(command, INSECURE_URL, f"--ionq.api-key-file={path}"),
    ):
        assert_refused(ended, "--ionq.api-url has no TLS, so others could read the API key")
        assert "--ionq.allow-insecure-key" in ended.stderr


def test_a_flag_allows_a_key_without_tls(upstream: Upstream) -> None:
    # The scripted upstream stands in for a proxy, which receives a request for another machine.
    ended = run_exporter(
        "once",
        INSECURE_URL,
        "--ionq.allow-insecure-key",
        environment={"IONQ_API_KEY": KEY, "HTTP_PROXY": upstream.url.removesuffix("/v0.4")},
    )
    assert ended.returncode == 0, ended.stderr
    assert authorizations(upstream) == [f"apiKey {KEY}"]


def test_there_is_no_flag_for_the_key_itself() -> None:
    assert "api-key-file" in run_command("--help").stdout
    ended = run_command("--ionq.api-key", KEY)
    assert ended.returncode == 2
    assert_hidden(ended.stderr)


def escaped(form: str) -> str:
    """Write the first eight characters of the key, and each that is no letter, in a form of their code."""
    return "".join(
        character if position >= 8 and character.isalnum() else form.format(ord(character))
        for position, character in enumerate(KEY)
    )


JSON_KEY = escaped("\\u{:04x}")
JSON_KEY_IN_CAPITALS = escaped("\\u{:04X}")
PERCENT_KEY = escaped("%{:02x}")

ECHOES: dict[str, Script] = {
    "backend": ok(json.dumps([{"backend": KEY, "qubits": 1}]).encode()),
    "backend_in_gzip": ok(
        gzip.compress(json.dumps([{"backend": f"qpu {KEY}", "qubits": 1}]).encode()),
        {"Content-Encoding": "gzip"},
    ),
    "backend_with_escaped_slash": ok(
        json.dumps([{"backend": KEY, "qubits": 1}]).replace("/", "\\/").encode()
    ),
    "backend_in_escapes": ok(f'[{{"backend": "{JSON_KEY}", "qubits": 1}}]'.encode()),
    "backend_in_escapes_with_capitals": ok(
        f'[{{"backend": "a", "qubits": 1, "location": "not {JSON_KEY_IN_CAPITALS}"}}]'.encode()
    ),
    "backend_in_utf_16": ok(json.dumps([{"backend": KEY, "qubits": 1}]).encode("utf-16")),
    "bad_value_in_escapes": ok(f'[{{"backend": "a", "qubits": "{JSON_KEY}"}}]'.encode()),
    "label_values": ok(
        json.dumps([{"backend": "a", "location": KEY, "status": KEY, "characterization_id": KEY}]).encode()
    ),
    "bad_value": ok(json.dumps([{"backend": "a", "qubits": KEY}]).encode()),
    "unexpected_shape": ok(json.dumps({"message": KEY}).encode()),
    "no_json": ok(f"{KEY} is your key".encode()),
    "error_message": status(401, body=json.dumps({"message": f"no such key: {KEY}"}).encode()),
    "error_message_in_escapes": status(401, body=f'{{"message": "no key {JSON_KEY}"}}'.encode()),
    "error_object": status(403, body=json.dumps({"message": {"key": KEY}}).encode()),
    "request_id": status(500, {"x-request-id": KEY}),
    "redirect": status(302, {"Location": f"https://login.example/?key={KEY}"}),
    "redirect_percent_encoded": status(302, {"Location": f"/login?key={quote(KEY, safe='')}"}),
    "redirect_percent_encoded_in_small": status(302, {"Location": f"/login?key={PERCENT_KEY}"}),
    "header_line": send_and_close(f"HTTP/1.1 200 OK\r\n{KEY}\r\n\r\n".encode()),
    "status_line": send_and_close(f"{KEY}\r\n\r\n".encode()),
    "reason_phrase": send_and_close(f"HTTP/1.1 500 {KEY}\r\nContent-Length: 0\r\n\r\n".encode()),
    "chunk": send_and_close(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{KEY}\r\n".encode()),
    "set_cookie": ok(headers={"Set-Cookie": f"key={KEY}"}),
}


@pytest.fixture(scope="module")
def keyed_exporter(shared_upstream: Upstream) -> Iterator[ExporterProcess]:
    with ExporterProcess(
        shared_upstream.url, "--log.level=debug", environment={"IONQ_API_KEY": KEY}
    ) as exporter:
        yield exporter
        assert_hidden("\n".join(exporter.log))


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES.keys())
def test_a_key_that_ionq_echoes_is_shown_nowhere(
    keyed_exporter: ExporterProcess, upstream: Upstream, echo: Script
) -> None:
    upstream.answers(echo)
    scraped = keyed_exporter.scrape()
    assert authorizations(upstream) == [f"apiKey {KEY}"]
    assert_hidden(scraped.text)
    assert_hidden(keyed_exporter.get().text)
    assert_hidden("\n".join(keyed_exporter.log))
    for spelling in (JSON_KEY, JSON_KEY_IN_CAPITALS, PERCENT_KEY):
        assert spelling[:16] not in scraped.text + "".join(keyed_exporter.log)


@pytest.mark.parametrize(
    "echo",
    [
        "bad_value",
        "bad_value_in_escapes",
        "error_message",
        "error_message_in_escapes",
        "header_line",
        "redirect",
        "redirect_percent_encoded_in_small",
    ],
)
def test_a_failure_that_contains_the_key_is_logged_without_it(upstream: Upstream, echo: str) -> None:
    upstream.answers(ECHOES[echo])
    ended = run_exporter(
        "once",
        f"--ionq.api-url={upstream.url}",
        "--log.level=debug",
        "--log.format=json",
        environment={"IONQ_API_KEY": KEY},
    )
    assert "[redacted]" in ended.stderr
    assert_hidden(ended.stdout)
    assert_hidden(ended.stderr)


def test_the_key_is_not_sent_to_the_target_of_a_redirect(upstream: Upstream) -> None:
    with Upstream() as elsewhere:
        upstream.answers(status(307, {"Location": f"{elsewhere.url}/backends"}))
        with ExporterProcess(upstream.url, environment={"IONQ_API_KEY": KEY}) as exporter:
            assert not exporter.scrape().up
        assert authorizations(upstream) == [f"apiKey {KEY}"]
        assert elsewhere.connections == []


@pytest.mark.parametrize("key", [None, KEY])
def test_a_netrc_file_is_ignored(upstream: Upstream, tmp_path: Path, key: str | None) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine localhost login somebody password netrc-password\ndefault login x password y\n")
    netrc.chmod(0o600)
    environment = {"HOME": str(tmp_path), "NETRC": str(netrc), **({"IONQ_API_KEY": key} if key else {})}
    with ExporterProcess(upstream.url, environment=environment) as exporter:
        assert exporter.scrape().up
    assert authorizations(upstream) == [f"apiKey {key}" if key else None]


def test_credentials_in_the_url_are_refused_without_showing_them() -> None:
    ended = run_command("--ionq.api-url=https://user:a-secret@api.ionq.co/v0.4")
    assert_refused(ended, "the URL contains credentials")
    assert "a-secret" not in ended.stderr
