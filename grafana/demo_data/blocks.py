"""From lines of OpenMetrics to the blocks of a Prometheus data directory."""

import subprocess
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import TextIO

BLOCK_SECONDS = 54 * 3600
"""One of the lengths that Prometheus gives its blocks: promtool reads its input once for each block."""

Sample = tuple[int, Iterable[str]]
"""A Unix time, and the lines of it."""


def write_blocks(samples: Iterable[Sample], directory: Path, promtool: str) -> None:
    """Store samples, in the order of time, a block at a time. Raises CalledProcessError."""
    directory.mkdir(parents=True, exist_ok=True)
    text = directory / "block.openmetrics"
    for _, block in groupby(samples, key=lambda sample: sample[0] // BLOCK_SECONDS):
        with text.open("w", encoding="utf-8") as file:
            _write(block, file)
        create_blocks(text, directory, promtool, hours=BLOCK_SECONDS // 3600)


def create_blocks(text: Path, directory: Path, promtool: str, *, hours: int) -> None:
    """Store a file of OpenMetrics in blocks of a length, and remove the file. Raises CalledProcessError."""
    command = [promtool, "tsdb", "create-blocks-from", "openmetrics", "--quiet"]
    command += [f"--max-block-duration={hours}h", str(text), str(directory)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # promtool
    text.unlink()


def _write(samples: Iterable[Sample], file: TextIO) -> None:
    for _, lines in samples:
        file.writelines(lines)
    file.write("# EOF\n")
