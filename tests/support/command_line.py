"""Commands that end by themselves, run in the tests' own process, which saves the start of another."""

import contextlib
import io
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from unittest import mock

import pytest

from exporter.commands.main import main
from tests.support.exporter_process import clean_environment


def run_command(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command. Its log lines go to the standard error of the tests, not to that of the result."""
    stdout, stderr = io.StringIO(), io.StringIO()
    variables = clean_environment(**(environment or {}))
    with (
        mock.patch.dict(os.environ, variables, clear=True),
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
        _signal_handlers_kept(),
        pytest.raises(SystemExit) as ended,
    ):
        main(arguments)
    assert isinstance(ended.value.code, int)
    return subprocess.CompletedProcess(arguments, ended.value.code, stdout.getvalue(), stderr.getvalue())


def assert_refused(ended: subprocess.CompletedProcess[str], problem: str) -> None:
    """Assert that a command ended with one line about a mistake of the user's."""
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith("ionq-exporter: ")
    assert ended.stderr.count("\n") == 1
    assert problem in ended.stderr


@contextlib.contextmanager
def _signal_handlers_kept() -> Iterator[None]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
