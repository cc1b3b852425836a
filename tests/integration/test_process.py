"""The exporter as a process: its start, its end and its errors."""

import json
import re
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from exporter import __version__
from tests.support.command_line import assert_refused, run_command
from tests.support.exporter_process import ExporterProcess, clean_environment, run_exporter
from tests.support.exposition import Exposition
from tests.support.upstream import PATIENCE_SECONDS, Held, Script, Upstream, hang, ok, status

STOPS = [signal.SIGTERM, signal.SIGINT]


@pytest.mark.parametrize("number", STOPS)
def test_a_signal_lets_a_running_scrape_finish_and_ends_with_status_0(
    upstream: Upstream, number: signal.Signals
) -> None:
    answer = Held(ok())
    upstream.answers(answer)
    with ExporterProcess(upstream.url) as exporter, exporter.connect() as idle:
        finish_scrape = exporter.begin_scrape()
        exporter.signal(number)
        assert idle.recv(1) == b"", "it is stopping"
        assert exporter.process.poll() is None
        with pytest.raises(ConnectionRefusedError):
            exporter.connect()
        answer.release()
        assert finish_scrape().up
        assert exporter.exit_status() == 0
        exporter.await_log("event=exporter_stopped")


@pytest.mark.parametrize("number", STOPS)
def test_a_signal_while_idle_ends_it_at_once_despite_open_connections(
    upstream: Upstream, number: signal.Signals
) -> None:
    with ExporterProcess(upstream.url) as exporter, exporter.connect() as idle:
        exporter.scrape()
        exporter.signal(number)
        assert exporter.exit_status() == 0
        assert idle.recv(1) == b""
    upstream.await_open_connections(0)


def test_a_signal_while_ionq_hangs_waits_only_for_the_scrape(upstream: Upstream) -> None:
    upstream.answers(hang)
    with ExporterProcess(upstream.url, "--ionq.timeout=1s") as exporter:
        finish_scrape = exporter.begin_scrape()
        exporter.signal(signal.SIGTERM)
        assert not finish_scrape().up
        assert exporter.exit_status() == 0
    upstream.await_open_connections(0)


def test_it_listens_on_each_address(upstream: Upstream) -> None:
    with ExporterProcess(
        upstream.url, "--web.listen-address=127.0.0.1:0", "--web.listen-address=[::1]:0"
    ) as exporter:
        assert len(exporter.urls) == 3
        assert exporter.urls[2].startswith("http://[::1]:")
        for url in exporter.urls:
            assert Exposition(exporter.fetch(url)).up


def test_listen_addresses_can_be_in_the_environment(upstream: Upstream) -> None:
    environment = {"IONQ_EXPORTER_WEB_LISTEN_ADDRESS": "127.0.0.1:0 localhost:0"}
    with ExporterProcess(upstream.url, environment=environment, listen=False) as exporter:
        assert len(exporter.urls) == 2
        for url in exporter.urls:
            assert Exposition(exporter.fetch(url)).up


def test_an_address_without_a_host_is_reached_by_ipv4_and_ipv6(upstream: Upstream) -> None:
    with ExporterProcess(upstream.url, "--web.listen-address=:0", listen=False) as exporter:
        port = exporter.urls[0].rpartition(":")[2]
        for host in ("127.0.0.1", "[::1]"):
            assert Exposition(exporter.fetch(f"http://{host}:{port}")).up


def test_the_start_is_logged_with_version_and_upstream(exporter: ExporterProcess, upstream: Upstream) -> None:
    line = exporter.await_log("event=exporter_started")
    assert f"version={__version__}" in line
    assert f"api_url={upstream.url}" in line
    assert re.match(r"ts=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z level=info ", line)


def test_a_taken_port_is_refused_by_the_name_of_the_flag() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = run_exporter(f"--web.listen-address={address}")
    assert_refused(
        ended,
        f"Invalid value for --web.listen-address: cannot listen on {address}: Address already in use",
    )


REFUSED = [
    ("--web.listen-address=nonsense", "'nonsense' is not an address"),
    ("--web.listen-address=no-such-host.invalid:0", "cannot listen on no-such-host.invalid:0"),
    (f"--web.listen-address={'x' * 64}.test:0", "is not an address"),
    ("--web.listen-address=192.0.2.1:0", "cannot listen on 192.0.2.1:0"),
    ("--web.telemetry-path=metrics", "'metrics' must be"),
    ("--web.timeout-offset=-1s", "is not a duration"),
    ("--ionq.timeout=0", "must be longer than 0s"),
    ("--ionq.max-response-bytes=0", "'0' is not a size: write bytes, or like 512KiB or 1MiB"),
    ("--ionq.api-url=api.ionq.co", "is not a URL"),
    ("--ionq.api-url=https://api.ionq.co/v0.4/backends", "write the base URL"),
    ("--log.level=loud", "loud"),
    ("--web.config.file=/nonexistent", "Invalid value for --web.config.file: /nonexistent: cannot read"),
    ("--web.config.check", "--web.config.check needs --web.config.file"),
    ("--no-such-flag", "no-such-flag"),
    ("no-such-command", "no-such-command"),
]


