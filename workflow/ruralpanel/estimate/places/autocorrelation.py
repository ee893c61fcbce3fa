"""Moran's I, global and local: do neighbours resemble each other more than chance would have it?

Panels are taken path by path: with values (N, T) deviations are from each period's mean, and permutations exchange
whole units, so that what a unit carries from year to year is kept under the null.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse, special

from ruralpanel.estimate.places.weights import FloatArray

CELLS = 4_000_000
"""Numbers held at once by permutations."""

TIE = 1e-10
"""Relative difference below which a permuted statistic counts as equal to the observed one."""


@dataclass(frozen=True)
class Moran:
    """Global Moran's I.

    Attributes
    ----------
    statistic : I. expected : under no autocorrelation, −1/(N − 1).
    z_normality, p_normality : of a cross-section, values independent and normal. z_randomisation, p_randomisation : all
        orders of the values equally likely. Two-sided normal p-values (Cliff and Ord 1981); NaN for panels, whose
        periods are not independent, and for fewer than four units.
    p_permutation : twice the smaller tail among permutations, the sample itself counted; NaN without draws.
    """

    statistic: float
    expected: float
    z_normality: float
    p_normality: float
    z_randomisation: float
    p_randomisation: float
    p_permutation: float
    draws: int


@dataclass(frozen=True)
class Local:
    """Local Moran's I of each unit (LISA).

    Attributes
    ----------
    statistic : (N,) deviation times the neighbours' weighted deviations, over the mean square.
    quadrant : (N,) ``HH``, ``LL`` (like its neighbours), ``HL``, ``LH`` (unlike them), by means over periods.
    p_value : (N,) two-sided: twice the smaller share of permutations of the other units, the sample counted.
    p_adjusted : (N,) for testing N units at once (Benjamini and Hochberg 1995).
    """

    statistic: FloatArray
    quadrant: tuple[str, ...]
    p_value: FloatArray
    p_adjusted: FloatArray


def morans_i(values: FloatArray, weights: sparse.csr_array) -> float:
    """``N / S0 · sum of z_t' W z_t / sum of z_t' z_t`` for values (N,) or (N, T), z the deviations from the means.

    NaN where nothing varies.
    """
    z = _deviations(values)
    squares = float(np.sum(z * z))
    return float(z.shape[0] / weights.sum() * np.sum(z * (weights @ z)) / squares) if squares > 0 else float("nan")


def moran(values: FloatArray, weights: sparse.csr_array, draws: int, rng: np.random.Generator) -> Moran:
    """Moran's I of values (N,) or (N, T) with its moments (cross-sections) and `draws` permutations of the units."""
    z = _deviations(values)
    n = z.shape[0]
    statistic, expected = morans_i(values, weights), -1.0 / (n - 1.0)
    scores = [np.nan, np.nan]
    if z.shape[1] == 1 and n > 3 and np.isfinite(statistic):
        variances = (normality_variance(n, weights), randomisation_variance(z[:, 0], weights))
        scores = [(statistic - expected) / np.sqrt(variance) for variance in variances]
    p_permutation = np.nan
    if draws and np.isfinite(statistic):
        p_permutation = two_sided(_permuted(z, weights, draws, rng), statistic)
    analytic = [float(2.0 * special.ndtr(-abs(score))) for score in scores]
    return Moran(
        statistic, expected, float(scores[0]), analytic[0], float(scores[1]), analytic[1], float(p_permutation), draws
    )


def two_sided(drawn: FloatArray, statistic: float) -> float:
    """Twice the smaller share of draws at least as large or small as `statistic`, which counts itself; one at most."""
    slack = TIE * max(abs(statistic), 1.0)
    above, below = int(np.sum(drawn >= statistic - slack)), int(np.sum(drawn <= statistic + slack))
    return min(1.0, 2.0 * (1.0 + min(above, below)) / (drawn.size + 1.0))


