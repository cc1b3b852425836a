"""The page at ``/``: what the last scrape saw, for a person."""

import functools
from datetime import datetime
from pathlib import Path

import jinja2

from exporter import __version__
from exporter.common.build_info import revision
from exporter.common.durations import humanize_duration
from exporter.records.scrape import Scrape

DOCUMENTATION_URL = "https://github.com/ionq-exporter/ionq-exporter#readme"


def render_landing_page(scrape: Scrape | None, now: datetime, *, telemetry_path: str, api_url: str) -> str:
    """Return the page as HTML; whatever IonQ sent is escaped."""
    characterized = scrape.characterized if scrape else ()
    return _template().render(
        version=__version__,
        revision=revision(),
        telemetry_path=telemetry_path,
        documentation_url=DOCUMENTATION_URL,
        api_url=api_url,
        scrape=scrape,
        scrape_age=_age(scrape.finished_at.timestamp(), now) if scrape else None,
        error=scrape.error if scrape else None,
        backends=scrape.backends if scrape else (),
        records={(known.name, known.location): known.characterization for known in characterized},
        wait=humanize_duration,
        age=lambda timestamp: _age(timestamp, now),
    )


def _age(timestamp: float, now: datetime) -> str:
    seconds = now.timestamp() - timestamp
    return f"{humanize_duration(seconds)} ago" if seconds >= 0 else f"in {humanize_duration(-seconds)}"


@functools.cache
def _template() -> jinja2.Template:
    templates = jinja2.FileSystemLoader(Path(__file__).with_name("templates"))
    environment = jinja2.Environment(
        loader=templates,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("landing_page.html")
