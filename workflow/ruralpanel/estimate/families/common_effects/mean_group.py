"""Means of unit by unit regressions on a balanced grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.results import Design, FloatArray, IntArray
from ruralpanel.estimate.base.rows import Test
from ruralpanel.estimate.inference.covariance import critical_values
from ruralpanel.project.notes import note


@dataclass(frozen=True)
class Slopes:
    """Regressions of each unit on its own terms and on nuisance columns.

    Attributes
    ----------
    by_unit : (N, k) slopes. errors : (N, k) their classical errors.
    grams : (N, k, k) cross products of the terms net of the nuisance columns, over the unit's number of rows.
    x, y : (n, k), (n,) terms and outcome net of the nuisance columns, unit by unit.
    residuals : (n,) of the units' own regressions. counts : (N,) rows. absorbed : (N,) rank of the nuisance columns.
    """

    by_unit: FloatArray
    errors: FloatArray
    grams: FloatArray
    x: FloatArray
    y: FloatArray
    residuals: FloatArray
    counts: IntArray
    absorbed: IntArray

    @property
    def df(self) -> FloatArray:
        """(N,) residual degrees of freedom of the units' own regressions."""
        return np.asarray(self.counts - self.absorbed - self.by_unit.shape[1], dtype=np.float64)


def slopes(y: FloatArray, x: FloatArray, nuisance: FloatArray, unit: IntArray) -> Slopes:
    """Least squares unit by unit.

    Parameters
    ----------
    y : (n,), x : (n, k).
    nuisance : (n, q) columns that are projected out within each unit (constant, averages, its own steps).
    unit : (n,) sorted codes from 0 without gaps.

    Each unit needs more rows than k + q; terms that a unit cannot tell apart get the slopes of least length.
    """
    bounds = np.concatenate([[0], np.flatnonzero(np.diff(unit)) + 1, [unit.size]])
    number, k = bounds.size - 1, x.shape[1]
    by_unit, errors, grams = np.empty((number, k)), np.empty((number, k)), np.empty((number, k, k))
    absorbed = np.empty(number, dtype=np.intp)
    x_net, y_net, residuals = np.empty_like(x), np.empty_like(y), np.empty_like(y)
    for i in range(number):
        rows = slice(bounds[i], bounds[i + 1])
        basis = _basis(nuisance[rows])
        absorbed[i] = basis.shape[1]
        x_net[rows], y_net[rows] = _net(x[rows], basis), _net(y[rows], basis)
        by_unit[i] = scaling.least_squares(x_net[rows], y_net[rows])
        residuals[rows] = y_net[rows] - x_net[rows] @ by_unit[i]
        size = bounds[i + 1] - bounds[i]
        cross = x_net[rows].T @ x_net[rows]
        grams[i] = cross / size
        variance = float(residuals[rows] @ residuals[rows]) / (size - basis.shape[1] - k)
        errors[i] = np.sqrt(variance * np.diag(scaling.inverse(cross, 1e-15)))
    return Slopes(by_unit, errors, grams, x_net, y_net, residuals, np.diff(bounds).astype(np.intp), absorbed)


def net_of(columns: FloatArray, nuisance: FloatArray) -> FloatArray:
    """`columns` (n, m) of one unit less their projection on `nuisance` (n, q)."""
    return _net(columns, _basis(nuisance))


def rank_of(nuisance: FloatArray) -> int:
    """How many columns of one unit are not made up by others."""
    return int(_basis(nuisance).shape[1])


def mean_group(slopes: Slopes) -> tuple[FloatArray, FloatArray]:
    """Mean of the units' slopes (k,) and its covariance (k, k): their scatter over N (N − 1).

    Pesaran and Smith (1995); Pesaran (2006) shows that it holds with the averages among the nuisance columns.
    """
    number = slopes.by_unit.shape[0]
    mean = slopes.by_unit.mean(axis=0)
    gaps = slopes.by_unit - mean
    return mean, gaps.T @ gaps / (number * (number - 1))


