"""Puts all families of a scrape together, as the bytes of a response."""

import zlib
from collections.abc import Iterable, Iterator

from exporter.metrics.backends import BACKEND_FAMILIES
from exporter.metrics.characterizations import CHARACTERIZATION_FAMILIES
from exporter.metrics.encoding import END_OF_OPENMETRICS, Family, Format, encode_families
from exporter.metrics.exporter import ExporterMetrics
from exporter.metrics.process import encode_process
from exporter.metrics.status_page import encode_status_page
from exporter.records.scrape import Scrape

_GZIP_LEVEL = 1  # half the time of level 6 for a tenth more bytes
_GZIP_WBITS = 16 + zlib.MAX_WBITS

_UP = Family(name="ionq_up", help="Whether this scrape read IonQ's backends and understood them, 1 or 0.")
_DURATION = Family(
    name="ionq_scrape_duration_seconds",
    help="How long this scrape, or one that shares its read, waited for IonQ, in seconds.",
    unit="seconds",
)


def encode_scrape(
    scrape: Scrape, exporter_metrics: ExporterMetrics, form: Format, *, with_process: bool = True
) -> bytes:
    """Return the exposition of a scrape. ``with_process=False`` leaves out what describes this process."""
    return "".join(_encode(scrape, exporter_metrics, form, with_process=with_process)).encode()


def _encode(
    scrape: Scrape, exporter_metrics: ExporterMetrics, form: Format, *, with_process: bool = True
) -> Iterator[str]:
    """Yield the exposition in parts: the large families, and the small ones together."""
    yield from encode_families(BACKEND_FAMILIES, scrape.backends, form)
    yield from encode_families(CHARACTERIZATION_FAMILIES, scrape.characterized, form)
    rest = (
        encode_status_page(scrape.status_page, form),
        _UP.encode(scrape.up, form),
        _DURATION.encode(scrape.duration_seconds, form),
        exporter_metrics.encode(form),
        encode_process(form) if with_process else "",
        END_OF_OPENMETRICS if form is Format.OPENMETRICS else "",
    )
    yield "".join(rest)


class ScrapeBodies:
    """The bodies of the scrape that was shown last: requests that show the same scrape share them."""

    def __init__(self, exporter_metrics: ExporterMetrics) -> None:
        self._metrics = exporter_metrics
        self._scrape: Scrape | None = None
        self._bodies: dict[tuple[Format, bool], bytes] = {}

    def body(self, scrape: Scrape, form: Format, *, gzipped: bool) -> bytes:
        """Return the exposition of a scrape as it is sent."""
        if scrape is not self._scrape:
            self._scrape, self._bodies = scrape, {}
        body = self._bodies.get((form, gzipped))
        if body is None:
            parts = _encode(scrape, self._metrics, form)
            body = self._bodies[form, gzipped] = compress(parts) if gzipped else "".join(parts).encode()
        return body


def compress(parts: Iterable[str]) -> bytes:
    """Return text as one gzip member. It has no timestamp, so equal texts give equal bytes.

    Part by part, because a copy of the whole text would take memory and time.
    """
    gzip = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WBITS)
    return b"".join([*(gzip.compress(part.encode()) for part in parts), gzip.flush()])