def normality_variance(n: int, weights: sparse.csr_array) -> float:
    """Variance of Moran's I of n independent normal values (Cliff and Ord 1981, eq. 2.28)."""
    s0, s1, s2 = _sums(weights)
    return (n * n * s1 - n * s2 + 3 * s0**2) / ((n * n - 1) * s0**2) - 1.0 / (n - 1) ** 2


def randomisation_variance(z: FloatArray, weights: sparse.csr_array) -> float:
    """Variance of Moran's I over all permutations of the values (Cliff and Ord 1981, eq. 2.38)."""
    n = float(z.size)
    s0, s1, s2 = _sums(weights)
    kurtosis = float(n * np.sum(z**4) / np.sum(z**2) ** 2)
    first = n * ((n * n - 3 * n + 3) * s1 - n * s2 + 3 * s0**2)
    second = kurtosis * ((n * n - n) * s1 - 2 * n * s2 + 6 * s0**2)
    return (first - second) / ((n - 1) * (n - 2) * (n - 3) * s0**2) - 1.0 / (n - 1) ** 2


def local_moran(values: FloatArray, weights: sparse.csr_array, draws: int, rng: np.random.Generator) -> Local:
    """Local Moran's I of values (N,) or (N, T); a unit's own path is held while the others change places."""
    z = _deviations(values)
    n = z.shape[0]
    scale = n / np.sum(z * z)
    lag = np.asarray(weights @ z)
    statistics = scale * np.sum(z * lag, axis=1)
    counts = np.diff(weights.indptr)
    # one set of arrangements of N − 1 others serves all units: each takes as many as it has neighbours
    most = int(counts.max())
    step = max(1, CELLS // n)
    sizes = [min(step, draws - start) for start in range(0, draws, step)] or [0]
    order = np.concatenate([np.argsort(rng.random((size, n - 1)), axis=1)[:, :most] for size in sizes])
    p_value = np.ones(n)
    for i in range(n):
        row = weights.data[weights.indptr[i] : weights.indptr[i + 1]]
        products = np.delete(z @ z[i], i)
        drawn = scale * (products[order[:, : row.size]] @ row)
        p_value[i] = two_sided(drawn, float(statistics[i]))
    own_mean, lag_mean = z.mean(axis=1), lag.mean(axis=1)
    quadrant = tuple(
        ("H" if row > 0 else "L") + ("H" if near > 0 else "L") for row, near in zip(own_mean, lag_mean, strict=True)
    )
    return Local(statistics, quadrant, p_value, false_discovery(p_value))


def false_discovery(p_values: FloatArray) -> FloatArray:
    """Benjamini and Hochberg's adjusted p-values."""
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * p_values.size / np.arange(1, p_values.size + 1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


def _sums(weights: sparse.csr_array) -> tuple[float, float, float]:
    """S0, S1 and S2 of Cliff and Ord."""
    both = weights + weights.T
    s2 = float(np.sum((np.asarray(weights.sum(axis=0)) + np.asarray(weights.sum(axis=1))) ** 2))
    return float(weights.sum()), 0.5 * float((both * both).sum()), s2


def _deviations(values: FloatArray) -> FloatArray:
    table = np.asarray(values, dtype=float)
    table = table[:, None] if table.ndim == 1 else table
    return np.asarray(table - table.mean(axis=0))


def _permuted(z: FloatArray, weights: sparse.csr_array, draws: int, rng: np.random.Generator) -> FloatArray:
    """Moran's I (draws,) of permuted units."""
    n, periods = z.shape
    scale = n / (weights.sum() * np.sum(z * z))
    chunk = max(1, CELLS // (n * periods))
    statistics: list[Any] = []
    for start in range(0, draws, chunk):
        size = min(chunk, draws - start)
        order = np.argsort(rng.random((size, n)), axis=1)
        paths = z[order].transpose(1, 0, 2).reshape(n, size * periods)
        products = np.sum(paths * (weights @ paths), axis=0).reshape(size, periods)
        statistics.append(scale * products.sum(axis=1))
    return np.concatenate(statistics)
