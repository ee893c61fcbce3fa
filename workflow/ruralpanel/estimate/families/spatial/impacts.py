"""Direct, indirect and total effects of spatial panels, and tests of their specification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from ruralpanel.estimate.base.parts import SpatialEffect, SpatialEffects
from ruralpanel.estimate.base.results import FloatArray
from ruralpanel.estimate.base.rows import Test
from ruralpanel.estimate.families.spatial.filter import SpatialFilter
from ruralpanel.estimate.families.spatial.maximum_likelihood import Size, Solution, error, independent, lag
from ruralpanel.estimate.families.spatial.panel import SpatialPanel, columns
from ruralpanel.project.notes import Note, note

KINDS = ("direct", "indirect", "total")


@dataclass(frozen=True)
class Coefficients:
    """What effects are made from.

    Attributes
    ----------
    params, vcov : (k,), (k, k). regressors : their positions. lagged : position → that of its neighbours' mean.
    spatial : position of ρ; None without a lag of the outcome.
    df : degrees of freedom of t that go with the covariance; infinite: normal.
    """

    params: FloatArray
    vcov: FloatArray
    regressors: Sequence[int]
    lagged: Mapping[int, int]
    spatial: int | None
    df: float = np.inf


def effects(
    coefficients: Coefficients, terms: Sequence[str], filter_: SpatialFilter, draws: int, rng: np.random.Generator
) -> SpatialEffects:
    """Effects of the regressors, with simulated errors.

    The outcome's response in unit i to the regressor in unit j is element ij of ``S = (I − ρW)⁻¹ (β I + θ W)``.
    Direct: the mean over i of S_ii, feedback through neighbours included. Total: the mean over i of the row sums, what
    the regressor does if it rises by one everywhere. Indirect: their difference, what comes from others (LeSage and
    Pace 2009, section 2.7). They are exact: S = β I + (ρ β + θ) W (I − ρW)⁻¹.

    Errors: `draws` from the normal distribution of the estimates; ``std_error`` is their standard deviation.
    Intervals: the 2.5 and 97.5 percentiles of draws from t instead, the same where `df` is infinite. ``p_value``:
    two-sided by t. Draws whose ρ leaves the interval on which the filter is invertible are left out and counted; where
    there are any, ρ comes so near its end that effects, whose denominator is 1 − ρ, have no variance: there is no
    ``std_error`` then, and ``p_value`` is twice the smaller tail of the draws, as the intervals are their percentiles.

    Returns
    -------
    Without the name of the errors that were drawn from (`basis`).
    """
    point = _three(coefficients.params[None, :], coefficients, filter_)[0]
    moves = rng.multivariate_normal(np.zeros(coefficients.params.size), coefficients.vcov, size=draws, method="eigh")
    normal = _usable(coefficients.params + moves, coefficients, filter_)
    drawn = _three(normal, coefficients, filter_)
    spread = drawn.std(axis=0, ddof=1)
    if np.isfinite(coefficients.df):
        wide = moves * np.sqrt(coefficients.df / rng.chisquare(coefficients.df, size=(draws, 1)))
        drawn = _three(_usable(coefficients.params + wide, coefficients, filter_), coefficients, filter_)
    heavy = coefficients.spatial is not None and len(normal) < draws
    reach = np.percentile(drawn, [2.5, 97.5], axis=0)
    rows = []
    for i, j in enumerate(coefficients.regressors):
        for k, kind in enumerate(KINDS):
            estimate, error = float(point[i, k]), float(spread[i, k])
            rows.append(
                SpatialEffect(
                    term=terms[j],
                    kind=kind,
                    estimate=estimate,
                    std_error=None if heavy else error,
                    ci_low=float(reach[0, i, k]),
                    ci_high=float(reach[1, i, k]),
                    p_value=_tail(drawn[:, i, k]) if heavy else _p_value(estimate, error, coefficients.df),
                )
            )
    df = float(coefficients.df) if np.isfinite(coefficients.df) else None
    return SpatialEffects(tuple(rows), draws, draws - len(normal), df)


def _tail(values: FloatArray) -> float:
    tail = min(int(np.sum(values <= 0)), int(np.sum(values >= 0)))
    return min(1.0, 2.0 * (tail + 1.0) / (values.size + 1.0))


def _usable(sample: FloatArray, coefficients: Coefficients, filter_: SpatialFilter) -> FloatArray:
    """Draws whose ρ lies inside the interval."""
    if coefficients.spatial is None:
        return sample
    low, high = filter_.interval
    return sample[(sample[:, coefficients.spatial] > low) & (sample[:, coefficients.spatial] < high)]


def _p_value(estimate: float, error: float, df: float) -> float | None:
    if error <= 0:
        return None
    size = -abs(estimate / error)
    return float(2.0 * (special.stdtr(df, size) if np.isfinite(df) else special.ndtr(size)))


def _three(params: FloatArray, coefficients: Coefficients, filter_: SpatialFilter) -> FloatArray:
    """(draws, terms, 3): direct, indirect, total for each row of `params`."""
    rho = params[:, coefficients.spatial] if coefficients.spatial is not None else np.zeros(len(params))
    # without a lag of the outcome ρ is zero in all draws, and one evaluation serves them
    points = rho if coefficients.spatial is not None else np.zeros(1)
    diagonal = np.broadcast_to(filter_.trace(points) / filter_.n, rho.shape)
    every = np.broadcast_to(filter_.total(points), rho.shape)
    result = np.zeros((len(params), len(coefficients.regressors), 3))
    for i, j in enumerate(coefficients.regressors):
        beta = params[:, j]
        through = rho * beta + (params[:, coefficients.lagged[j]] if j in coefficients.lagged else 0.0)
        result[:, i, 0] = beta + through * diagonal
        result[:, i, 2] = beta + through * every
        result[:, i, 1] = through * (every - diagonal)
    return result


def lagrange_multipliers(panel: SpatialPanel, size: Size, filter_: SpatialFilter) -> dict[str, Test]:
    """``lm_lag``, ``lm_error``, each robust to the other, and each with its score's variance from sums by unit.

    From least squares with the same terms and effects: Anselin, Le Gallo and Jayet (2008, eqs. 19.20 to 19.22) and
    Elhorst (2014, eqs. 3.8 to 3.11), with N and T as `size` counts them. ``lm_lag_clustered``, ``lm_error_clustered``:
    the squared score over the sum of squares of its parts by unit, which allows for errors that persist over time.
    """
    null = independent(panel, size)
    x, e, s2 = columns(panel.net(panel.x)), null.residuals, null.sigma2
    traces = filter_.traces(0.0)
    spread = size.periods * (traces.g2 + traces.gg) - 2.0 * (size.periods * traces.g) ** 2 / size.rows
    # the trace of the weights is zero, but not once the mean over units is left out
    centre = size.periods * traces.g / size.rows * float(np.sum(e * e))
    through_y = (float(np.sum(e * panel.net(panel.neighbours(panel.y)))) - centre) / s2
    through_e = (float(np.sum(e * panel.neighbours(e))) - centre) / s2
    moved = columns(panel.net(panel.neighbours(panel.x @ null.slopes)))
    basis = np.linalg.qr(x)[0]
    left = moved - basis @ (basis.T @ moved)
    information = float(left @ left) / s2 + spread
    parts = (filter_.split(0.0, e) - centre / e.size).sum(axis=1) / s2
    by_lag = parts + (left.reshape(e.shape) * e).sum(axis=1) / s2
    independent_over_time, clustered = note("lm_independent_over_time"), note("lm_clustered")
    return {
        "lm_lag": _chi2(through_y**2 / information, 1, independent_over_time),
        "lm_error": _chi2(through_e**2 / spread, 1, independent_over_time),
        "lm_lag_robust": _chi2((through_y - through_e) ** 2 / (information - spread), 1, independent_over_time),
        "lm_error_robust": _chi2(
            (through_e - spread / information * through_y) ** 2 / (spread * (1.0 - spread / information)),
            1,
            independent_over_time,
        ),
        "lm_lag_clustered": _chi2(float(by_lag.sum() ** 2 / (by_lag @ by_lag)), 1, clustered),
        "lm_error_clustered": _chi2(float(parts.sum() ** 2 / (parts @ parts)), 1, clustered),
    }


def likelihood_ratios(
    method: str,
    solution: Solution,
    panel: SpatialPanel,
    plain: SpatialPanel,
    size: Size,
    filter_: SpatialFilter,
    model: str,
) -> dict[str, Test]:
    """What the model is held against: no spatial coefficient, and the simpler spatial models that it contains.

    ``lr_independent``: ρ or λ is zero. A Durbin model: ``lr_lag``, neighbours' regressors do not count (all θ zero);
    ``common_factor``, they count only through the error (θ = −ρβ): a likelihood ratio where every term is lagged, else
    a Wald test of the terms that are. Both again as ``lag_clustered`` and ``common_factor_clustered``: Wald tests that
    allow for errors that persist. A Durbin error model: ``lr_error``, all θ zero.

    Parameters
    ----------
    panel, plain : the model's, and the same without neighbours' regressors.
    """
    tests = {"lr_independent": _ratio(solution, independent(panel, size), 1)}
    extra = len(panel.terms) - len(plain.terms)
    if method == "sdm":
        tests["lr_lag"] = _ratio(solution, lag(plain, size, filter_, model), extra)
        if extra == len(plain.terms):
            tests["common_factor"] = _ratio(solution, error(plain, size, filter_, model), extra)
        else:
            value = _wald(*_common_factor(solution, panel), solution.vcov)
            tests["common_factor"] = _chi2(value, len(panel.lagged), note("wald_not_every_term_lagged"))
        if panel.lagged:
            tests |= _clustered(solution, panel)
    if method == "sdem":
        tests["lr_error"] = _ratio(solution, error(plain, size, filter_, model), extra)
    return tests


def _clustered(solution: Solution, panel: SpatialPanel) -> dict[str, Test]:
    """Wald tests of a Durbin model against lag and error, clustered by unit, Hotelling's T² as F(q, N − q)."""
    n, q = panel.shape[0], len(panel.lagged)
    if q >= n:
        return {}
    sums = solution.scores.reshape(*panel.shape, -1).sum(axis=1)
    vcov = solution.vcov @ (n / (n - 1.0) * sums.T @ sums) @ solution.vcov
    chosen = np.eye(solution.vcov.shape[0])[list(panel.lagged.values())]
    restrictions = {
        "lag_clustered": (solution.slopes[list(panel.lagged.values())], chosen),
        "common_factor_clustered": _common_factor(solution, panel),
    }
    tests = {}
    for name, (gaps, jacobian) in restrictions.items():
        value = _wald(gaps, jacobian, vcov) * (n - q) / ((n - 1.0) * q)
        p_value = float(special.fdtrc(q, n - q, value))
        tests[name] = Test(value, (float(q), float(n - q)), p_value, (note("wald_clustered_hotelling"),))
    return tests


def _common_factor(solution: Solution, panel: SpatialPanel) -> tuple[FloatArray, FloatArray]:
    """θ + ρβ of the terms with a neighbours' mean, and its derivatives."""
    assert solution.spatial is not None
    gaps = np.array(
        [solution.slopes[near] + solution.spatial * solution.slopes[term] for term, near in panel.lagged.items()]
    )
    jacobian = np.zeros((gaps.size, solution.vcov.shape[0]))
    for i, (term, near) in enumerate(panel.lagged.items()):
        jacobian[i, near], jacobian[i, term], jacobian[i, -1] = 1.0, solution.spatial, solution.slopes[term]
    return gaps, jacobian


def _wald(gaps: FloatArray, jacobian: FloatArray, vcov: FloatArray) -> float:
    return float(gaps @ np.linalg.solve(jacobian @ vcov @ jacobian.T, gaps))


def _ratio(full: Solution, restricted: Solution, df: int) -> Test:
    return _chi2(max(0.0, 2.0 * (full.log_likelihood - restricted.log_likelihood)), df, note("likelihood_ratio"))


def _chi2(value: float, df: int, about: Note) -> Test:
    return Test(float(value), float(df), float(special.chdtrc(df, value)), (about,))
