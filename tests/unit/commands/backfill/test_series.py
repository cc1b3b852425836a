"""Characterizations in, OpenMetrics out: the times of the samples and their text."""

import math
import operator
from collections.abc import Iterable, Sequence
from dataclasses import replace
from io import StringIO
from itertools import groupby, pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from exporter.commands.backfill.series import Timeline, write_history
from exporter.metrics.characterizations import HISTORY_FAMILIES
from exporter.records.characterizations import Characterization
from tests.support.backfill import ARIA, FORTE, LOCATIONS
from tests.support.samples import RECORD

STEP = 10
RECORD_OF_1970 = replace(RECORD, timestamp_seconds=0.0)


def record(date: float | None, name: str = "", **values: Any) -> Characterization:
    return Characterization(name or f"of {date}", date, **values)


def moments(
    records: Iterable[Characterization], *, start: float | None = None, end: float = 100, step: int = STEP
) -> list[tuple[int, str]]:
    """Return the time of each sample and the characterization in force then."""
    timeline = Timeline.of(FORTE, "", records, start=start, end=end, step=step)
    return [(moment, one.id) for span, one in timeline.spans for moment in span]


def written(*timelines: Timeline, labels: dict[str, str] | None = None) -> str:
    file = StringIO()
    write_history(file, timelines, labels or {})
    return file.getvalue()


def of(backend: str, *records: Characterization, end: float = 100) -> Timeline:
    return Timeline.of(backend, LOCATIONS[backend], records, start=None, end=end, step=STEP)


Series = dict[tuple[str, frozenset[tuple[str, str]]], list[tuple[float, float]]]


def parsed(text: str) -> Series:
    """Return time and value of each sample by its series, in the order of the file."""
    series: Series = {}
    for family in text_string_to_metric_families(text):  # type: ignore[no-untyped-call]
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            series.setdefault(key, []).append((float(sample.timestamp), sample.value))
    return series


def values(text: str, name: str, **labels: str) -> list[tuple[float, float]]:
    """Return time and value of each sample of the one series with this name and at least these labels."""
    (found,) = (
        samples
        for (series, its_labels), samples in parsed(text).items()
        if series == name and labels.items() <= dict(its_labels).items()
    )
    return found


def test_a_characterization_is_in_force_from_its_date_until_the_next_one() -> None:
    assert moments([record(12, "a"), record(40, "b")], end=60) == [
        (20, "a"),
        (30, "a"),
        (40, "b"),
        (50, "b"),
    ]


def test_the_end_has_no_sample() -> None:
    assert moments([record(0)], end=20)[-1] == (10, "of 0")
    assert moments([record(0)], end=20.5)[-1] == (20, "of 0")
    assert moments([record(20)], end=20) == []


def test_at_a_start_between_two_dates_the_older_one_is_in_force() -> None:
    assert moments([record(0, "a"), record(40, "b")], start=25, end=50) == [(30, "a"), (40, "b")]


def test_at_a_start_on_a_date_only_that_one_is_in_force() -> None:
    assert moments([record(0, "a"), record(40, "b")], start=40, end=50) == [(40, "b")]


def test_without_a_start_samples_begin_with_the_first_date() -> None:
    assert moments([record(61)], end=80) == [(70, "of 61")]


def test_one_that_is_replaced_before_the_next_step_has_no_sample() -> None:
    assert moments([record(1, "a"), record(9, "b")], end=20) == [(10, "b")]


def test_of_two_with_the_same_date_the_first_is_used_as_in_a_scrape() -> None:
    assert moments([record(0, "a"), record(0, "b")], end=20) == [(0, "a"), (10, "a")]


def test_one_without_a_date_is_left_out() -> None:
    assert moments([record(0, "a"), record(None, "b")], end=20) == [(0, "a"), (10, "a")]
    assert moments([record(None)]) == []


DATES = st.integers(0, 120) | st.floats(0, 120)
RECORDS = st.lists(DATES, max_size=8).map(
    lambda dates: [record(date, str(number)) for number, date in enumerate(dates)]
)


@given(records=RECORDS, start=st.none() | DATES, end=DATES, step=st.integers(1, 40))
@example(records=[record(5e-324, "0")], start=None, end=1, step=2)  # a step later, it would be 0
def test_each_multiple_of_the_step_has_the_newest_characterization_of_that_time(
    records: Sequence[Characterization], start: float | None, end: float, step: int
) -> None:
    expected = []
    for moment in range(0, math.ceil(end), step):
        known = [one for one in records if one.timestamp_seconds <= moment]  # type: ignore[operator]
        if known and moment >= (start or 0):
            newest = max(known, key=lambda one: one.timestamp_seconds or 0)
            expected.append((moment, newest.id))
    assert moments(records, start=start, end=end, step=step) == expected


