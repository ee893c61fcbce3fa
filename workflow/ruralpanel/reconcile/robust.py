"""Robust location and scale with missing values, along the columns of a matrix."""

from __future__ import annotations

import warnings

import numpy as np

from ruralpanel.reconcile.matrix import FloatArray

_TO_SIGMA = 1.4826  # the median absolute deviation of a normal variable times this is its standard deviation


def median(values: FloatArray, axis: int | None = None) -> FloatArray:
    """Median without missing values; NaN where all are missing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(np.nanmedian(values, axis=axis), dtype=np.float64)


def spread(residuals: FloatArray, axis: int | None = None) -> FloatArray:
    """Median absolute residual, scaled to a standard deviation."""
    return _TO_SIGMA * median(np.abs(residuals), axis)


def midmean(values: FloatArray) -> FloatArray:
    """Mean of the middle half of each column: as robust as the median, but not held at zero by coarse figures."""
    ordered = np.sort(values, axis=0)  # NaN last
    count = np.sum(np.isfinite(values), axis=0)
    cut = count // 4
    rank = np.arange(len(values))[:, None]
    inside = (rank >= cut) & (rank < count - cut)
    total = np.sum(np.where(inside, ordered, 0.0), axis=0)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(count > 0, total / np.maximum(count - 2 * cut, 1), np.nan), dtype=np.float64)
