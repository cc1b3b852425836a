import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.drill.notifications import redirected
from deploy.drill.shipped import ALERTMANAGER, ALERTS, DEPLOY, RECORDING, load
from deploy.drill.shortening import REHEARSED_ALERTS, Shortened
from exporter.common.durations import parse_duration
from tests.support.exporter_process import clean_environment
from tests.support.tools import require_tool
from tests.system.deploy.alertmanager import choices_uncommented
from tests.system.deploy.files import ALERT_RULES

COMMAND = [sys.executable, "-m", "deploy.drill"]
PATIENCE = 60.0
RUNBOOKS = "https://github.com/ionq-exporter/ionq-exporter/blob/main/deploy/runbooks"

TOLD = re.compile(r"^ *(?P<seconds>[\d.]+) s  (?P<receiver>\S+) is told of (?P<alert>\w+):$", re.MULTILINE)
TEXT = re.compile(r"(?:^ +\|.*\n)+", re.MULTILINE)
MOMENT = r"\w{3} \d+ \w{3} \d\d:\d\d UTC"


@pytest.fixture
def tools() -> None:
    require_tool("prometheus", package="prometheus")
    require_tool("prometheus-alertmanager", "alertmanager", package="prometheus-alertmanager")


def start(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start a drill as a terminal would, with all its files in a folder."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=DEPLOY.parent,
        env=clean_environment(TMPDIR=str(folder), **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(folder: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run a drill to its end, and return its exit status and what it said."""
    with start(folder, *arguments, **environment) as drill:
        said, complained = drill.communicate(timeout=3 * PATIENCE)
        return drill.returncode, said, complained


def left_behind(folder: Path) -> list[str]:
    """Return what is in the folder, and the commands of processes that were given it for their files."""
    mark = f"TMPDIR={folder}\0".encode()
    left = [str(path) for path in folder.iterdir()]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes():
                left.append((process / "cmdline").read_text())
        except OSError:
            continue  # it has just ended, or is somebody else's
    return left


def flowing(text: str) -> str:
    """Undo margin and wrapping."""
    return " ".join(text.replace("|", " ").split())


@pytest.mark.usefixtures("tools")
def test_each_outage_is_told_once_and_then_its_end(tmp_path: Path) -> None:
    status, said, complained = run(tmp_path)
    assert (status, complained) == (0, "")
    assert left_behind(tmp_path) == []

    told = list(TOLD.finditer(said))
    assert [(one["receiver"], one["alert"]) for one in told] == [
        ("ionq-page", "IonQAllQPUsUnavailable"),
        ("ionq-page", "IonQAllQPUsUnavailable"),
        ("ionq-page", "IonQExporterBlind"),
        ("ionq-page", "IonQExporterBlind"),
    ]
    assert all(float(one["seconds"]) >= 5 for one in told)
    assert said.count("Held back meanwhile") == 1
    assert (
        "Held back meanwhile: IonQBackendUnavailable for qpu.forte-1, qpu.forte-enterprise-1, "
        "qpu.forte-enterprise-2, qpu.forte-enterprise-3."
    ) in flowing(said)

    down, up, blind, seeing = map(flowing, TEXT.findall(said))
    assert re.fullmatch(
        r"\[CRITICAL\] No IonQ QPU is available\. "
        r"None of IonQ's QPUs is available "
        r"\(qpu\.forte-1, qpu\.forte-enterprise-1, qpu\.forte-enterprise-2, qpu\.forte-enterprise-3\)\. "
        r"Jobs for hardware wait until one is back\. "
        rf"Alert since {MOMENT}\. "
        rf"What to do: {RUNBOOKS}/IonQAllQPUsUnavailable\.md What IonQ says: https://status\.ionq\.co",
        down,
    )
    assert re.fullmatch(
        rf"\[RESOLVED\] IonQAllQPUsUnavailable IonQAllQPUsUnavailable has ended\. .* until {MOMENT}\.", up
    )
    assert blind.startswith("[CRITICAL] The exporter cannot read IonQ's list of backends. ")
    assert re.search(r"Failures in 10 minutes: http_status \d+\.", blind)
    assert seeing.startswith("[RESOLVED] IonQExporterBlind IonQExporterBlind has ended. ")


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize(
    ("moment", "number"),
    [("Ctrl+C ends it", signal.SIGTERM), ("Outage 1", signal.SIGINT)],
    ids=["while it starts", "in an outage"],
)
def test_an_interrupted_drill_ends_all_that_it_started(
    moment: str, number: signal.Signals, tmp_path: Path
) -> None:
    with start(tmp_path) as drill:
        assert drill.stdout
        assert any(moment in line for line in drill.stdout)
        for _ in range(2):  # impatiently
            os.killpg(drill.pid, number)
        _, complained = drill.communicate(timeout=PATIENCE)
    assert (drill.returncode, complained) == (128 + number, "drill: interrupted\n")
    assert left_behind(tmp_path) == []


@pytest.mark.usefixtures("tools")
def test_what_does_not_come_within_its_time_is_named(tmp_path: Path) -> None:
    status, _, complained = run(tmp_path, "--patience=0.001")
    assert (status, complained) == (1, "drill: Prometheus has not seen the QPUs within 0.001 s\n")
    assert left_behind(tmp_path) == []


def test_missing_programs_are_named_with_their_packages(tmp_path: Path) -> None:
    assert run(tmp_path, PATH="/nonexistent") == (
        1,
        "",
        "drill: needs Prometheus and Alertmanager: apt-get install prometheus prometheus-alertmanager\n",
    )


@pytest.mark.usefixtures("tools")
def test_a_program_that_does_not_start_is_named_with_its_last_words(tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    broken = programs / "prometheus"
    broken.write_text("#!/bin/sh\necho 'no space left' >&2\nexit 1\n")
    broken.chmod(0o755)
    folder = tmp_path / "files"
    folder.mkdir()
    status, _, complained = run(folder, PATH=f"{programs}:{os.environ['PATH']}")
    assert (status, complained) == (1, "drill: Prometheus did not start; it said: no space left\n")
    assert left_behind(folder) == []


def timeless(settings: Any) -> Any:
    """Leave out what the drill may shorten."""
    durations = {"interval", "for", "keep_firing_for", "group_wait", "group_interval"}
    if isinstance(settings, dict):
        return {name: timeless(value) for name, value in settings.items() if name not in durations}
    return [timeless(item) for item in settings] if isinstance(settings, list) else settings


def test_nothing_but_durations_differs_from_what_is_shipped() -> None:
    shortened = Shortened.from_shipped()
    for path in (RECORDING, ALERTS):
        assert timeless(shortened.rules[path.name]) == timeless(load(path))
    assert timeless(shortened.routing) == timeless(load(ALERTMANAGER))


def test_only_rehearsed_alerts_come_sooner() -> None:
    shipped = {name: rule.duration for name, rule in ALERT_RULES.items()}
    shortened = {
        rule["alert"]: rule.get("for", "")
        for group in Shortened.from_shipped().rules[ALERTS.name]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    assert {name for name in shipped if shipped[name] != shortened[name]} == set(REHEARSED_ALERTS)


@pytest.mark.parametrize(
    ("rules", "routing"),
    [
        ([load(RECORDING), load(ALERTS)], load(ALERTMANAGER)),
        (list(Shortened.from_shipped().rules.values()), Shortened.from_shipped().routing),
    ],
    ids=["as shipped", "shortened"],
)
def test_alertmanager_tells_half_way_between_two_evaluations(rules: list[Any], routing: Any) -> None:
    interval = min(parse_duration(group["interval"]) for file in rules for group in file["groups"])
    route = routing["route"]
    assert parse_duration(route["group_wait"]) % interval == interval / 2
    assert parse_duration(route["group_interval"]) % interval == 0


@pytest.mark.parametrize(
    "routing",
    [load(ALERTMANAGER), choices_uncommented()],
    ids=["as shipped", "every choice made"],
)
def test_receivers_tell_the_drill_and_stay_silent_about_ends_where_they_are(routing: Any) -> None:
    config = redirected(routing, "http://127.0.0.1:1")
    assert config | {"receivers": []} == routing | {"receivers": []}
    told = {}
    for receiver in config["receivers"]:
        (told[receiver["name"]],) = receiver["slack_configs"]
        assert set(receiver) == {"name", "slack_configs"}
    assert {name: settings["send_resolved"] for name, settings in told.items()} == {
        "ionq-page": True,
        "ionq-team": True,
        "ionq-quiet": False,
    }
    assert told["ionq-team"]["api_url"] == "http://127.0.0.1:1/ionq-team"
