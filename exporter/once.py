"""One scrape for a file or a terminal, instead of a server."""

import sys
from pathlib import Path

from exporter.exposition import Format, render_scrape
from exporter.files import replacing
from exporter.scraper import Scraper
from exporter.telemetry import Telemetry


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
        with replacing(output) as file:
            file.write(text)
    else:
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
    return scrape.up
