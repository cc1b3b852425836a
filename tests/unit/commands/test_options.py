"""The types of flags."""

import click
import pytest

from exporter.commands.options import SIZE, number_between


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("1048576", 1048576),
        ("100B", 100),
        ("512KiB", 512 * 1024),
        ("1MiB", 1048576),
        ("16mib", 16 * 1048576),
        ("2 GiB", 2 * 1024**3),
        (" 1Mi ", 1048576),
    ],
)
def test_a_size_is_in_bytes_or_has_a_unit(text: str, size: int) -> None:
    assert SIZE.convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "0", "0MiB", "-1", "1.5MiB", "1MB", "MiB", "1TiB", "many"])
def test_anything_else_is_not_a_size(text: str) -> None:
    with pytest.raises(
        click.BadParameter, match=f"'{text}' is not a size: write bytes, or like 512KiB or 1MiB"
    ):
        SIZE.convert(text, None, None)


@pytest.mark.parametrize("text", ["1", "1.5", "2e0"])
def test_a_number_within_the_limits_is_accepted(text: str) -> None:
    assert number_between(1, 2).convert(text, None, None) == float(text)


@pytest.mark.parametrize("text", ["0.9", "2.1", "nan", "inf", "-inf", "one", ""])
def test_a_number_beyond_the_limits_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match=f"'{text}' is not a number from 1 to 2"):
        number_between(1, 2).convert(text, None, None)
