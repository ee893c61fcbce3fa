"""Tests of spatial dependence in panels: Lagrange multipliers without it, likelihood ratios between spatial models."""

from __future__ import annotations

import numpy as np
from scipy import special

from ruralpanel.estimators.base import FloatArray, Test
from ruralpanel.estimators.spatial_filter import SpatialFilter
from ruralpanel.estimators.spatial_likelihood import Size, Solution, error, independent, lag
from ruralpanel.estimators.spatial_panel import SpatialPanel, columns


def lagrange_multipliers(panel: SpatialPanel, size: Size, filter_: SpatialFilter) -> dict[str, Test]:
    """``lm_lag``, ``lm_error``, each robust to the other, and each with its score's variance from sums by unit.

    From least squares with the same terms and effects: Anselin, Le Gallo and Jayet (2008, eqs. 19.20 to 19.22) and
    Elhorst (2014, eqs. 3.8 to 3.11), with N and T as `size` counts them. ``lm_lag_clustered``, ``lm_error_clustered``:
    the squared score over the sum of squares of its parts by unit, which allows for errors that persist over time.
    """
    found = independent(panel, size)
    x, e, s2 = columns(panel.net(panel.x)), found.residuals, found.sigma2
    traces = filter_.traces(0.0)
    spread = size.periods * (traces.g2 + traces.gg) - 2.0 * (size.periods * traces.g) ** 2 / size.rows
    # the trace of the weights is zero, but not once the mean over units is left out
    centre = size.periods * traces.g / size.rows * float(np.sum(e * e))
    through_y = (float(np.sum(e * panel.net(panel.neighbours(panel.y)))) - centre) / s2
    through_e = (float(np.sum(e * panel.neighbours(e))) - centre) / s2
    moved = columns(panel.net(panel.neighbours(panel.x @ found.slopes)))
    basis = np.linalg.qr(x)[0]
    left = moved - basis @ (basis.T @ moved)
    information = float(left @ left) / s2 + spread
    parts = (filter_.split(0.0, e) - centre / e.size).sum(axis=1) / s2
    by_lag = parts + (left.reshape(e.shape) * e).sum(axis=1) / s2
    note = "from least squares with the same terms and effects; errors taken as independent over time"
    clustered = "from least squares with the same terms and effects; variance of the score from sums by unit"
    return {
        "lm_lag": _chi2(through_y**2 / information, 1, note),
        "lm_error": _chi2(through_e**2 / spread, 1, note),
        "lm_lag_robust": _chi2((through_y - through_e) ** 2 / (information - spread), 1, note),
        "lm_error_robust": _chi2(
            (through_e - spread / information * through_y) ** 2 / (spread * (1.0 - spread / information)), 1, note
        ),
        "lm_lag_clustered": _chi2(float(by_lag.sum() ** 2 / (by_lag @ by_lag)), 1, clustered),
        "lm_error_clustered": _chi2(float(parts.sum() ** 2 / (parts @ parts)), 1, clustered),
    }


def likelihood_ratios(
    method: str,
    found: Solution,
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
    tests = {"lr_independent": _ratio(found, independent(panel, size), 1)}
    extra = len(panel.terms) - len(plain.terms)
    if method == "sdm":
        tests["lr_lag"] = _ratio(found, lag(plain, size, filter_, model), extra)
        if extra == len(plain.terms):
            tests["common_factor"] = _ratio(found, error(plain, size, filter_, model), extra)
        else:
            note = "Wald test: not every term has a neighbours' mean"
            tests["common_factor"] = _chi2(_wald(*_common_factor(found, panel), found.vcov), len(panel.lagged), note)
        if panel.lagged:
            tests |= _clustered(found, panel)
    if method == "sdem":
        tests["lr_error"] = _ratio(found, error(plain, size, filter_, model), extra)
    return tests


def _clustered(found: Solution, panel: SpatialPanel) -> dict[str, Test]:
    """Wald tests of a Durbin model against lag and error, clustered by unit, Hotelling's T² as F(q, N − q)."""
    n, q = panel.shape[0], len(panel.lagged)
    if q >= n:
        return {}
    sums = found.scores.reshape(*panel.shape, -1).sum(axis=1)
    vcov = found.vcov @ (n / (n - 1.0) * sums.T @ sums) @ found.vcov
    chosen = np.eye(found.vcov.shape[0])[list(panel.lagged.values())]
    restrictions = {
        "lag_clustered": (found.slopes[list(panel.lagged.values())], chosen),
        "common_factor_clustered": _common_factor(found, panel),
    }
    tests = {}
    for name, (gaps, jacobian) in restrictions.items():
        value = _wald(gaps, jacobian, vcov) * (n - q) / ((n - 1.0) * q)
        note = "Wald test, covariance clustered by unit, Hotelling T²"
        tests[name] = Test(value, (float(q), float(n - q)), float(special.fdtrc(q, n - q, value)), note)
    return tests


def _common_factor(found: Solution, panel: SpatialPanel) -> tuple[FloatArray, FloatArray]:
    """θ + ρβ of the terms with a neighbours' mean, and its derivatives."""
    assert found.spatial is not None
    gaps = np.array([found.slopes[near] + found.spatial * found.slopes[own] for own, near in panel.lagged.items()])
    jacobian = np.zeros((gaps.size, found.vcov.shape[0]))
    for i, (own, near) in enumerate(panel.lagged.items()):
        jacobian[i, near], jacobian[i, own], jacobian[i, -1] = 1.0, found.spatial, found.slopes[own]
    return gaps, jacobian


def _wald(gaps: FloatArray, jacobian: FloatArray, vcov: FloatArray) -> float:
    return float(gaps @ np.linalg.solve(jacobian @ vcov @ jacobian.T, gaps))


def _ratio(full: Solution, restricted: Solution, df: int) -> Test:
    return _chi2(max(0.0, 2.0 * (full.log_likelihood - restricted.log_likelihood)), df, "likelihood ratio")


def _chi2(value: float, df: int, note: str) -> Test:
    return Test(float(value), float(df), float(special.chdtrc(df, value)), note)
