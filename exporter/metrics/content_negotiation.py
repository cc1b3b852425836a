"""Chooses format and compression of a response by the headers Accept and Accept-Encoding."""

import functools
from collections.abc import Iterator, Mapping

from exporter.metrics.encoding import Format

_REMEMBERED_HEADERS = 16  # a scraper sends the same ones each time


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
