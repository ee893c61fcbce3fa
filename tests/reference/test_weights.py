"""Weights through the core estimators and their inference, against statsmodels, linearmodels and refits.

Weights are analytic: a row's error variance is taken as proportional to one over its weight (population weights are
used the same way). Their scale does not matter, and they are no counts of repeated rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from data_sets import design, table

from ruralpanel.estimate.base.results import Design, FloatArray
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.inference import dependence
from ruralpanel.estimate.inference.cluster import adjusted_rows
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.settings import InferenceSpec

EMPLOYMENT = np.exp(table("munnell")[0]["log_emp"].to_numpy())
SHAPES = [("pooled", ()), ("pooled", ("period",)), ("fe", ("unit",)), ("fe", ("unit", "period")), ("fd", ())]


def weighted(estimator: str, effects: tuple[str, ...] = (), scale: float = 1.0, **settings: Any) -> Design:
    """Munnell's states weighted by employment."""
    return design("munnell", estimator, effects, weights=scale * EMPLOYMENT, **settings)


def by_statsmodels(d: Design, cov_type: str, **settings: Any) -> tuple[FloatArray, FloatArray]:
    """Coefficients and errors by WLS on the regressors and dummies of all effects."""
    import statsmodels.api as sm

    y, x, weights = d.y, d.x, d.weights
    assert weights is not None
    units, periods = d.unit_codes, d.period_codes
    if d.spec.estimator == "fd":
        later = np.flatnonzero((units[1:] == units[:-1]) & (periods[1:] == periods[:-1] + 1)) + 1
        y, x = y[later] - y[later - 1], x[later] - x[later - 1]
        weights = 1.0 / (1.0 / weights[later] + 1.0 / weights[later - 1])
        units = units[later]
        columns = [x]
    else:
        columns = [x, np.ones((y.size, 1))]
        for effect, codes in (("unit", units), ("period", periods)):
            if effect in d.spec.effects:
                columns.append((codes[:, None] == np.arange(1, codes.max() + 1)).astype(float))
    if "groups" in settings:
        settings = {"cov_kwds": {"groups": units, "use_correction": False}}
    result = sm.WLS(y, np.hstack(columns), weights=weights).fit(cov_type=cov_type, **settings)
    k = x.shape[1]
    return np.asarray(result.params)[:k], np.asarray(result.bse)[:k]


@pytest.mark.parametrize(("estimator", "effects"), SHAPES)
def test_estimates_classical_and_clustered_errors_are_those_of_statsmodels(
    estimator: str, effects: tuple[str, ...]
) -> None:
    d = weighted(estimator, effects)
    found = fit(d)
    for setting, cov_type, settings in (
        (InferenceSpec("classical"), "nonrobust", {}),
        (InferenceSpec("cluster", {"small_sample": "CR0"}), "cluster", {"groups": True}),
    ):
        params, errors = by_statsmodels(d, cov_type, **settings)
        # 1e-7: statsmodels solves by a pseudo-inverse on up to 68 columns
        np.testing.assert_allclose(found.params, params, rtol=1e-7)
        np.testing.assert_allclose(infer(found, d, setting, 0).std_error, errors, rtol=1e-7)


@pytest.mark.parametrize("kind", ["HC0", "HC1", "HC2", "HC3"])
@pytest.mark.parametrize("effects", [(), ("period",)])
def test_robust_errors_are_those_of_statsmodels(kind: str, effects: tuple[str, ...]) -> None:
    d = weighted("pooled", effects)
    _, errors = by_statsmodels(d, kind)
    np.testing.assert_allclose(infer(fit(d), d, InferenceSpec("hc", {"kind": kind}), 0).std_error, errors, rtol=1e-7)


@pytest.mark.parametrize("effects", [("unit",), ("unit", "period")])
def test_fixed_effects_and_errors_are_those_of_linearmodels(effects: tuple[str, ...]) -> None:
    from linearmodels.panel import PanelOLS

    frame, terms = table("munnell")
    frame = frame.assign(w=EMPLOYMENT, period=frame["period"].astype(int)).set_index(["unit", "period"])
    model = PanelOLS(
        frame["y"], frame[list(terms)], weights=frame["w"], entity_effects=True, time_effects="period" in effects
    )
    d = weighted("fe", effects)
    found = fit(d)
    plain = {"debiased": False, "auto_df": False, "count_effects": False}
    cr0 = model.fit(cov_type="clustered", cluster_entity=True, **plain)
    np.testing.assert_allclose(found.params, cr0.params, rtol=1e-9)
    ours = infer(found, d, InferenceSpec("cluster", {"small_sample": "CR0"}), 0)
    np.testing.assert_allclose(ours.std_error, cr0.std_errors, rtol=1e-9)
    two_way = model.fit(cov_type="clustered", cluster_entity=True, cluster_time=True, group_debias=False, **plain)
    ours = infer(found, d, InferenceSpec("cluster", {"by": ["unit", "period"], "small_sample": "CR1"}), 0)
    assert ours.std_error is not None
    k = 5 if effects == ("unit",) else 4 + 1
    factor = 17 / 16 * 815 / (816 - k)
    np.testing.assert_allclose(ours.std_error, two_way.std_errors * np.sqrt(factor), rtol=1e-9)
    kernel = model.fit(cov_type="kernel", kernel="bartlett", bandwidth=2, debiased=True)
    vcov, _ = dependence.driscoll_kraay_covariance(found, d, 2, "residual_df")
    np.testing.assert_allclose(np.sqrt(np.diag(vcov)), kernel.std_errors, rtol=1e-9)


