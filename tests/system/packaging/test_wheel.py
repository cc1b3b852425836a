"""What is published is what was tested."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from exporter import __version__
from tests.support.repository import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.iterdir()
    return built


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    package = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "exporter").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != "REVISION"
    }
    metadata = f"ionq_exporter-{__version__}.dist-info/"
    names = {name for name in zipfile.ZipFile(wheel).namelist() if not name.startswith(metadata)}
    assert names - {"exporter/REVISION"} == package


def test_the_exporter_runs_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    program = (
        "from exporter.commands.main import main; from exporter.server.landing_page import page; "
        "page._template(); main(['--version'])"
    )
    isolated = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {program}"]
    printed = subprocess.run(isolated, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert printed.startswith(f"ionq-exporter {__version__} ")
