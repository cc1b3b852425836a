"""What a scrape came to, as the bytes that a scraper asked for."""

import enum
import functools
import gzip

from prometheus_client import exposition as text
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from exporter.backends import BackendList
from exporter.metrics import BackendCollector
from exporter.scraper import Scrape
from exporter.telemetry import ScrapeCollector, Telemetry

_END_OF_OPENMETRICS = b"# EOF\n"
_GZIP_LEVEL = 1  # two thirds of the default's time for a tenth more bytes, on this kind of text


class Format(enum.Enum):
    """An exposition format that the exporter writes; the value is its Content-Type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def negotiate(accept: str) -> Format:
    """Choose OpenMetrics 1.0.0 where the Accept header asks for it at least as much as for text.

    Anything odd, and anything else, gets the text format, which every scraper reads.
    """
    quality = dict.fromkeys(Format, 0.0)
    for media_range in accept.split(","):
        media_type, _, rest = media_range.strip().lower().partition(";")
        parameters = dict(_parameter(part) for part in rest.split(";"))
        version = parameters.get("version")
        if media_type.strip() == "application/openmetrics-text" and version in (None, "1.0.0"):
            wanted = Format.OPENMETRICS
        elif media_type.strip() == "text/plain" and version in (None, "0.0.4", "1.0.0"):
            wanted = Format.TEXT
        else:
            continue
        quality[wanted] = max(quality[wanted], _quality(parameters.get("q", "1")))
    if 0 < quality[Format.OPENMETRICS] >= quality[Format.TEXT]:
        return Format.OPENMETRICS
    return Format.TEXT


def accepts_gzip(accept_encoding: str) -> bool:
    """Tell whether an Accept-Encoding header allows gzip."""
    for coding in accept_encoding.lower().split(","):
        name, _, rest = coding.partition(";")
        if name.strip() in ("gzip", "*"):
            return _quality(dict([_parameter(rest)]).get("q", "1")) > 0
    return False


def _parameter(token: str) -> tuple[str, str]:
    name, _, value = token.partition("=")
    return name.strip(), value.strip().strip('"')


def _quality(token: str) -> float:
    try:
        quality = float(token)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0


def encode(collector: Collector, form: Format) -> bytes:
    """Write a collector's families, without OpenMetrics's closing line."""
    if form is Format.OPENMETRICS:
        whole: bytes = openmetrics.generate_latest(collector)  # type: ignore[no-untyped-call]
        return whole.removesuffix(_END_OF_OPENMETRICS)
    return text.generate_latest(collector)


@functools.lru_cache(maxsize=len(Format))
def encode_backends(backends: BackendList, form: Format) -> bytes:
    """Write the families of a list of backends, once for each list: this is the largest cost of a scrape."""
    return encode(BackendCollector(backends.backends), form)


def render_scrape(scrape: Scrape, telemetry: Telemetry, form: Format, *, with_process: bool = True) -> bytes:
    """Write a scrape and the exporter's own metrics as one whole exposition.

    ``with_process=False`` leaves out what describes this process rather than IonQ.
    """
    parts = [encode(ScrapeCollector(up=scrape.up, duration_seconds=scrape.duration_seconds), form)]
    if isinstance(scrape.outcome, BackendList):
        parts.append(encode_backends(scrape.outcome, form))
    parts.append(encode(telemetry.own, form))
    if with_process:
        parts.append(encode(telemetry.process, form))
    if form is Format.OPENMETRICS:
        parts.append(_END_OF_OPENMETRICS)
    return b"".join(parts)


def compress(body: bytes) -> bytes:
    """Compress an exposition with gzip."""
    return gzip.compress(body, compresslevel=_GZIP_LEVEL, mtime=0)
