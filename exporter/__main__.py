"""``python -m exporter`` and ``ionq-exporter``: where the process begins."""

import os
import signal


def main() -> None:
    """Run a command line, ready for SIGTERM from the first moment.

    To process 1 of a container the kernel delivers no signal that it has no handler for, and the imports
    below take a while.
    """
    signal.signal(signal.SIGTERM, lambda _number, _frame: os._exit(0))

    from exporter import cli  # noqa: PLC0415

    cli.main()


if __name__ == "__main__":
    main()
