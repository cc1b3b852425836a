"""Feeds mutated answers of IonQ's through both parsers and both exposition formats, guided by coverage."""

import sys
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import atheris

from fuzz import MACHINE

with atheris.instrument_imports(include=["exporter", "json"]):
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
    from prometheus_client.parser import text_string_to_metric_families as parse_text

    from exporter.common.errors import InvalidJSONError, UnexpectedShapeError
    from exporter.metrics.encoding import Format, Part, encode_backends, encode_characterizations
    from exporter.records.backends import parse_backends
    from exporter.records.cardinality import CardinalityLimit
    from exporter.records.characterizations import (
        CharacterizedBackend,
        CharacterizedBackends,
        parse_characterizations,
    )

_CHURN = CardinalityLimit(100)


def check(body: bytes) -> None:
    """Read a body as either answer; anything but the two errors is a crash, and so is unreadable output."""
    try:
        answer = parse_backends(body)
    except (InvalidJSONError, UnexpectedShapeError):
        pass
    else:
        for backends in (answer, _CHURN.admit(answer)):
            _check_expositions(partial(encode_backends, backends))
    try:
        page = parse_characterizations(body, MACHINE)
    except (InvalidJSONError, UnexpectedShapeError):
        return
    # The records of a page are one machine's; so that all can be shown, each is another's here.
    characterized = CharacterizedBackends(
        tuple(
            CharacterizedBackend(f"qpu.{number}", "", wanted.id, record)
            for number, (wanted, record) in enumerate(pairwise((*page.records, *page.records[:1])))
        )
    )
    _check_expositions(partial(encode_characterizations, characterized))


def _check_expositions(encode: Callable[[Format], Part]) -> None:
    list(parse_text(encode(Format.TEXT).plain.decode("utf-8")))
    openmetrics = encode(Format.OPENMETRICS).plain.decode("utf-8") + "# EOF\n"
    list(parse_openmetrics(openmetrics))  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
