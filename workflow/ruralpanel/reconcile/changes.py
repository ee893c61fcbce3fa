"""Changes of each unit from one figure to its next: what all share, what the unit is used to, and the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruralpanel.reconcile.matrix import FloatArray, Matrix, resolution
from ruralpanel.reconcile.robust import median, midmean, spread

ENOUGH_UNITS = 5  # fewer say nothing of a common change
ENOUGH_YEARS = 4  # changes of one unit; with fewer the fault itself is the unit's habit


@dataclass(frozen=True)
class Changes:
    """Changes of one series, on a log scale (figures with negative ones among them: relative to the median size).

    All arrays are (units, periods); the first period and figures without an earlier one are NaN.

    Attributes
    ----------
    matrix : the series.
    change : log figure less log of the unit's previous figure.
    gap : years between the two. since : the earlier period (0: none).
    common (t) : the midmean of the changes of a period.
    rest : change less `common` less the unit's usual departure from it.
    year_spread (t) : robust spread of `rest` within a period.
    scale : the spread that `rest` is judged by: the largest of the period's, the unit's and the series' own.
    slack : how much of a change rounding explains at most.
    """

    matrix: Matrix
    change: FloatArray
    gap: FloatArray
    since: FloatArray
    common: FloatArray
    rest: FloatArray
    year_spread: FloatArray
    scale: FloatArray
    slack: FloatArray


def changes(matrix: Matrix) -> Changes:
    """Split the changes of a series by robust two-way sweeping."""
    level, slack = _level(matrix)
    earlier, gap, since, before = _earlier(level, slack, matrix.periods)
    change = level - earlier
    counts = np.sum(np.isfinite(change), axis=0)
    common = np.where(counts >= ENOUGH_UNITS, midmean(change), 0.0)
    common[counts == 0] = np.nan
    departure = (change - common) / gap
    own_counts = np.sum(np.isfinite(change), axis=1)
    usual = np.where(own_counts >= ENOUGH_YEARS, median(departure, axis=1), 0.0)
    rest = change - common - usual[:, None] * gap
    root = np.sqrt(gap)
    year_spread = np.where(counts >= ENOUGH_UNITS, spread(rest, axis=0), 0.0)
    unit_spread = np.where(own_counts > ENOUGH_YEARS, spread(rest / root, axis=1), 0.0)
    pooled = float(spread(rest / root)) if np.any(np.isfinite(rest)) else 0.0
    scale = np.fmax(np.broadcast_to(year_spread, rest.shape), np.fmax(unit_spread[:, None], pooled) * root)
    return Changes(matrix, change, gap, since, common, rest, year_spread, scale, slack + before)


def _level(matrix: Matrix) -> tuple[FloatArray, FloatArray]:
    values = matrix.values
    half = np.array([_step(matrix, t) for t in range(values.shape[1])])[None, :] / 2
    if np.nanmin(values, initial=0.0) < 0:
        size = float(median(np.abs(values[values != 0]))) or 1.0
        return values / size, np.broadcast_to(half / size, values.shape)
    safe = np.maximum(values, half)
    return np.log(safe), np.log1p(half / safe)


def _step(matrix: Matrix, t: int) -> float:
    """The step in which the figures of one period are printed, where there are enough to see it."""
    figures = matrix.values[:, t]
    return resolution(figures) if np.sum(np.isfinite(figures)) >= ENOUGH_UNITS else matrix.resolution


def _earlier(
    level: FloatArray, slack: FloatArray, periods: tuple[int, ...]
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """The unit's previous figure, the years since, its period, and its rounding slack."""
    column = np.where(np.isfinite(level), np.arange(level.shape[1])[None, :], -1)
    last = np.maximum.accumulate(column, axis=1)
    previous = np.concatenate([np.full((len(level), 1), -1), last[:, :-1]], axis=1)
    known = (previous >= 0) & np.isfinite(level)
    at = np.where(known, previous, 0)
    rows = np.arange(len(level))[:, None]
    years = np.asarray(periods, dtype=np.float64)
    since = np.where(known, years[at], 0.0)
    gap = np.where(known, years[None, :] - years[at], np.nan)
    return np.where(known, level[rows, at], np.nan), gap, since, np.where(known, slack[rows, at], np.nan)
