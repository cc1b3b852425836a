import pytest

from exporter.server.landing_page.readable import age, count, duration, number


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (1681, "28 min"),
        (3600, "1 h"),
        (7800, "2 h 10 min"),
        (35_999, "9 h 59 min"),
        (36_000, "10 h"),
        (86_400, "1 d"),
        (864_000 - 1, "9 d 23 h"),
        (864_000, "10 d"),
        (1e300, "1.2e+295 d"),
    ],
)
def test_durations_are_as_exact_as_they_are_useful(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("timestamp", "text"),
    [(1000, "just now"), (999.5, "just now"), (999, "1 s ago"), (1001, "in 1 s"), (1060, "in 1 min")],
)
def test_ages_look_both_ways(timestamp: float, text: str) -> None:
    assert age(timestamp, now=1000) == text


@pytest.mark.parametrize(
    ("items", "text"), [(0, "no row"), (1, "1 row"), (2, "2 rows"), (1204, "1,204 rows")]
)
def test_counts_agree_with_their_noun(items: int, text: str) -> None:
    assert count(items, "row") == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(4.60881, 2, "4.61"), (4902.81, 0, "4,903"), (0, 0, "0"), (1e300, 2, "1.0e+300")],
)
def test_numbers_are_short(value: float, digits: int, text: str) -> None:
    assert number(value, digits) == text
