"""Statistics along one axis of an array with missing figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]


def _present(values: Array, axis: int) -> Array:
    return np.asarray(np.sum(~np.isnan(values), axis=axis, keepdims=True), dtype=np.float64)


def largest(values: Array, axis: int) -> Array:
    """Largest figure along `axis`, kept as an axis of length one; missing where there is none."""
    filled = np.where(np.isnan(values), -np.inf, values)
    return np.where(_present(values, axis) > 0, np.max(filled, axis=axis, keepdims=True, initial=-np.inf), np.nan)


def smallest(values: Array, axis: int) -> Array:
    """Smallest figure, likewise."""
    return -largest(-values, axis)


def mean(values: Array, axis: int) -> Array:
    """Mean of the figures that are there."""
    count = _present(values, axis)
    return np.asarray(np.nansum(values, axis=axis, keepdims=True) / np.where(count > 0, count, np.nan))


def median(values: Array, axis: int) -> Array:
    """Median of the figures that are there: the mean of the middle two where their number is even."""
    count = _present(values, axis).astype(np.intp)
    if values.shape[axis] == 0:
        return np.full(count.shape, np.nan)
    ordered = np.sort(values, axis=axis)  # missing figures last
    low = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=axis)
    high = np.take_along_axis(ordered, np.minimum(count // 2, values.shape[axis] - 1), axis=axis)
    return np.where(count > 0, (low + high) / 2, np.nan)


def total(values: Array, axis: int) -> Array:
    """Sum; missing unless every figure is there, because a partial sum is a different quantity."""
    return np.asarray(np.sum(values, axis=axis, keepdims=True))


STATISTICS: Mapping[str, Callable[[Array, int], Array]] = {
    "max": largest,
    "min": smallest,
    "mean": mean,
    "median": median,
    "sum": total,
}


def standardised(values: Array, sample: Array) -> Array:
    """`values` less the mean of `sample`, over its standard deviation (n − 1); missing where that is zero."""
    known = sample[~np.isnan(sample)]
    spread = known.std(ddof=1) if known.size > 1 else 0.0
    if spread <= 1e-12 * np.abs(known).max(initial=0.0):
        return np.full(values.shape, np.nan)
    return np.asarray((values - known.mean()) / spread, dtype=np.float64)
