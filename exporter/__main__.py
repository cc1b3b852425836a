"""``python -m exporter`` and ``ionq-exporter``: where the process begins."""

import io
import os
import signal
import sys

_SINGLE_RUNS = (["once"], ["backfill"])
_TERMINATED = 128 + signal.SIGTERM


def main() -> None:
    """Run a command line, ready for SIGTERM from the first moment.

    To process 1 of a container the kernel delivers no signal that it has no handler for, and the imports
    below take a while.
    """
    # Who serves has done all there was to do. Who was to write something has not, and its caller must know.
    status = _TERMINATED if sys.argv[1:2] in _SINGLE_RUNS else 0
    signal.signal(signal.SIGTERM, lambda _number, _frame: os._exit(status))
    if sys.stderr:
        sys.stderr = _without_a_buffer(sys.stderr.fileno())

    from exporter.commands.main import main as run  # noqa: PLC0415

    run()


def _without_a_buffer(descriptor: int) -> io.TextIOWrapper:
    """Return a stream that forgets what it cannot write.

    One with a buffer would try again when the process ends, and that failure would be the exit status.
    """
    raw = open(descriptor, "wb", buffering=0, closefd=False)  # noqa: SIM115 -- as long as the process
    return io.TextIOWrapper(raw, "utf-8", "backslashreplace", write_through=True)


if __name__ == "__main__":
    main()
