"""What the landing page says, and the page itself."""

import functools
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import jinja2

from exporter import __version__
from exporter.common.build_info import revision
from exporter.common.errors import IonQError
from exporter.metrics.exporter import ExporterMetrics
from exporter.records.scrape import Scrape
from exporter.server.landing_page import readable
from exporter.server.landing_page.choice import Summary, groups_by_choice, summarize, wait_seconds
from exporter.server.landing_page.readable import count, duration
from exporter.server.landing_page.status_section import StatusSection

DOCUMENTATION_URL = "https://github.com/ionq-exporter/ionq-exporter#readme"

RELOAD_SECONDS = 60
"""As often as a Prometheus with its default interval scrapes. A page costs IonQ no more than that."""

_RELOAD_SECONDS_WHILE_READING = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LandingPage:
    """All that the page is made of."""

    last: Scrape | None
    last_up: Scrape | None
    reading: bool
    """Whether a scrape is under way that will replace ``last``, which is old or missing."""
    simulated: bool
    metrics: ExporterMetrics
    started_at: datetime
    now: datetime
    telemetry_path: str
    api_url: str

    @property
    def error(self) -> IonQError | None:
        """Why IonQ cannot be read."""
        return self.last.error if self.last else None

    @property
    def is_old(self) -> bool:
        """Whether the backends on the page may differ from IonQ's by now."""
        return self.reading or self.error is not None

    @property
    def summary(self) -> Summary | None:
        """What the last scrape that read IonQ comes to."""
        return summarize(self.last_up.backends) if self.last_up else None

    @property
    def headline(self) -> str:
        """What the page says first, in its title too."""
        if self.error:
            return "IonQ cannot be read"
        return str(self.summary) if self.summary else "Reading IonQ"

    @property
    def reload_seconds(self) -> int:
        """When the browser should load the page again."""
        return _RELOAD_SECONDS_WHILE_READING if self.reading else RELOAD_SECONDS

    @property
    def health(self) -> str:
        """How the exporter itself fares."""
        failures = {reason: int(times) for reason, times in self.metrics.api_failures.items() if times}
        reasons = ", ".join(f"{times:,} {reason}" for reason, times in failures.items())
        parts = [
            f"Running for {duration((self.now - self.started_at).total_seconds())}",
            f"{count(self.metrics.api_requests, 'request')} to IonQ",
            count(sum(failures.values()), "failed scrape") + (f" ({reasons})" if reasons else ""),
            count(int(sum(self.metrics.rejected_values.values())), "rejected value"),
        ]
        if self.last:
            age = self.age(self.last.finished_at.timestamp())
            parts.append(f"last scrape {age}, {self.last.duration_seconds:.3f} s long")
        return " · ".join(parts)

    def age(self, timestamp: float) -> str:
        """Write how long ago a Unix time was, or how far ahead it is."""
        return readable.age(timestamp, self.now.timestamp())

    def render(self) -> str:
        """Return the page as HTML. Whatever IonQ sent is escaped."""
        shown = self.last_up
        status_page = self.last.status_page if self.last else None
        return _template().render(
            page=self,
            groups=groups_by_choice(shown.backends) if shown else (),
            characterizations={
                (known.name, known.location): known.characterization
                for known in (shown.characterized if shown else ())
            },
            status_page=StatusSection.of(status_page, self.now.timestamp()) if status_page else None,
            version=__version__,
            revision=revision(),
            documentation_url=DOCUMENTATION_URL,
        )


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "number": readable.number, "wait_seconds": wait_seconds}
    return environment.get_template("page.html")
