"""Fixed effects with the outcome's lags, corrected for the bias that short panels give them (Nickell 1981)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.effects import usable_columns
from ruralpanel.estimate.base.groups import compact, group_sums
from ruralpanel.estimate.base.results import Design, FloatArray, IntArray
from ruralpanel.estimate.families.dynamic.terms import Equation
from ruralpanel.estimate.inference.covariance import critical_values
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError

LEAST_PERIODS = 3
"""Fewest periods of a unit net of lags: with two, the corrected moments hardly fall with the coefficient of the lag."""

PATH = 8
"""Steps in which the correction is switched on."""

GRID = 81
"""Values at which the set of values not rejected is looked for; its ends are refined."""

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
    firmness : how fast the lags' moments fall at the estimate, as a share of how fast those of fixed effects do (the
        least one of several lags): near zero the lags' coefficients are hardly identified.
    influence : (n, K) each row's part in estimate − truth; a unit's bias term is spread evenly over its rows.
    """

    params: FloatArray
    uncorrected: FloatArray
    residuals: FloatArray
    firmness: float
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
                CONFIGURATION,
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
        root = _newton(data, seen, gram, params, float(share))
        if root is None:
            raise _no_root(data, design, start)
        params = root
    slope: FloatArray = _moments(data, seen, gram, params, 1.0)[1]
    firmness = _firmness(slope, gram, data.lags)
    if firmness <= 0:
        raise _no_root(data, design, start)
    residuals, scores = _scores(data, seen, params)
    return Solution(params, start, residuals, firmness, -scores @ np.linalg.inv(slope).T)


def score_set(data: Data, owner: IntArray, df: float) -> tuple[tuple[float, float], ...]:
    """Values of the only lag's coefficient in [−1, 1] that its own corrected moment does not reject at 5 %.

    The other coefficients are estimated under each value. Such a test needs no root and no fall of the moments, so that
    the set is right where the lag is hardly identified (Anderson and Rubin's idea); it may be several intervals.

    Parameters
    ----------
    owner : (n,) unit of each row. df : degrees of freedom of t.
    """
    seen, gram = pairs(data), data.x.T @ data.x
    n, k = int(data.x.shape[0]), int(data.x.shape[1])
    clusters, reach = int(owner.max()) + 1, float(critical_values(np.array(df)))

    def excess(rho: float) -> float:
        params = np.concatenate([[rho], scaling.least_squares(data.x[:, 1:], data.y - rho * data.x[:, 0])])
        slope = _moments(data, seen, gram, params, 1.0)[1]
        rows = _scores(data, seen, params)[1]
        net = rows[:, 0]
        if k > 1:
            net = net - rows[:, 1:] @ np.linalg.solve(slope[1:, 1:].T, slope[0, 1:])
        sums = np.bincount(owner, weights=net)
        scatter = float(np.sum((sums - sums.mean()) ** 2)) * clusters / (clusters - 1) * (n - 1) / (n - k)
        return abs(float(sums.sum())) / float(np.sqrt(scatter)) - reach

    grid = np.linspace(-1.0, 1.0, GRID)
    values = [excess(float(rho)) for rho in grid]
    ends: list[float] = [-1.0] if values[0] <= 0 else []
    for j in range(1, GRID):
        if (values[j] <= 0) != (values[j - 1] <= 0):
            ends.append(float(brentq(excess, grid[j - 1], grid[j], xtol=1e-8)))
    if values[-1] <= 0:
        ends.append(1.0)
    return tuple(zip(ends[::2], ends[1::2], strict=True))


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


def _scores(data: Data, seen: FloatArray, params: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(n,) residuals and (n, K) corrected moments by row; a unit's bias term is spread evenly over its rows."""
    residuals = data.y - data.x @ params
    scores = data.x * residuals[:, None]
    variance = _variance(data, residuals)
    bias = seen @ past_weights(params[: data.lags], seen.shape[2])
    scores[:, : data.lags] += (variance[:, None] * bias / data.counts[:, None])[data.unit]
    return residuals, scores


def _firmness(slope: FloatArray, gram: FloatArray, p: int) -> float:
    """Least fall of the lags' moments, net of the other terms, over that of fixed effects; negative: they rise."""

    def own(matrix: FloatArray) -> FloatArray:
        rest = matrix[p:, p:]
        taken = matrix[:p, p:] @ np.linalg.solve(rest, matrix[p:, :p]) if rest.size else 0.0
        return np.asarray(matrix[:p, :p] - taken)

    return float(np.linalg.eigvals(np.linalg.solve(own(gram), -own(slope))).real.min())


def _within(values: FloatArray, unit: IntArray) -> FloatArray:
    return np.asarray(values - (group_sums(values, unit) / np.bincount(unit)[:, None])[unit])


def _no_root(data: Data, design: Design, start: FloatArray) -> UserError:
    found = f"bias_corrected without a solution (fixed effects give a persistence of {start[: data.lags].sum():.3f}"
    if data.lags == 1:
        owner = compact(design.unit_codes[data.rows])
        parts = score_set(data, owner, float(owner.max()))
        found += "; not rejected: " + (" and ".join(f"{low:.2f} to {high:.2f}" for low, high in parts) or "no value")
    return UserError(
        Problem(
            CONFIGURATION,
            f"models.{design.spec.name}.method",
            f"{found})",
            "an outcome less persistent than a random walk, or more periods",
            "use a longer panel, differences of the outcome, regressors that explain it, or method: system_gmm",
        )
    )
