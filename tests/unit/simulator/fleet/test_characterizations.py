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
DAY = 86400


def history(backend: str, now: datetime = NOW, **span: Any) -> list[dict[str, Any]]:
    def pages() -> Iterator[list[dict[str, Any]]]:
        for number in count(1):
            page = CHARACTERIZATIONS.page(backend, now, Span(page=number, **span))
            yield page["characterizations"] or []
            if not page["pages"]:
                return

    return [characterization for page in pages() for characterization in page]


def dates(backend: str, **span: Any) -> list[str]:
    return [characterization["date"] for characterization in history(backend, **span)]


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)))  # noqa: DTZ001  # set below
def test_the_newest_characterization_is_the_one_that_the_backend_names(seed: int, naive: datetime) -> None:
    now = naive.replace(tzinfo=UTC)
    for backend in Fleet(seed).backends(now, with_key=True):
        newest = Characterizations(seed).page(backend["backend"], now, Span(limit=1))["characterizations"]
        expected = newest[0]["id"] if newest else None
        assert backend.get("characterization_id") == expected


@pytest.mark.parametrize("backend", ["simulator", "qpu.nowhere"])
def test_a_backend_without_characterizations_has_a_null(backend: str) -> None:
    assert CHARACTERIZATIONS.page(backend, NOW, Span()) == {"characterizations": None, "pages": 0}


def test_a_characterization_has_the_documented_fields() -> None:
    (newest,) = CHARACTERIZATIONS.page("qpu.forte-1", NOW, Span(limit=1))["characterizations"]
    json.dumps(newest, allow_nan=False)
    assert list(newest) == ["id", "date", "backend", "qubits", "connectivity", "fidelity", "timing"]
    assert newest["backend"] == "qpu.forte-1"
    assert newest["qubits"] == 36
    assert len(newest["connectivity"]) == 36 * 35 / 2
    assert newest["connectivity"][0] == (0, 1)
    assert {operation: result["stderr"] for operation, result in newest["fidelity"].items()} == {
        "spam": None,
        "1q": 0,
        "2q": 0,
    }
    assert newest["timing"] == {
        "readout": 0.00015,
        "reset": 0.00005,
        "1q": 0.00013,
        "2q": 0.00097,
        "t1": 100,
        "t2": 1,
    }


def test_pages_are_newest_first_and_complete_and_count_what_remains() -> None:
    first = CHARACTERIZATIONS.page("qpu.aria-1", NOW, Span())
    last = CHARACTERIZATIONS.page("qpu.aria-1", NOW, Span(page=first["pages"] + 1))
    assert len(first["characterizations"]) == 10
    assert 1 <= len(last["characterizations"]) <= 10
    assert last["pages"] == 0
    assert CHARACTERIZATIONS.page("qpu.aria-1", NOW, Span(page=first["pages"] + 2)) == {
        "characterizations": None,
        "pages": 0,
    }
    assert dates("qpu.aria-1", limit=7) == dates("qpu.aria-1")
    assert all(newer > older for newer, older in pairwise(dates("qpu.aria-1")))


def test_characterizations_are_daily_at_midnight_with_gaps_of_days_to_months() -> None:
    moments = [parse_time(date) for date in dates("qpu.forte-1")]
    assert moments[-1] == datetime(2023, 7, 10, tzinfo=UTC).timestamp()
    gaps = [(newer - older) / DAY for newer, older in pairwise(moments)]
    assert set(map(float.is_integer, gaps)) == {True}
    assert 0.95 < gaps.count(1) / len(gaps) < 1
    assert sum(2 <= gap <= 17 for gap in gaps) > 5
    assert 30 < max(gaps) < 155


def test_a_characterization_is_published_some_hours_after_its_date() -> None:
    midnight = NOW.replace(hour=0, minute=0, second=0)
    pages = [
        CHARACTERIZATIONS.page("qpu.forte-1", midnight + timedelta(hours=hour), Span(limit=1))
        for hour in range(24)
    ]
    newest = [page["characterizations"][0]["date"] for page in pages]
    assert newest[1] == "2026-11-21T00:00:00Z"
    assert newest[14] == "2026-11-22T00:00:00Z"
    assert newest == sorted(newest)


