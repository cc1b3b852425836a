"""The units: accepted by systemd, hardened, and in step with the exporter's flags."""

import re
import shutil
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path

import pytest

from deploy.drill.shipped import DEPLOY
from tests.support.tools import require_tool
from tests.system.deploy import command_line
from tests.system.deploy.files import ALERT_RULES
from tests.system.deploy.promql import matchers

SYSTEMD = DEPLOY / "systemd"
SERVICES = sorted(SYSTEMD.glob("*.service"))
UNITS = sorted([*SERVICES, *SYSTEMD.glob("*.timer")])
DROP_IN = SYSTEMD / "ionq-exporter.service.d" / "api-key.conf"
ENVIRONMENT = SYSTEMD / "ionq-exporter.env"
PROGRAM = "/opt/ionq-exporter/bin/ionq-exporter"

# Tenths, of which the services have 12; systemd says OK below 50.
EXPOSURE_AT_MOST = 15

each_service = pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.stem)


class Unit(RawConfigParser):
    def __init__(self, path: Path) -> None:
        super().__init__(strict=False)
        self.optionxform = str  # type: ignore[assignment, method-assign]
        self.read(path)


@pytest.fixture
def systemd_analyze() -> str:
    return require_tool("systemd-analyze", package="systemd")


def test_systemd_accepts_every_unit(systemd_analyze: str, tmp_path: Path) -> None:
    shutil.copytree(SYSTEMD, tmp_path, dirs_exist_ok=True)
    for unit in UNITS:
        # It looks whether the program is there.
        text = unit.read_text().replace(f"ExecStart={PROGRAM}", f"ExecStart={sys.executable}")
        (tmp_path / unit.name).write_text(text)
    units = [tmp_path / unit.name for unit in UNITS]
    done = subprocess.run([systemd_analyze, "verify", *units], capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "ionq" in line]
    assert (done.returncode, said) == (0, [])


@each_service
def test_a_service_is_exposed_far_less_than_systemd_calls_ok(systemd_analyze: str, service: Path) -> None:
    done = subprocess.run(
        [systemd_analyze, "security", "--offline=true", f"--threshold={EXPOSURE_AT_MOST}", service],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@each_service
def test_a_service_starts_the_exporter_with_flags_that_exist(service: Path) -> None:
    program, *arguments = Unit(service)["Service"]["ExecStart"].split()
    assert program == PROGRAM
    assert not command_line.unknown_flags(arguments)


@each_service
def test_a_service_may_do_what_the_exporter_needs(service: Path) -> None:
    families = Unit(service)["Service"]["RestrictAddressFamilies"].split()
    assert set(families) == {"AF_INET", "AF_INET6", "AF_UNIX"}


def test_the_service_is_ready_when_the_exporter_says_so_and_may_finish_a_scrape() -> None:
    service = Unit(SYSTEMD / "ionq-exporter.service")["Service"]
    assert service["Type"] == "notify"
    assert float(service["TimeoutStopSec"]) > command_line.seconds("--ionq.timeout") + 1


def test_the_environment_file_shows_variables_that_exist_with_their_defaults() -> None:
    lines = re.findall(r"^#(\w+)=(.*)$", ENVIRONMENT.read_text(), re.MULTILINE)
    assert lines
    for name, value in lines:
        assert name in command_line.variables()
        flag = "--" + name.removeprefix("IONQ_EXPORTER_").lower().replace("_", ".", 1).replace("_", "-")
        default = command_line.default(flag)
        assert value == (default[0] if isinstance(default, tuple) else default)


@each_service
def test_a_service_reads_the_environment_file_where_it_is_installed(service: Path) -> None:
    (path,) = re.findall(r"Installed as (\S+)\.", ENVIRONMENT.read_text())
    assert Unit(service)["Service"]["EnvironmentFile"] == f"-{path}"


def test_the_key_is_a_credential_and_no_variable() -> None:
    service = Unit(DROP_IN)["Service"]
    name, _, _ = service["LoadCredential"].partition(":")
    variable, _, value = service["Environment"].partition("=")
    assert variable == "IONQ_EXPORTER_IONQ_API_KEY_FILE"
    assert variable in command_line.variables()
    assert value == f"%d/{name}"


def test_the_textfile_service_writes_where_it_may() -> None:
    service = Unit(SYSTEMD / "ionq-textfile.service")["Service"]
    (output,) = re.findall(r"--output=(\S+)", service["ExecStart"])
    folder = str(Path(output).parent)
    assert service["ReadWritePaths"] == folder
    assert output.endswith(".prom")
    # It is there, and its own.
    program, *arguments = service["ExecStartPre"].removeprefix("+").split()
    assert service["ExecStartPre"].startswith("+")
    assert program == "/usr/bin/install"
    assert {f"--owner={service['User']}", "--directory", folder} <= set(arguments)


def test_the_alert_on_an_old_file_means_the_one_that_is_written() -> None:
    (output,) = re.findall(r"--output=(\S+)", (SYSTEMD / "ionq-textfile.service").read_text())
    rule = ALERT_RULES["IonQTextfileOld"]
    (matcher,) = matchers(rule.expr)
    assert re.fullmatch(matcher.value, output)
    assert re.fullmatch(matcher.value, Path(output).name)


def test_the_timer_has_its_service() -> None:
    assert (SYSTEMD / "ionq-textfile.timer").with_suffix(".service") in SERVICES
