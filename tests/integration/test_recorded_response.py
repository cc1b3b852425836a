"""The exporter shows a recorded response of IonQ as it is."""

import gzip
import json
from collections.abc import Iterator

import pytest

from tests.support import recorded
from tests.support.exporter_process import ExporterProcess
from tests.support.exposition import Exposition, Series
from tests.support.repository import GOLDEN
from tests.support.upstream import Request, Script, Upstream, ok


def characterize(request: Request) -> Script:
    return ok(recorded.characterizations(request.target.split("/")[3]))


@pytest.fixture
def exporter(upstream: Upstream) -> Iterator[ExporterProcess]:
    upstream.answers(ok(recorded.BODY))
    upstream.characterizes(characterize)
    with ExporterProcess(upstream.url, characterizations=True) as exporter:
        yield exporter


def backend_samples(exposition: Exposition) -> dict[Series, float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for sample in exposition.samples
        if sample.name.startswith("ionq_backend_")
    }


GOLDEN_SAMPLES = backend_samples(Exposition((GOLDEN / "recorded.prom").read_text()))


def test_every_value_of_the_recorded_response_is_shown(exporter: ExporterProcess, upstream: Upstream) -> None:
    scrape = exporter.scrape()
    assert scrape.up
    assert backend_samples(scrape) == GOLDEN_SAMPLES
    assert len(upstream.characterization_requests) == 5


def test_only_fidelities_that_were_not_measured_are_rejected(exporter: ExporterProcess) -> None:
    scrape = exporter.scrape()
    # aria-1's 1q, and aria-2's spam and 1q.
    assert scrape.counted("ionq_exporter_rejected_values_total", "field") == {"record.fidelity": 3}
    assert scrape.characterization_failures == {}


def test_a_response_that_differs_in_its_times_alone_costs_no_further_request(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    exporter.scrape()
    later = [row | {"last_updated": "2026-08-10T19:26:54Z"} for row in recorded.BACKENDS]
    upstream.answers(ok(gzip.compress(json.dumps(later).encode()), {"Content-Encoding": "gzip"}))
    scrape = exporter.scrape()
    updated = "ionq_backend_last_updated_timestamp_seconds"
    assert set(scrape.by_label(updated, "backend").values()) == {1786390014.0}
    assert {series for series in backend_samples(scrape).items() if series[0][0] != updated} == {
        series for series in GOLDEN_SAMPLES.items() if series[0][0] != updated
    }
    assert len(upstream.characterization_requests) == 5
