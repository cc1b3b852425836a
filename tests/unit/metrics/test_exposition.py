import gzip
import json
import zlib
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from exporter.common.errors import DeadlineExceededError, UnexpectedShapeError
from exporter.metrics.backends import BACKEND_FAMILIES
from exporter.metrics.characterizations import CHARACTERIZATION_FAMILIES
from exporter.metrics.encoding import Format
from exporter.metrics.exporter import ExporterMetrics
from exporter.metrics.exposition import ScrapeBodies, compress, encode_scrape
from exporter.records.backends import Backend, parse_backends
from exporter.records.characterizations import CharacterizedBackend, parse_characterizations
from exporter.records.scrape import Scrape
from tests.support.golden import EXPOSITIONS, read_golden
from tests.support.oracle import library_families
from tests.support.samples import CHARACTERIZED_FORTE
from tests.support.untrusted_json import (
    GOOD_ROW,
    HOSTILE_ROWS,
    any_json,
    body,
    page,
    raw_body,
    records,
    rows,
)

Series = tuple[str, frozenset[tuple[str, str]]]
FORMATS = pytest.mark.parametrize("form", Format)


def scrape_of(
    backends: tuple[Backend, ...] = (), characterized: tuple[CharacterizedBackend, ...] = ()
) -> Scrape:
    return Scrape(datetime.now(UTC), 0.25, backends=backends, characterized=characterized)


def write(scrape: Scrape, form: Format) -> bytes:
    return encode_scrape(scrape, ExporterMetrics(), form)


def read_back(exposition: bytes, form: Format) -> dict[Series, float]:
    """Parse an exposition with prometheus_client's own parser, and see that no series comes twice."""
    read = read_openmetrics if form is Format.OPENMETRICS else read_text
    samples = [
        ((sample.name, frozenset(sample.labels.items())), sample.value)
        for family in read(exposition.decode())
        for sample in family.samples
    ]
    assert [series for series, count in Counter(series for series, _ in samples).items() if count > 1] == []
    return dict(samples)


def of_backends(series: dict[Series, float]) -> dict[Series, float]:
    return {key: value for key, value in series.items() if key[0].startswith("ionq_backend_")}


def expected_series(
    backends: tuple[Backend, ...] = (), characterized: tuple[CharacterizedBackend, ...] = ()
) -> dict[Series, float]:
    families = [
        *library_families(BACKEND_FAMILIES, backends),
        *library_families(CHARACTERIZATION_FAMILIES, characterized),
    ]
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.mark.parametrize("name", ["failed_scrape.prom", "scrape.openmetrics"])
def test_a_scrape_is_written_as_users_rely_on(name: str) -> None:
    assert EXPOSITIONS[name]() == read_golden(name)


@FORMATS
def test_the_process_is_described_unless_it_is_left_out(form: Format) -> None:
    with_process = {name for name, _ in read_back(write(scrape_of(), form), form)}
    left_out = encode_scrape(scrape_of(), ExporterMetrics(), form, with_process=False)
    without = {name for name, _ in read_back(left_out, form)}
    assert {"process_resident_memory_bytes", "process_cpu_seconds_total", "python_info"} <= with_process
    assert not any(name.startswith(("process_", "python_")) for name in without)
    assert without < with_process


@FORMATS
def test_no_series_says_when_a_counter_was_created(form: Format) -> None:
    assert b"_created" not in write(scrape_of(), form)


def test_a_failed_scrape_has_no_backend_series() -> None:
    failed = Scrape(datetime.now(UTC), 0.25, error=DeadlineExceededError("no complete response within 1s"))
    assert b"ionq_backend_" not in write(failed, Format.TEXT)
    assert b"\nionq_up 0.0\n" in write(failed, Format.TEXT)


@FORMATS
@given(sent=st.lists(rows | any_json, max_size=5))
@example(
    sent=[
        {**GOOD_ROW, "backend": text, "location": text}
        for text in ('"', "\\", "\\n", "{", "}", ",", "# EOF", "=")
    ]
)
def test_whatever_is_understood_is_written_and_read_back_without_duplicates(
    sent: list[Any], form: Format
) -> None:
    try:
        backends = parse_backends(body(*sent)).backends
    except UnexpectedShapeError:
        return
    assert of_backends(read_back(write(scrape_of(backends), form), form)) == expected_series(backends)


@FORMATS
def test_hostile_rows_are_written_and_read_back_without_duplicates(form: Format) -> None:
    backends = parse_backends(raw_body(*HOSTILE_ROWS.values(), json.dumps(GOOD_ROW).encode())).backends
    series = of_backends(read_back(write(scrape_of(backends), form), form))
    assert series == expected_series(backends)
    assert {dict(labels)["backend"] for _, labels in series} == {"qpu.forte-1"}


@FORMATS
@given(sent=st.lists(records | any_json, max_size=5))
def test_whatever_is_understood_of_characterizations_is_written_and_read_back_without_duplicates(
    sent: list[Any], form: Format
) -> None:
    understood = parse_characterizations(page(*sent), "qpu.forte-1").characterizations
    characterized = tuple(
        CharacterizedBackend(f"qpu.{number}", "", known.id if number % 2 else "another", known)
        for number, known in enumerate(understood)
    )
    series = of_backends(read_back(write(scrape_of(characterized=characterized), form), form))
    assert series == expected_series(characterized=characterized)


@FORMATS
def test_backends_and_their_characterizations_are_one_exposition(form: Format) -> None:
    backends = parse_backends(body(GOOD_ROW)).backends
    exposition = write(scrape_of(backends, (CHARACTERIZED_FORTE,)), form)
    series = read_back(exposition, form)
    assert of_backends(series) == expected_series(backends, (CHARACTERIZED_FORTE,))
    assert {name for name, _ in series} >= {family.name for family in CHARACTERIZATION_FAMILIES}


# Bodies


@FORMATS
@pytest.mark.parametrize("gzipped", [False, True])
def test_a_body_is_made_once_for_each_scrape(form: Format, gzipped: bool) -> None:  # noqa: FBT001
    metrics = ExporterMetrics()
    bodies = ScrapeBodies(metrics)
    first, second = scrape_of(), scrape_of()
    body = bodies.body(first, form, gzipped=gzipped)
    metrics.count_request()
    assert bodies.body(first, form, gzipped=gzipped) is body
    after = bodies.body(second, form, gzipped=gzipped)
    text = (gzip.decompress(after) if gzipped else after).decode()
    assert "ionq_exporter_api_requests_total 1.0" in text


def test_formats_and_encodings_do_not_share_a_body() -> None:
    bodies, scrape = ScrapeBodies(ExporterMetrics()), scrape_of()
    made = {bodies.body(scrape, form, gzipped=gzipped) for form in Format for gzipped in (False, True)}
    assert len(made) == 4


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_compressed_text_comes_back_whole(parts: list[str]) -> None:
    assert gzip.decompress(compress(parts)).decode() == "".join(parts)


def test_compressed_text_is_one_gzip_member_without_a_time() -> None:
    compressed = compress(["ionq_up 1.0\n"] * 1_000)
    gunzip = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    gunzip.decompress(compressed)
    assert gunzip.eof
    assert gunzip.unused_data == b""
    assert len(compressed) < 12_000 / 10
    assert compressed[4:8] == bytes(4)  # the modification time, which would make equal texts differ
