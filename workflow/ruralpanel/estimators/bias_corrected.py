"""Fixed effects with the outcome's lags, corrected for the bias that short panels give them (Nickell 1981)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ruralpanel.contracts.problems import Problem, UserError
from ruralpanel.estimators.absorb import compact, group_sums
from ruralpanel.estimators.base import Design, FloatArray, IntArray
from ruralpanel.estimators.dynamic_terms import Equation
from ruralpanel.estimators.least_squares import usable_columns

LEAST_PERIODS = 3
"""Fewest periods of a unit net of lags: with two, the corrected moments hardly fall with the coefficient of the lag."""

PATH = 20
"""Steps in which the correction is switched on."""

SETTLED = 1e-12
"""Size of a step, in fitted values over the outcome's length, that ends Newton's method."""

STEP = 1e-30
"""Imaginary step of derivatives."""


@dataclass(frozen=True)
class Data:
    """Complete rows, unit means removed.

    Attributes
    ----------
    y : (n,). x : (n, K) the equation's terms, then dummies of all periods but the first.
    unit : (n,) codes from 0 without gaps; a unit with a definition break of its own counts as one before and one after.
    period : (n,) positions in the calendar.
    lags : number of lags of the outcome, the first columns of `x`.
    rows : (n,) rows of the design.
    """

    y: FloatArray
    x: FloatArray
    unit: IntArray
    period: IntArray
    lags: int
    rows: IntArray

    @property
    def counts(self) -> FloatArray:
        """(units,) rows of each unit."""
        return np.bincount(self.unit).astype(float)


@dataclass(frozen=True)
class Solution:
    """Estimates and what inference needs.

    Attributes
    ----------
    params : (K,) corrected, uncorrected : (K,) plain fixed effects.
    residuals : (n,) unit means removed.
    influence : (n, K) each row's part in estimate − truth; a unit's bias term is spread evenly over its rows.
    """

    params: FloatArray
    uncorrected: FloatArray
    residuals: FloatArray
    influence: FloatArray


def data_of(equation: Equation, design: Design) -> Data:
    """Rows with every lag, of units with at least two of them.

    Raises
    ------
    UserError
        No unit has three such rows.
    """
    complete = equation.complete
    lengths = np.bincount(equation.segment[complete], minlength=int(equation.segment.max()) + 1)
    complete = complete & (lengths[equation.segment] >= 2)
    most = int(lengths.max())
    if most < LEAST_PERIODS:
        raise UserError(
            Problem(
                "config.yaml",
                f"models.{design.spec.name}",
                f"{most} periods per unit beyond the first {equation.lags}",
                f"at least {LEAST_PERIODS}: with fewer the corrected moments do not tell the lag's coefficient",
                f"use a panel of {LEAST_PERIODS + equation.lags} adjacent periods or more",
            )
        )
    order = np.argsort(equation.segment[complete], kind="stable")
    place = np.argwhere(complete)[order].astype(np.intp)
    at = (place[:, 0], place[:, 1])
    unit, period = compact(equation.segment[at]), place[:, 1]
    columns = [equation.x[at]]
    if "period" in design.spec.effects:
        columns.append((period[:, None] == np.unique(period)[1:]).astype(float))
    x = _within(np.hstack(columns), unit)
    y = _within(equation.y[at][:, None], unit)[:, 0]
    # dummies come first in the order of precedence; terms that they make up were left out before
    precedence = [*range(len(equation.terms), x.shape[1]), *range(len(equation.terms))]
    kept = usable_columns(x[:, precedence], x[:, precedence], tuple(map(str, precedence)), ())[0]
    x = np.ascontiguousarray(x[:, sorted(precedence[j] for j in kept)])
    return Data(y, x, unit, period, equation.lags, equation.design_rows[at])


def solve(data: Data, design: Design) -> Solution:
    """Bias-corrected method of moments (Breitung, Kripfganz and Hayakawa 2022).

    The moments are those of fixed effects, ``sum_t x[i, t] u[i, t] = 0``, but for the outcome's lags, whose expectation
    is ``−sigma_i² c_l(rho)`` where errors are independent over time with a constant variance within the unit:
    ``c_l = (1 / T_i) sum_t sum_s psi[t − l − s]`` over the unit's periods, psi the weights of past errors in the
    outcome, and sigma_i² the unit's residual variance. Exact for unbalanced panels and gaps. Variances may differ
    between units. The root is followed from plain fixed effects while the correction is switched on.

    Raises
    ------
    UserError
        The corrected moments have no root that this path reaches (persistence too high for so few periods).
    """
    seen = pairs(data)
    gram = data.x.T @ data.x
    start = np.asarray(np.linalg.solve(gram, data.x.T @ data.y), dtype=np.float64)
    params = start
    for share in np.linspace(0.0, 1.0, PATH + 1)[1:]:
        found = _newton(data, seen, gram, params, float(share))
        if found is None:
            raise _no_root(design, start[: data.lags])
        params = found
    slope: FloatArray = _moments(data, seen, gram, params, 1.0)[1]
    if not _stable(slope, data.lags):
        raise _no_root(design, start[: data.lags])
    residuals = data.y - data.x @ params
    scores = data.x * residuals[:, None]
    variance = _variance(data, residuals)
    bias = seen @ past_weights(params[: data.lags], seen.shape[2])
    scores[:, : data.lags] += (variance[:, None] * bias / data.counts[:, None])[data.unit]
    return Solution(params, start, residuals, -scores @ np.linalg.inv(slope).T)


def past_weights(rho: np.ndarray[Any, Any], span: int) -> np.ndarray[Any, Any]:
    """(span,) weight psi[j] of the error of j periods ago in the outcome: 1, then ``sum_k rho[k] psi[j − k]``."""
    psi = np.zeros(span, dtype=rho.dtype)
    psi[0] = 1.0
    for j in range(1, span):
        near = min(j, rho.size)
        psi[j] = rho[:near] @ psi[j - near : j][::-1]
    return psi


def pairs(data: Data) -> FloatArray:
    """(units, p, span) how often an error is d periods older than lag l of the outcome, per row of the unit.

    Entry (i, l, d) counts the unit's pairs of periods (t, s) with t − l − s = d, over its number of rows: times psi[d]
    and summed over d it is c_l.
    """
    span = int(data.period.max() - data.period.min()) + 1
    result = np.zeros((data.counts.size, data.lags, span))
    for unit, periods in enumerate(np.split(data.period, np.flatnonzero(np.diff(data.unit)) + 1)):
        gaps = (periods[:, None] - periods[None, :]).ravel()
        for lag in range(1, data.lags + 1):
            ahead = gaps[gaps >= lag] - lag
            result[unit, lag - 1] = np.bincount(ahead, minlength=span) / periods.size
    return result


def _moments(
    data: Data, seen: FloatArray, gram: FloatArray, params: FloatArray, share: float
) -> tuple[FloatArray, FloatArray]:
    """Sum of the moments (K,) with `share` of the correction, and its derivative (K, K)."""
    p, rho = data.lags, params[: data.lags]
    residuals = data.y - data.x @ params
    variance, weights = _variance(data, residuals), seen @ past_weights(rho, seen.shape[2])
    value = data.x.T @ residuals
    value[:p] += share * (variance @ weights)
    slope = -gram.copy()
    pull = -2.0 * group_sums(data.x * residuals[:, None], data.unit) / (data.counts - 1.0)[:, None]
    slope[:p] += share * weights.T @ pull
    for k in range(p):
        # the weights are polynomials in rho: a complex step gives their derivative without rounding
        moved = rho.astype(complex)
        moved[k] += 1j * STEP
        slope[:p, k] += share * (variance @ (seen @ (past_weights(moved, seen.shape[2]).imag / STEP)))
    return value, slope


def _variance(data: Data, residuals: FloatArray) -> FloatArray:
    """(units,) residual variances, with the degree of freedom of the unit mean."""
    return np.asarray(np.bincount(data.unit, weights=residuals**2) / (data.counts - 1.0))


def _newton(data: Data, seen: FloatArray, gram: FloatArray, start: FloatArray, share: float) -> FloatArray | None:
    """Root near `start`; None where Newton's steps do not settle."""
    params = start
    for _ in range(50):
        value, slope = _moments(data, seen, gram, params, share)
        try:
            step = np.linalg.solve(slope, value)
        except np.linalg.LinAlgError:
            return None
        params = params - step
        if not np.isfinite(params).all() or np.abs(params[: data.lags] - start[: data.lags]).max() > 0.5:
            return None
        if np.linalg.norm(data.x @ step) <= SETTLED * np.linalg.norm(data.y):
            return np.asarray(params)
    return None


def _stable(slope: FloatArray, p: int) -> bool:
    """Whether the moments of the lags, net of the other terms, fall in the lags' coefficients."""
    rest = slope[p:, p:]
    own = slope[:p, :p] - (slope[:p, p:] @ np.linalg.solve(rest, slope[p:, :p]) if rest.size else 0.0)
    return bool(np.linalg.eigvals(own).real.max() < 0)


def _within(values: FloatArray, unit: IntArray) -> FloatArray:
    return np.asarray(values - (group_sums(values, unit) / np.bincount(unit)[:, None])[unit])


def _no_root(design: Design, rho: FloatArray) -> UserError:
    return UserError(
        Problem(
            "config.yaml",
            f"models.{design.spec.name}.method",
            f"bias_corrected without a solution (fixed effects give a persistence of {rho.sum():.3f})",
            "an outcome less persistent than a random walk, or more periods",
            "use a longer panel, differences of the outcome, or method: difference_gmm",
        )
    )
