"""What a scrape came to, as the bytes that a scraper asked for."""

import enum
import functools
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence

from prometheus_client import exposition as text
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from exporter.common.logging import stderr_writer
from exporter.metrics.definitions import BACKEND_METRICS, CHARACTERIZATION_METRICS, BackendCollector
from exporter.metrics.exporter import ExporterMetrics, ScrapeCollector
from exporter.records.backends import BackendList
from exporter.records.characterizations import CharacterizedBackends
from exporter.records.scrape import Scrape

_REMEMBERED_HEADERS = 16  # a scraper sends the same ones each time
_DEFLATE_LEVEL = 1  # two thirds of the default's time for a tenth more bytes, on this kind of text
_GZIP_HEADER = bytes.fromhex("1f8b 08 00 00000000 04 ff")  # no name, no time, fastest, unknown system
_LAST_BLOCK = bytes.fromhex("0300")  # an empty one


class Format(enum.Enum):
    """An exposition format that the exporter writes; the value is its Content-Type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@functools.lru_cache(maxsize=_REMEMBERED_HEADERS)
def negotiate(accept: str) -> Format:
    """Choose OpenMetrics 1.0.0 where the Accept header asks for it at least as much as for text.

    Anything odd, and anything else, gets the text format, which every scraper reads.
    """
    quality = dict.fromkeys(Format, 0.0)
    for media_type, parameters in _alternatives(accept):
        version = parameters.get("version")
        if media_type == "application/openmetrics-text" and version in (None, "1.0.0"):
            wanted = Format.OPENMETRICS
        elif media_type == "text/plain" and version in (None, "0.0.4", "1.0.0"):
            wanted = Format.TEXT
        else:
            continue
        quality[wanted] = max(quality[wanted], _quality(parameters))
    if 0 < quality[Format.OPENMETRICS] >= quality[Format.TEXT]:
        return Format.OPENMETRICS
    return Format.TEXT


@functools.lru_cache(maxsize=_REMEMBERED_HEADERS)
def accepts_gzip(accept_encoding: str) -> bool:
    """Tell whether an Accept-Encoding header allows gzip."""
    quality = {coding: _quality(parameters) for coding, parameters in _alternatives(accept_encoding)}
    return quality.get("gzip", quality.get("*", 0.0)) > 0


def _alternatives(header: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield what a header of the Accept family lists, each with its parameters."""
    for alternative in header.lower().split(","):
        name, *parameters = alternative.split(";")
        yield name.strip(), dict(_parameter(parameter) for parameter in parameters)


def _parameter(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip().strip('"')


def _quality(parameters: Mapping[str, str]) -> float:
    try:
        quality = float(parameters.get("q", "1"))
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0


class Part:
    """Encoded metric families. Its compressed form is made once, and fits between those of other parts."""

    def __init__(self, plain: bytes) -> None:
        self.plain = plain

    @functools.cached_property
    def deflated(self) -> bytes:
        """The part as a run of deflate blocks that refer to nothing before them, and that more can follow."""
        compressor = zlib.compressobj(_DEFLATE_LEVEL, wbits=-zlib.MAX_WBITS)
        return compressor.compress(self.plain) + compressor.flush(zlib.Z_FULL_FLUSH)


_END_OF_OPENMETRICS = Part(b"# EOF\n")


class Exposition:
    """All families of one scrape, of which no two parts hold the same."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts

    @property
    def plain(self) -> bytes:
        """The exposition as text."""
        return b"".join(part.plain for part in self._parts)

    @property
    def gzipped(self) -> bytes:
        """The exposition as one gzip member, by RFC 1952."""
        plain = self.plain
        trailer = struct.pack("<II", zlib.crc32(plain), len(plain) & 0xFFFFFFFF)
        return b"".join([_GZIP_HEADER, *(part.deflated for part in self._parts), _LAST_BLOCK, trailer])


def render_scrape(
    scrape: Scrape, telemetry: ExporterMetrics, form: Format, *, with_process: bool = True
) -> Exposition:
    """Write a scrape and the exporter's own metrics.

    ``with_process=False`` leaves out what describes this process rather than IonQ.
    """
    # What each scrape writes anew is compressed together, and what it found written separately.
    fresh = _encode(ScrapeCollector(up=scrape.up, duration_seconds=scrape.duration_seconds), form)
    requests, incidents = telemetry.requests, telemetry.incidents
    fresh += _encode_version(requests, requests.version, form).plain
    parts = [_encode_version(incidents, incidents.version + stderr_writer().dropped_lines, form)]
    if with_process:
        # A scrape changes a count, even one that failed without a request.
        version = sum(ledger.version for ledger in telemetry.ledgers)
        fresh += _encode_version(telemetry.usage, version, form).plain
        parts.append(_encode_version(telemetry.constants, 0, form))
    parts.append(Part(fresh))
    if isinstance(scrape.outcome, BackendList):
        parts.insert(0, encode_backends(scrape.outcome, form))
        parts.insert(1, encode_characterizations(scrape.characterized, form))
    if form is Format.OPENMETRICS:
        parts.append(_END_OF_OPENMETRICS)
    return Exposition(parts)


@functools.lru_cache(maxsize=len(Format))
def encode_backends(backends: BackendList, form: Format) -> Part:
    """Write the families of a list of backends, once for each list: this is the largest cost of a scrape."""
    return Part(_encode(BackendCollector(BACKEND_METRICS, backends.backends), form))


@functools.lru_cache(maxsize=len(Format))
def encode_characterizations(characterized: CharacterizedBackends, form: Format) -> Part:
    """Write the families of characterizations, once for each time that one of them changed."""
    return Part(_encode(BackendCollector(CHARACTERIZATION_METRICS, characterized.backends), form))


@functools.lru_cache(maxsize=5 * len(Format))
def _encode_version(collector: Collector, _version: int, form: Format) -> Part:
    """Write a collector's families once for each version, for all scrapes that share one read of IonQ."""
    return Part(_encode(collector, form))


def _encode(collector: Collector, form: Format) -> bytes:
    if form is Format.OPENMETRICS:
        whole: bytes = openmetrics.generate_latest(collector)  # type: ignore[no-untyped-call]
        return whole.removesuffix(_END_OF_OPENMETRICS.plain)
    return text.generate_latest(collector)
