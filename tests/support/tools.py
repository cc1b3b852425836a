"""Programs that tests run for real. Without one, its tests are skipped and say how to get it."""

import os
import shutil
import sys
from pathlib import Path

import pytest


def require_tool(*names: str, package: str = "", source: str = "") -> str:
    """Return the path of the first of these programs in the environment of Python or on PATH.

    `package` is a Debian package with them; `source` is any other way to get them.

    Without any of them the test is skipped. If CI is set, it fails instead, so that CI tests everything.
    """
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    for name in names:
        if path := shutil.which(name, path=places):
            return path
    message = f"needs {' or '.join(names)}: {source or f'apt-get install {package}'}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def tool_choices(variable: str) -> list[str | None]:
    """Return what a fixture for a tool is to be parametrized with: None, which means the one on PATH, and
    the further versions that an environment variable names, separated as in PATH.
    """
    return [None, *filter(None, os.environ.get(variable, "").split(os.pathsep))]
