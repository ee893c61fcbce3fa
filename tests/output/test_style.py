"""Colours and number formats."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruralpanel.output import style
from ruralpanel.project import formats


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.0, 3, "0.000"),
        (-0.0, 3, "0.000"),
        (-0.0412, 3, "−0.041"),
        (0.00042, 3, "0.00042"),
        (-0.0000421, 3, "−0.000042"),
        (4.2e-9, 3, "4.2e−9"),
        (1234.5, 1, "1,234.5"),
        (12345.678, 3, "12,345.7"),
        (1234567.8, 3, "1,234,568"),
        (float("nan"), 3, "–"),
        (None, 3, "–"),
    ],
)
def test_numbers(value: float | None, digits: int, text: str) -> None:
    assert formats.format_number(value, digits) == text


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12), st.integers(0, 6))
def test_a_number_keeps_its_sign_and_size(value: float, digits: int) -> None:
    """What is printed is within half a unit of the last place printed, and is never zero for what is not."""
    text = formats.format_number(value, digits).replace(",", "").replace(formats.MINUS, "-")
    printed = float(text)
    assert printed == 0 if value == 0 else math.copysign(1, printed) == math.copysign(1, value) and printed != 0
    assert math.isclose(printed, value, rel_tol=0.051, abs_tol=0.51 * 10.0**-digits)


def test_p_values_are_never_zero() -> None:
    assert formats.format_p(0.00004) == "<0.001"
    assert formats.format_p(0.0496) == "0.050"


def test_intervals_with_open_ends() -> None:
    assert formats.format_interval(-0.5, None, 1) == "[−0.5, ∞]"
    assert formats.format_interval(-math.inf, math.inf) == "[−∞, ∞]"
    assert formats.format_interval(None, None) == "–"


def test_plain_numbers_read_back() -> None:
    assert float(formats.plain_number(0.1 + 0.2)) == 0.1 + 0.2
    assert formats.plain_number(math.nan) == ""


@pytest.mark.parametrize("number", [1, 2, 5, 9])
def test_ramps(number: int) -> None:
    for ramp in (style.sequential, style.diverging):
        colours = ramp(number)
        assert len(colours) == number == len(set(colours))


def test_sequential_colours_darken_steadily() -> None:
    """Greyscale print keeps the order of classes: each step loses at least 0.03 of relative luminance."""
    light = [_luminance(colour) for colour in style.sequential(6)]
    assert all(before - after > 0.03 for before, after in pairwise(light))


def test_more_groups_than_colours() -> None:
    with pytest.raises(ValueError, match="9 groups"):
        style.categorical(9)


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
