"""Generalised method of moments with instruments by unit: two steps, errors, tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import special

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.groups import group_sums
from ruralpanel.estimate.base.results import FloatArray, IntArray
from ruralpanel.estimate.base.rows import Test
from ruralpanel.project.notes import Note, note

COLLINEAR = 1e-11
"""Share of a column's sum of squares below which what earlier columns leave of it is rounding error."""


@dataclass(frozen=True)
class Moments:
    """Stacked rows of all equations.

    Attributes
    ----------
    y : (R,), x : (R, K), z : (R, L) outcome, regressors, instruments (no collinear ones).
    unit : (R,) codes from 0 without gaps. period : (R,) position in the calendar.
    differenced : (R,) whether the row is of the differenced equation (else of the equation in levels).
    groups : (L,) name of the set that each instrument belongs to.
    """

    y: FloatArray
    x: FloatArray
    z: FloatArray
    unit: IntArray
    period: IntArray
    differenced: np.ndarray[tuple[int], np.dtype[np.bool_]]
    groups: tuple[str, ...]

    @property
    def n_units(self) -> int:
        """Units with at least one row."""
        return int(self.unit.max()) + 1


@dataclass(frozen=True)
class Step:
    """One step: estimates, residuals, weighting matrix and what the errors are made of.

    Attributes
    ----------
    params : (K,). residuals : (R,). weighting : (L, L). bread : (K, K) inverse of ``X'Z W Z'X``.
    influence : (units, K) each unit's part in estimate − truth, with the weighting matrix taken as given.
    """

    params: FloatArray
    residuals: FloatArray
    weighting: FloatArray
    bread: FloatArray
    influence: FloatArray


@dataclass(frozen=True)
class Estimate:
    """Both steps.

    Attributes
    ----------
    first, second : the steps.
    robust : (K, K) covariance of the first step, robust to any correlation within units.
    uncorrected, corrected : covariance of the second step, without and with Windmeijer's (2005) correction.
    """

    first: Step
    second: Step
    robust: FloatArray
    uncorrected: FloatArray
    corrected: FloatArray
    notes: tuple[Note, ...] = field(default=())


def independent(z: FloatArray) -> IntArray:
    """Columns of `z` that are not zero and not combinations of earlier ones, by elimination in the Gram matrix."""
    gram = z.T @ z
    scale = np.sqrt(np.diag(gram))
    filled = np.flatnonzero(scale > 0)
    left = gram[np.ix_(filled, filled)] / np.outer(scale[filled], scale[filled])
    kept = []
    for j in range(filled.size):
        if left[j, j] <= COLLINEAR:
            continue
        kept.append(j)
        left = left - np.outer(left[:, j], left[j]) / left[j, j]
    return filled[kept].astype(np.intp)


def initial_weights(moments: Moments, kind: str) -> FloatArray:
    """The first step's weighting matrix, the inverse of the sum over units of ``Z_i' H_i Z_i`` (L, L).

    Parameters
    ----------
    kind : what H_i is. ``full``: the covariance of the rows' errors where the errors in levels are independent and
        equal: 2 and −1 among differenced rows, 1 among rows in levels, ±1 between a differenced row and the two rows
        in levels that it is made of. ``blocks``: the same without the part between equations. ``identity``.
    """
    z, later = moments.z, moments.period
    if kind == "identity":
        return _inverse(z.T @ z)
    width = int(later.max()) + 1
    parts = [np.ones(z.shape[0], dtype=bool)] if kind == "full" else [moments.differenced, ~moments.differenced]
    total = np.zeros((z.shape[1], z.shape[1]))
    for rows in parts:
        # the errors of the rows are M u with u independent, so that Z'HZ is the product of M'Z with itself
        shocks = np.zeros((moments.n_units * width, z.shape[1]))
        place = moments.unit * width + later
        np.add.at(shocks, place[rows], z[rows])
        two = rows & moments.differenced
        np.subtract.at(shocks, place[two] - 1, z[two])
        total += shocks.T @ shocks
    return _inverse(total)


def estimate(moments: Moments, weighting: FloatArray) -> Estimate:
    """One- and two-step estimates with robust and corrected covariance matrices.

    Parameters
    ----------
    weighting : (L, L) of the first step.
    """
    zx = moments.z.T @ moments.x
    first = _step(moments, zx, weighting)
    robust = first.influence.T @ first.influence
    by_unit = group_sums(moments.z * first.residuals[:, None], moments.unit)
    spread = by_unit.T @ by_unit
    notes: tuple[Note, ...] = ()
    if scaling.rank(spread) < spread.shape[0]:
        notes = (note("singular_moments"),)
    second = _step(moments, zx, _inverse(spread))
    uncorrected = second.bread
    slopes = uncorrected @ zx.T @ second.weighting
    pull = second.weighting @ (moments.z.T @ second.residuals)
    drift = np.empty_like(uncorrected)
    for j in range(zx.shape[1]):
        by_column = group_sums(moments.z * moments.x[:, [j]], moments.unit)
        change = by_column.T @ by_unit
        drift[:, j] = slopes @ ((change + change.T) @ pull)
    corrected = uncorrected + drift @ uncorrected + uncorrected @ drift.T + drift @ robust @ drift.T
    return Estimate(first, second, robust, uncorrected, corrected, notes)


