"""One scrape for a file or a terminal, instead of a server."""

import os
import sys
from pathlib import Path

from exporter.common.atomic_files import replacing
from exporter.metrics.encoding import Format
from exporter.metrics.exporter import ExporterMetrics
from exporter.metrics.exposition import encode_scrape
from exporter.scrape.deadline import Deadline
from exporter.scrape.scraper import Scraper

_SUFFIX = ".prom"


def check_output(output: Path) -> None:
    """Find out before IonQ is asked whether a file can be written. Raises ValueError, with a message."""
    if output.suffix != _SUFFIX:
        raise ValueError(f"--output={output} does not end in {_SUFFIX}: node_exporter would not read it")
    if not output.parent.is_dir():
        raise ValueError(f"--output={output} cannot be written: there is no folder {output.parent}")
    if not os.access(output.parent, os.W_OK | os.X_OK):
        raise ValueError(f"--output={output} cannot be written: no permission to write in {output.parent}")


async def scrape_once(
    scraper: Scraper, exporter_metrics: ExporterMetrics, budget_seconds: float, output: Path | None
) -> bool:
    """Scrape once, write the metrics to ``output`` or standard output, and return whether IonQ was read.

    Metrics of the process are left out: node_exporter, which reads the file, has some of the same
    names, and refuses a file that brings them again. Raises OSError where the file cannot be written.
    """
    scrape = await scraper.scrape(Deadline(budget_seconds), wait_for_status_page=True)
    text = encode_scrape(scrape, exporter_metrics, Format.TEXT, with_process=False)
    _write(text, output)
    return scrape.up


def _write(text: bytes, output: Path | None) -> None:
    if output:
        with replacing(output) as file:
            file.write(text)
        return
    # Not with the buffer of sys.stdout, which would try again when the process ends.
    with open(sys.stdout.fileno(), "wb", closefd=False) as file:
        file.write(text)
