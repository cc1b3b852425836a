"""The backfill as a program: what it writes, how it ends, and how it goes on."""

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
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from deploy.drill import programs
from exporter.commands.backfill.reading import FIRST_SCRAPE
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
    wire_history,
    wire_record,
)
from tests.support.exporter_process import clean_environment, run_exporter
from tests.support.repository import ROOT
from tests.support.tools import require_tool
from tests.support.upstream import PATIENCE_SECONDS, Request, Script, Upstream, hang, status

END = "--end=2025-03-01"
IN_HASTE = "--requests-per-second=10"

PAGES = Pages({FORTE.name: wire_history(FORTE.name, 4), ARIA.name: wire_history(ARIA.name, 2)})
ALL_PAGES = [*((FORTE.name, number) for number in (1, 2, 3, 4)), *((ARIA.name, number) for number in (1, 2))]


@dataclass(frozen=True)
class Backfill:
    """Runs the command against an upstream, with a file of its own to write."""

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

    def run(
        self, *flags: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        ended = run_exporter(*self.arguments(*flags), environment=environment)
        assert "Traceback" not in ended.stderr, ended.stderr
        return ended

    def write(self, *flags: str) -> bytes:
        """Run to the end, and return what was written."""
        ended = self.run(*flags)
        assert ended.returncode == 0, ended.stderr
        return self.output.read_bytes()

    @contextlib.contextmanager
    def running(
        self, *flags: str, environment: Mapping[str, str] | None = None, stderr: int = subprocess.PIPE
    ) -> Iterator[subprocess.Popen[str]]:
        """Run it beside the test, with what Python shows in development."""
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
        """Send a signal when so many pages were answered, and return the status and what was told."""
        self.upstream.requests.clear()
        self.upstream.characterization_requests.clear()
        answered = iter(range(after))
        self.upstream.characterizes(lambda request: PAGES(request) if next(answered, -1) >= 0 else hang)
        with self.running(*flags) as process:
            self.upstream.await_characterization_requests(after + 1)
            process.send_signal(number)
            printed, told = process.communicate(timeout=PATIENCE_SECONDS)
        self.upstream.characterizes(PAGES)
        assert printed == ""
        assert "Traceback" not in told
        return process.returncode, told


@pytest.fixture
def backfill(upstream: Upstream, tmp_path: Path) -> Backfill:
    upstream.answers(fleet(FORTE.name, ARIA.name))
    upstream.characterizes(PAGES)
    folder = tmp_path / "of a user"
    folder.mkdir()
    return Backfill(upstream, folder)


def samples(path: Path, name: str) -> dict[tuple[str, str, float], float]:
    """Return the values of a metric by backend, operation and time."""
    return {
        (sample.labels["backend"], sample.labels.get("operation", ""), float(sample.timestamp)): sample.value
        for family in text_string_to_metric_families(path.read_text())  # type: ignore[no-untyped-call]
        for sample in family.samples
        if sample.name == name
    }


def test_a_history_is_written_whole_and_told_in_few_words(backfill: Backfill) -> None:
    ended = backfill.run("--label=job=ionq", "--step=1d")
    text = backfill.output.read_text()
    count = sum(not line.startswith("#") for line in text.splitlines())
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == (
        f"{backfill.output}: 6 characterizations of qpu.forte-1, qpu.aria-1, "
        f"from 2025-01-01T00:00:00Z to 2025-03-01T00:00:00Z, as {count:,} samples.\n"
        "First let your Prometheus keep them (--storage.tsdb.retention.time=10y). "
        "Then load them into its data\n"
        'directory as the user that it runs as (on Debian with "sudo -u prometheus" before this): '
        "blocks of root's it\ncannot delete when they are old, and then it does not start.\n"
        "\n"
        "  promtool tsdb create-blocks-from --max-block-duration=4374h openmetrics "
        f"'{backfill.output}' DIRECTORY\n"
    )
    assert backfill.files == {backfill.name}
    fidelity = samples(backfill.output, "ionq_backend_fidelity_ratio")
    assert len(fidelity) == 2 * 59
    assert fidelity[FORTE.name, "2q", parse_time("2025-01-07")] == 0.99
    assert fidelity[FORTE.name, "2q", parse_time("2025-01-08")] == 0.991
    assert fidelity[ARIA.name, "2q", parse_time("2025-02-28")] == 0.991
    assert text.count('job="ionq"') == count


def test_promtool_loads_it_with_the_very_command_that_is_told(backfill: Backfill) -> None:
    require_tool("promtool", package="prometheus")
    told = backfill.run().stdout.splitlines()[-1]
    data = backfill.folder / "data"
    subprocess.run(
        ["sh", "-c", told.replace("DIRECTORY", shlex.quote(str(data)))], check=True, capture_output=True
    )
    lines = backfill.output.read_text().splitlines()
    blocks = [json.loads(path.read_text()) for path in data.glob("*/meta.json")]
    assert sum(block["stats"]["numSamples"] for block in blocks) == sum(line[0] != "#" for line in lines)


def test_the_page_about_history_names_the_command_and_the_query_that_are_told(backfill: Backfill) -> None:
    page = (ROOT / "docs" / "history.md").read_text("utf-8")
    command, _, _ = backfill.run().stdout.splitlines()[-1].strip().partition("'")
    assert page.count(command) == 2
    assert FIRST_SCRAPE in page


def test_an_old_history_is_replaced(backfill: Backfill) -> None:
    backfill.output.write_text("old")
    assert backfill.write().endswith(b"\n# EOF\n")


def test_a_history_of_the_simulator_says_at_each_step_what_its_record_of_that_time_says(
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
    assert (FORTE.name, "1q", start) not in expected, "it was not in service yet"


STATUSES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}


@pytest.mark.parametrize("number", STATUSES)
@pytest.mark.parametrize("after", [1, 3])
def test_ended_by_a_signal_it_goes_on_where_it_was_and_writes_what_an_undisturbed_run_does(
    backfill: Backfill, number: signal.Signals, after: int
) -> None:
    undisturbed = backfill.write()
    backfill.output.unlink()
    returncode, told = backfill.interrupt(number, after=after)
    assert returncode == STATUSES[number]
    if number is not signal.SIGKILL:
        kept = "1 page is" if after == 1 else "3 pages are"
        assert told.strip() == (f"ionq-exporter: ended; {kept} kept, and the same command goes on from there")
    assert backfill.files == {backfill.part.name}
    unanswered = pages_asked(backfill.upstream.characterization_requests)[-1]
    assert backfill.write() == undisturbed
    assert backfill.files == {backfill.name}
    assert sorted(pages_asked(backfill.upstream.characterization_requests)) == sorted(
        [*ALL_PAGES, unanswered]
    ), "each page that was answered was asked for once"
    assert len(backfill.upstream.requests) == 1, "the machines were as well"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ended_while_it_writes_it_leaves_nothing_half_done(
    backfill: Backfill, number: signal.Signals
) -> None:
    with backfill.running("--step=1s") as process:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(backfill.files) < 2:  # what is read, and what is being written
            assert time.monotonic() < deadline
        process.send_signal(number)
        printed, told = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == STATUSES[number]
    assert printed == ""
    assert told == "ionq-exporter: ended; 6 pages are kept, and the same command goes on from there\n"
    assert backfill.files == {backfill.part.name}


@pytest.mark.parametrize("code", [429, 503])
def test_a_pause_of_a_day_is_kept_and_can_be_ended(backfill: Backfill, code: int) -> None:
    backfill.upstream.answers(status(code, {"Retry-After": "90000"}))
    with backfill.running() as process:
        assert process.stderr
        assert re.search(r' wait=(1d|"23h 59m")$', process.stderr.readline())
        process.terminate()
        _, told = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, told) == (143, "ionq-exporter: ended\n")


