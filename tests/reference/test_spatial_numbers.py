"""Spatial panels against published numbers, through the functions of the workflow, and against spreg."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spatial_data
import yaml
from libpysal.weights import WSP
from scipy import optimize, sparse

from ruralpanel.estimate.base.model import Model
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.families.spatial import maximum_likelihood
from ruralpanel.estimate.families.spatial.panel import columns, panel_of
from ruralpanel.estimate.families.spatial.spatial import fit

CASES: list[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("numbers_spatial.yaml").read_text(encoding="utf-8")
)


def quantity(result: Model, kind: str, name: str) -> float:
    if kind == "fit":
        return float(result.fit["sigma"] ** 2 if name == "sigma2" else result.fit[name])
    if kind == "std_error_without_effects":
        error, df = result.coefficient(name).std_error, float(result.diagnostics.df_resid)
        return float(error) * (df / (df + result.n_units)) ** 0.5  # type: ignore[arg-type]
    return float(getattr(result.coefficient(name), kind))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["model"])
def test_stored_numbers(case: dict[str, Any]) -> None:
    assert case["source"] and case["why"]
    options = {"correction": case["correction"]} if "correction" in case else {}
    design = spatial_data.design(case["method"], case["effects"], **options)
    result = estimate(design.spec, design, 20120126, "")
    wanted = {(kind, name): number for kind, names in case["values"].items() for name, number in names.items()}
    found = {key: quantity(result, *key) for key in wanted}
    assert found == pytest.approx(wanted, abs=case["tolerance"], rel=0)


def test_two_way_effects_differ_from_splm_in_one_step() -> None:
    """R splm takes neighbours' means of demeaned outcomes and leaves their yearly means in: λ .19666416, likelihood
    1659.4476945. With dummies of all states and years the likelihood is higher at another λ, which is ours."""
    design = spatial_data.design("sar", ("unit", "period"), correction="none")
    ours = fit(design)
    panel = panel_of(design, ())
    filter_ = maximum_likelihood.filter_of(panel, False)
    n, t = panel.shape
    dummies = np.hstack([np.kron(np.eye(n), np.ones((t, 1))), np.kron(np.ones((n, 1)), np.eye(t)[:, 1:])])

    def likelihood(rho: float, y: Any, wy: Any, x: Any) -> float:
        e = y - rho * wy
        e = e - x @ np.linalg.lstsq(x, e, rcond=None)[0]
        return t * filter_.log_determinant(rho) - n * t / 2 * (np.log(2 * np.pi * float(e @ e) / (n * t)) + 1)

    def best(*data: Any) -> tuple[float, float]:
        found = optimize.minimize_scalar(lambda rho: -likelihood(rho, *data), bounds=(-0.9, 0.9), method="bounded")
        return float(found.x), -float(found.fun)

    net = panel.net(panel.y)
    theirs = best(columns(net), columns(panel.neighbours(net)), columns(panel.net(panel.x)))
    assert theirs == pytest.approx((0.19666416, 1659.4476945), abs=1e-5)
    exact = best(columns(panel.y), columns(panel.neighbours(panel.y)), np.hstack([columns(panel.x), dummies]))
    assert (ours.params[-1], ours.fit["log_likelihood"]) == pytest.approx(exact, abs=1e-5)
    assert exact[1] > theirs[1] + 0.03


def by_period(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Rows by unit, then period → by period, then unit, as spreg stacks them."""
    n, t = 48, 17
    return values.reshape(n, t, -1).transpose(1, 0, 2).reshape(n * t, -1)


@pytest.mark.filterwarnings("ignore")
def test_spreg_agrees_on_state_effects() -> None:
    """Estimates within the 1e-6 where its optimiser stops; its covariance is not compared (it scales σ² otherwise)."""
    from spreg import Panel_FE_Error, Panel_FE_Lag

    w = WSP(sparse.csr_matrix(spatial_data.contiguity())).to_W()
    for method, theirs in (("sar", Panel_FE_Lag), ("sem", Panel_FE_Error)):
        design = spatial_data.design(method, ("unit",), correction="none")
        found = theirs(by_period(design.y), by_period(design.x), w)
        np.testing.assert_allclose(fit(design).params, found.betas.ravel(), atol=2e-6)


@pytest.mark.filterwarnings("ignore")
def test_spreg_agrees_on_pooled_models() -> None:
    """816 rows as one cross-section: likelihood, covariance, two-stage least squares and Lagrange multipliers.

    It stops its search within 1e-5 of the maximum, and within 1e-3 of the errors of the lag its series of the inverse
    (test_spatial_panel has both exactly).
    """
    import spreg

    stacked = sparse.kron(sparse.eye(17), sparse.csr_matrix(spatial_data.contiguity()), format="csr")
    w = WSP(sparse.csr_matrix(stacked)).to_W()
    plain = spatial_data.design("sar", ())
    y, x = by_period(plain.y), by_period(plain.x)
    lag = spreg.ML_Lag(y, x, w, method="ord", epsilon=1e-12)
    ours = fit(plain)
    np.testing.assert_allclose(ours.params, lag.betas.ravel()[1:], atol=1e-5)
    np.testing.assert_allclose(np.sqrt(np.diag(ours.vcov)), np.sqrt(np.diag(lag.vm))[1:], rtol=1e-3)
    assert ours.fit["log_likelihood"] == pytest.approx(lag.logll, abs=1e-6)
    error = spreg.ML_Error(y, x, w, method="full", epsilon=1e-12)  # ord takes traces of another matrix
    ours = fit(spatial_data.design("sem", ()))
    np.testing.assert_allclose(ours.params, error.betas.ravel()[1:], atol=1e-5)
    np.testing.assert_allclose(np.sqrt(np.diag(ours.vcov)), np.sqrt(np.diag(error.vm))[1:], rtol=1e-4)
    two_stage = spreg.GM_Lag(y, x, w=w, w_lags=2, sig2n_k=True)
    ours = fit(spatial_data.design("gmm_lag", ()))
    np.testing.assert_allclose(ours.params, two_stage.betas.ravel()[1:], rtol=1e-7)
    np.testing.assert_allclose(np.sqrt(np.diag(ours.vcov)), np.sqrt(np.diag(two_stage.vm))[1:], rtol=1e-7)
    theirs = spreg.LMtests(spreg.OLS(y, x), w)
    names = {"lm_lag": "lml", "lm_error": "lme", "lm_lag_robust": "rlml", "lm_error_robust": "rlme"}
    found = {name: ours.tests[name].statistic for name in names}
    assert found == pytest.approx({name: getattr(theirs, short)[0] for name, short in names.items()}, rel=1e-6)