@pytest.mark.parametrize(("argument", "problem"), REFUSED, ids=[argument[:50] for argument, _ in REFUSED])
def test_a_bad_flag_is_one_line_and_exit_status_2(argument: str, problem: str) -> None:
    assert_refused(run_command(argument), problem)


BAD_ENVIRONMENTS = {
    "certificates": ({"SSL_CERT_FILE": "/nonexistent"}, "the certificates in SSL_CERT_FILE"),
    "proxy": ({"HTTPS_PROXY": "http://proxy:port"}, "the proxy in HTTPS_PROXY"),
}


@pytest.mark.parametrize(("environment", "problem"), BAD_ENVIRONMENTS.values(), ids=BAD_ENVIRONMENTS.keys())
def test_certificates_or_a_proxy_that_cannot_be_used_are_one_line_and_exit_status_2(
    environment: dict[str, str], problem: str
) -> None:
    assert_refused(run_command("once", environment=environment), problem)


_BROKEN = """
import exporter.commands.main
import exporter.server.http_server

class Broken(exporter.server.http_server.HTTPServer):
    async def startup(self, sockets=None):
        raise ValueError("not enough values to unpack")

exporter.server.http_server.HTTPServer = Broken
exporter.commands.main.main(["--web.listen-address=127.0.0.1:0"])
"""


def test_a_failure_while_it_serves_is_not_a_usage_error_and_has_a_traceback() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _BROKEN],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert ended.returncode == 1
    assert "in startup\n" in ended.stderr
    assert "ValueError: not enough values to unpack\n" in ended.stderr
    assert "see ionq-exporter --help" not in ended.stderr


def test_a_flag_wins_over_its_environment_variable(upstream: Upstream) -> None:
    environment = {
        "IONQ_EXPORTER_IONQ_TIMEOUT": "1s",
        "IONQ_EXPORTER_LOG_FORMAT": "json",
        "IONQ_EXPORTER_WEB_TELEMETRY_PATH": "/from-the-environment",
        "IONQ_EXPORTER_IONQ_API_URL": "http://ionq.invalid",
    }
    with ExporterProcess(
        upstream.url, "--ionq.timeout=2s", "--log.format=logfmt", environment=environment
    ) as exporter:
        assert exporter.urls[0].endswith("/from-the-environment")
        assert "timeout_seconds=2.0" in exporter.await_log("event=exporter_started")
        assert exporter.scrape().up


def test_a_bad_environment_variable_is_named() -> None:
    ended = run_command(environment={"IONQ_EXPORTER_IONQ_TIMEOUT": "soon"})
    assert_refused(
        ended, "'--ionq.timeout' (env var: 'IONQ_EXPORTER_IONQ_TIMEOUT'): 'soon' is not a duration"
    )


def test_a_misspelt_environment_variable_is_logged(upstream: Upstream) -> None:
    environment = {"IONQ_EXPORTER_IONQ_TIMEOT": "1s", "IONQ_EXPORTER_SERVICE_HOST": "10.0.0.1"}
    with ExporterProcess(upstream.url, environment=environment) as exporter:
        line = exporter.await_log("event=environment_variable_ignored", "level=warning")
        assert "variable=IONQ_EXPORTER_IONQ_TIMEOT did_you_mean=IONQ_EXPORTER_IONQ_TIMEOUT" in line
        assert "SERVICE_HOST" not in "\n".join(exporter.log)


def test_a_size_can_have_a_unit(upstream: Upstream) -> None:
    upstream.answers(ok(b" " * 1025))
    ended = run_exporter("once", f"--ionq.api-url={upstream.url}", "--ionq.max-response-bytes=1KiB")
    assert ended.returncode == 1
    assert "reason=too_large" in ended.stderr


def test_version() -> None:
    ended = run_exporter("--version")
    assert ended.returncode == 0
    assert ended.stdout.startswith(f"ionq-exporter {__version__} (revision ")
    assert ended.stderr == ""


@pytest.mark.parametrize("command", [[], ["once"], ["demo"]])
def test_help_lists_the_flags_of_a_command_in_sections_with_their_variables(command: list[str]) -> None:
    ended = run_command(*command, "--help")
    assert (ended.returncode, ended.stderr) == (0, "")
    api, collectors, log = (ended.stdout.index(f"\n{title}:\n") for title in ("IonQ", "Collectors", "Log"))
    assert api < ended.stdout.index("--ionq.timeout DURATION") < collectors
    assert log < ended.stdout.index("--log.level") < ended.stdout.index("IONQ_EXPORTER_LOG_LEVEL")
    assert ("--ionq.api-url" in ended.stdout) == (command != ["demo"])


def test_help_lists_the_commands() -> None:
    assert re.findall(r"^  (\w+)  +[A-Z].*\.$", run_command("--help").stdout, re.MULTILINE) == [
        "backfill",
        "demo",
        "once",
        "serve",
        "simulate",
    ]