def test_a_page_that_was_torn_in_the_writing_is_asked_for_again(backfill: Backfill) -> None:
    undisturbed = backfill.write()
    backfill.interrupt(signal.SIGKILL)
    os.truncate(backfill.part, backfill.part.stat().st_size - 7)
    assert backfill.write() == undisturbed


def test_a_run_that_ionq_ended_goes_on_as_well(backfill: Backfill) -> None:
    undisturbed = backfill.write()
    backfill.upstream.characterizes(
        lambda request: PAGES(request) if asked(request).page < 3 else status(403)
    )
    failed = backfill.run()
    assert failed.returncode == 1
    assert failed.stderr == (
        "ionq-exporter: IonQ answered 403: check the API key, and whether a proxy stands between; "
        "3 pages are kept, and the same command goes on from there\n"
    )
    backfill.upstream.characterizes(PAGES)
    assert backfill.write() == undisturbed


def test_without_an_end_a_run_goes_on_to_the_end_that_it_began_with(backfill: Backfill) -> None:
    backfill.interrupt(signal.SIGINT)
    arguments = [argument for argument in backfill.arguments() if argument != END]
    ended = run_exporter(*arguments)
    assert (ended.returncode, ended.stderr) == (0, "")
    ends = {asked(request).query["end"] for request in backfill.upstream.characterization_requests}
    assert ends == {"2025-03-01T00:00:00Z"}


