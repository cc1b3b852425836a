"""Feeds mutated answers of IonQ's through the parser and both exposition formats, guided by coverage."""

import sys

import atheris

with atheris.instrument_imports(include=["exporter", "json"]):
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
    from prometheus_client.parser import text_string_to_metric_families as parse_text

    from exporter.backends import parse_backends
    from exporter.churn import ChurnLimit
    from exporter.errors import InvalidJSONError, UnexpectedShapeError
    from exporter.exposition import Format, encode_backends

_CHURN = ChurnLimit(100)


def check(body: bytes) -> None:
    """Read a body as IonQ's answer; anything but the two errors is a crash, and so is unreadable output."""
    try:
        answer = parse_backends(body)
    except (InvalidJSONError, UnexpectedShapeError):
        return
    for backends in (answer, _CHURN.admit(answer)):
        text = encode_backends(backends, Format.TEXT).plain.decode("utf-8")
        list(parse_text(text))
        openmetrics = encode_backends(backends, Format.OPENMETRICS).plain.decode("utf-8") + "# EOF\n"
        list(parse_openmetrics(openmetrics))  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