def test_start_is_included_and_end_is_not() -> None:
    known = history("qpu.forte-1")
    newer, older = known[3], known[8]
    chosen = history("qpu.forte-1", start=parse_time(older["date"]), end=parse_time(newer["date"]))
    assert chosen == known[4:9]


def alone(backend: str, characterization: dict[str, Any], now: datetime = NOW) -> dict[str, Any]:
    """Return a characterization as a page of one shows it."""
    date = parse_time(characterization["date"])
    page = CHARACTERIZATIONS.page(backend, now, Span(start=date, end=date + 1, limit=1))
    (found,) = page["characterizations"]
    return dict(found)


def test_characterizations_never_change_and_are_found_by_their_ids() -> None:
    later = NOW + timedelta(days=300)
    assert history("qpu.harmony", later) == history("qpu.harmony")
    for characterization in history("qpu.harmony")[::50]:
        found = CHARACTERIZATIONS.find("qpu.harmony", characterization["id"], later)
        assert found == alone("qpu.harmony", characterization)


def test_a_characterization_of_the_future_or_of_another_backend_is_not_found() -> None:
    later = NOW + timedelta(days=30)
    (newest,) = CHARACTERIZATIONS.page("qpu.forte-1", later, Span(limit=1))["characterizations"]
    assert CHARACTERIZATIONS.find("qpu.forte-1", newest["id"], later) == newest
    assert CHARACTERIZATIONS.find("qpu.forte-1", newest["id"], NOW) is None
    assert CHARACTERIZATIONS.find("qpu.aria-1", newest["id"], later) is None
    assert CHARACTERIZATIONS.find("simulator", newest["id"], later) is None


def test_only_old_characterizations_have_flaws() -> None:
    backends = ("qpu.harmony", "qpu.aria-1", "qpu.aria-2", "qpu.forte-1")
    old = [alone(backend, one)["fidelity"] for backend in backends for one in history(backend)[-80:]]
    assert any(fidelity.get("1q", {}) is None for fidelity in old)
    assert any("2q" not in fidelity for fidelity in old)
    for flaw in ({"median": None, "stderr": None}, {"median": 0.501, "stderr": 0}):
        assert any(fidelity.get("2q") == flaw for fidelity in old)
    assert any(fidelity["1q"] == {"median": 0.4745, "stderr": 0} for fidelity in old)
    assert all(0.98 < median < 1 for median in two_qubit_medians("qpu.forte-1"))


def test_on_a_page_of_several_a_null_is_replaced_by_the_value_of_the_next_newer_one() -> None:
    known = history("qpu.harmony")
    flawed = [
        index
        for index, one in enumerate(known)
        if alone("qpu.harmony", one)["fidelity"].get("1q", {}) is None
    ]
    first_on_their_page = [index for index in flawed if index % 10 == 0]
    others = [index for index in flawed if index % 10]
    assert others
    assert all(known[index]["fidelity"]["1q"] == known[index - 1]["fidelity"]["1q"] for index in others)
    assert all(known[index]["fidelity"]["1q"] is None for index in first_on_their_page)


def two_qubit_medians(backend: str) -> list[float]:
    """Return the fidelities after the first days, oldest first."""
    return [one["fidelity"]["2q"]["median"] for one in reversed(history(backend)[:-90])]


def test_fidelity_improves_over_the_years_and_scatters_from_day_to_day() -> None:
    medians = two_qubit_medians("qpu.forte-1")
    assert len(medians) > 800
    assert sum(medians[-200:]) > sum(medians[:200])
    assert any(after < before for before, after in pairwise(medians))
    assert all(abs(after - before) < 0.003 for before, after in pairwise(medians))


def test_before_its_first_day_a_backend_has_no_characterizations() -> None:
    entered_service = datetime(2023, 7, 10, tzinfo=UTC)
    for early in (entered_service - timedelta(days=400), entered_service):
        assert CHARACTERIZATIONS.page("qpu.forte-1", early, Span()) == {
            "characterizations": None,
            "pages": 0,
        }