def test_an_end_that_nobody_chose_is_told_before_ionq_is_asked_with_the_query_for_a_better_one(
    backfill: Backfill,
) -> None:
    backfill.upstream.answers(status(404))
    arguments = [argument for argument in backfill.arguments() if argument != END]
    told = run_exporter(*arguments).stderr
    assert re.search(
        r"the history will end at 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ. If your Prometheus has scraped", told
    )
    assert f"asked for\n{FIRST_SCRAPE}\nionq-exporter: IonQ answered 404" in told


def test_step_and_labels_may_change_since_they_cost_ionq_nothing(backfill: Backfill) -> None:
    expected = backfill.write("--step=1d", "--label=job=ionq")
    backfill.interrupt(signal.SIGINT)
    assert backfill.write("--step=1d", "--label=job=ionq") == expected


BOTH = (f"--backend={FORTE.name}", f"--backend={ARIA.name}")
OTHERS = {
    "start": ((), ("--start=2025-01-01",), "no --start"),
    "no_start": (("--start=2024-01-01",), (), "--start=2024-01-01T00:00:00Z"),
    "end": ((), ("--end=2025-02-28",), "--end=2025-03-01T00:00:00Z"),
    "one_of_all": ((), BOTH[:1], "no --backend"),
    "all_of_two": (BOTH, (), " ".join(BOTH)),
    "one_of_two": (BOTH, BOTH[:1], " ".join(BOTH)),
    "another": (BOTH, ("--backend=qpu.other",), " ".join(BOTH)),
    "url": ((), ("--ionq.api-url=https://elsewhere.test/v0.4",), "--ionq.api-url={url}"),
    "two": (BOTH, ("--start=2025-01-01",), " ".join((*BOTH, "and", "no --start"))),
}


@pytest.mark.parametrize(("flags", "others", "were"), OTHERS.values(), ids=OTHERS.keys())
def test_what_a_run_with_other_flags_left_is_refused_and_kept_and_ionq_is_not_asked(
    backfill: Backfill, flags: tuple[str, ...], others: tuple[str, ...], were: str
) -> None:
    backfill.interrupt(signal.SIGINT, *flags)
    left = backfill.part.read_bytes()
    backfill.upstream.requests.clear()
    backfill.upstream.characterization_requests.clear()
    refused = backfill.run(*others)
    were = were.format(url=backfill.upstream.url)
    assert_refused(
        refused, f"{backfill.part} is left of a run with other flags, {were}: repeat those, remove"
    )
    assert backfill.part.read_bytes() == left
    assert backfill.files == {backfill.part.name}
    assert not backfill.upstream.requests
    assert not backfill.upstream.characterization_requests


def test_the_same_backends_in_another_order_are_the_same(backfill: Backfill) -> None:
    backfill.interrupt(signal.SIGINT, f"--backend={ARIA.name}", f"--backend={FORTE.name}")
    backfill.write(f"--backend={FORTE.name}", f"--backend={ARIA.name}")


def assert_refused(ended: subprocess.CompletedProcess[str], problem: str) -> None:
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith("ionq-exporter: ")
    assert ended.stderr.count("\n") == 1
    assert problem in ended.stderr


