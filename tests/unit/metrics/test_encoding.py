import gzip
import json
import platform
import zlib
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from exporter import __version__
from exporter.common.build_info import revision
from exporter.common.errors import DeadlineExceededError, IonQError, RateLimitedError
from exporter.metrics.definitions import BACKEND_METRICS, CHARACTERIZATION_METRICS, BackendCollector
from exporter.metrics.encoding import (
    Exposition,
    Format,
    Part,
    accepts_gzip,
    encode_backends,
    encode_characterizations,
    negotiate,
    render_scrape,
)
from exporter.metrics.exporter import ExporterMetrics
from exporter.records.backends import Backend, BackendList, parse_backends
from exporter.records.characterizations import (
    NOTHING_CHARACTERIZED,
    Characterization,
    CharacterizedBackend,
    CharacterizedBackends,
    parse_characterizations,
)
from exporter.records.json_values import Rejection
from exporter.records.scrape import Scrape
from tests.support.repository import GOLDEN
from tests.support.samples import CHARACTERIZED_FORTE
from tests.support.untrusted_json import (
    GOOD_RECORD,
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

PROMETHEUS_2_42 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3_5 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_3_5_WITH_NATIVE_HISTOGRAMS = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


def scrape_of(
    outcome: BackendList | IonQError, characterized: CharacterizedBackends = NOTHING_CHARACTERIZED
) -> Scrape:
    return Scrape(datetime.now(UTC), 0.25, outcome, characterized)


def golden(name: str) -> str:
    text = (GOLDEN / name).read_text()
    return (
        text.replace("VERSION", __version__)
        .replace("REVISION", revision())
        .replace("PYTHON", platform.python_version())
    )


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


def expected_series(
    backends: BackendList, characterized: CharacterizedBackends = NOTHING_CHARACTERIZED
) -> dict[Series, float]:
    families = [
        *BackendCollector(BACKEND_METRICS, backends.backends).collect(),
        *BackendCollector(CHARACTERIZATION_METRICS, characterized.backends).collect(),
    ]
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


# Which format


@pytest.mark.parametrize(
    "accept",
    [
        PROMETHEUS_2_42,
        PROMETHEUS_3_5,
        PROMETHEUS_3_5_WITH_NATIVE_HISTOGRAMS,
        "application/openmetrics-text",
        "application/openmetrics-text;version=1.0.0",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ' Application/OpenMetrics-Text ; Version="1.0.0" ',
        "application/openmetrics-text;q=0.5,text/plain;q=0.5",
        "application/openmetrics-text;version=0.0.1;q=0.2,application/openmetrics-text;version=1.0.0;q=0.1",
        "text/html,application/openmetrics-text;q=0.1,*/*;q=0.8",
    ],
)
def test_who_asks_for_openmetrics_at_least_as_much_as_for_text_gets_it(accept: str) -> None:
    assert negotiate(accept) is Format.OPENMETRICS


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        CHROMIUM,
        "application/*",
        "text/plain",
        "text/plain;version=0.0.4",
        "application/json",
        "text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5",
        "text/plain;version=1.0.0;q=0.6,application/openmetrics-text;q=0.5",
        "text/plain;q=0.6,text/plain;q=0.1,application/openmetrics-text;q=0.5",
        "application/openmetrics-text;q=0",
        "application/openmetrics-text;q=0.0,*/*",
        "application/openmetrics-text;version=0.0.1",
        "application/openmetrics-text;version=2.0.0",
        "application/openmetrics-text;version=abc",
        "application/openmetrics-text;version=",
        "application/openmetrics-text;version=1.0.0;q=abc",
        "application/openmetrics-text;version=1.0.0;q=",
        "application/openmetrics-text;version=1.0.0;q=nan",
        "application/openmetrics-text;version=1.0.0;q=-1",
        "application/openmetrics-text;version=1.0.0;q=2",
        "application/openmetrics-text;version=1.0.0;q=1e999",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
        ",;=,;;==,q=1",
    ],
)
def test_anybody_else_gets_the_text_format(accept: str) -> None:
    assert negotiate(accept) is Format.TEXT


header_like = st.text(st.sampled_from(list('qgzip*/;=,. 0159"+-e')) | st.characters())


@given(st.text() | header_like | header_like.map(lambda text: f"application/openmetrics-text{text}"))
def test_no_accept_header_is_too_odd_to_choose_a_format(accept: str) -> None:
    assert negotiate(accept) in Format


# Compressed or not


@pytest.mark.parametrize(
    "accept_encoding",
    [
        "gzip",
        "GZIP",
        "gzip, deflate, br, zstd",
        "deflate, gzip;q=0.1",
        "gzip;q=1.0, identity; q=0.5, *;q=0",
        "*;q=0, gzip",
        "*",
        "br, *;q=0.1",
        " gzip ; q = 0.001 ",
    ],
)
def test_who_allows_gzip_gets_it(accept_encoding: str) -> None:
    assert accepts_gzip(accept_encoding)