@pytest.mark.parametrize("command", ["once", "serve"])
def test_a_command_does_not_import_what_only_others_need(command: str) -> None:
    program = f"""
import gc, sys, exporter.commands.main
gc.disable()
exporter.commands.main.commands.commands["{command}"]
packages = ("simulator", "commands.backfill", "commands.demo", "server.app")
names = (*("exporter." + name for name in packages), "uvicorn", "jinja2", "yaml", "bcrypt")
print(*(name for name in names if name in sys.modules))
assert gc.isenabled()
"""
    imported = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    assert imported.split() == (["exporter.server.app", "uvicorn"] if command == "serve" else [])


def test_once_writes_to_standard_output(upstream: Upstream) -> None:
    ended = run_exporter("once", f"--ionq.api-url={upstream.url}")
    assert ended.returncode == 0
    assert ended.stderr == ""
    scraped = Exposition(ended.stdout)
    assert scraped.up
    assert scraped.backends == {"qpu.forte-1", "simulator"}
    assert not [sample.name for sample in scraped.samples if not sample.name.startswith("ionq_")]
    assert len(upstream.requests) == 1


def test_once_exits_with_1_if_ionq_cannot_be_read(upstream: Upstream) -> None:
    upstream.answers(status(500))
    ended = run_exporter("once", f"--ionq.api-url={upstream.url}")
    assert ended.returncode == 1
    assert not Exposition(ended.stdout).up
    assert "event=ionq_read_failed" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_once_replaces_a_file_atomically(upstream: Upstream, tmp_path: Path) -> None:
    output = tmp_path / "ionq.prom"
    output.write_text("old")
    with output.open() as reader:
        ended = run_exporter("once", f"--ionq.api-url={upstream.url}", f"--output={output}")
        assert reader.read() == "old"
    assert ended.returncode == 0
    assert ended.stdout == ""
    assert Exposition(output.read_text()).up
    assert [path.name for path in tmp_path.iterdir()] == ["ionq.prom"]
    assert stat.S_IMODE(output.stat().st_mode) == 0o644


def test_once_writes_the_file_also_if_ionq_cannot_be_read(upstream: Upstream, tmp_path: Path) -> None:
    output = tmp_path / "ionq.prom"
    upstream.answers(status(500))
    ended = run_exporter("once", f"--ionq.api-url={upstream.url}", f"--output={output}")
    assert ended.returncode == 1
    assert not Exposition(output.read_text()).up


BAD_OUTPUTS = {
    "missing/ionq.prom": "there is no folder {folder}/missing",
    "file/ionq.prom": "there is no folder {folder}/file",
    "ionq.txt": "does not end in .prom",
    "ionq": "does not end in .prom",
    "": "is a directory",
}


@pytest.mark.parametrize(("output", "problem"), BAD_OUTPUTS.items())
def test_once_refuses_an_output_that_cannot_be_written_before_ionq_is_asked(
    upstream: Upstream, tmp_path: Path, output: str, problem: str
) -> None:
    (tmp_path / "file").touch()
    ended = run_command("once", f"--ionq.api-url={upstream.url}", f"--output={tmp_path / output}")
    assert_refused(ended, problem.format(folder=tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert not upstream.requests


def test_once_refuses_a_folder_without_permission_before_ionq_is_asked(upstream: Upstream) -> None:
    # Not even root may write there.
    ended = run_command("once", f"--ionq.api-url={upstream.url}", "--output=/proc/self/ionq.prom")
    assert_refused(ended, "Invalid value for --output: /proc/self/ionq.prom cannot be written: no permission")
    assert not upstream.requests


@pytest.mark.parametrize("answer", [ok(), status(500)], ids=["up", "down"])
def test_once_reports_a_full_disk_and_exits_with_2(upstream: Upstream, answer: Script) -> None:
    upstream.answers(answer)
    with Path("/dev/full").open("w") as full:
        ended = run_exporter("once", f"--ionq.api-url={upstream.url}", stdout=full)
    assert ended.returncode == 2
    assert (
        ended.stderr.splitlines(keepends=True)[-1]
        == "ionq-exporter: cannot write standard output: No space left on device\n"
    )


def test_json_logs_are_one_object_a_line(upstream: Upstream) -> None:
    upstream.answers(status(500))
    ended = run_exporter("once", f"--ionq.api-url={upstream.url}", "--log.format=json")
    (line,) = ended.stderr.splitlines()
    assert json.loads(line)["event"] == "ionq_read_failed"


def test_a_response_cannot_forge_a_log_line(upstream: Upstream) -> None:
    message = "bad\nts=now level=info event=forged \x1b[31m \u2028"
    upstream.answers(status(500, {"x-request-id": "a\x1b[31mb"}, json.dumps({"message": message}).encode()))
    ended = run_exporter("once", f"--ionq.api-url={upstream.url}")
    assert ended.stderr.count("\n") == 1
    assert "\x1b" not in ended.stderr