def test_means_of_units_weigh_what_their_rows_weigh() -> None:
    import statsmodels.api as sm

    frame, terms = table("munnell")
    rows = frame.assign(w=EMPLOYMENT)
    sums = {name: (rows[name] * rows["w"]).groupby(rows["unit"]).sum() for name in ("y", *terms)}
    total = rows["w"].groupby(rows["unit"]).sum()
    means = pd.DataFrame(sums).div(total, axis=0)
    theirs = sm.WLS(means["y"], sm.add_constant(means[list(terms)]), weights=total).fit(cov_type="HC3")
    d = weighted("between")
    ours = infer(fit(d), d, InferenceSpec("hc", {"kind": "HC3"}), 0)
    np.testing.assert_allclose(fit(d).params, theirs.params[list(terms)], rtol=1e-9)
    np.testing.assert_allclose(ours.std_error, theirs.bse[list(terms)], rtol=1e-9)


@pytest.mark.parametrize(("estimator", "effects"), SHAPES[:4])
def test_cr3_is_the_jackknife_of_weighted_refits(estimator: str, effects: tuple[str, ...]) -> None:
    """Refits without each state; the whole sample's weights are kept, whose scale does not matter."""
    frame, _ = table("munnell")
    d = weighted(estimator, effects)
    found = fit(d)
    gaps = []
    for name in d.units:
        kept = (frame["unit"] != name).to_numpy()
        part = design(
            "munnell", estimator, effects, rows=kept, weights=EMPLOYMENT[kept]
        )  # fmt: skip
        gaps.append(fit(part).params - found.params)
    expected = np.sqrt(np.sum(np.square(gaps), axis=0))
    ours = infer(found, d, InferenceSpec("cluster", {"small_sample": "CR3"}), 0)
    np.testing.assert_allclose(ours.std_error, expected, rtol=1e-7)


@pytest.mark.parametrize(("estimator", "effects"), SHAPES[:4])
def test_cr2_is_unbiased_where_variances_are_one_over_the_weights(estimator: str, effects: tuple[str, ...]) -> None:
    """The expected matrix, by linear algebra, is the true one (X'WX)^-1: the working model behind analytic weights.

    CR0's expectation is smaller on the same numbers.
    """
    d = weighted(estimator, effects)
    found = fit(d)
    assert found.x is not None and found.space is not None
    annihilator = found.space.residuals(np.eye(d.y.size)) - found.x @ found.bread @ found.x.T
    for power, unbiased in ((-0.5, True), (0.0, False)):
        adjusted = adjusted_rows(found, d, d.unit_codes, power) if unbiased else found.x
        expected = np.zeros((4, 4))
        for g in range(48):
            rows = d.unit_codes == g
            part = adjusted[rows].T @ annihilator[rows]
            expected += part @ part.T
        ratio = np.diag(found.bread @ expected @ found.bread) / np.diag(found.bread)
        if unbiased:
            np.testing.assert_allclose(ratio, 1.0, rtol=1e-8)
        else:
            assert (ratio < 0.99).all()


@pytest.mark.parametrize(
    "setting",
    [
        InferenceSpec("classical"),
        InferenceSpec("cluster", {"small_sample": "CR1"}),
        InferenceSpec("cluster", {"small_sample": "CR2"}),
        InferenceSpec("wild_cluster", {"draws": 199}),
    ],
    ids=lambda setting: setting.method,
)
def test_only_ratios_of_weights_matter(setting: InferenceSpec) -> None:
    """Persons or thousands of persons: the same intervals; equal weights: none at all."""
    one, other = weighted("fe", ("unit", "period")), weighted("fe", ("unit", "period"), scale=1e4)
    first, second = (infer(fit(d), d, setting, 1) for d in (one, other))
    np.testing.assert_allclose(first.ci_low, second.ci_low, rtol=1e-6)
    np.testing.assert_allclose(first.p_value, second.p_value, rtol=1e-6)
    plain = design("munnell", "fe", ("unit", "period"))
    equal = replace(plain, weights=np.full(816, 7.0))
    first, second = (infer(fit(d), d, setting, 1) for d in (plain, equal))
    np.testing.assert_allclose(first.ci_low, second.ci_low, rtol=1e-6)
