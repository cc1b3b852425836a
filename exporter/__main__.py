"""The entry point of ``python -m exporter`` and ``ionq-exporter``."""

import gc
import io
import os
import signal
import sys

_COMMANDS_WITH_A_RESULT = (["once"], ["backfill"])
_SHELL_OFFSET = 128


def main() -> None:
    """Run a command line. SIGTERM and SIGINT stop it from the first moment, without a traceback.

    The imports take a while, and the kernel delivers SIGTERM to process 1 of a container only if there is a
    handler. Until a command sets its own, a server that is told to stop has succeeded. A command with a
    result has not.
    """
    is_server = sys.argv[1:2] not in _COMMANDS_WITH_A_RESULT
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: os._exit(0 if is_server else _SHELL_OFFSET + number))
    if sys.stderr:
        sys.stderr = _unbuffered(sys.stderr.fileno())
    # Imports leave almost no garbage, but looking for it takes a quarter of their time.
    gc.disable()
    from exporter.commands.main import main as run  # noqa: PLC0415

    run()


def _unbuffered(descriptor: int) -> io.TextIOWrapper:
    """Return a stream that drops what it cannot write.

    A buffered stream would write it again at exit, and that error would change the exit status.
    """
    raw = open(descriptor, "wb", buffering=0, closefd=False)  # noqa: SIM115 -- open until the process ends
    return io.TextIOWrapper(raw, "utf-8", "backslashreplace", write_through=True)


if __name__ == "__main__":
    main()
