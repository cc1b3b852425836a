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
_NEWER = "99999"


@dataclass(frozen=True)
class Pin:
    name: str
    extras: str
    version: str
    marker: str
    required_by: frozenset[str]

    @property
    def newer_version(self) -> str:
        epoch, separator, _ = self.version.rpartition("!")
        return f"{epoch}{separator}{_NEWER}"

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
            required_by=frozenset(
                re.findall(r"^ {4}#(?: via|  ) ([\w.-]+)$", match["comments"], re.MULTILINE)
            ),
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


def write_index(folder: Path, lock: str) -> str:
    """Write two wheels for each pin, one of them newer, and return the lock with the hashes of the others."""
    pins = parse_lock(lock)
    hashes = {}
    for pin in pins:
        wheel = write_wheel(folder, pin.name, pin.version, pin.dependencies(pins))
        write_wheel(folder, pin.name, pin.newer_version)
        hashes[pin.name] = f"    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
    return _PIN.sub(lambda match: match[0].replace(match["hashes"], hashes[match["name"]]), lock)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_consists_of_pins_with_hashes_and_names_no_index(name: str) -> None:
    beside_pins = _PIN.sub("", (ROOT / name).read_text())
    assert all(line.startswith("#") for line in beside_pins.splitlines()), beside_pins


@pytest.mark.parametrize("pip", PIPS)
@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_installs_after_newer_versions_are_released(name: str, pip: str, tmp_path: Path) -> None:
    lock = tmp_path / name
    lock.write_text(write_index(tmp_path, (ROOT / name).read_text()))
    offline = ["--dry-run", "--ignore-installed", "--no-index", f"--find-links={tmp_path}"]
    install = subprocess.run(
        [
            sys.executable,
            str(Path(sys.prefix, pip, "pip")),
            "install",
            *offline,
            "--require-hashes",
            "-r",
            str(lock),
        ],
        env={"PIP_CONFIG_FILE": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )
    assert install.returncode == 0, install.stderr
