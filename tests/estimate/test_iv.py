"""Instrumented estimates against linearmodels, first stages and tests against their definitions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from iv_panels import CR0, panel
from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.model import read_model
from ruralpanel.estimate.base.results import Design, Further, Named
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.families import random_effects
from ruralpanel.estimate.families.iv import confirm, iv, weak_instruments
from ruralpanel.estimate.families.iv.system import errors_of, system_of
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec

VARIANTS = [
    {},
    {"missing": 0.25, "weighted": True},
    {"effects": ("unit",), "endogenous": 2},
    {"effects": (), "exogenous": 0},
]


@pytest.mark.parametrize("method", ["2sls", "liml", "gmm"])
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_estimates_and_clustered_errors_are_linearmodels(method: str, variant: dict[str, Any]) -> None:
    """On the same demeaned data; 1e-10 relative: the same algebra in another order."""
    design = panel(1, method=method, **variant)
    found = fit(design)
    system = system_of(design)
    errors = errors_of(design, system)
    clusters = {"cov_type": "clustered", "clusters": errors.groups[0][1], "debiased": False}
    theirs = confirm.result(system, errors, method, **clusters)
    order = confirm._order(system)
    np.testing.assert_allclose(found.params, np.asarray(theirs.params)[order], rtol=1e-10)
    ours = infer(found, design, CR0, 0)
    assert ours.std_error is not None
    np.testing.assert_allclose(ours.std_error, np.asarray(theirs.std_errors)[order], rtol=1e-10)


@pytest.mark.parametrize("effects", [(), ("period",)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("method", ["g2sls", "ec2sls"])
def test_random_effects_are_two_stages_in_the_metric_of_the_errors(
    method: str, weighted: bool, effects: tuple[str, ...]
) -> None:
    """Dense roots of the errors' covariance matrix and projections by pseudo-inverse, with gaps: brute force."""
    design = panel(6, missing=0.25, weighted=weighted, effects=effects, method=method)
    found, layout = fit(design), random_effects.layout_of(design)
    units = layout.codes["unit"]
    dummies = layout.root[:, None] * (units[:, None] == np.unique(units))
    total = found.fit["sigma_e"] ** 2 * np.eye(units.size) + found.fit["sigma_u"] ** 2 * dummies @ dummies.T
    values, vectors = np.linalg.eigh(total)
    whiten = (vectors / np.sqrt(values)) @ vectors.T
    between = dummies @ np.linalg.pinv(dummies)
    exogenous = np.column_stack([random_effects.dummies_of(design), design.x]) * layout.root[:, None]
    d, z = (named.columns * layout.root[:, None] for named in (design.extra.endogenous, design.extra.instruments))
    y, x, instruments = design.y * layout.root, np.hstack([d, exogenous]), np.hstack([exogenous, z])
    if method == "ec2sls":
        instruments = np.hstack([whiten @ between @ instruments, instruments - between @ instruments])
    else:
        instruments = whiten @ instruments
    x, y = whiten @ x, whiten @ y
    projected = instruments @ (np.linalg.pinv(instruments, rcond=1e-10) @ x)
    params = np.linalg.pinv(projected) @ y
    rows = [*range(d.shape[1]), *range(x.shape[1] - design.x.shape[1], x.shape[1])]
    np.testing.assert_allclose(found.params, params[rows], rtol=1e-7)
    errors = infer(found, design, InferenceSpec("classical"), 0).std_error
    left = y - x @ params
    variance = left @ left / (y.size - x.shape[1]) * np.linalg.inv(projected.T @ projected)
    np.testing.assert_allclose(errors, np.sqrt(np.diag(variance))[rows], rtol=1e-7)


