import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.common.durations import humanize_duration, parse_duration

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("500ms", 0.5),
        ("10s", 10),
        ("1m30s", 90),
        ("1h30m", 5400),
        ("1d12h", 129_600),
        ("2w", 1_209_600),
        ("0.5s", 0.5),
        ("1.5h", 5400),
        ("10", 10),
        ("2.5", 2.5),
        ("0", 0),
        (" 10s\n", 10),
    ],
)
def test_a_duration_is_read_in_prometheus_notation_or_plain_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "s",
        "10x",
        "10 s",
        "1h 30m",
        "-1s",
        "-1",
        "nan",
        "inf",
        "1e999",
        "9" * 400,
        "9" * 400 + "s",
        "1,5s",
    ],
)
def test_anything_else_is_refused_and_the_message_shows_how_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration: write it like 10s, 500ms or 1m30s"):
        parse_duration(text)


@given(st.text() | st.from_regex(r"[0-9.]{1,400}(ms|s|m|h|d|w)?", fullmatch=True))
def test_whatever_is_accepted_is_finite_and_not_negative(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except ValueError:
        return
    assert math.isfinite(seconds)
    assert seconds >= 0


@given(st.lists(st.tuples(st.integers(0, 10_000), st.sampled_from(sorted(UNITS))), min_size=1, max_size=5))
def test_the_parts_of_a_duration_add_up(parts: list[tuple[int, str]]) -> None:
    text = "".join(f"{count}{unit}" for count, unit in parts)
    assert parse_duration(text) == pytest.approx(sum(count * UNITS[unit] for count, unit in parts))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.999, "0s"),
        (1, "1s"),
        (59.9, "59s"),
        (60, "1m"),
        (61, "1m 1s"),
        (1181.215, "19m 41s"),
        (3600, "1h"),
        (3601, "1h"),
        (3660, "1h 1m"),
        (86_399, "23h 59m"),
        (86_400, "1d"),
        (90_000, "1d 1h"),
        (86_460, "1d"),
        (1_533_413, "17d 17h"),
        (2_333_081, "27d"),
        (10 * 365 * 86_400, "3650d"),
    ],
)
def test_a_duration_is_shown_in_its_two_largest_units_rounded_down(seconds: float, text: str) -> None:
    assert humanize_duration(seconds) == text


@given(st.floats(min_value=0, max_value=1e12))
def test_what_people_read_is_at_most_one_step_of_its_smaller_unit_below_the_truth(seconds: float) -> None:
    shown = humanize_duration(seconds)
    read_back = parse_duration(shown.replace(" ", ""))
    step = UNITS["h" if "d" in shown else "m" if "h" in shown else "s"]
    assert read_back <= seconds < read_back + step
