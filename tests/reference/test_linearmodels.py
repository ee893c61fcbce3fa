"""Our kernels against linearmodels, estimates and errors, balanced, unbalanced and weighted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from data_sets import design, table

from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.families import confirm_linear
from ruralpanel.estimate.inference import dependence
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.settings import InferenceSpec

MODELS = [
    ("pooled", ()),
    ("pooled", ("period",)),
    ("between", ()),
    ("fe", ("unit",)),
    ("fe", ("period",)),
    ("fe", ("unit", "period")),
    ("fd", ()),
    ("fd", ("period",)),
    ("re", ()),
    ("re", ("period",)),
]
SOME = np.random.default_rng(3).random(816) > 0.3


@pytest.mark.parametrize("rows", [None, SOME], ids=["balanced", "unbalanced"])
@pytest.mark.parametrize(
    ("estimator", "effects", "weighted"),
    [(*model, False) for model in MODELS] + [(*model, True) for model in MODELS if model[0] != "re"],
)
def test_estimates_agree(estimator: str, effects: tuple[str, ...], weighted: bool, rows: np.ndarray | None) -> None:
    frame, _ = table("munnell")
    kept = np.ones(816, dtype=bool) if rows is None else rows
    weights = np.exp(frame["log_emp"].to_numpy())[kept] if weighted else None
    ours = design("munnell", estimator, effects, rows=kept, weights=weights, options={"engine": "numpy"})
    found = fit(ours)
    theirs = confirm_linear.estimate(ours, found.rows, found.terms)
    assert theirs is not None
    # 1e-10: both are direct solutions of the same normal equations; condition numbers here are below 1e4
    np.testing.assert_allclose(found.params, theirs, rtol=1e-10, atol=1e-12)


def test_a_wrong_estimate_is_stopped() -> None:
    panel = design("munnell", "fe", ("unit", "period"))
    found = fit(panel)
    scale = np.sqrt(np.diag(found.bread))
    with pytest.raises(ArithmeticError, match="differ from linearmodels"):
        confirm_linear.confirm(panel, found.rows, found.terms, found.params * 1.001, scale, 1.0)


def panel_ols(effects: tuple[str, ...], data: str = "munnell"):
    from linearmodels.panel import PanelOLS

    frame, terms = table(data)
    frame = frame.assign(period=frame["period"].astype(int)).set_index(["unit", "period"])
    return PanelOLS(frame["y"], frame[list(terms)], entity_effects="unit" in effects, time_effects="period" in effects)


@pytest.mark.parametrize("effects", [("unit",), ("unit", "period")])
def test_errors_agree_where_the_definition_is_the_same(effects: tuple[str, ...]) -> None:
    panel = design("munnell", "fe", effects)
    found = fit(panel)
    model = panel_ols(effects)

    classical = model.fit(cov_type="unadjusted", debiased=True).std_errors
    ours = infer(found, panel, InferenceSpec("classical"), 0)
    np.testing.assert_allclose(ours.std_error, classical, rtol=1e-9)

    # debiased=False, group_debias=False, no count of effects: CR0
    cr0 = model.fit(cov_type="clustered", cluster_entity=True, debiased=False, auto_df=False, count_effects=False)
    ours = infer(found, panel, InferenceSpec("cluster", {"small_sample": "CR0"}), 0)
    np.testing.assert_allclose(ours.std_error, cr0.std_errors, rtol=1e-9)


def test_linearmodels_counts_nested_effects_and_we_do_not() -> None:
    """PanelOLS counts the 48 state effects in the factor of errors clustered by state once there are two effects."""
    panel = design("munnell", "fe", ("unit", "period"))
    found = fit(panel)
    theirs = panel_ols(("unit", "period")).fit(cov_type="clustered", cluster_entity=True, debiased=True)
    ours = infer(found, panel, InferenceSpec("cluster", {"small_sample": "CR0"}), 0)
    factor = 816 / (816 - 4 - 48 - 16)
    np.testing.assert_allclose(theirs.std_errors, ours.std_error * np.sqrt(factor), rtol=1e-9)


@pytest.mark.parametrize("lag", [0, 2, 4])
def test_driscoll_kraay_agrees(lag: int) -> None:
    panel = design("grunfeld", "fe", ("unit",))
    found = fit(panel)
    theirs = panel_ols(("unit",), "grunfeld").fit(cov_type="kernel", kernel="bartlett", bandwidth=lag, debiased=True)
    vcov, factor = dependence.driscoll_kraay_covariance(found, panel, lag, "residual_df")
    np.testing.assert_allclose(np.sqrt(np.diag(vcov)), theirs.std_errors, rtol=1e-9)
    assert factor.value == pytest.approx(200 / 188)


def test_hc1_agrees() -> None:
    from linearmodels.panel import PooledOLS

    frame, terms = table("munnell")
    frame = frame.set_index(["unit", "period"])
    theirs = PooledOLS(frame["y"], frame[list(terms)].assign(constant=1.0)).fit(cov_type="robust", debiased=True)
    panel = design("munnell", "pooled")
    ours = infer(fit(panel), panel, InferenceSpec("hc", {"kind": "HC1"}), 0)
    np.testing.assert_allclose(ours.std_error, theirs.std_errors[list(terms)], rtol=1e-9)


def test_two_way_clusters_agree() -> None:
    """linearmodels gives each of the three matrices no factor of its own here; ours has one common factor."""
    panel = design("munnell", "pooled")
    ours = infer(fit(panel), panel, InferenceSpec("cluster", {"by": ["unit", "period"]}), 0)
    from linearmodels.panel import PooledOLS

    frame, terms = table("munnell")
    frame = frame.set_index(["unit", "period"])
    model = PooledOLS(frame["y"], frame[list(terms)].assign(constant=1.0))
    theirs = model.fit(cov_type="clustered", cluster_entity=True, cluster_time=True, debiased=False)
    factor = 17 / 16 * 815 / 811
    np.testing.assert_allclose(ours.std_error, theirs.std_errors[list(terms)] * np.sqrt(factor), rtol=1e-9)


def test_what_linearmodels_lacks_is_recorded() -> None:
    frame, _ = table("munnell")
    region = (pd.factorize(frame["unit"])[0] % 5).tolist()
    crossing = ((pd.factorize(frame["unit"])[0] + frame["period"].astype(int)) % 7).tolist()
    groups = {"region": region, "crossing": crossing}
    engines = {
        effects: fit(design("munnell", "fe", effects, clusters=groups)).extra["engine"]
        for effects in [("unit", "period", "crossing"), ("unit", "region"), ("unit", "crossing"), ("period", "region")]
    }
    assert list(engines.values()) == ["numpy", "numpy", "linearmodels", "linearmodels"]
