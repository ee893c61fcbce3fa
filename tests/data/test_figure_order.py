"""The order of figures against a plain sort by all three keys, in every arrangement of blocks."""

from __future__ import annotations

import numpy as np
import pytest

from ruralpanel.data.figures import distinct, order_of

RANDOM = np.random.default_rng(3)


def keys(kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes of series, units, periods for 3 series × 50 cells out of 20 units × 5 periods (or 10^6 of them)."""
    width = 10**6 if kind == "thin" else 20
    cells = RANDOM.permutation(100)[:50]
    if kind == "sorted":
        cells = np.sort(cells)
    units, periods = cells // 5 * (width // 20), 2001 + cells % 5
    parts = [RANDOM.permutation(50) if kind == "own order" else np.arange(50) for _ in range(3)]
    series = np.repeat([2, 0, 1], 50)
    units, periods = (np.concatenate([values[part] for part in parts]) for values in (units, periods))
    if kind == "mixed":
        order = RANDOM.permutation(150)
        series, units, periods = series[order], units[order], periods[order]
    return series, units.astype(np.int32), periods.astype(np.int32)


@pytest.mark.parametrize("kind", ["same order", "own order", "sorted", "mixed", "thin"])
@pytest.mark.parametrize("ranks", [[0, 1, 2], [2, 0, 1]])
def test_the_order_is_that_of_a_plain_sort(kind: str, ranks: list[int]) -> None:
    series, units, periods = keys(kind)
    order = order_of(series.astype(np.int8), units, periods, ranks)
    expected = np.lexsort((periods, units, np.array(ranks)[series]))
    np.testing.assert_array_equal(order.rows(), expected)
    for values in (series.astype(np.int8), units, periods, RANDOM.normal(size=150), np.full(150, 7)):
        np.testing.assert_array_equal(order.taken(values), values[expected])
    assert not order.repeats and order.length == 150


@pytest.mark.parametrize("kind", ["same order", "own order", "sorted", "mixed", "thin"])
def test_a_cell_given_twice_is_noticed_and_stays_beside_the_first(kind: str) -> None:
    series, units, periods = keys(kind)
    series[1:], units[1:], periods[1:] = (
        np.concatenate([values[:-2], values[:1]]) if kind == "mixed" else values[1:]
        for values in (series, units, periods)
    )
    if kind != "mixed":
        units[1], periods[1] = units[0], periods[0]
    order = order_of(series, units, periods, [0, 1, 2])
    np.testing.assert_array_equal(order.rows(), np.lexsort((periods, units, series)))
    assert order.repeats


def test_what_stands_in_order_is_not_copied() -> None:
    series, units, periods = np.repeat([0, 1], 3), np.tile([0, 1, 2], 2), np.full(6, 2001)
    order = order_of(series, units, periods, [0, 1])
    values = np.arange(6.0)
    assert order.unchanged and order.taken(values) is values


def test_nothing_has_an_order_too() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    order = order_of(nothing, nothing, nothing, [])
    assert order.length == 0 and not order.repeats and len(order.rows()) == 0


@pytest.mark.parametrize(
    ("positions", "answer"),
    [
        ([1, 2, 3], True),
        ([3, 1, 2], True),
        ([3, 1, 3], False),
        ([1, 1], False),
        ([5, 10**12, 7], True),
        ([5, 10**12, 5], False),
    ],
)
def test_positions_that_occur_twice(positions: list[int], answer: bool) -> None:
    assert distinct(np.array(positions)) is answer