@pytest.mark.parametrize(
    "accept_encoding",
    [
        "",
        "identity",
        "deflate, br",
        "gzip;q=0",
        "gzip;q=0.000, *",
        "*, gzip;q=0",
        "*;q=0",
        "gzip;level=9;q=0",
        "gzip;q=abc",
        "gzip;q=nan",
        "gzipped",
    ],
)
def test_nobody_else_gets_gzip(accept_encoding: str) -> None:
    assert not accepts_gzip(accept_encoding)


@given(st.text() | header_like | header_like.map(lambda text: f"gzip{text}"))
def test_no_accept_encoding_is_too_odd_to_decide(accept_encoding: str) -> None:
    assert accepts_gzip(accept_encoding) in (True, False)


@given(st.lists(st.binary()))
def test_what_is_compressed_part_by_part_comes_back_whole(parts: list[bytes]) -> None:
    exposition = Exposition([Part(part) for part in parts])
    assert gzip.decompress(exposition.gzipped) == exposition.plain == b"".join(parts)


def test_what_is_compressed_is_one_gzip_member_that_needs_nothing_after_it() -> None:
    gunzip = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    gunzip.decompress(Exposition([Part(b"ionq_up 1.0\n"), Part(b"# EOF\n")]).gzipped)
    assert gunzip.eof
    assert gunzip.unused_data == b""


def test_what_is_compressed_is_much_smaller_and_carries_no_time_of_day() -> None:
    compressed = Exposition([Part(b"ionq_up 1.0\n" * 1_000)]).gzipped
    assert len(compressed) < 12_000 / 10
    assert compressed[4:8] == bytes(4)  # the modification time, which would make equal answers differ


def test_a_part_is_compressed_once_however_often_it_is_sent() -> None:
    part = Part(b"ionq_up 1.0\n")
    assert part.deflated is part.deflated


# What is written


def test_a_failed_scrape_has_no_backend_series_and_every_counter_from_the_start() -> None:
    telemetry = ExporterMetrics()
    telemetry.count_request()
    telemetry.count_request()
    telemetry.count_characterization_request()
    telemetry.count_characterization_failure("http_status")
    telemetry.count_failure("timeout")
    telemetry.count_rejections(
        [Rejection("row", "row 10001", "is too many", count=3), Rejection("qubits", "a", "")]
    )
    failed = scrape_of(DeadlineExceededError("no complete answer within 1s"))
    text = render_scrape(failed, telemetry, Format.TEXT, with_process=False)
    assert text.plain.decode() == golden("failed_scrape.prom")


def test_openmetrics_has_units_and_one_end() -> None:
    backends = BackendList((Backend("simulator", average_queue_time_seconds=0.0),))
    characterized = CharacterizedBackends(
        (CharacterizedBackend("simulator", "", "a", Characterization("a", fidelity={"2q": 1.0})),)
    )
    scrape = scrape_of(backends, characterized)
    text = render_scrape(scrape, ExporterMetrics(), Format.OPENMETRICS, with_process=False)
    assert text.plain.decode() == golden("scrape.openmetrics")


@pytest.mark.parametrize("form", Format)
def test_the_process_is_told_of_unless_it_is_left_out(form: Format) -> None:
    scrape, telemetry = scrape_of(BackendList(())), ExporterMetrics()
    with_process = {name for name, _ in read_back(render_scrape(scrape, telemetry, form).plain, form)}
    left_out = render_scrape(scrape, telemetry, form, with_process=False).plain
    without = {name for name, _ in read_back(left_out, form)}
    assert {"process_resident_memory_bytes", "process_cpu_seconds_total", "python_info"} <= with_process
    assert not any(name.startswith(("process_", "python_")) for name in without)
    assert without < with_process


@pytest.mark.parametrize("form", Format)
def test_no_series_tells_when_a_counter_was_created(form: Format) -> None:
    assert b"_created" not in render_scrape(scrape_of(BackendList(())), ExporterMetrics(), form).plain


@pytest.mark.parametrize("form", Format)
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
    backends = parse_backends(body(*sent))
    assert read_back(whole(backends, form), form) == expected_series(backends)


@pytest.mark.parametrize("form", Format)
def test_hostile_rows_are_written_and_read_back_without_duplicates(form: Format) -> None:
    backends = parse_backends(raw_body(*HOSTILE_ROWS.values(), json.dumps(GOOD_ROW).encode()))
    series = read_back(whole(backends, form), form)
    assert series == expected_series(backends)
    assert {dict(labels)["backend"] for _, labels in series} == {"qpu.forte-1"}


