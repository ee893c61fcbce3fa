"""Fixed effects with the outcome's lags, corrected for the bias that short panels give them (Nickell 1981)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruralpanel.contracts.problems import Problem, UserError
from ruralpanel.estimators.absorb import group_sums
from ruralpanel.estimators.base import Design, FloatArray, IntArray
from ruralpanel.estimators.dynamic_terms import Equation
from ruralpanel.estimators.least_squares import usable_columns

LEAST_PERIODS = 3
"""Fewest periods of a unit net of lags: with two, the corrected moments hardly fall with the coefficient of the lag."""

PATH = 20
"""Steps in which the correction is switched on."""


@dataclass(frozen=True)
class Data:
    """Complete rows, unit means removed.

    Attributes
    ----------
    y : (n,). x : (n, K) the equation's terms, then dummies of all periods but the first.
    unit : (n,) codes from 0 without gaps. period : (n,) positions in the calendar.
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
        No unit has three such rows, or terms that effects absorb or that are collinear in the rows left.
    """
    complete = equation.complete
    complete = complete & (complete.sum(axis=1) >= 2)[:, None]
    most = int(complete.sum(axis=1).max())
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
    place = np.argwhere(complete)
    unit = np.unique(place[:, 0], return_inverse=True)[1].astype(np.intp)
    period = place[:, 1].astype(np.intp)
    columns = [equation.x[complete]]
    if "period" in design.spec.effects:
        columns.append((period[:, None] == np.unique(period)[1:]).astype(float))
    x = np.hstack(columns)
    raw, y = x, equation.y[complete]
    x, y = _within(x, unit), _within(y[:, None], unit)[:, 0]
    x = _usable(equation, raw, x, design)
    return Data(y, x, unit, period, equation.lags, equation.design_rows[complete])


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
    patterns = _patterns(data)
    gram = data.x.T @ data.x
    start = np.linalg.solve(gram, data.x.T @ data.y)
    params = start
    for share in np.linspace(0.0, 1.0, PATH + 1)[1:]:
        found = _newton(data, patterns, gram, params, float(share))
        if found is None:
            raise _no_root(design, start[: data.lags])
        params = found
    slope = _moments(data, patterns, gram, params, 1.0)[1]
    if not _stable(slope, data.lags):
        raise _no_root(design, start[: data.lags])
    residuals = data.y - data.x @ params
    scores = data.x * residuals[:, None]
    variance, bias = _bias(data, patterns, residuals, params[: data.lags])
    scores[:, : data.lags] += (variance[:, None] * bias / data.counts[:, None])[data.unit]
    return Solution(params, start, residuals, -scores @ np.linalg.inv(slope).T)


def bias_weights(periods: IntArray, rho: np.ndarray) -> np.ndarray:
    """c_l for l = 1 … p of a unit seen in `periods`: minus the expectation of the lag's moment over the variance.

    ``(1 / T) sum_t sum_s psi[t − l − s]`` with psi[0] = 1 and psi[j] = sum_k rho[k] psi[j − k].
    """
    span = int(periods[-1] - periods[0]) + 1
    psi = np.zeros(span, dtype=rho.dtype)
    psi[0] = 1.0
    for j in range(1, span):
        for k in range(1, min(j, rho.size) + 1):
            psi[j] += rho[k - 1] * psi[j - k]
    gaps = periods[:, None] - periods[None, :]
    result = np.empty(rho.size, dtype=rho.dtype)
    for lag in range(1, rho.size + 1):
        ahead = gaps - lag
        result[lag - 1] = psi[ahead[ahead >= 0]].sum() / periods.size
    return result


def _patterns(data: Data) -> tuple[tuple[IntArray, IntArray], ...]:
    """Units that are seen in the same periods: (periods, units)."""
    by_unit = np.split(data.period, np.flatnonzero(np.diff(data.unit)) + 1)
    groups: dict[tuple[int, ...], list[int]] = {}
    for unit, periods in enumerate(by_unit):
        groups.setdefault(tuple(periods.tolist()), []).append(unit)
    return tuple((np.array(key, dtype=np.intp), np.array(units, dtype=np.intp)) for key, units in groups.items())


def _bias(
    data: Data, patterns: tuple[tuple[IntArray, IntArray], ...], residuals: FloatArray, rho: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(units,) residual variances and (units, p) bias weights."""
    variance = np.bincount(data.unit, weights=residuals**2) / (data.counts - 1.0)
    weights = np.empty((variance.size, rho.size))
    for periods, units in patterns:
        weights[units] = bias_weights(periods, rho)
    return variance, weights


def _moments(
    data: Data, patterns: tuple[tuple[IntArray, IntArray], ...], gram: FloatArray, params: FloatArray, share: float
) -> tuple[FloatArray, FloatArray]:
    """Sum of the moments (K,) with `share` of the correction, and its derivative (K, K)."""
    p, rho = data.lags, params[: data.lags]
    residuals = data.y - data.x @ params
    variance, weights = _bias(data, patterns, residuals, rho)
    value = data.x.T @ residuals
    value[:p] += share * (variance @ weights)
    slope = -gram.copy()
    pull = -2.0 * group_sums(data.x * residuals[:, None], data.unit) / (data.counts - 1.0)[:, None]
    slope[:p] += share * weights.T @ pull
    step = 1e-30
    for k in range(p):
        # the weights are polynomials in rho: a complex step gives their derivative without rounding
        moved = rho.astype(complex)
        moved[k] += 1j * step
        for periods, units in patterns:
            change = bias_weights(periods, moved).imag / step
            slope[:p, k] += share * variance[units].sum() * change
    return value, slope


def _newton(
    data: Data, patterns: tuple[tuple[IntArray, IntArray], ...], gram: FloatArray, start: FloatArray, share: float
) -> FloatArray | None:
    """Root near `start`; None where Newton's steps do not settle."""
    params = start
    for _ in range(50):
        value, slope = _moments(data, patterns, gram, params, share)
        try:
            step = np.linalg.solve(slope, value)
        except np.linalg.LinAlgError:
            return None
        params = params - step
        if not np.isfinite(params).all() or np.abs(params[: data.lags] - start[: data.lags]).max() > 0.5:
            return None
        if np.abs(step).max() <= 1e-12 * max(1.0, float(np.abs(params).max())):
            return np.asarray(params)
    return None


def _stable(slope: FloatArray, p: int) -> bool:
    """Whether the moments of the lags, net of the other terms, fall in the lags' coefficients."""
    rest = slope[p:, p:]
    own = slope[:p, :p] - (slope[:p, p:] @ np.linalg.solve(rest, slope[p:, :p]) if rest.size else 0.0)
    return bool(np.linalg.eigvals(own).real.max() < 0)


def _usable(equation: Equation, raw: FloatArray, x: FloatArray, design: Design) -> FloatArray:
    """`x` without dummies that others make up; stops for terms."""
    k = len(equation.terms)
    order = [*range(k, x.shape[1]), *range(k)]
    names = (*(f"period {j}" for j in range(x.shape[1] - k)), *equation.terms)
    kept, reasons = usable_columns(raw[:, order], x[:, order], names, design.spec.effects)
    problems = [
        Problem(
            "config.yaml",
            f"models.{design.spec.name}.regressors",
            f'"{term}", {reason} in the rows that have the outcome\'s lags',
            "terms that the data can tell apart",
            f"leave {term} out",
        )
        for term, reason in reasons.items()
        if term in equation.terms
    ]
    if problems:
        raise UserError(problems)
    keep = sorted(order[j] for j in kept)
    return np.ascontiguousarray(x[:, keep])


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