@given(st.data())
def test_the_order_makes_no_difference(data: st.DataObject) -> None:
    dates = data.draw(st.lists(DATES, max_size=8, unique=True))
    shuffled = data.draw(st.permutations(dates))
    assert moments(map(record, shuffled)) == moments(map(record, dates))


GOLDEN = """\
# HELP ionq_backend_fidelity_ratio {fidelity}
# TYPE ionq_backend_fidelity_ratio gauge
# UNIT ionq_backend_fidelity_ratio ratio
ionq_backend_fidelity_ratio{{job="ionq",backend="qpu.aria-1",location="",operation="2q"}} 0.97 0
ionq_backend_fidelity_ratio{{job="ionq",backend="qpu.aria-1",location="",operation="2q"}} 0.98 20
ionq_backend_fidelity_ratio{{job="ionq",backend="qpu.aria-1",location="",operation="spam"}} 0.99 20
# HELP ionq_backend_t1_seconds {t1}
# TYPE ionq_backend_t1_seconds gauge
# UNIT ionq_backend_t1_seconds seconds
ionq_backend_t1_seconds{{job="ionq",backend="qpu.aria-1",location=""}} 100.0 10
# HELP ionq_backend_characterization_timestamp_seconds {date}
# TYPE ionq_backend_characterization_timestamp_seconds gauge
# UNIT ionq_backend_characterization_timestamp_seconds seconds
ionq_backend_characterization_timestamp_seconds{{job="ionq",backend="qpu.aria-1",location=""}} 0.0 0
ionq_backend_characterization_timestamp_seconds{{job="ionq",backend="qpu.aria-1",location=""}} 5.0 10
ionq_backend_characterization_timestamp_seconds{{job="ionq",backend="qpu.aria-1",location=""}} 20.0 20
# HELP ionq_backend_characterization_record_info {record}
# TYPE ionq_backend_characterization_record_info gauge
ionq_backend_characterization_record_info{{job="ionq",backend="qpu.aria-1",characterization_id="a",location=""}} 1.0 0
ionq_backend_characterization_record_info{{job="ionq",backend="qpu.aria-1",characterization_id="b",location=""}} 1.0 10
ionq_backend_characterization_record_info{{job="ionq",backend="qpu.aria-1",characterization_id="c",location=""}} 1.0 20
# EOF
"""  # noqa: E501 -- as it is written


def test_a_missing_value_is_a_gap_and_a_metric_without_values_is_not_written() -> None:
    text = written(
        of(
            ARIA,
            record(0, "a", fidelity={"2q": 0.97}),
            record(5, "b", t1_seconds=100.0),
            record(20, "c", fidelity={"2q": 0.98, "spam": 0.99}),
            end=30,
        ),
        labels={"job": "ionq"},
    )
    help_of = {metric.name: metric.help for metric in HISTORY_FAMILIES}
    assert text == GOLDEN.format(
        fidelity=help_of["ionq_backend_fidelity_ratio"],
        t1=help_of["ionq_backend_t1_seconds"],
        date=help_of["ionq_backend_characterization_timestamp_seconds"],
        record=help_of["ionq_backend_characterization_record_info"],
    )


def test_every_metric_of_a_record_is_written() -> None:
    end = (RECORD.timestamp_seconds or 0) + STEP
    assert {name for name, _ in parsed(written(of(FORTE, RECORD, end=end)))} == {
        metric.name for metric in HISTORY_FAMILIES
    }


def test_backends_share_a_metric_but_no_series() -> None:
    text = written(of(FORTE, record(0, t1_seconds=1.0)), of(ARIA, record(50, t1_seconds=2.0)))
    assert text.count("# TYPE ionq_backend_t1_seconds") == 1
    assert values(text, "ionq_backend_t1_seconds", backend=FORTE, location=LOCATIONS[FORTE]) == [
        (moment, 1) for moment in range(0, 100, STEP)
    ]
    assert values(text, "ionq_backend_t1_seconds", backend=ARIA, location="") == [
        (moment, 2) for moment in range(50, 100, STEP)
    ]


def test_without_characterizations_only_the_end_of_the_file_is_written() -> None:
    assert written(of(FORTE), of(ARIA, record(None))) == "# EOF\n"


@pytest.mark.parametrize(
    "text", ['"', "\\", "\n", "\\n", "\u2028", "\x85", "a b", "{},=", " 0.0", "Zürich 😀"]
)
def test_any_text_can_be_the_value_of_a_label(text: str) -> None:
    timeline = Timeline.of(text, text, [record(0, text, t1_seconds=1.0)], start=None, end=100, step=STEP)
    exposed = written(timeline, labels={"further": text})
    labels = {"backend": text, "location": text, "further": text}
    assert values(exposed, "ionq_backend_t1_seconds", **labels)[0] == (0, 1)
    assert values(exposed, "ionq_backend_characterization_record_info", characterization_id=text, **labels)