def pooled(slopes: Slopes) -> tuple[FloatArray, FloatArray]:
    """Common slopes (k,) net of each unit's nuisance columns, and their covariance (k, k).

    The covariance rests on the scatter of the units' own slopes (Pesaran 2006, equations 67 to 69), whether slopes
    differ or not: with Q_i the gram of unit i over its rows, ``Psi^-1 R Psi^-1 / N``, ``Psi = mean Q_i``,
    ``R = sum Q_i (b_i − b)(b_i − b)' Q_i / (N − 1)``, b the mean of the units' slopes. Units weigh by their rows.
    """
    number = slopes.by_unit.shape[0]
    share = slopes.counts / slopes.counts.mean()
    grams = slopes.grams * share[:, None, None]
    psi = grams.mean(axis=0)
    params = np.asarray(np.linalg.solve(slopes.x.T @ slopes.x, slopes.x.T @ slopes.y), dtype=np.float64)
    gaps = np.einsum("ijk,ik->ij", grams, slopes.by_unit - slopes.by_unit.mean(axis=0))
    inverse = np.linalg.inv(psi)
    return params, np.asarray(inverse @ (gaps.T @ gaps / (number - 1)) @ inverse / number)


def shrunken(slopes: Slopes) -> tuple[FloatArray, FloatArray]:
    """Slopes (N, k) drawn towards their mean by as much as their errors ask for, and how far true slopes spread (k,).

    The variance of true slopes is that of the estimates less their mean squared error, zero at least (Swamy 1970); a
    unit keeps the share ``spread² / (spread² + error²)`` of its distance from the mean.
    """
    mean, noise = slopes.by_unit.mean(axis=0), slopes.errors**2
    spread = np.maximum(slopes.by_unit.var(axis=0, ddof=1) - noise.mean(axis=0), 0.0)
    return mean + spread / (spread + noise) * (slopes.by_unit - mean), np.sqrt(spread)


def intervals(slopes: Slopes) -> tuple[FloatArray, FloatArray]:
    """Ends (N, k) of the 95 % intervals of the units' slopes: classical errors, t with each unit's own freedom."""
    reach = critical_values(slopes.df)[:, None] * slopes.errors
    return slopes.by_unit - reach, slopes.by_unit + reach


def homogeneity(slopes: Slopes, unit: IntArray) -> tuple[Test, Test]:
    """Pesaran and Yamagata's (2008) tests that all units have the same slopes: Δ and, adjusted for short panels, Δ_adj.

    Swamy's dispersion of the units' slopes about their weighted mean, with each unit's variance estimated about the
    unweighted common slopes; normal for many units and periods. Periods are counted net of the nuisance columns, which
    with the constant alone is the published form.

    Parameters
    ----------
    unit : (n,) codes of the rows.
    """
    number, k = slopes.by_unit.shape
    common = np.linalg.solve(slopes.x.T @ slopes.x, slopes.x.T @ slopes.y)
    residuals = slopes.y - slopes.x @ common
    free = (slopes.counts - slopes.absorbed).astype(float)
    variance = np.bincount(unit, weights=residuals**2) / free
    weighted = slopes.grams * (slopes.counts / variance)[:, None, None]
    centre = np.linalg.solve(weighted.sum(axis=0), np.einsum("ijk,ik->j", weighted, slopes.by_unit))
    gaps = slopes.by_unit - centre
    dispersion = np.einsum("ij,ijk,ik->i", gaps, weighted, gaps)
    spread = 2.0 * k * (free - k) / (free + 2.0)
    plain = np.sqrt(number) * float(np.mean(dispersion) - k) / np.sqrt(2.0 * k)
    adjusted = np.sqrt(number) * float(np.mean((dispersion - k) / np.sqrt(spread)))
    return _normal(plain, "for_long_panels"), _normal(adjusted, "adjusted_for_few_periods")


def _basis(columns: FloatArray) -> FloatArray:
    """Orthonormal columns that span `columns` (generalised where they are collinear)."""
    size = np.linalg.norm(columns, axis=0)
    u, s, _ = np.linalg.svd(columns / np.where(size > 0, size, 1.0), full_matrices=False)
    return np.asarray(u[:, s > 1e-10 * max(float(s[0]), 1e-300)])


def _net(columns: FloatArray, basis: FloatArray) -> FloatArray:
    """`columns` less their projection on `basis`, twice for the rounding error of the first pass."""
    for _ in range(2):
        columns = columns - basis @ (basis.T @ columns)
    return columns


def _normal(value: float, code: str) -> Test:
    return Test(float(value), None, float(2.0 * special.ndtr(-abs(value))), (note(code),))


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