@pytest.mark.parametrize("method", ["g2sls", "ec2sls"])
def test_random_effects_recover_the_truth_behind_endogenous_regressors(method: str) -> None:
    """0.5 behind x = z + error, σ_e = 1, σ_u = 1.5 at 300 × 5 with gaps; four standard errors of 40 panels' mean."""
    estimates, components = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        units = np.repeat(np.arange(300), 5)
        kept = rng.random(1500) > 0.2
        shock, z = rng.normal(size=1500), rng.normal(size=(1500, 2))
        x = z.sum(axis=1) + shock
        y = 0.5 * x + 1.5 * rng.normal(size=300)[units] + 0.8 * shock + 0.6 * rng.normal(size=1500)
        extra = Further(Named(("d",), x[kept, None]), Named(("z1", "z2"), z[kept]))
        design = design_from_arrays(
            y[kept],
            np.zeros((int(kept.sum()), 0)),
            [f"{unit:03d}" for unit in units[kept]],
            np.tile(np.arange(5), 300)[kept],
            estimator="iv",
            method=method,
            extra=extra,
        )
        found = fit(design)
        estimates.append(float(found.params[0]))
        components.append((found.fit["sigma_e"], found.fit["sigma_u"]))
    error = np.std(estimates, ddof=1) / np.sqrt(40)
    assert abs(np.mean(estimates) - 0.5) < 4 * error < 0.02
    np.testing.assert_allclose(np.mean(components, axis=0), (1.0, 1.5), atol=0.05)


def test_as_many_instruments_as_endogenous_regressors_leave_no_choice_of_method() -> None:
    found = [fit(panel(3, instruments=2, endogenous=2, method=method)) for method in ("2sls", "liml", "gmm")]
    for other in found[1:]:
        np.testing.assert_allclose(other.params, found[0].params, rtol=1e-8)
    assert found[1].fit["kappa"] == pytest.approx(1.0, abs=1e-10)
    assert "hansen_j" not in found[0].tests


def test_gmm_needs_more_clusters_than_instruments_only() -> None:
    """Seven instruments and exogenous regressors, six clusters, two instruments: the partialled weights exist."""
    few = panel(4, units=6, periods=12, instruments=2, exogenous=5, method="gmm")
    assert np.isfinite(fit(few).params).all()
    with pytest.raises(UserError, match="6 clusters") as refusal:
        fit(panel(4, units=6, periods=12, instruments=6, exogenous=1, method="gmm"))
    assert "7 clusters or more" in str(refusal.value)


def test_overidentification_is_linearmodels() -> None:
    design = panel(5)
    found, system = fit(design), system_of(panel(5))
    two_stage = confirm.result(system, errors_of(design, system), "2sls")
    assert found.tests["sargan"].statistic == pytest.approx(two_stage.sargan.stat, rel=1e-9)
    # they count no effects among the regressors
    factor = (system.n - 5 - system.space.rank) / (system.n - 5)
    assert found.tests["basmann"].statistic == pytest.approx(two_stage.basmann.stat * factor, rel=1e-9)
    gmm = confirm.result(system, errors_of(design, system), "gmm")
    assert found.tests["hansen_j"].statistic == pytest.approx(gmm.j_stat.stat, rel=1e-9)
    assert found.tests["hansen_j"].df == 2.0


def auxiliary(design: Design, y: np.ndarray, x: np.ndarray, terms: tuple[str, ...]) -> Any:
    """Least squares with effects of `y` on `x` by the standard estimator, CR1 errors."""
    spec = replace(design.spec, estimator="fe")
    other = replace(design, spec=spec, y=y, x=x, terms=terms, extra=Further())
    found = fit(other)
    return found, infer(found, other, InferenceSpec("cluster", {"small_sample": "CR1"}), 0)


def test_first_stage_and_anderson_rubin_are_the_regressions_that_they_stand_for() -> None:
    """With one instrument F and the Anderson–Rubin statistic are squares of t in two regressions by estimator fe."""
    design = panel(6, instruments=1, inference=(InferenceSpec("cluster", {"small_sample": "CR1"}),))
    found, z = fit(design), design.extra.instruments.columns
    x = np.hstack([z, design.x])
    first, errors = auxiliary(design, design.extra.endogenous.columns[:, 0], x, ("z1", *design.terms))
    entry = found.first_stage.endogenous[0]
    assert entry.coefficients[0].estimate == pytest.approx(first.params[0], rel=1e-10)
    assert entry.coefficients[0].std_error == pytest.approx(errors.std_error[0], rel=1e-10)
    assert entry.coefficients[0].p_value == pytest.approx(errors.p_value[0], rel=1e-8)
    assert entry.f.statistic == pytest.approx(errors.statistic[0] ** 2, rel=1e-9)
    assert entry.effective_f.statistic == pytest.approx(entry.f.statistic, rel=1e-9)
    _, reduced = auxiliary(design, design.y, x, ("z1", *design.terms))
    assert found.tests["anderson_rubin"].statistic == pytest.approx(reduced.statistic[0] ** 2, rel=1e-9)
    assert found.tests["anderson_rubin"].p_value == pytest.approx(reduced.p_value[0], rel=1e-8)
    left = design.extra.endogenous.columns[:, 0] - x @ first.params
    _, errors = auxiliary(
        design, design.y, np.column_stack([left, design.extra.endogenous.columns, design.x]), ("v", "d1", *design.terms)
    )
    assert found.tests["endogeneity"].statistic == pytest.approx(errors.statistic[0] ** 2, rel=1e-8)


