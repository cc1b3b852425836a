"""Puts all families of a scrape together, as the bytes of a response."""

import functools
import zlib

from exporter.metrics.backends import BACKEND_FAMILIES
from exporter.metrics.characterizations import CHARACTERIZATION_FAMILIES
from exporter.metrics.encoding import END_OF_OPENMETRICS, Family, Format, encode_families
from exporter.metrics.exporter import ExporterMetrics
from exporter.metrics.process import encode_process
from exporter.metrics.status_page import encode_status_page
from exporter.records.backends import Backend
from exporter.records.scrape import Scrape

_GZIP_LEVEL = 1  # half the time of level 6 for a tenth more bytes
_GZIP_WBITS = 16 + zlib.MAX_WBITS

_UP = Family(name="ionq_up", help="Whether this scrape read IonQ's backends and understood them, 1 or 0.")
_DURATION = Family(
    name="ionq_scrape_duration_seconds",
    help="How long this scrape waited for IonQ, in seconds.",
    unit="seconds",
)


def encode_scrape(
    scrape: Scrape, exporter_metrics: ExporterMetrics, form: Format, *, with_process: bool = True
) -> bytes:
    """Return the exposition of a scrape. ``with_process=False`` leaves out what describes this process."""
    text = (
        _encode_backends(scrape.backends, form),
        encode_families(CHARACTERIZATION_FAMILIES, scrape.characterized, form),
        encode_status_page(scrape.status_page, form),
        _UP.encode(scrape.up, form),
        _DURATION.encode(scrape.duration_seconds, form),
        exporter_metrics.encode(form),
        encode_process(form) if with_process else "",
        END_OF_OPENMETRICS if form is Format.OPENMETRICS else "",
    )
    return "".join(text).encode()


@functools.lru_cache(maxsize=len(Format))
def _encode_backends(backends: tuple[Backend, ...], form: Format) -> str:
    """Return the families of backends. Cached, because scrapes that share a read share this text."""
    return encode_families(BACKEND_FAMILIES, backends, form)


def compress(body: bytes) -> bytes:
    """Return the body as one gzip member, without a time, so that equal bodies stay equal."""
    return zlib.compress(body, _GZIP_LEVEL, _GZIP_WBITS)