@pytest.mark.parametrize("form", Format)
@given(sent=st.lists(records | any_json, max_size=5))
def test_whatever_is_understood_of_characterizations_is_written_and_read_back_without_duplicates(
    sent: list[Any], form: Format
) -> None:
    understood = parse_characterizations(page(*sent), "qpu.forte-1").records
    characterized = CharacterizedBackends(
        tuple(
            CharacterizedBackend(f"qpu.{number}", "", record.id if number % 2 else "another", record)
            for number, record in enumerate(understood)
        )
    )
    written = encode_characterizations(characterized, form).plain + end(form)
    assert read_back(written, form) == expected_series(BackendList(()), characterized)


@pytest.mark.parametrize("form", Format)
def test_backends_and_their_characterizations_are_one_exposition(form: Format) -> None:
    backends = parse_backends(body(GOOD_ROW))
    characterized = CharacterizedBackends((CHARACTERIZED_FORTE,))
    exposition = render_scrape(scrape_of(backends, characterized), ExporterMetrics(), form)
    series = read_back(exposition.plain, form)
    assert expected_series(backends, characterized).items() <= series.items()
    assert {name for name, _ in series} >= {metric.name for metric in CHARACTERIZATION_METRICS}
    assert gzip.decompress(exposition.gzipped) == exposition.plain


def whole(backends: BackendList, form: Format) -> bytes:
    return encode_backends(backends, form).plain + end(form)


def end(form: Format) -> bytes:
    return b"# EOF\n" if form is Format.OPENMETRICS else b""


@pytest.mark.parametrize("form", Format)
def test_a_list_is_written_once_however_often_it_is_scraped(form: Format) -> None:
    backends = parse_backends(body(GOOD_ROW))
    assert encode_backends(backends, form) is encode_backends(backends, form)


def test_the_formats_of_one_list_are_kept_apart() -> None:
    backends = parse_backends(body(GOOD_ROW))
    assert b"# UNIT" in encode_backends(backends, Format.OPENMETRICS).plain
    assert b"# UNIT" not in encode_backends(backends, Format.TEXT).plain


def test_a_new_list_is_written_anew() -> None:
    first = encode_backends(parse_backends(body(GOOD_ROW)), Format.TEXT)
    second = encode_backends(parse_backends(body({**GOOD_ROW, "qubits": 35})), Format.TEXT)
    assert first.plain != second.plain


@pytest.mark.parametrize("form", Format)
def test_characterizations_are_written_once_while_they_are_the_same(form: Format) -> None:
    characterized = CharacterizedBackends((CHARACTERIZED_FORTE,))
    first = encode_characterizations(characterized, form)
    assert encode_characterizations(characterized, form) is first
    # What changes with each scrape is not what they are kept by.
    for _ in range(3):
        render_scrape(scrape_of(parse_backends(body(GOOD_ROW)), characterized), ExporterMetrics(), form)
    assert encode_characterizations(characterized, form) is first


@pytest.mark.parametrize("form", Format)
def test_characterizations_are_written_anew_when_one_of_them_changes(form: Format) -> None:
    old, new = (
        CharacterizedBackends((replace(CHARACTERIZED_FORTE, characterization_id=identity),))
        for identity in (GOOD_RECORD["id"], "one that is not read yet")
    )
    current = b"ionq_backend_characterization_current"
    (before,), (after,) = (
        [
            line
            for line in encode_characterizations(characterized, form).plain.splitlines()
            if line.startswith(current)
        ]
        for characterized in (old, new)
    )
    assert before.endswith(b" 1.0")
    assert after.endswith(b" 0.0")


@pytest.mark.parametrize("form", Format)
def test_every_count_is_in_the_next_exposition(form: Format) -> None:
    telemetry = ExporterMetrics()

    def total() -> float:
        scrape = scrape_of(BackendList(()))
        series = read_back(render_scrape(scrape, telemetry, form, with_process=False).plain, form)
        return sum(value for (name, _), value in series.items() if name.endswith("_total"))

    assert total() == 0
    telemetry.count_request()
    assert total() == 1
    telemetry.count_failure("tls")
    assert total() == 2
    telemetry.count_rejections([Rejection("kw", "a", ""), Rejection("row", "row 10001", "", count=5)])
    assert total() == 8
    telemetry.count_characterization_failure("tls")
    assert total() == 9
    telemetry.count_rejections([Rejection("record.fidelity", "a", "")])
    assert total() == 10
    telemetry.count_characterization_request()  # which is one of all requests, too
    assert total() == 12


@pytest.mark.parametrize("form", Format)
def test_the_process_is_looked_at_anew_for_a_scrape_that_sent_no_request(form: Format) -> None:
    telemetry = ExporterMetrics()

    def cpu_seconds() -> float:
        text = render_scrape(scrape_of(RateLimitedError("no request sent")), telemetry, form).plain
        return read_back(text, form)["process_cpu_seconds_total", frozenset()]

    telemetry.count_failure("rate_limited")
    before = cpu_seconds()
    telemetry.count_failure("rate_limited")
    assert cpu_seconds() > before