def test_critical_values_of_the_effective_f() -> None:
    """With one instrument F is the square of a normal with mean 1 / tau^(1/2), which exceeds the value with 5 %."""
    for tau in (0.05, 0.10, 0.20, 0.30):
        root, mean = np.sqrt(weak_instruments.critical_value(np.ones((1, 1)), 1.0 / tau)[0]), np.sqrt(1.0 / tau)
        assert stats.norm.sf(root - mean) + stats.norm.cdf(-root - mean) == pytest.approx(0.05, abs=1e-9)
    assert weak_instruments.critical_value(np.eye(3), 0.0)[0] == pytest.approx(stats.chi2.ppf(0.95, 3) / 3)


def test_largest_bias_by_brute_force() -> None:
    """No coefficient and no first stage gives more bias over the benchmark, and some give as much."""
    rng = np.random.default_rng(9)
    design = panel(9, instruments=4)
    system = system_of(design)
    w1, w12, w2 = weak_instruments.covariances(system, errors_of(design, system))
    worst = weak_instruments.largest_bias(w1, w12, w2)
    most = 0.0
    for _ in range(20_000):
        b, c = np.tan(np.pi * (rng.random() - 0.5)), rng.normal(size=4)
        c /= np.linalg.norm(c)
        s12, s1 = w12 - b * w2, w1 - b * (w12 + w12.T) + b**2 * w2
        most = max(most, abs(np.trace(s12) - 2 * c @ s12 @ c) / np.sqrt(np.trace(w2) * np.trace(s1)))
    assert most <= worst * (1 + 1e-9) and most > 0.9 * worst and worst <= 1.0
    found = fit(design).first_stage.endogenous[0].effective_f
    assert found.critical_2sls <= found.critical_simplified


def test_equal_variances_bias_two_stage_least_squares_by_the_number_of_instruments() -> None:
    """With W2 = I and W12 = c I the bias of k instruments is |k − 2| / k of the benchmark (Nagar)."""
    for k in (2, 3, 5):
        found = weak_instruments.largest_bias(np.eye(k), 0.4 * np.eye(k), np.eye(k))
        assert found == pytest.approx(abs(k - 2) / k, abs=1e-6)


def test_an_outcome_that_is_a_multiple_of_the_regressor_leaves_one_bias_at_every_coefficient() -> None:
    """With W12 = m W2 and W1 = m² W2 both sides of the ratio are proportional to |m − b|: max |tr W2 − 2 l| / tr W2."""
    w2 = np.array([[0.20444006, -0.06221062], [-0.06221062, 0.19934491]])
    for multiple in (2.3, -1.0, 1e-3, 700.0):
        found = weak_instruments.largest_bias(multiple**2 * w2, multiple * w2, w2)
        roots = np.linalg.eigvalsh(w2)
        assert found == pytest.approx(np.max(np.abs(np.trace(w2) - 2 * roots)) / np.trace(w2), abs=1e-6)


def test_tf_between_and_below_the_table() -> None:
    assert iv.tf_critical(3.05**2) == pytest.approx((3.65 + 3.51) / 2)
    assert iv.tf_critical(4.0) == np.inf == iv.tf_critical(1.0)
    assert np.all(np.diff(iv.TF_CRITICAL) <= 0) and iv.TF_CRITICAL.size == iv.TF_ROOTS.size


def test_tf_holds_its_size_in_the_limit_experiment() -> None:
    """Normal limit of one instrument: at most 5 % whatever strength and endogeneity, near it for some; 1.96 is not."""
    rng = np.random.default_rng(10)
    shares, plain = [], []
    for strength in (0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0):
        for rho in (0.5, 0.9, 1.0):
            u, v = rng.normal(size=(2, 200_000))
            f, t_ar = strength + v + 1e-12, rho * v + np.sqrt(1 - rho**2) * u
            with np.errstate(divide="ignore"):
                t = np.abs(t_ar) / np.sqrt(1 - 2 * rho * t_ar / f + (t_ar / f) ** 2)
            critical = np.interp(np.abs(f), iv.TF_ROOTS, iv.TF_CRITICAL, left=np.inf, right=1.96)
            shares.append(np.mean(t > critical))
            plain.append(np.mean(t > 1.96))
    assert 0.045 < max(shares) <= 0.052
    assert max(plain) > 0.3


