"""The golden expositions. ``python -m tests.support.golden`` writes them anew: review the difference."""

import platform
from collections.abc import Callable
from datetime import UTC, datetime

from exporter import __version__
from exporter.common.build_info import revision
from exporter.common.errors import DeadlineExceededError
from exporter.metrics.backends import BACKEND_FAMILIES
from exporter.metrics.characterizations import CHARACTERIZATION_FAMILIES
from exporter.metrics.encoding import Format, encode_families
from exporter.metrics.exporter import ExporterMetrics
from exporter.metrics.exposition import encode_scrape
from exporter.metrics.status_page import encode_status_page
from exporter.records.backends import Backend
from exporter.records.characterizations import Characterization, CharacterizedBackend
from exporter.records.json_values import Rejection
from exporter.records.scrape import Scrape
from exporter.records.status_page import StatusPageReading, parse_status_page
from tests.support.repository import GOLDEN
from tests.support.samples import CHARACTERIZED_FORTE, FORTE, SIMULATOR
from tests.support.status_page import READ_AT, body

_NOW = datetime(2026, 8, 10, 19, 25, 54, tzinfo=UTC)

WITH_GAPS = CharacterizedBackend(
    "qpu.aria-1",
    "",
    "an-id-that-ionq-names",
    Characterization(
        "an-id-that-ionq-names", fidelity={"spam": 0.99}, duration_seconds={"readout": 0.0002}, t2_seconds=0.0
    ),
)
NOT_CURRENT = CharacterizedBackend(
    "qpu.harmony", "Basel", "a-new-id", Characterization("the-id-before-it", qubits=11, fidelity={"2q": 1.0})
)
UNKNOWN = CharacterizedBackend("qpu.tempo-1", "", "an-id-not-read-yet")


def _failed_scrape() -> str:
    metrics = ExporterMetrics()
    metrics.count_request()
    metrics.count_request()
    metrics.count_characterization_request()
    metrics.count_characterization_failure("http_status")
    metrics.count_failure("timeout")
    metrics.count_rejections(
        [Rejection("row", "row 501", "is too many", count=3), Rejection("qubits", "a", "")]
    )
    failed = Scrape(_NOW, 0.25, error=DeadlineExceededError("no complete response within 1s"))
    return encode_scrape(failed, metrics, Format.TEXT, with_process=False).decode()


def _scrape() -> str:
    characterization = Characterization("a", fidelity={"2q": 1.0})
    scrape = Scrape(
        _NOW,
        0.25,
        backends=(Backend("simulator", average_queue_time_seconds=0.0),),
        characterized=(CharacterizedBackend("simulator", "", "a", characterization),),
    )
    return encode_scrape(scrape, ExporterMetrics(), Format.OPENMETRICS, with_process=False).decode()


def _status_page() -> str:
    return encode_status_page(StatusPageReading(parse_status_page(body(), {}), READ_AT), Format.TEXT)


EXPOSITIONS: dict[str, Callable[[], str]] = {
    "backends.prom": lambda: "".join(encode_families(BACKEND_FAMILIES, [FORTE, SIMULATOR], Format.TEXT)),
    "characterizations.prom": lambda: "".join(
        encode_families(
            CHARACTERIZATION_FAMILIES, [CHARACTERIZED_FORTE, WITH_GAPS, NOT_CURRENT, UNKNOWN], Format.TEXT
        )
    ),
    "failed_scrape.prom": _failed_scrape,
    "scrape.openmetrics": _scrape,
    "status_page.prom": _status_page,
}

_OF_THIS_BUILD = {"VERSION": __version__, "REVISION": revision(), "PYTHON": platform.python_version()}


def read_golden(name: str) -> str:
    """Return a golden exposition, with this build's version in it."""
    text = (GOLDEN / name).read_text()
    for placeholder, value in _OF_THIS_BUILD.items():
        text = text.replace(placeholder, value)
    return text


def main() -> None:
    for name, write in EXPOSITIONS.items():
        text = write()
        for placeholder, value in _OF_THIS_BUILD.items():
            text = text.replace(f'="{value}"', f'="{placeholder}"')
        (GOLDEN / name).write_text(text)


if __name__ == "__main__":
    main()
