"""``make drill``: rehearse two outages, and exit with 0 when all was told as it should be."""

import argparse
import os
import shutil
import signal
import sys
import time

import httpx

from deploy.drill.inbox import Inbox, Interrupted
from deploy.drill.programs import ProgramError
from deploy.drill.rehearsal import Rehearsal, TooLateError
from deploy.drill.shortening import Shortened
from deploy.drill.stage import Tools, set_stage
from deploy.drill.story import Story

_FAILED = 1
_SIGNALLED = 128


def main() -> int:
    """Run the drill, and return its exit status."""
    patience_seconds = _patience_seconds()
    inbox = Inbox()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: inbox.put(Interrupted(number)))
    began = time.monotonic()
    try:
        tools, shortened, story = _find_tools(), Shortened.from_shipped(), Story()
        story.opening(shortened.changes)
        with set_stage(tools, shortened, inbox) as stage:
            Rehearsal(stage, inbox, story, patience_seconds=patience_seconds).run()
    except Interrupted as interruption:
        return _fail("interrupted", _SIGNALLED + interruption.signal_number)
    except BrokenPipeError:
        # Nobody reads on; what is still to be written goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED
    except (FileNotFoundError, ProgramError, TooLateError, httpx.HTTPError) as error:
        return _fail(str(error), _FAILED)
    print(f"All was told as it should be, in {time.monotonic() - began:.0f} s. Nothing of it runs any more.")
    return 0


def _patience_seconds() -> float:
    parser = argparse.ArgumentParser(prog="drill", description="Rehearse an outage with the shipped alerts.")
    parser.add_argument(
        "--patience",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="the longest that a notification may take (default: %(default)g)",
    )
    patience_seconds: float = parser.parse_args().patience
    return patience_seconds


def _find_tools() -> Tools:
    prometheus = shutil.which("prometheus")
    # The first is Debian's name.
    alertmanager = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if prometheus is None or alertmanager is None:
        raise FileNotFoundError(
            "needs Prometheus and Alertmanager: apt-get install prometheus prometheus-alertmanager"
        )
    return Tools(prometheus, alertmanager)


def _fail(problem: str, status: int) -> int:
    print(f"drill: {problem}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
