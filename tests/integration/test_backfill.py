"""The backfill as a command: what it writes, how it stops, and how it resumes."""

import contextlib
import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from deploy.drill import programs
from exporter.commands.backfill.command import FIRST_SCRAPE
from exporter.common.times import parse_time
from tests.integration.test_key import KEY, assert_hidden
from tests.support.backfill import (
    ARIA,
    FORTE,
    Pages,
    SimulatedHistory,
    asked,
    fleet,
    page,
    pages_asked,
    wire_characterization,
    wire_history,
)
from tests.support.command_line import assert_refused, run_command
from tests.support.exporter_process import clean_environment, run_exporter
from tests.support.repository import ROOT
from tests.support.tools import require_tool
from tests.support.upstream import PATIENCE_SECONDS, Request, Script, Upstream, hang, status

END = "--end=2025-03-01"
IN_HASTE = "--requests-per-second=10"

PAGES = Pages({FORTE: wire_history(FORTE, 4), ARIA: wire_history(ARIA, 1)})
ALL_PAGES = [*((FORTE, number) for number in (1, 2, 3, 4)), (ARIA, 1)]


@dataclass(frozen=True)
class Backfill:
    """Runs the command with an upstream and a file."""

    upstream: Upstream
    folder: Path
    name: str = "history.openmetrics"

    @property
    def output(self) -> Path:
        return self.folder / self.name

    @property
    def part(self) -> Path:
        return self.folder / f"{self.name}.part"

    @property
    def files(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}

    def arguments(self, *flags: str) -> list[str]:
        return [
            "backfill",
            f"--ionq.api-url={self.upstream.url}",
            f"--output={self.output}",
            IN_HASTE,
            END,
            *flags,
        ]

    def run(self, *flags: str) -> subprocess.CompletedProcess[str]:
        return run_command(*self.arguments(*flags))

    def run_process(
        self, *flags: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run it as a process, whose log lines are part of the result."""
        ended = run_exporter(*self.arguments(*flags), environment=environment)
        assert "Traceback" not in ended.stderr, ended.stderr
        return ended

    def write(self, *flags: str) -> bytes:
        """Run to the end and return the content of the file."""
        ended = self.run(*flags)
        assert ended.returncode == 0, ended.stderr
        return self.output.read_bytes()

    @contextlib.contextmanager
    def running(
        self, *flags: str, environment: Mapping[str, str] | None = None, stderr: int = subprocess.PIPE
    ) -> Iterator[subprocess.Popen[str]]:
        """Run it as a process in Python's development mode."""
        with subprocess.Popen(
            [sys.executable, "-X", "dev", "-m", "exporter", *self.arguments(*flags)],
            env=clean_environment(**(environment or {})),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def interrupt(self, number: signal.Signals, *flags: str, after: int = 3) -> tuple[int, str]:
        """Send a signal after a number of pages. Return the exit status and standard error."""
        self.upstream.requests.clear()
        self.upstream.characterization_requests.clear()
        left = iter(range(after))
        self.upstream.characterizes(lambda request: PAGES(request) if next(left, -1) >= 0 else hang)
        with self.running(*flags) as process:
            self.upstream.await_characterization_requests(after + 1)
            process.send_signal(number)
            printed, reported = process.communicate(timeout=PATIENCE_SECONDS)
        self.upstream.characterizes(PAGES)
        assert printed == ""
        assert "Traceback" not in reported
        return process.returncode, reported

    def leave_pages(self) -> None:
        """Run until IonQ refuses the third page."""
        self.upstream.characterizes(
            lambda request: PAGES(request) if asked(request).page < 3 else status(403)
        )
        assert self.run().returncode == 1
        self.upstream.characterizes(PAGES)


@pytest.fixture
def backfill(upstream: Upstream, tmp_path: Path) -> Backfill:
    upstream.answers(fleet(FORTE, ARIA))
    upstream.characterizes(PAGES)
    folder = tmp_path / "of a user"
    folder.mkdir()
    return Backfill(upstream, folder)


@pytest.fixture(scope="module")
def whole_history(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a run that nothing interrupts."""
    with Upstream() as upstream:
        upstream.answers(fleet(FORTE, ARIA))
        upstream.characterizes(PAGES)
        return Backfill(upstream, tmp_path_factory.mktemp("whole")).write()


def samples(path: Path, name: str) -> dict[tuple[str, str, float], float]:
    """Return the values of a metric by backend, operation and time."""
    return {
        (sample.labels["backend"], sample.labels.get("operation", ""), float(sample.timestamp)): sample.value
        for family in text_string_to_metric_families(path.read_text())  # type: ignore[no-untyped-call]
        for sample in family.samples
        if sample.name == name
    }


def test_a_history_is_written_and_summarized(backfill: Backfill) -> None:
    ended = backfill.run_process("--label=job=ionq", "--step=1d")
    text = backfill.output.read_text()
    count = sum(not line.startswith("#") for line in text.splitlines())
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == (
        f"{backfill.output}: 5 characterizations of qpu.forte-1, qpu.aria-1, "
        f"from 2025-01-01T00:00:00Z to 2025-03-01T00:00:00Z, as {count:,} samples.\n"
        "IonQ seems to fill missing values with those of the next newer characterization on the same page."
        "\nUse --one-by-one if you need exact values.\n"
        "First set Prometheus's retention to keep them (--storage.tsdb.retention.time=10y).\n"
        'Then run promtool as the Prometheus user (on Debian: "sudo -u prometheus" before the command). '
        "Otherwise\nPrometheus cannot delete old blocks and fails to start.\n"
        "\n"
        "  promtool tsdb create-blocks-from --max-block-duration=4374h openmetrics "
        f"'{backfill.output}' DIRECTORY\n"
    )
    assert backfill.files == {backfill.name}
    fidelity = samples(backfill.output, "ionq_backend_fidelity_ratio")
    assert len(fidelity) == 2 * 59
    assert fidelity[FORTE, "2q", parse_time("2025-01-07")] == 0.99
    assert fidelity[FORTE, "2q", parse_time("2025-01-08")] == 0.991
    assert fidelity[ARIA, "2q", parse_time("2025-02-28")] == 0.99
    assert text.count('job="ionq"') == count


def with_filled_nulls(request: Request) -> Script:
    """Fill a missing value with that of the next newer characterization on the page, as IonQ seems to do."""
    history = wire_history(count=3)
    history[1] |= {"fidelity": {"2q": None}}
    query = asked(request).query
    limit, number = int(query["limit"]), int(query["page"])
    rows = history[(number - 1) * limit : number * limit]
    for newer, older in pairwise(rows):
        older["fidelity"] = {"2q": older["fidelity"]["2q"] or newer["fidelity"]["2q"]}
    return page(*rows, remaining=-(-len(history) // limit) - number)


def test_a_missing_value_is_missing_in_the_history_if_characterizations_are_read_one_by_one(
    backfill: Backfill,
) -> None:
    backfill.upstream.characterizes(with_filled_nulls)
    flags = (f"--backend={FORTE}", "--end=2025-01-22", "--step=1d")

    def values() -> list[float]:
        return [*samples(backfill.output, "ionq_backend_fidelity_ratio").values()]

    assert "Use --one-by-one if you need exact values" in backfill.run(*flags).stdout
    assert values() == [0.99] * 7 + [0.992] * 14
    backfill.upstream.characterization_requests.clear()
    assert "exact" not in backfill.run("--one-by-one", *flags).stdout
    assert values() == [0.99] * 7 + [0.992] * 7
    assert len(backfill.upstream.characterization_requests) == 3


def test_start_and_end_can_be_unix_seconds(backfill: Backfill) -> None:
    expected = backfill.write("--start=2025-01-08", "--end=2025-01-22")
    assert backfill.write("--start=1736294400", "--end=1737504000") == expected


def test_promtool_loads_the_file_with_the_printed_command(backfill: Backfill) -> None:
    require_tool("promtool", package="prometheus")
    load = backfill.run().stdout.splitlines()[-1]
    data = backfill.folder / "data"
    subprocess.run(
        ["sh", "-c", load.replace("DIRECTORY", shlex.quote(str(data)))], check=True, capture_output=True
    )
    lines = backfill.output.read_text().splitlines()
    blocks = [json.loads(path.read_text()) for path in data.glob("*/meta.json")]
    assert sum(block["stats"]["numSamples"] for block in blocks) == sum(line[0] != "#" for line in lines)


def test_the_page_about_history_has_the_command_and_the_query_that_are_printed(backfill: Backfill) -> None:
    page = (ROOT / "docs" / "history.md").read_text("utf-8")
    command, _, _ = backfill.run().stdout.splitlines()[-1].strip().partition("'")
    assert page.count(command) == 2
    assert FIRST_SCRAPE in page


def test_an_old_history_is_replaced(backfill: Backfill) -> None:
    backfill.output.write_text("old")
    assert backfill.write().endswith(b"\n# EOF\n")


def test_each_sample_has_the_value_of_the_simulators_characterization_of_that_time(
    tmp_path: Path,
) -> None:
    output = tmp_path / "history.openmetrics"
    names = ("qpu.aria-1", "qpu.forte-1")
    with programs.simulator() as url:
        ended = run_exporter(
            "backfill",
            f"--ionq.api-url={url}/v0.4",
            f"--output={output}",
            *(f"--backend={name}" for name in names),
            "--start=2023-06-01",
            "--end=2024-02-01",
            "--step=6h",
            IN_HASTE,
        )
    assert ended.returncode == 0, ended.stderr
    start, end = int(parse_time("2023-06-01")), int(parse_time("2024-02-01"))
    histories = {name: SimulatedHistory.of(name, end) for name in names}
    expected = {
        (name, operation, moment): value
        for name, history in histories.items()
        for moment in range(start, end, 6 * 3600)
        for operation in ("spam", "1q", "2q")
        if (value := history.fidelity(moment, operation)) is not None
    }
    assert samples(output, "ionq_backend_fidelity_ratio") == expected
    assert (FORTE, "1q", start) not in expected, "it was not in service yet"


STATUSES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}


@pytest.mark.parametrize(("number", "after"), [(signal.SIGINT, 1), (signal.SIGTERM, 3), (signal.SIGKILL, 2)])
def test_after_a_signal_it_resumes_and_writes_the_same_file(
    backfill: Backfill, whole_history: bytes, number: signal.Signals, after: int
) -> None:
    returncode, reported = backfill.interrupt(number, after=after)
    assert returncode == STATUSES[number]
    if number is not signal.SIGKILL:
        kept = "1 page is" if after == 1 else f"{after} pages are"
        assert reported == f"ionq-exporter: stopped; {kept} kept: repeat the command to resume\n"
    assert backfill.files == {backfill.part.name}
    unanswered = pages_asked(backfill.upstream.characterization_requests)[-1]
    assert backfill.write() == whole_history
    assert backfill.files == {backfill.name}
    assert sorted(pages_asked(backfill.upstream.characterization_requests)) == sorted(
        [*ALL_PAGES, unanswered]
    ), "no page is read twice"
    assert len(backfill.upstream.requests) == 1, "nor are the backends"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_writes_leaves_no_incomplete_file(
    backfill: Backfill, number: signal.Signals
) -> None:
    with backfill.running("--step=1s") as process:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(backfill.files) < 2:  # the checkpoint and the new file
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(number)
        printed, reported = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == STATUSES[number]
    assert printed == ""
    assert reported == "ionq-exporter: stopped; 5 pages are kept: repeat the command to resume\n"
    assert backfill.files == {backfill.part.name}


@pytest.mark.parametrize("code", [429, 503])
def test_a_pause_of_a_day_can_be_interrupted(backfill: Backfill, code: int) -> None:
    backfill.upstream.answers(status(code, {"Retry-After": "90000"}))
    with backfill.running() as process:
        assert process.stderr
        assert re.search(r' wait=(1d|"23h 59m")$', process.stderr.readline())
        process.terminate()
        _, reported = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, reported) == (143, "ionq-exporter: stopped\n")


def test_an_incomplete_page_in_the_checkpoint_is_read_again(backfill: Backfill, whole_history: bytes) -> None:
    backfill.leave_pages()
    os.truncate(backfill.part, backfill.part.stat().st_size - 7)
    assert backfill.write() == whole_history


def test_it_resumes_after_a_failure(backfill: Backfill, whole_history: bytes) -> None:
    backfill.upstream.characterizes(
        lambda request: PAGES(request) if asked(request).page < 3 else status(403)
    )
    failed = backfill.run()
    assert failed.returncode == 1
    assert failed.stderr == (
        "ionq-exporter: IonQ answered 403: check the API key, and whether a proxy is in between; "
        "3 pages are kept: repeat the command to resume\n"
    )
    backfill.upstream.characterizes(PAGES)
    assert backfill.write() == whole_history


def test_without_an_end_it_resumes_with_the_end_of_the_first_run(backfill: Backfill) -> None:
    backfill.leave_pages()
    ended = run_command(*(argument for argument in backfill.arguments() if argument != END))
    assert (ended.returncode, ended.stderr) == (0, "")
    ends = {asked(request).query["end"] for request in backfill.upstream.characterization_requests}
    assert ends == {"2025-03-01T00:00:00Z"}


def test_the_default_end_is_printed_with_a_query_for_a_better_one_before_ionq_is_asked(
    backfill: Backfill,
) -> None:
    backfill.upstream.answers(status(404))
    ended = run_command(*(argument for argument in backfill.arguments() if argument != END))
    assert re.match(
        r"ionq-exporter: the history will end at 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ\. If Prometheus has",
        ended.stderr,
    )
    assert f"which this query returns:\n{FIRST_SCRAPE}\nionq-exporter: IonQ answered 404" in ended.stderr


def test_step_and_labels_may_change_between_runs(backfill: Backfill) -> None:
    expected = backfill.write("--step=1d", "--label=job=ionq")
    backfill.leave_pages()
    assert backfill.write("--step=1d", "--label=job=ionq") == expected


def test_a_checkpoint_with_other_flags_is_refused_and_kept_before_ionq_is_asked(backfill: Backfill) -> None:
    backfill.leave_pages()
    left = backfill.part.read_bytes()
    backfill.upstream.requests.clear()
    backfill.upstream.characterization_requests.clear()
    refused = backfill.run("--start=2025-01-01", "--one-by-one")
    assert_refused(
        refused, f"{backfill.part} is from a run with other flags, no --start and no --one-by-one:"
    )
    assert backfill.part.read_bytes() == left
    assert backfill.files == {backfill.part.name}
    assert not backfill.upstream.requests
    assert not backfill.upstream.characterization_requests


BAD_FLAGS = {
    "--start=soon": "'soon' is not a time",
    "--start=2025-03-01": "must be before the end",
    "--end=tomorrow": "'tomorrow' is not a time: write 2025-12-31, 2025-12-31T18:00:00Z or Unix seconds",
    "--end=2999-01-01": "three hours ago or earlier",
    "--step=often": "is not a duration",
    "--step=0": "is not a step",
    "--step=1.5s": "is not a step",
    "--label=job": "is not a label: write name=value",
    "--label=job=": "is not a label",
    "--label=1job=ionq": "is not a label",
    "--label=__name__=ionq": "is not a label",
    "--label=job=a\nb": "is not a label",
    "--label=backend=mine": "the history has a label backend of its own",
    "--label=operation=mine": "the history has a label operation of its own",
    "--requests-per-second=0": "requests-per-second",
    "--requests-per-second=11": "requests-per-second",
    "--requests-per-second=nan": "requests-per-second",
    "--output=/": "is a directory",
    "--output=": "the name of the file is empty",
    "--ionq.api-url=api.ionq.co": "is not a URL",
    "--ionq.timeout=0": "must be longer than 0s",
    "--ionq.api-key-file=/nonexistent": "--ionq.api-key-file: cannot read /nonexistent: No such file",
    "--no-such-flag": "no-such-flag",
    "argument": "argument",
}


@pytest.mark.parametrize(("flag", "problem"), BAD_FLAGS.items(), ids=map(repr, BAD_FLAGS))
def test_a_bad_flag_is_one_line_and_exit_status_2_before_ionq_is_asked(
    backfill: Backfill, flag: str, problem: str
) -> None:
    assert_refused(backfill.run(flag), problem)
    assert not backfill.upstream.requests
    assert backfill.files == set()


UNWRITABLE = {
    "missing": "missing/history.openmetrics",
    "no_directory": "file/history.openmetrics",
    "read_only": "/sys/history.openmetrics",
    "taken": "taken.openmetrics",
}


@pytest.mark.parametrize("output", UNWRITABLE.values(), ids=UNWRITABLE.keys())
def test_an_output_that_cannot_be_written_is_refused_before_ionq_is_asked(
    backfill: Backfill, output: str
) -> None:
    (backfill.folder / "file").touch()
    (backfill.folder / "taken.openmetrics.part").mkdir()
    path = backfill.folder / output
    assert_refused(backfill.run(f"--output={path}"), f"--output: cannot write {path}.part: ")
    assert not backfill.upstream.requests


def test_another_file_with_the_name_of_the_checkpoint_is_refused_and_kept(backfill: Backfill) -> None:
    backfill.part.write_text("a download")
    assert_refused(backfill.run(), "is not a checkpoint of a backfill")
    assert backfill.part.read_text() == "a download"
    assert not backfill.upstream.requests


def test_a_full_disk_costs_no_page(backfill: Backfill) -> None:
    expected = backfill.write("--step=10m")
    assert len(expected) > 4 << 20
    backfill.output.write_bytes(b"old")
    # The unit is 512 bytes or a kilobyte.
    limited = ["sh", "-c", 'ulimit -f 4096; exec "$@"', "sh", sys.executable, "-m", "exporter"]
    ended = subprocess.run(
        [*limited, *backfill.arguments("--step=10m")],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert_refused(ended, f"cannot write {backfill.output}: File too large")
    assert backfill.files == {backfill.name, backfill.part.name}
    assert backfill.output.read_bytes() == b"old"
    backfill.upstream.characterization_requests.clear()
    assert backfill.write("--step=10m") == expected
    assert not backfill.upstream.characterization_requests


@pytest.mark.parametrize(
    ("answer", "flags", "message"),
    [
        (status(401), (), "IonQ answered 401: check the API key"),
        (page(), (), "IonQ has no characterizations of these backends in that time: nothing written"),
        (
            page(wire_characterization("a", "2025-03-01", backend=FORTE)),
            (f"--backend={FORTE}",),
            "IonQ has no characterizations of these backends in that time: nothing written",
        ),
    ],
    ids=["refused", "null", "too_new"],
)
def test_without_characterizations_the_status_is_1_and_no_file_is_left(
    backfill: Backfill, answer: Script, flags: tuple[str, ...], message: str
) -> None:
    backfill.upstream.characterizes(lambda _: answer)
    ended = backfill.run(*flags)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", f"ionq-exporter: {message}\n")
    assert backfill.files == set()


def test_without_the_list_of_backends_the_status_is_1_and_no_file_is_left(backfill: Backfill) -> None:
    backfill.upstream.answers(status(404))
    ended = backfill.run()
    assert (ended.returncode, ended.stderr) == (1, "ionq-exporter: IonQ answered 404: check --ionq.api-url\n")
    assert backfill.files == set()


def test_a_signal_before_the_first_page_leaves_no_file(backfill: Backfill) -> None:
    returncode, reported = backfill.interrupt(signal.SIGTERM, after=0)
    assert (returncode, reported) == (143, "ionq-exporter: stopped\n")
    assert backfill.files == set()


def test_the_key_is_sent_with_each_request_and_shown_nowhere(backfill: Backfill) -> None:
    key_file = backfill.folder.parent / "key"
    key_file.write_text(KEY)
    echo = wire_history(count=3)
    echo[0] |= {"id": KEY}
    echo[1] |= {"qubits": f"my {KEY}"}
    answers = Pages({FORTE: echo})

    def refused_at_last(request: Request) -> Script:
        refusal = status(403, body=json.dumps({"message": f"not for {KEY}"}).encode())
        return refusal if asked(request).page == 3 else answers(request)

    flags = (f"--backend={FORTE}", "--log.level=debug")
    backfill.upstream.characterizes(refused_at_last)
    refused = backfill.run_process(*flags, f"--ionq.api-key-file={key_file}")
    assert refused.returncode == 1
    assert_hidden(refused.stdout + refused.stderr + backfill.part.read_text())
    backfill.upstream.characterizes(answers)
    ended = backfill.run_process(*flags, environment={"IONQ_API_KEY": KEY})
    assert ended.returncode == 0, ended.stderr
    assert_hidden(ended.stdout + ended.stderr + backfill.output.read_text())
    requests = [*backfill.upstream.requests, *backfill.upstream.characterization_requests]
    assert {request.headers.get("authorization") for request in requests} == {f"apiKey {KEY}"}


def test_invalid_values_are_reported_and_cost_no_others(backfill: Backfill) -> None:
    history = wire_history(count=2)
    history[0] |= {"qubits": "many"}
    backfill.upstream.characterizes(Pages({FORTE: history}))
    ended = backfill.run_process(f"--backend={FORTE}", "--log.format=json")
    assert ended.returncode == 0
    logged, summary = ended.stderr.splitlines()
    assert json.loads(logged)["examples"] == "qpu.forte-1: record.qubits 'many' is not a number"
    assert summary == (
        "ionq-exporter: of 2 characterizations, 0 were left out and 1 value was not valid; "
        "by field: record.qubits 1"
    )
    last = parse_time("2025-02-28")
    assert samples(backfill.output, "ionq_backend_t1_seconds")[FORTE, "", last] == 100
    assert (FORTE, "", last) not in samples(backfill.output, "ionq_backend_characterized_qubits")


def weeks(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [one | fields for one in wire_history(count=count)]


LOSSES = {
    "of_another_backend": ({"backend": "qpu.other"}, "record.backend 2"),
    "without_a_date": ({"date": None}, "record.date 2"),
    "with_an_invalid_date": ({"date": "soon"}, "record.date 2"),
    "without_an_id": ({"id": None}, "record.id 2"),
}


@pytest.mark.parametrize(("fields", "by_field"), LOSSES.values(), ids=LOSSES.keys())
def test_what_is_left_out_is_counted_over_all_pages_also_of_an_earlier_run(
    backfill: Backfill, fields: Mapping[str, Any], by_field: str
) -> None:
    good, bad = wire_history(count=4), weeks(4, **fields)
    mixed = Pages({FORTE: [bad[0], good[1], bad[2], good[3]]})
    backfill.upstream.characterizes(
        lambda request: mixed(request) if asked(request).page < 3 else status(403)
    )
    assert backfill.run(f"--backend={FORTE}").returncode == 1
    backfill.upstream.characterizes(mixed)
    ended = backfill.run(f"--backend={FORTE}")
    assert ended.returncode == 0
    assert ended.stdout.startswith(f"{backfill.output}: 2 characterizations of qpu.forte-1, ")
    assert ended.stderr.splitlines()[-1] == (
        "ionq-exporter: of 4 characterizations, 2 were left out and 0 values were not valid; "
        f"by field: {by_field}"
    )


def test_what_is_left_out_and_what_is_invalid_are_counted_separately(backfill: Backfill) -> None:
    history = [
        one | ({"date": None} if number % 2 else {"qubits": "many"})
        for number, one in enumerate(wire_history(count=10))
    ]
    backfill.upstream.characterizes(Pages({FORTE: history}, per_page=3))
    ended = backfill.run(f"--backend={FORTE}", "--end=2026-06-01")
    assert ended.stdout.startswith(f"{backfill.output}: 5 characterizations of qpu.forte-1, ")
    assert ended.stderr.splitlines()[-1] == (
        "ionq-exporter: of 10 characterizations, 5 were left out and 5 values were not valid; "
        "by field: record.date 5, record.qubits 5"
    )


ALL_LEFT_OUT = "of 4 characterizations, 4 were left out and 0 values were not valid"
NOTHING_USABLE = (
    "IonQ has no characterizations of these backends in that time that can be used: nothing written"
)


@pytest.mark.parametrize(
    "fields", [{"date": None}, {"date": "2001-01-01"}, {"backend": "qpu.other"}], ids=str
)
def test_if_no_characterization_can_be_used_the_message_says_so(
    backfill: Backfill, fields: Mapping[str, Any]
) -> None:
    backfill.upstream.characterizes(Pages({FORTE: weeks(4, **fields)}))
    ended = backfill.run(f"--backend={FORTE}")
    field = f"record.{next(iter(fields))}"
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.splitlines()[-2:] == [
        f"ionq-exporter: {ALL_LEFT_OUT}; by field: {field} 4",
        f"ionq-exporter: {NOTHING_USABLE}",
    ]
    assert backfill.files == set()


def test_if_all_characterizations_are_of_another_time_invalid_values_are_not_blamed(
    backfill: Backfill,
) -> None:
    backfill.upstream.characterizes(Pages({FORTE: weeks(4, qubits="many")}))
    ended = backfill.run(f"--backend={FORTE}", "--end=2020-01-01")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == (
        "ionq-exporter: IonQ has no characterizations of these backends in that time: nothing written"
    )


UNKNOWN = {
    "alone": (("--backend=qpu.typo",), 400),
    "after_another": ((f"--backend={FORTE}", "--backend=qpu.typo"), 404),
    "after_an_unlisted_one": (("--backend=qpu.retired", "--backend=qpu.typo"), 404),
}


@pytest.mark.parametrize(("flags", "code"), UNKNOWN.values(), ids=UNKNOWN.keys())
def test_an_unknown_backend_is_reported_before_the_first_page_and_no_file_is_left(
    backfill: Backfill, flags: tuple[str, ...], code: int
) -> None:
    pages = Pages({**PAGES.histories, "qpu.retired": wire_history("qpu.retired", 2)}, 10)
    backfill.upstream.characterizes(
        lambda request: status(code) if asked(request).backend == "qpu.typo" else pages(request)
    )
    ended = backfill.run(*flags)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.splitlines()[-1] == (
        "ionq-exporter: IonQ knows no backend qpu.typo: check --backend (IonQ lists qpu.forte-1, qpu.aria-1, "
        "simulator; a reserved backend may need an API key)"
    )
    assert backfill.files == set()
    queries = [asked(request).query for request in backfill.upstream.characterization_requests]
    assert [query for query in queries if "page" in query] == []
    backfill.write(*flags[:-1], f"--backend={ARIA}")


def test_a_backend_that_is_no_longer_listed_is_reported_and_read(backfill: Backfill) -> None:
    backfill.upstream.characterizes(Pages({"qpu.retired": wire_history("qpu.retired", 2)}))
    ended = backfill.run_process("--backend=qpu.retired")
    assert ended.returncode == 0
    assert "event=backend_not_listed backend=qpu.retired" in ended.stderr
    assert len(samples(backfill.output, "ionq_backend_fidelity_ratio")) == 59 * 24


def test_a_terminal_shows_the_progress(backfill: Backfill) -> None:
    terminal, end = pty.openpty()
    screen = b""
    with (
        os.fdopen(terminal, "rb", buffering=0) as shown,
        backfill.running(stderr=end, environment={"TERM": "xterm"}) as process,
    ):
        os.close(end)
        # On Linux, reading a terminal whose other end is closed is an error.
        with contextlib.suppress(OSError):
            while piece := shown.read(65536):
                screen += piece
        assert process.wait(PATIENCE_SECONDS) == 0
    assert b"Pages" in screen
    for number in range(1, len(ALL_PAGES) + 1):
        assert f" {number}/".encode() in screen
    assert b" 5/5" in screen
