"""One scrape for a file or a terminal, instead of a server."""

import contextlib
import os
import sys
import tempfile
from pathlib import Path

from exporter.exposition import Format, render_scrape
from exporter.scraper import Scraper
from exporter.telemetry import Telemetry

_READABLE_BY_ALL = 0o644


async def scrape_once(
    scraper: Scraper, telemetry: Telemetry, budget_seconds: float, output: Path | None
) -> bool:
    """Scrape once, write the metrics to ``output`` or standard output, and return whether IonQ was read.

    Metrics of the process are left out: node_exporter, which reads the file, has some of the same
    names, and refuses a file that brings them again. Raises OSError where the file cannot be written.
    """
    scrape = await scraper.scrape(budget_seconds)
    text = render_scrape(scrape, telemetry, Format.TEXT, with_process=False).plain
    if output:
        replace_file(output, text)
    else:
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
    return scrape.up


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old or the new content whole. Raises OSError."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as temporary:
            temporary.write(content)
            temporary.flush()
            os.fsync(descriptor)
            os.fchmod(descriptor, _READABLE_BY_ALL)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise
