"""A lock file keeps its versions after newer ones are released, with old and new pip alike."""

import hashlib
import importlib.metadata
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOCKS = sorted(path.name for path in ROOT.glob("requirements*.txt"))
PIPS = ("oldest-pip", "newest-pip")  # set up by the Makefile

_PIN = re.compile(
    r"^(?P<name>[\w.-]+)(?P<extras>\[.+\])?==(?P<version>\S+)(?P<marker> ; .+)? \\\n"
    r"(?P<hashes>(?: {4}--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)"
    r"(?P<comments>(?: {4}#.*\n)+)",
    re.MULTILINE,
)
_REQUIRED_BY = re.compile(r"^ {4}#(?: via|  ) ([\w.-]+)$", re.MULTILINE)
_NEWER_VERSION = "9999999999!1"  # whatever comes before the exclamation mark counts first


@dataclass(frozen=True)
class Pin:
    name: str
    extras: str
    version: str
    marker: str
    required_by: frozenset[str]

    def dependencies(self, pins: Iterable["Pin"]) -> Sequence[str]:
        """Return what the package requires: as installed, or else as the comments of the lock say."""
        try:
            installed = importlib.metadata.distribution(self.name)
        except importlib.metadata.PackageNotFoundError:
            pass
        else:
            if installed.version == self.version:
                return installed.requires or ()
        return [f"{pin.name}{pin.extras}{pin.marker}" for pin in pins if self.name in pin.required_by]


def parse_lock(text: str) -> list[Pin]:
    return [
        Pin(
            name=match["name"],
            extras=match["extras"] or "",
            version=match["version"],
            marker=match["marker"] or "",
            required_by=frozenset(_REQUIRED_BY.findall(match["comments"])),
        )
        for match in _PIN.finditer(text)
    ]


def write_wheel(folder: Path, name: str, version: str, dependencies: Iterable[str] = ()) -> Path:
    stem = f"{name.replace('-', '_')}-{version}"
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    metadata += [f"Requires-Dist: {dependency}" for dependency in dependencies]
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{stem}.dist-info/METADATA", "\n".join(metadata))
        wheel.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
    return path


def write_index(folder: Path, pins: Sequence[Pin]) -> str:
    """Write two wheels for each pin, one of them newer, and return a lock with the hashes of the others."""
    lock = ""
    for pin in pins:
        wheel = write_wheel(folder, pin.name, pin.version, pin.dependencies(pins))
        write_wheel(folder, pin.name, _NEWER_VERSION)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        lock += f"{pin.name}{pin.extras}=={pin.version}{pin.marker} --hash=sha256:{digest}\n"
    return lock


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_consists_of_pins_with_hashes_and_names_no_index(name: str) -> None:
    beside_pins = _PIN.sub("", (ROOT / name).read_text())
    assert all(line.startswith("#") for line in beside_pins.splitlines()), beside_pins


@pytest.mark.parametrize("pip", PIPS)
@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_installs_after_newer_versions_are_released(name: str, pip: str, tmp_path: Path) -> None:
    lock = tmp_path / name
    lock.write_text(write_index(tmp_path, parse_lock((ROOT / name).read_text())))
    program = [sys.executable, str(Path(sys.prefix, pip, "pip"))]
    offline = ["--no-index", f"--find-links={tmp_path}", "--dry-run", "--ignore-installed"]
    install = subprocess.run(
        [*program, "install", *offline, "--require-hashes", f"--requirement={lock}"],
        env={"PIP_CONFIG_FILE": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )
    assert install.returncode == 0, install.stderr
