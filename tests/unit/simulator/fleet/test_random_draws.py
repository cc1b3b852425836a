from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from exporter.simulator.fleet.random_draws import between, smooth, unit, uuid

keys = st.lists(st.integers() | st.text(), min_size=1, max_size=4)


@given(keys)
def test_a_number_depends_on_its_key_alone_and_is_below_one(key: list[int | str]) -> None:
    drawn = unit(*key)
    unit.cache_clear()
    assert drawn == unit(*key)
    assert 0 <= drawn < 1


def test_different_keys_draw_numbers_that_fill_the_range_evenly() -> None:
    drawn = sorted(unit(1, "even", index) for index in range(2000))
    assert len(set(drawn)) == 2000
    assert all(abs(number - index / 2000) < 0.05 for index, number in enumerate(drawn))


def test_numbers_lie_between_their_bounds() -> None:
    drawn = [between(3, 5, 1, index) for index in range(500)]
    assert 3 <= min(drawn) < 3.1
    assert 4.9 < max(drawn) < 5


@given(st.floats(-1e6, 1e6), keys)
def test_a_curve_is_smooth_and_stays_between_minus_one_and_one(position: float, key: list[int | str]) -> None:
    here, there = smooth(position, *key), smooth(position + 0.001, *key)
    assert -1 <= here <= 1
    assert abs(here - there) < 0.01


def test_a_curve_wanders_over_its_range() -> None:
    drawn = [smooth(index / 10, 1, "wander") for index in range(1000)]
    assert min(drawn) < -0.8
    assert max(drawn) > 0.8


@given(keys)
def test_a_uuid_looks_like_a_random_one(key: list[int | str]) -> None:
    assert UUID(uuid(*key)).version == 4
