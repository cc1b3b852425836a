"""Programs that tests run for real: found on PATH, or the test is skipped with a word on how to get them."""

import os
import shutil

import pytest


def require_tool(*names: str, package: str = "", source: str = "") -> str:
    """Return the path of the first of these programs that is on PATH.

    They are in a Debian package, or else are to be had from a page.

    Without any of them the test is skipped; where CI is set, it fails, so that nothing goes untested there.
    """
    for name in names:
        if path := shutil.which(name):
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
