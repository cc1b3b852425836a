"""Feeds mutated answers of IonQ's through both parsers and both exposition formats, guided by coverage."""

import sys
from collections.abc import Callable, Iterable
from functools import partial
from itertools import pairwise

import atheris

from fuzz import MACHINE

with atheris.instrument_imports(include=["exporter", "json"]):
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
    from prometheus_client.parser import text_string_to_metric_families as parse_text

    from exporter.common.errors import InvalidJSONError, UnexpectedShapeError
    from exporter.metrics.backends import BACKEND_FAMILIES
    from exporter.metrics.characterizations import CHARACTERIZATION_FAMILIES
    from exporter.metrics.encoding import END_OF_OPENMETRICS, Format, encode_families
    from exporter.records.backends import parse_backends
    from exporter.records.cardinality import CardinalityLimit
    from exporter.records.characterizations import CharacterizedBackend, parse_characterizations

_CARDINALITY = CardinalityLimit(100)


def check(body: bytes) -> None:
    """Read a body as either answer; anything but the two errors is a crash, and so is unreadable output."""
    try:
        listed = parse_backends(body)
    except (InvalidJSONError, UnexpectedShapeError):
        pass
    else:
        for backends in (listed, _CARDINALITY.admit(listed)):
            _check_expositions(partial(encode_families, BACKEND_FAMILIES, backends.backends))
    try:
        page = parse_characterizations(body, MACHINE)
    except (InvalidJSONError, UnexpectedShapeError):
        return
    # The characterizations of a page are one backend's. Each is another's here, so that all can be shown.
    read = page.characterizations
    characterized = [
        CharacterizedBackend(f"qpu.{number}", "", wanted.id, known)
        for number, (wanted, known) in enumerate(pairwise((*read, *read[:1])))
    ]
    _check_expositions(partial(encode_families, CHARACTERIZATION_FAMILIES, characterized))


def _check_expositions(encode: Callable[[Format], Iterable[str]]) -> None:
    list(parse_text("".join(encode(Format.TEXT))))
    openmetrics = "".join(encode(Format.OPENMETRICS)) + END_OF_OPENMETRICS
    openmetrics.encode()
    list(parse_openmetrics(openmetrics))  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