def test_tf_is_reported_for_one_instrument() -> None:
    design = panel(11, instruments=1, strength=0.4, inference=(InferenceSpec("cluster"),))
    found = fit(design).extra.tf
    error = infer(fit(design), design, InferenceSpec("cluster"), 0).std_error
    assert error is not None
    critical = iv.tf_critical(fit(design).first_stage.endogenous[0].f.statistic)
    assert found.std_error == pytest.approx(error[0] * critical / 1.96, rel=1e-4)
    assert found.ci_high - found.ci_low == pytest.approx(2 * critical * error[0])
    weak = fit(panel(11, instruments=1, strength=0.0, inference=design.spec.inference)).extra.tf
    assert weak.critical is None and (weak.ci_low, weak.ci_high) == (-np.inf, np.inf) and not weak.rejects_zero


def test_what_does_not_apply_is_refused() -> None:
    design = panel(13)
    found = fit(design)
    for setting, words in (
        (InferenceSpec("cluster", {"small_sample": "CR2"}), "least squares"),
        (InferenceSpec("permutation", {}), "least squares"),
        (InferenceSpec("wild_cluster", {"subcluster": "row"}), "subclusters"),
        (InferenceSpec("wild_cluster", {"by": ["unit", "period"]}), "one cluster"),
        (InferenceSpec("akm", {}), "shares and shocks"),
    ):
        with pytest.raises(UserError, match=words):
            infer(found, design, setting, 0)
    several = panel(13, endogenous=2)
    with pytest.raises(UserError, match="one endogenous regressor"):
        infer(fit(several), several, InferenceSpec("wild_cluster", {}), 0)
    assert fit(several).extra.anderson_rubin.not_available is not None


def test_problems_name_the_columns() -> None:
    design = panel(14, instruments=2)

    def with_instruments(*columns: Any) -> Design:
        instruments = Named(("z1", "z2")[: len(columns)], np.array(columns).T)
        return replace(design, extra=replace(design.extra, instruments=instruments))

    z = design.extra.instruments.columns[:, 0]
    with pytest.raises(UserError, match="1 endogenous regressor"):
        fit(with_instruments())
    with pytest.raises(UserError, match='"z2", collinear with z1'):
        fit(with_instruments(z, 2 * z))
    with pytest.raises(UserError, match='"z2", absorbed by unit and period effects'):
        fit(with_instruments(z, design.unit_codes))
    with pytest.raises(UserError, match='"z2", collinear with x1'):
        fit(with_instruments(z, design.x[:, 0]))


def test_more_instruments_than_clusters_leave_tests_without_numbers() -> None:
    design = panel(15, units=10, periods=12, instruments=11, inference=(InferenceSpec("cluster"),))
    found = fit(design)
    assert (
        np.isnan(found.tests["anderson_rubin"].p_value)
        and found.tests["anderson_rubin"].note[0].values["clusters"] == 10
    )
    assert np.isnan(found.tests["hansen_j"].p_value)
    assert found.extra.anderson_rubin.not_available is not None


def test_results_say_all_of_it(tmp_path: Any) -> None:
    settings = (
        InferenceSpec("cluster"),
        InferenceSpec("wild_cluster", {"draws": 299}),
        InferenceSpec("cluster", {"small_sample": "CR2"}),
    )
    design = panel(16, instruments=1, units=31, strength=0.02, inference=settings)
    result = estimate(design.spec, design, 1, "")
    row = result.coefficient("d1")
    assert row.p_wild is not None and result.coefficient("x1").p_wild is None
    assert result.anderson_rubin.set in ("all", "two_rays")
    assert row.ci_wild_low == -np.inf and row.ci_wild_high == np.inf
    assert result.inference[2].not_available is not None
    result.to_json(tmp_path / "m.json")
    assert read_model(tmp_path / "m.json").anderson_rubin == result.anderson_rubin
    assert result.tests["effective_f"].statistic < 10


def test_a_model_of_the_configuration_by_its_methods() -> None:
    assert set(iv.METHODS) == {"2sls", "liml", "gmm", "g2sls", "ec2sls"}
