"""A test of correlation between units that holds its size where averages over units were projected out."""

from __future__ import annotations

import numpy as np
from scipy import special

from ruralpanel.estimate.base.results import FloatArray, IntArray
from ruralpanel.estimate.base.rows import Test
from ruralpanel.project.notes import note

MOST_PAIRED = 3_000
"""Units up to which all pairs are formed."""

CELLS = 200_000
"""Pairs of units whose correlations are held at once."""

LEAST_SHARED = 3
"""Fewest periods that a pair of units must share."""


def pair_correlations(table: FloatArray) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """Correlations of all pairs of units over the periods that they share, `LEAST_SHARED` at least.

    Parameters
    ----------
    table : (N, T), NaN where there is no figure.

    Returns
    -------
    Positions of the first and the second unit of each pair, (p,) correlations, (p,) numbers of shared periods.
    """
    correlation, shared = _correlations(table)
    first, second = np.triu_indices(table.shape[0], 1)
    use = (shared[first, second] >= LEAST_SHARED) & np.isfinite(correlation[first, second])
    first, second = first[use], second[use]
    return first, second, correlation[first, second], shared[first, second]


def pesaran(tables: FloatArray) -> FloatArray:
    """Pesaran's statistic of each of several tables (s, N, T) with the same gaps; NaN where no pair can be formed."""
    first, second = np.triu_indices(tables.shape[1], 1)
    result = np.empty(len(tables))
    step = max(1, CELLS // tables.shape[1] ** 2)
    for start in range(0, len(tables), step):
        correlations, shared = _correlations(tables[start : start + step])
        roots = np.sqrt(np.where(shared >= LEAST_SHARED, shared, np.nan))[first, second]
        terms = correlations[:, first, second] * roots
        use = np.isfinite(terms)
        count = np.where(use.any(axis=1), use.sum(axis=1), np.nan)
        result[start : start + step] = np.where(use, terms, 0.0).sum(axis=1) / np.sqrt(count)
    return result


def _correlations(tables: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Correlations (..., N, N) of units over shared periods, and how many these are (N, N); all have the same gaps."""
    observed = np.isfinite(tables[(0,) * (tables.ndim - 2)]).astype(float)
    shared = observed @ observed.T
    filled = np.where(observed, tables, 0.0)
    sums = filled @ observed.T
    other = sums.swapaxes(-1, -2)
    products = filled @ filled.swapaxes(-1, -2) - sums * other / np.maximum(shared, 1.0)
    squares = (filled**2) @ observed.T - sums**2 / np.maximum(shared, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return products / np.sqrt(squares * squares.swapaxes(-1, -2)), shared


def mean_correlation(table: FloatArray) -> tuple[float, int]:
    """Pesaran's statistic of units that share all their periods, from sums over units: linear in the cells.

    Of units with different periods those with the most frequent set of them are taken, so that no pair need be formed.

    Parameters
    ----------
    table : (N, T), NaN where there is no figure.

    Returns
    -------
    The statistic (NaN: no such units), the number of units that it is of.
    """
    observed = np.isfinite(table)
    packed = np.packbits(observed, axis=1)
    patterns, counts = np.unique(packed, axis=0, return_counts=True)
    chosen = np.flatnonzero((packed == patterns[np.argmax(counts)]).all(axis=1))
    values = table[chosen][:, observed[chosen[0]]]
    values = values - values.mean(axis=1, keepdims=True)
    length = np.linalg.norm(values, axis=1)
    values = values[length > 0] / length[length > 0, None]
    units, periods = values.shape
    if periods < LEAST_SHARED or units < 2:
        return float("nan"), units
    pairs = units * (units - 1) / 2.0
    total = (float(np.sum(values.sum(axis=0) ** 2)) - units) / 2.0
    return float(np.sqrt(periods) * total / np.sqrt(pairs)), units


def weighted_cd(table: FloatArray, common: int, slopes: int, rng: np.random.Generator) -> Test:
    """Pesaran's statistic with a random sign for each unit, and its power enhancement (Juodis and Reese 2022).

    Residuals net of period effects or of averages over units correlate negatively by construction, which moves
    Pesaran's statistic away from its normal distribution; random signs remove that. The enhancement adds the sizes of
    correlations beyond ``2 (log N)^(1/2)`` standard deviations, which hardly occur without dependence.

    Independent residuals of a pair have the mean square correlation ``trace(M_i M_j) / (df_i df_j)``, M the matrices
    that make residuals: in short panels clearly more than the 1/T of the published form. With c columns common to all
    units and k of its own for each, the trace is about ``T − c − 2k + k² / (T − c)``.

    Parameters
    ----------
    table : (N, T) residuals, NaN where there is none.
    common, slopes : columns fitted in each unit's regression: the same for all units (constant included), and its own.
    rng : draws the signs.
    """
    if len(table) > MOST_PAIRED:
        return Test.none("too_many_units", units=len(table), most=MOST_PAIRED)
    first, second, values, shared = pair_correlations(table)
    if not first.size:
        return Test.none("no_pair_shares_periods", periods=LEAST_SHARED)
    signs = rng.choice(np.array([-1.0, 1.0]), size=table.shape[0])
    free = shared - common
    spread = np.sqrt(np.maximum(free - 2.0 * slopes + slopes**2 / np.maximum(free, 1.0), 1.0)) / np.maximum(
        free - slopes, 1.0
    )
    plain = float(np.sum(signs[first] * signs[second] * values / spread) / np.sqrt(first.size))
    large = np.abs(values) > 2.0 * np.sqrt(np.log(table.shape[0])) * spread
    statistic = plain + float(np.abs(values[large]).sum())
    return Test(statistic, None, float(2.0 * special.ndtr(-abs(statistic))), (note("random_signs"),))