def hansen(moments: Moments, estimate: Estimate) -> Test:
    """Hansen's J of the second step: chi-squared with as many degrees of freedom as instruments beyond parameters."""
    return _chi2(_distance(moments, estimate.second), moments.z.shape[1] - moments.x.shape[1])


def sargan(moments: Moments, estimate: Estimate) -> Test:
    """Sargan's test of the first step, valid where errors are independent and equal.

    The variance of the errors in levels is estimated from the differenced rows: their mean square over 2.
    """
    residuals = estimate.first.residuals[moments.differenced]
    variance = float(residuals @ residuals) / (2.0 * (residuals.size - moments.x.shape[1]))
    df = moments.z.shape[1] - moments.x.shape[1]
    return _chi2(
        _distance(moments, estimate.first) / variance,
        df,
        note("sargan_independent"),
    )


def difference_in_hansen(moments: Moments, estimate: Estimate, names: Sequence[str]) -> tuple[Test, Test] | None:
    """Hansen's test without the named sets of instruments, and the difference that these make.

    The moments left over keep their part of the covariance matrix of all moments, so that the difference is never
    negative. None where the other instruments do not identify the model.
    """
    kept = np.array([j for j, group in enumerate(moments.groups) if group not in names], dtype=np.intp)
    k, number = moments.x.shape[1], len(moments.groups)
    if kept.size < k or kept.size == number:
        return None
    z = moments.z[:, kept]
    zx = z.T @ moments.x
    if np.linalg.matrix_rank(_unit_columns(zx)) < k:
        return None
    by_unit = group_sums(z * estimate.first.residuals[:, None], moments.unit)
    weighting = _inverse(by_unit.T @ by_unit)
    params = np.linalg.solve(zx.T @ weighting @ zx, zx.T @ weighting @ (z.T @ moments.y))
    left = z.T @ (moments.y - moments.x @ params)
    without = float(left @ weighting @ left)
    whole = _distance(moments, estimate.second)
    return _chi2(without, kept.size - k), _chi2(max(whole - without, 0.0), number - kept.size)


def serial_correlation(moments: Moments, step: Step, vcov: FloatArray, order: int) -> Test:
    """Arellano and Bond's (1991) test of no correlation of that order among the differenced errors; normal.

    Parameters
    ----------
    vcov : (K, K) covariance of the step's estimates.
    """
    return arellano_bond(
        moments.x[moments.differenced],
        step.residuals[moments.differenced],
        moments.unit[moments.differenced],
        moments.period[moments.differenced],
        step.influence,
        vcov,
        order,
    )


def arellano_bond(
    x: FloatArray,
    residuals: FloatArray,
    unit: IntArray,
    period: IntArray,
    influence: FloatArray,
    vcov: FloatArray,
    order: int,
) -> Test:
    """The test on differenced rows.

    Parameters
    ----------
    x : (m, K) differenced regressors, residuals : (m,) differenced residuals, unit, period : (m,) their places.
    influence : (units, K) each unit's part in estimate − truth. vcov : (K, K) covariance of the estimates.
    """
    if not period.size:
        return Test.none("no_differences_apart", order=order)
    width = int(period.max()) + 1
    place = unit * width + period
    where = np.full(int(place.max()) + 1, -1)
    where[place] = np.arange(place.size)
    earlier = np.where(period >= order, where[np.maximum(place - order, 0)], -1)
    before = np.where(earlier >= 0, residuals[earlier], 0.0)
    if not (earlier >= 0).any():
        return Test.none("no_differences_apart", order=order)
    products = np.bincount(unit, weights=before * residuals, minlength=influence.shape[0])
    tilt = before @ x
    variance = float(products @ products - 2.0 * tilt @ (influence.T @ products) + tilt @ vcov @ tilt)
    if variance <= 0:
        return Test.none("variance_negative")
    value = float(products.sum()) / float(np.sqrt(variance))
    return Test(value, None, float(2.0 * special.ndtr(-abs(value))))


def _step(moments: Moments, zx: FloatArray, weighting: FloatArray) -> Step:
    half = zx.T @ weighting
    bread = np.linalg.inv(half @ zx)
    bread = (bread + bread.T) / 2.0
    params = bread @ (half @ (moments.z.T @ moments.y))
    residuals = moments.y - moments.x @ params
    by_unit = group_sums(moments.z * residuals[:, None], moments.unit)
    return Step(params, residuals, weighting, bread, by_unit @ half.T @ bread)


def _distance(moments: Moments, step: Step) -> float:
    left = moments.z.T @ step.residuals
    return float(left @ step.weighting @ left)


def _inverse(matrix: FloatArray) -> FloatArray:
    """Inverse of a symmetric matrix, generalised where it is singular; columns are brought to one scale first."""
    size = np.sqrt(np.maximum(np.diag(matrix), 0.0))
    scale = np.where(size > 0, 1.0 / np.where(size > 0, size, 1.0), 0.0)
    both = np.outer(scale, scale)
    return np.asarray(np.linalg.pinv(matrix * both, rcond=1e-12, hermitian=True) * both)


def _unit_columns(matrix: FloatArray) -> FloatArray:
    return np.asarray(matrix / np.maximum(np.linalg.norm(matrix, axis=0), 1e-300))


def _chi2(value: float, df: int, *about: Note) -> Test:
    if df < 1:
        return Test(float("nan"), 0.0, float("nan"), (note("exactly_identified"),))
    return Test(float(value), float(df), float(special.chdtrc(df, value)), about)
