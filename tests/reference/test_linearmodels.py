"""Our kernels against linearmodels, estimates and errors, balanced, unbalanced and weighted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from data_sets import design, table

from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.families import confirm_linear
from ruralpanel.estimate.families.second import NotConfirmedError
from ruralpanel.estimate.inference import dependence
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec

pytestmark = pytest.mark.slow

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


SETTINGS = [
    InferenceSpec("classical"),
    InferenceSpec("cluster", {"small_sample": "CR0"}),
    InferenceSpec("cluster", {"small_sample": "CR1"}),
    InferenceSpec("cluster", {"small_sample": "CR1", "by": ["unit", "period"]}),
    InferenceSpec("hc", {"kind": "HC1"}),
    InferenceSpec("hc", {"kind": "HC3"}),
]


@pytest.mark.parametrize("rows", [None, SOME], ids=["balanced", "unbalanced"])
@pytest.mark.parametrize(
    ("estimator", "effects", "weighted"),
    [(*model, False) for model in MODELS] + [(*model, True) for model in MODELS if model[0] != "re"],
)
def test_estimates_and_errors_agree(
    estimator: str, effects: tuple[str, ...], weighted: bool, rows: np.ndarray | None
) -> None:
    frame, _ = table("munnell")
    kept = np.ones(816, dtype=bool) if rows is None else rows
    weights = np.exp(frame["log_emp"].to_numpy())[kept] if weighted else None
    ours = design("munnell", estimator, effects, rows=kept, weights=weights)
    found = fit(ours)
    compared = 0
    for setting in SETTINGS:
        try:
            errors = infer(found, ours, setting, 0).std_error
        except UserError:  # robust errors with unit effects, two-way clusters of one period
            continue
        by_period, leverages = setting.clusters not in ((), ("unit",)), setting == SETTINGS[-1]
        lacking = "clusters_change_within_units" if by_period else "no_leverages"
        if (estimator == "fd" and by_period) or (estimator in ("fd", "re") and leverages):
            with pytest.raises(NotConfirmedError, match=f"^{lacking}$"):
                confirm_linear.again(ours, setting)
            continue
        theirs = confirm_linear.again(ours, setting)
        # 1e-10: both are direct solutions of the same normal equations; condition numbers here are below 1e4
        np.testing.assert_allclose(found.params, theirs.params, rtol=1e-10, atol=1e-12)
        if theirs.std_error is not None:
            np.testing.assert_allclose(errors, theirs.std_error, rtol=1e-9, err_msg=str(setting))
            compared += 1
    assert compared >= 3


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


def test_what_linearmodels_lacks_comes_from_statsmodels() -> None:
    """Three effects, and nested ones, counted once, with the errors of each kind; 1e-9: dummies are less exact."""
    frame, _ = table("munnell")
    region = (pd.factorize(frame["unit"])[0] % 5).tolist()
    crossing = ((pd.factorize(frame["unit"])[0] + frame["period"].astype(int)) % 7).tolist()
    groups = {"region": region, "crossing": crossing}
    for effects, library in {
        ("unit", "period", "crossing"): "statsmodels WLS",
        ("unit", "region"): "statsmodels WLS",
        ("unit", "crossing"): "linearmodels PanelOLS",
        ("period", "region"): "linearmodels PanelOLS",
    }.items():
        for setting in (SETTINGS[0], SETTINGS[2]):
            panel = design("munnell", "fe", effects, clusters=groups)
            theirs, found = confirm_linear.again(panel, setting), fit(panel)
            assert theirs.library == library
            np.testing.assert_allclose(theirs.params, found.params, rtol=1e-9)
            np.testing.assert_allclose(theirs.std_error, infer(found, panel, setting, 0).std_error, rtol=1e-9)
    with pytest.raises(NotConfirmedError, match=r"^no_such_effects$"):
        wide = [f"{group}:{year}" for group, year in zip(region, frame["period"], strict=True)]
        panel = design("munnell", "fd", ("region:period",), clusters={**groups, "region:period": wide})
        confirm_linear.again(panel, None)
