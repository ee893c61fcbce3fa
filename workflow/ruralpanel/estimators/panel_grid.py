"""A design's rows laid out by unit and place on the panel's calendar, so that lags respect gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ruralpanel.estimators.base import Design, FloatArray, IntArray

BoolArray = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Grid:
    """Outcome and terms by unit and place on the panel's calendar (`Design.times`).

    Attributes
    ----------
    y : (N, T) outcome; NaN where the design has no row.
    x : (N, T, k) the design's terms.
    rows : (N, T) row of the design, −1: none.
    periods : (T,) every place from the first to the last, those without rows included: years, or positions among the
        declared periods where lags count observations.
    """

    y: FloatArray
    x: FloatArray
    rows: IntArray
    periods: IntArray


def grid_of(design: Design) -> Grid:
    """Lay the design out by unit and place on the panel's calendar."""
    times = design.times
    periods = np.arange(times.min(), times.max() + 1)
    shape = (len(design.units), periods.size)
    at = (design.unit_codes, times[design.period_codes] - times.min())
    y = np.full(shape, np.nan)
    x = np.full((*shape, design.x.shape[1]), np.nan)
    rows = np.full(shape, -1, dtype=np.intp)
    y[at], x[at], rows[at] = design.y, design.x, np.arange(design.y.size)
    return Grid(y, x, rows, periods.astype(np.intp))


def lagged(values: FloatArray, periods: int = 1) -> FloatArray:
    """`values` (N, T, …) of `periods` earlier, NaN where they lie before the first."""
    if periods == 0:
        return values
    result = np.full_like(values, np.nan)
    result[:, periods:] = values[:, :-periods]
    return result
