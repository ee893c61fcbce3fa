"""Classes of maps: every value in one, their edges and labels, their colours."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruralpanel.output import style
from ruralpanel.output.maps.classes import Classes, class_colours, find_classes

# Classes


@given(
    st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=60),
    st.sampled_from(["quantiles", "equal"]),
    st.integers(2, 9),
)
def test_every_value_is_in_one_class(values: list[float], method: str, number: int) -> None:
    classes = find_classes([*values, math.nan], method, number)
    found = classes.of(values)
    assert 1 <= classes.number <= number
    assert ((found >= 0) & (found < classes.number)).all()
    edges = np.asarray(classes.edges)
    assert (edges[found] <= np.asarray(values)).all() and (np.asarray(values) <= edges[found + 1]).all()
    assert classes.of([math.nan])[0] == -1
    assert len(classes.labels()) == classes.number


def test_quantiles_are_numpys_and_nearly_even() -> None:
    values = np.random.default_rng(1).gamma(2, 1, 62)
    classes = find_classes(values.tolist(), "quantiles", 5)
    assert classes.edges == pytest.approx(tuple(np.quantile(values, [0, 0.2, 0.4, 0.6, 0.8, 1])))
    counts = np.bincount(classes.of(values.tolist()))
    assert counts.min() >= 12 and counts.max() <= 13


def test_ties_merge_classes() -> None:
    assert find_classes([0.0] * 20 + [1.0, 2.0], "quantiles", 5).edges == (0.0, 2.0)
    assert find_classes([3.0, 3.0], "quantiles", 5).labels() == ("3.00",)


def test_declared_breaks_leave_the_ends_open() -> None:
    classes = find_classes([1.0, 5.0, 9.0], "user", 5, [8, 2])
    assert classes.of([1.0, 2.0, 5.0, 8.0, 9e9]).tolist() == [0, 1, 1, 2, 2]
    assert classes.labels() == ("< 2.00", "2.00–8.00", "≥ 8.00")


@pytest.mark.parametrize(
    ("edges", "labels"),
    [
        ((0.0, 10.0, 25.0), ("0–10.0", "10.0–25.0")),
        ((1.0, 180.0, 310.4), ("1–180", "180–310")),
        ((-0.5, 0.0, 0.5), ("−0.500 – 0", "0–0.500")),
        ((12345.0, 23456.0), ("12,345–23,456",)),
        ((100.01, 100.02, 100.03), ("100.01–100.02", "100.02–100.03")),
    ],
)
def test_labels_tell_edges_apart(edges: tuple[float, ...], labels: tuple[str, ...]) -> None:
    assert Classes(edges).labels() == labels


def test_diverging_colours_are_pale_where_zero_is() -> None:
    ramp = style.diverging(7)
    assert class_colours(Classes((-3, -1, 1, 2, 3, 4)), "diverging") == (ramp[2], ramp[3], ramp[4], ramp[5], ramp[6])
    assert class_colours(Classes((-2, -1, 0, 1)), "diverging") == style.diverging(5)[:2] + style.diverging(5)[3:4]
    assert class_colours(Classes((0, 1, 2)), "sequential") == style.sequential(2)
