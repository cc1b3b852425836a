import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.common.times import parse_time
from exporter.simulator import Characterizations, Fleet, Span
from tests.support.simulator import NOW

CHARACTERIZATIONS = Characterizations(1)


def history(backend: str, now: datetime = NOW, **span: Any) -> list[dict[str, Any]]:
    def pages() -> Iterator[list[dict[str, Any]]]:
        for page in count(1):
            answer = CHARACTERIZATIONS.page(backend, now, Span(page=page, **span))
            yield answer["characterizations"] or []
            if not answer["pages"]:
                return

    return [one for page in pages() for one in page]


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)))  # noqa: DTZ001  # set below
def test_the_newest_record_is_the_one_that_the_fleet_calls_current(seed: int, naive: datetime) -> None:
    now = naive.replace(tzinfo=UTC)
    for backend in Fleet(seed).backends(now, with_key=True):
        found = Characterizations(seed).page(backend["backend"], now, Span(limit=1))["characterizations"]
        newest = found[0] if found else {"id": None, "date": backend["last_updated"]}
        assert backend.get("characterization_id") == newest["id"]
        assert backend["last_updated"] == newest["date"]


@pytest.mark.parametrize("backend", ["simulator", "qpu.nowhere"])
def test_without_history_there_is_a_null(backend: str) -> None:
    assert CHARACTERIZATIONS.page(backend, NOW, Span()) == {"characterizations": None, "pages": 0}


def test_a_record_has_the_documented_form() -> None:
    (one,) = CHARACTERIZATIONS.page("qpu.forte-1", NOW, Span(limit=1))["characterizations"]
    json.dumps(one, allow_nan=False)
    assert list(one) == ["id", "date", "backend", "qubits", "connectivity", "fidelity", "timing"]
    assert one["backend"] == "qpu.forte-1"
    assert one["qubits"] == 36
    assert len(one["connectivity"]) == 36 * 35 / 2
    assert one["connectivity"][0] == (0, 1)
    assert set(one["fidelity"]) == {"spam", "1q", "2q"}
    assert set(one["timing"]) == {"readout", "reset", "1q", "2q", "t1", "t2"}
    assert one["timing"]["2q"] == pytest.approx(0.00097, rel=0.05)


def test_pages_are_newest_first_without_gaps_and_count_what_remains() -> None:
    first = CHARACTERIZATIONS.page("qpu.aria-1", NOW, Span())
    last = CHARACTERIZATIONS.page("qpu.aria-1", NOW, Span(page=first["pages"] + 1))
    assert len(first["characterizations"]) == 10
    assert 1 <= len(last["characterizations"]) <= 10
    assert last["pages"] == 0
    assert CHARACTERIZATIONS.page("qpu.aria-1", NOW, Span(page=first["pages"] + 2)) == {
        "characterizations": None,
        "pages": 0,
    }
    dates = [one["date"] for one in history("qpu.aria-1", limit=7)]
    assert dates == [one["date"] for one in history("qpu.aria-1")]
    assert all(newer > older for newer, older in pairwise(dates))


def test_history_reaches_back_several_years_at_a_steady_rhythm() -> None:
    moments = [parse_time(one["date"]) for one in history("qpu.forte-1")]
    assert moments[-1] < datetime(2023, 8, 1, tzinfo=UTC).timestamp()
    gaps = [(newer - older) / 86400 for newer, older in pairwise(moments)]
    assert min(gaps) > 0
    assert max(gaps) < 9


def test_start_is_included_and_end_is_not() -> None:
    found = history("qpu.forte-1")
    newer, older = found[3], found[8]
    chosen = history("qpu.forte-1", start=parse_time(older["date"]), end=parse_time(newer["date"]))
    assert chosen == found[4:9]


def test_records_never_change_and_are_found_by_their_ids() -> None:
    later = NOW + timedelta(days=300)
    assert history("qpu.harmony", later) == history("qpu.harmony")
    for one in history("qpu.harmony")[::20]:
        assert CHARACTERIZATIONS.find("qpu.harmony", one["id"], later) == one


def test_a_record_of_the_future_or_of_another_machine_is_not_found() -> None:
    later = NOW + timedelta(days=30)
    (newest,) = CHARACTERIZATIONS.page("qpu.forte-1", later, Span(limit=1))["characterizations"]
    assert CHARACTERIZATIONS.find("qpu.forte-1", newest["id"], later) == newest
    assert CHARACTERIZATIONS.find("qpu.forte-1", newest["id"], NOW) is None
    assert CHARACTERIZATIONS.find("qpu.aria-1", newest["id"], later) is None
    assert CHARACTERIZATIONS.find("simulator", newest["id"], later) is None


def two_qubit_medians(backend: str) -> list[float | None]:
    fidelities = [one["fidelity"] for one in reversed(history(backend))]
    return [(fidelity.get("2q") or {}).get("median") for fidelity in fidelities]


def test_only_a_few_old_records_are_flawed_as_ionqs_are() -> None:
    fidelities = [
        one["fidelity"]
        for backend in ("qpu.harmony", "qpu.aria-1", "qpu.aria-2", "qpu.forte-1")
        for one in history(backend)[-40:]
    ]
    assert any(fidelity.get("1q", {}) is None for fidelity in fidelities)
    assert any("2q" not in fidelity for fidelity in fidelities)
    assert any(fidelity.get("2q") == {"median": None, "stderr": None} for fidelity in fidelities)
    assert any(fidelity.get("2q") == {"median": 0.501, "stderr": 0} for fidelity in fidelities)
    recent = two_qubit_medians("qpu.forte-1")[40:]
    assert all(median is not None and 0.98 < median < 1 for median in recent)


def test_fidelity_improves_slowly_over_the_years_and_not_in_leaps() -> None:
    medians = [median for median in two_qubit_medians("qpu.forte-1")[40:] if median is not None]
    assert len(medians) > 200
    assert sum(medians[-40:]) / 40 > sum(medians[:40]) / 40
    assert any(after < before for before, after in pairwise(medians))
    assert all(abs(after - before) < 0.003 for before, after in pairwise(medians))


def test_before_its_first_publication_a_machine_has_no_history() -> None:
    entered_service = datetime(2023, 7, 10, tzinfo=UTC)
    for early in (entered_service - timedelta(days=400), entered_service):
        assert CHARACTERIZATIONS.page("qpu.forte-1", early, Span()) == {"characterizations": None, "pages": 0}