BAD_FLAGS = {
    "--start=soon": "'soon' is not a time",
    "--start=2025-03-01": "must be before the end",
    "--end=tomorrow": "'tomorrow' is not a time",
    "--end=2999-01-01": "three hours ago or earlier",
    "--step=often": "is not a duration",
    "--step=0": "is no step",
    "--step=1.5s": "is no step",
    "--label=job": "is no label: write name=value",
    "--label=job=": "is no label",
    "--label=1job=ionq": "is no label",
    "--label=__name__=ionq": "is no label",
    "--label=job=a\nb": "is no label",
    "--label=backend=mine": "the label backend is the history's own",
    "--label=operation=mine": "the label operation is the history's own",
    "--requests-per-second=0": "requests-per-second",
    "--requests-per-second=11": "requests-per-second",
    "--requests-per-second=nan": "requests-per-second",
    "--output=/": "is a directory",
    "--output=": "has an empty name",
    "--ionq.api-url=api.ionq.co": "is not a URL",
    "--ionq.timeout=0": "must be longer than 0s",
    "--ionq.api-key-file=/nonexistent": "/nonexistent",
    "--no-such-flag": "no-such-flag",
    "argument": "argument",
}


@pytest.mark.parametrize(("flag", "problem"), BAD_FLAGS.items(), ids=map(repr, BAD_FLAGS))
def test_a_bad_flag_is_one_line_and_exit_status_2_and_nobody_is_asked(
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
def test_a_place_that_cannot_be_written_to_is_told_before_ionq_is_asked(
    backfill: Backfill, output: str
) -> None:
    (backfill.folder / "file").touch()
    (backfill.folder / "taken.openmetrics.part").mkdir()
    path = backfill.folder / output
    assert_refused(backfill.run(f"--output={path}"), f"{path}.part")
    assert not backfill.upstream.requests


def test_a_file_that_is_in_the_way_is_told_before_ionq_is_asked_and_kept(backfill: Backfill) -> None:
    backfill.part.write_text("a download")
    assert_refused(backfill.run(), "is not what a backfill leaves")
    assert backfill.part.read_text() == "a download"
    assert not backfill.upstream.requests


def test_a_disk_that_is_full_costs_no_page(backfill: Backfill) -> None:
    expected = backfill.write("--step=10m")
    assert len(expected) > 4 << 20
    backfill.output.write_bytes(b"old")
    # In blocks of half a kilobyte or of one.
    limited = ["sh", "-c", 'ulimit -f 4096; exec "$@"', "sh", sys.executable, "-m", "exporter"]
    ended = subprocess.run(
        [*limited, *backfill.arguments("--step=10m")],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert_refused(ended, "File too large")
    assert backfill.files == {backfill.name, backfill.part.name}
    assert backfill.output.read_bytes() == b"old"
    backfill.upstream.characterization_requests.clear()
    assert backfill.write("--step=10m") == expected
    assert not backfill.upstream.characterization_requests


@pytest.mark.parametrize(
    ("answer", "flags", "message"),
    [
        (status(401), (), "IonQ answered 401: check the API key"),
        (page(), (), "IonQ has no characterizations of these machines in that time: nothing written"),
        (
            page(wire_record("a", "2025-03-01", backend=FORTE.name)),
            (f"--backend={FORTE.name}",),
            "IonQ has no characterizations of these machines in that time: nothing written",
        ),
    ],
    ids=["refused", "null", "too_new"],
)
def test_where_there_is_nothing_to_write_the_status_is_1_and_nothing_is_left(
    backfill: Backfill, answer: Script, flags: tuple[str, ...], message: str
) -> None:
    backfill.upstream.characterizes(lambda _: answer)
    ended = backfill.run(*flags)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", f"ionq-exporter: {message}\n")
    assert backfill.files == set()


def test_without_the_list_of_machines_the_status_is_1_and_nothing_is_left(backfill: Backfill) -> None:
    backfill.upstream.answers(status(404))
    ended = backfill.run()
    assert (ended.returncode, ended.stderr) == (1, "ionq-exporter: IonQ answered 404: check --ionq.api-url\n")
    assert backfill.files == set()


def test_ended_before_the_first_page_it_leaves_nothing(backfill: Backfill) -> None:
    returncode, told = backfill.interrupt(signal.SIGTERM, after=0)
    assert (returncode, told) == (143, "ionq-exporter: ended\n")
    assert backfill.files == set()


def test_pages_are_asked_for_with_the_key_which_shows_nowhere(backfill: Backfill) -> None:
    key_file = backfill.folder.parent / "key"
    key_file.write_text(KEY)
    echo = wire_history(count=3)
    echo[0] |= {"id": KEY}
    echo[1] |= {"qubits": f"my {KEY}"}
    answers = Pages({FORTE.name: echo})

    def refused_at_last(request: Request) -> Script:
        refusal = status(403, body=json.dumps({"message": f"not for {KEY}"}).encode())
        return refusal if asked(request).page == 3 else answers(request)

    flags = (f"--backend={FORTE.name}", "--log.level=debug")
    backfill.upstream.characterizes(refused_at_last)
    refused = backfill.run(*flags, f"--ionq.api-key-file={key_file}")
    assert refused.returncode == 1
    assert_hidden(refused.stdout + refused.stderr + backfill.part.read_text())
    backfill.upstream.characterizes(answers)
    ended = backfill.run(*flags, environment={"IONQ_API_KEY": KEY})
    assert ended.returncode == 0, ended.stderr
    assert_hidden(ended.stdout + ended.stderr + backfill.output.read_text())
    requests = [*backfill.upstream.requests, *backfill.upstream.characterization_requests]
    assert {request.headers.get("authorization") for request in requests} == {f"apiKey {KEY}"}


def test_values_that_are_wrong_are_told_and_cost_no_others(backfill: Backfill) -> None:
    history = wire_history(count=2)
    history[0] |= {"qubits": "many"}
    backfill.upstream.characterizes(Pages({FORTE.name: history}))
    ended = backfill.run(f"--backend={FORTE.name}", "--log.format=json")
    assert ended.returncode == 0
    logged, told = ended.stderr.splitlines()
    assert json.loads(logged)["examples"] == "qpu.forte-1: record.qubits 'many' is not a number"
    assert told == (
        "ionq-exporter: of 2 records 0 were left out, 1 value was not valid; by field: record.qubits 1"
    )
    last = parse_time("2025-02-28")
    assert samples(backfill.output, "ionq_backend_t1_seconds")[FORTE.name, "", last] == 100
    assert (FORTE.name, "", last) not in samples(backfill.output, "ionq_backend_characterized_qubits")


def weeks(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [record | fields for record in wire_history(count=count)]


LOSSES = {
    "of_another_machine": ({"backend": "qpu.other"}, "record.backend 2"),
    "without_a_date": ({"date": None}, "record.date 2"),
    "with_a_date_that_is_none": ({"date": "soon"}, "record.date 2"),
    "without_an_id": ({"id": None}, "record.id 2"),
}


@pytest.mark.parametrize(("fields", "by_field"), LOSSES.values(), ids=LOSSES.keys())
def test_records_that_are_left_out_are_summed_over_all_pages_those_of_an_earlier_run_too(
    backfill: Backfill, fields: Mapping[str, Any], by_field: str
) -> None:
    good, spoilt = wire_history(count=4), weeks(4, **fields)
    mixed = Pages({FORTE.name: [spoilt[0], good[1], spoilt[2], good[3]]})
    backfill.upstream.characterizes(
        lambda request: mixed(request) if asked(request).page < 3 else status(403)
    )
    assert backfill.run(f"--backend={FORTE.name}").returncode == 1
    backfill.upstream.characterizes(mixed)
    ended = backfill.run(f"--backend={FORTE.name}")
    assert ended.returncode == 0
    assert ended.stdout.startswith(f"{backfill.output}: 2 characterizations of qpu.forte-1, ")
    assert ended.stderr.splitlines()[-1] == (
        f"ionq-exporter: of 4 records 2 were left out, 0 values were not valid; by field: {by_field}"
    )


def test_losses_of_several_kinds_are_told_apart(backfill: Backfill) -> None:
    history = [
        record | ({"date": None} if number % 2 else {"qubits": "many"})
        for number, record in enumerate(wire_history(count=10))
    ]
    backfill.upstream.characterizes(Pages({FORTE.name: history}, per_page=3))
    ended = backfill.run(f"--backend={FORTE.name}", "--end=2026-06-01")
    assert ended.stdout.startswith(f"{backfill.output}: 5 characterizations of qpu.forte-1, ")
    assert ended.stderr.splitlines()[-1] == (
        "ionq-exporter: of 10 records 5 were left out, 5 values were not valid; "
        "by field: record.date 5, record.qubits 5"
    )


NOTHING_USABLE = (
    "IonQ has no characterizations of these machines in that time that can be used: nothing written"
)


@pytest.mark.parametrize(
    "fields", [{"date": None}, {"date": "2001-01-01"}, {"backend": "qpu.other"}], ids=str
)
def test_where_no_record_can_be_used_that_is_what_is_told(
    backfill: Backfill, fields: Mapping[str, Any]
) -> None:
    backfill.upstream.characterizes(Pages({FORTE.name: weeks(4, **fields)}))
    ended = backfill.run(f"--backend={FORTE.name}")
    field = f"record.{next(iter(fields))}"
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.splitlines()[-2:] == [
        f"ionq-exporter: of 4 records 4 were left out, 0 values were not valid; by field: {field} 4",
        "ionq-exporter: " + NOTHING_USABLE,
    ]
    assert backfill.files == set()


def test_values_that_are_wrong_are_not_to_blame_where_all_records_are_of_another_time(
    backfill: Backfill,
) -> None:
    backfill.upstream.characterizes(Pages({FORTE.name: weeks(4, qubits="many")}))
    ended = backfill.run(f"--backend={FORTE.name}", "--end=2020-01-01")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == (
        "ionq-exporter: IonQ has no characterizations of these machines in that time: nothing written"
    )


UNKNOWN = {
    "alone": ("--backend=qpu.typo",),
    "after_another": (f"--backend={FORTE.name}", "--backend=qpu.typo"),
    "after_one_that_is_not_listed": ("--backend=qpu.retired", "--backend=qpu.typo"),
}


@pytest.mark.parametrize("code", [400, 404])
@pytest.mark.parametrize("flags", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_a_name_that_ionq_does_not_know_is_told_before_the_first_page_and_nothing_is_left(
    backfill: Backfill, flags: tuple[str, ...], code: int
) -> None:
    pages = Pages({**PAGES.histories, "qpu.retired": wire_history("qpu.retired", 2)}, 10)
    backfill.upstream.characterizes(
        lambda request: status(code) if asked(request).backend == "qpu.typo" else pages(request)
    )
    ended = backfill.run(*flags)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.splitlines()[-1] == (
        "ionq-exporter: IonQ knows no backend qpu.typo: check --backend (it lists qpu.forte-1, qpu.aria-1, "
        "simulator; a reserved one may need an API key)"
    )
    assert backfill.files == set()
    queries = [asked(request).query for request in backfill.upstream.characterization_requests]
    assert [query for query in queries if "page" in query] == []
    backfill.write(*flags[:-1], f"--backend={ARIA.name}")


def test_a_machine_that_ionq_lists_no_longer_is_told_and_read(backfill: Backfill) -> None:
    backfill.upstream.characterizes(Pages({"qpu.retired": wire_history("qpu.retired", 2)}))
    ended = backfill.run("--backend=qpu.retired")
    assert ended.returncode == 0
    assert "event=backend_not_listed backend=qpu.retired" in ended.stderr
    assert len(samples(backfill.output, "ionq_backend_fidelity_ratio")) == 59 * 24


def test_a_terminal_shows_how_far_it_is(backfill: Backfill) -> None:
    terminal, end = pty.openpty()
    screen = b""
    with (
        os.fdopen(terminal, "rb", buffering=0) as shown,
        backfill.running(stderr=end, environment={"TERM": "xterm"}) as process,
    ):
        os.close(end)
        # Linux ends a terminal that nobody writes to any longer with an error.
        with contextlib.suppress(OSError):
            while piece := shown.read(65536):
                screen += piece
        assert process.wait(PATIENCE_SECONDS) == 0
    assert b"Pages" in screen
    for number in range(1, len(ALL_PAGES) + 1):
        assert f" {number}/".encode() in screen
    assert b" 6/6" in screen


def test_where_there_is_no_terminal_nothing_is_shown(backfill: Backfill) -> None:
    assert backfill.run().stderr == ""