RATIOS = st.floats(0, 1)
AMOUNTS = st.none() | st.floats(0, 1e300)
MEASURED = st.builds(
    Characterization,
    id=st.sampled_from("abc"),
    timestamp_seconds=st.none() | DATES,
    qubits=st.none() | st.integers(0, 100),
    connected_pairs=st.none() | st.integers(0, 5_000),
    fidelity=st.dictionaries(st.sampled_from(["spam", "1q", "2q"]), RATIOS),
    fidelity_standard_error=st.dictionaries(st.sampled_from(["spam", "1q", "2q"]), RATIOS),
    duration_seconds=st.dictionaries(st.sampled_from(["1q", "2q", "readout"]), RATIOS),
    t1_seconds=AMOUNTS,
    t2_seconds=AMOUNTS,
)


@settings(max_examples=50)
@given(
    st.dictionaries(st.sampled_from([FORTE, ARIA, '"\\\n']), st.lists(MEASURED, max_size=5)),
    st.integers(1, 40),
)
def test_an_openmetrics_parser_finds_every_value_at_its_times_and_no_other(
    histories: dict[str, list[Characterization]], step: int
) -> None:
    timelines = [
        Timeline.of(backend, backend, records, start=20, end=90, step=step)
        for backend, records in histories.items()
    ]
    file = StringIO()
    count = write_history(file, timelines, {"job": "ionq"})
    expected = {
        (name, timeline.backend, further, moment): value
        for timeline in timelines
        for span, one in timeline.spans
        for name, further, value in expected_values(one)
        for moment in span
    }
    found = {
        (name, dict(labels)["backend"], further_label(dict(labels)), moment): value
        for (name, labels), samples in parsed(file.getvalue()).items()
        for moment, value in samples
    }
    assert found == expected
    assert count == len(expected) == len(sample_lines(file.getvalue()))


def expected_values(one: Characterization) -> Iterable[tuple[str, str, float]]:
    """Return names, values of the label that not every metric has, and values: written anew, by hand."""
    yield from (("ionq_backend_fidelity_ratio", key, value) for key, value in one.fidelity.items())
    yield from (
        ("ionq_backend_fidelity_standard_error_ratio", key, value)
        for key, value in one.fidelity_standard_error.items()
    )
    yield from (
        ("ionq_backend_operation_duration_seconds", key, value) for key, value in one.duration_seconds.items()
    )
    for name, value in (
        ("ionq_backend_t1_seconds", one.t1_seconds),
        ("ionq_backend_t2_seconds", one.t2_seconds),
        ("ionq_backend_connected_qubit_pairs", one.connected_pairs),
        ("ionq_backend_characterized_qubits", one.qubits),
        ("ionq_backend_characterization_timestamp_seconds", one.timestamp_seconds),
    ):
        if value is not None:
            yield name, "", value
    yield "ionq_backend_characterization_record_info", one.id, 1


def further_label(labels: dict[str, str]) -> str:
    assert labels["job"] == "ionq"
    return labels.get("operation") or labels.get("characterization_id") or ""


def sample_lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line and not line.startswith("#")]


@given(st.lists(MEASURED, max_size=8), st.lists(MEASURED, max_size=3))
def test_the_samples_of_a_series_are_together_and_in_order_of_time(
    forte: list[Characterization], aria: list[Characterization]
) -> None:
    lines = [line.rsplit(" ", 2) for line in sample_lines(written(of(FORTE, *forte), of(ARIA, *aria)))]
    series = [
        (name, [int(moment) for _, _, moment in group])
        for name, group in groupby(lines, operator.itemgetter(0))
    ]
    assert len({name for name, _ in series}) == len(series)
    assert all(earlier < later for _, times in series for earlier, later in pairwise(times))


@given(RATIOS | st.floats(0, 1e300))
def test_no_digit_of_a_value_is_lost(value: float) -> None:
    text = written(of(FORTE, record(0, t1_seconds=value)))
    assert {found for _, found in values(text, "ionq_backend_t1_seconds")} == {value}


@pytest.mark.parametrize("step", [1, 60, 86400])
def test_writing_can_be_stopped_every_two_megabytes(step: int) -> None:
    timeline = Timeline.of(FORTE, "", [RECORD_OF_1970], start=None, end=86400, step=step)
    written_by: list[int] = []
    file = StringIO()
    write_history(file, [timeline], {}, lambda: written_by.append(file.tell()))
    assert written_by
    assert max(later - earlier for earlier, later in pairwise((*written_by, file.tell()))) < 2_000_000


def test_an_error_of_the_check_stops_the_writing() -> None:
    class TooLateError(Exception):
        pass

    def end() -> None:
        raise TooLateError

    with pytest.raises(TooLateError):
        write_history(StringIO(), [of(FORTE, record(0))], {}, end)
