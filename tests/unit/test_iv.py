"""Instrumented estimates against linearmodels, sets and bootstraps against brute force, tests against definitions."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy import stats

from ruralpanel.contracts.problems import UserError
from ruralpanel.contracts.specs import InferenceSpec
from ruralpanel.estimate import estimate
from ruralpanel.estimators import iv, iv_engine, iv_strength, iv_tests
from ruralpanel.estimators.arrays import design_from_arrays
from ruralpanel.estimators.base import Design
from ruralpanel.estimators.iv_errors import errors_of
from ruralpanel.estimators.iv_system import system_of
from ruralpanel.estimators.registry import fit
from ruralpanel.inference import anderson_rubin, wild_iv
from ruralpanel.inference.registry import infer
from ruralpanel.inference.wild import infer as wild

CR0 = InferenceSpec("cluster", {"small_sample": "CR0"})


def panel(
    seed: int = 0,
    units: int = 45,
    periods: int = 6,
    instruments: int = 3,
    endogenous: int = 1,
    exogenous: int = 2,
    strength: float = 0.6,
    missing: float = 0.0,
    weighted: bool = False,
    beta: float = 0.5,
    **settings: Any,
) -> Design:
    """A panel whose endogenous regressors share the outcome's error; errors are correlated within units."""
    rng = np.random.default_rng(seed)
    unit, period = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    kept = rng.random(unit.size) >= missing
    size = unit.size
    z, w = rng.normal(size=(size, instruments)), rng.normal(size=(size, exogenous))
    error = rng.normal(size=size) + rng.normal(size=units)[unit] * w[:, 0] if exogenous else rng.normal(size=size)
    paths = strength * z @ rng.normal(size=(instruments, endogenous)) + 0.3 * w.sum(axis=1)[:, None]
    d = paths + 0.7 * error[:, None] + rng.normal(size=(size, endogenous)) + rng.normal(size=units)[unit, None]
    y = beta * d.sum(axis=1) + w.sum(axis=1) + error + rng.normal(size=units)[unit] + rng.normal(size=periods)[period]
    settings = {"effects": ("unit", "period"), "inference": (CR0,), "options": {"engine": "numpy"}} | settings
    return design_from_arrays(
        y[kept],
        w[kept],
        [f"u{code:03d}" for code in unit[kept]],
        2000 + period[kept],
        estimator="iv",
        weights=rng.uniform(0.5, 4.0, size)[kept] if weighted else None,
        extra={
            "endogenous": d[kept],
            "endogenous_terms": tuple(f"d{j + 1}" for j in range(endogenous)),
            "instruments": z[kept],
            "instrument_terms": tuple(f"z{j + 1}" for j in range(instruments)),
        },
        **settings,
    )


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
    theirs = iv_engine.result(system, errors, method, **clusters)
    order = iv_engine._order(system)
    np.testing.assert_allclose(found.params, np.asarray(theirs.params)[order], rtol=1e-10)
    ours = infer(found, design, CR0, 0)
    assert ours.std_error is not None
    np.testing.assert_allclose(ours.std_error, np.asarray(theirs.std_errors)[order], rtol=1e-10)


def test_the_engine_confirms_or_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    design = panel(2, options={})
    assert fit(design).extra["engine"] == "linearmodels"
    honest = iv_engine.estimate
    monkeypatch.setattr(iv_engine, "estimate", lambda *args: honest(*args) * 1.001)
    with pytest.raises(ArithmeticError, match="differ from linearmodels"):
        fit(design)


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
    two_stage = iv_engine.result(system, errors_of(design, system), "2sls")
    assert found.tests["sargan"].statistic == pytest.approx(two_stage.sargan.stat, rel=1e-9)
    # they count no effects among the regressors
    factor = (system.n - 5 - system.space.rank) / (system.n - 5)
    assert found.tests["basmann"].statistic == pytest.approx(two_stage.basmann.stat * factor, rel=1e-9)
    gmm = iv_engine.result(system, errors_of(design, system), "gmm")
    assert found.tests["hansen_j"].statistic == pytest.approx(gmm.j_stat.stat, rel=1e-9)
    assert found.tests["hansen_j"].df == 2.0


def auxiliary(design: Design, y: np.ndarray, x: np.ndarray, terms: tuple[str, ...]) -> Any:
    """Least squares with effects of `y` on `x` by the standard estimator, CR1 errors."""
    spec = replace(design.spec, estimator="fe", options={"engine": "numpy"})
    other = replace(design, spec=spec, y=y, x=x, terms=terms, extra={})
    found = fit(other)
    return found, infer(found, other, InferenceSpec("cluster", {"small_sample": "CR1"}), 0)


def test_first_stage_and_anderson_rubin_are_the_regressions_that_they_stand_for() -> None:
    """With one instrument F and the Anderson–Rubin statistic are squares of t in two regressions by estimator fe."""
    design = panel(6, instruments=1, inference=(InferenceSpec("cluster", {"small_sample": "CR1"}),))
    found, z = fit(design), design.extra["instruments"]
    x = np.hstack([z, design.x])
    first, errors = auxiliary(design, design.extra["endogenous"][:, 0], x, ("z1", *design.terms))
    entry = found.first_stage["endogenous"][0]
    assert entry["coefficients"][0]["estimate"] == pytest.approx(first.params[0], rel=1e-10)
    assert entry["coefficients"][0]["std_error"] == pytest.approx(errors.std_error[0], rel=1e-10)
    assert entry["coefficients"][0]["p_value"] == pytest.approx(errors.p_value[0], rel=1e-8)
    assert entry["f"]["statistic"] == pytest.approx(errors.statistic[0] ** 2, rel=1e-9)
    assert entry["effective_f"]["statistic"] == pytest.approx(entry["f"]["statistic"], rel=1e-9)
    _, reduced = auxiliary(design, design.y, x, ("z1", *design.terms))
    assert found.tests["anderson_rubin"].statistic == pytest.approx(reduced.statistic[0] ** 2, rel=1e-9)
    assert found.tests["anderson_rubin"].p_value == pytest.approx(reduced.p_value[0], rel=1e-8)
    left = design.extra["endogenous"][:, 0] - x @ first.params
    _, errors = auxiliary(
        design, design.y, np.column_stack([left, design.extra["endogenous"], design.x]), ("v", "d1", *design.terms)
    )
    assert found.tests["endogeneity"].statistic == pytest.approx(errors.statistic[0] ** 2, rel=1e-8)


def test_two_way_clusters_enter_the_tests() -> None:
    setting = InferenceSpec("cluster", {"by": ["unit", "period"], "small_sample": "CR1"})
    design = panel(7, units=30, periods=30, instruments=1, inference=(setting,))
    x = np.hstack([design.extra["instruments"], design.x])
    spec = replace(design.spec, estimator="fe")
    reduced = replace(design, spec=spec, x=x, terms=("z1", *design.terms), extra={})
    t = infer(fit(reduced), reduced, setting, 0).statistic
    assert t is not None
    assert fit(design).tests["anderson_rubin"].statistic == pytest.approx(t[0] ** 2, rel=1e-9)


def brute_force_statistic(system: Any, errors: Any, b: float) -> float:
    z, e = system.z_net, system.y_net - b * system.d_net[:, 0]
    inverse = np.linalg.inv(z.T @ z)
    pi = inverse @ (z.T @ e)
    left = e - z @ pi
    vcov = inverse @ errors.cross(z, left, left, system.w.shape[1] + z.shape[1]) @ inverse
    return float(pi @ np.linalg.solve(vcov, pi))


@pytest.mark.parametrize("instruments", [1, 2, 4])
def test_sets_are_what_a_grid_does_not_reject(instruments: int) -> None:
    """Strong to useless instruments: every shape occurs, and membership agrees with the statistic on a grid."""
    shapes = set()
    for seed, strength in product(range(25), (0.0, 0.12, 0.5)):
        design = panel(seed, units=12, instruments=instruments, exogenous=1, strength=strength, beta=3.0)
        system = system_of(design)
        errors = errors_of(design, system)
        critical = errors.critical(instruments, 1 + instruments)
        found = anderson_rubin.confidence_set(anderson_rubin.statistic(system, errors), critical, 0.3, 0.7)
        shapes.add(anderson_rubin.shape(found))
        for b in (*np.linspace(-12, 12, 97), -1e4, 1e4):
            rejected = brute_force_statistic(system, errors, b) > critical
            near = any(abs(b - end) < 1e-6 * (1 + abs(b)) for low_high in found for end in low_high)
            assert near or rejected != any(low <= b <= high for low, high in found)
    assert {"interval", "all", "two_rays"} <= shapes


def test_instruments_that_contradict_each_other_leave_an_empty_set() -> None:
    """The second instrument enters the outcome itself, in the opposite direction: no coefficient reconciles the two."""
    design = panel(17, units=60, instruments=2, strength=0.8)
    wrong = replace(design, y=design.y - 4.0 * design.extra["instruments"][:, 1])
    assert fit(wrong).extra["anderson_rubin"]["set"] == "empty"
    assert fit(wrong).tests["hansen_j"].p_value < 1e-3
    assert fit(design).extra["anderson_rubin"]["set"] == "interval"


def test_sets_do_not_depend_on_where_and_in_what_units_they_are_computed() -> None:
    design = panel(8, instruments=3)
    system = system_of(design)
    found = anderson_rubin.statistic(system, errors_of(design, system))
    reference = anderson_rubin.confidence_set(found, 8.0, 0.5, 0.1)
    for center, scale in ((0.0, 1.0), (-40.0, 3.0), (0.7, 1e-3)):
        np.testing.assert_allclose(anderson_rubin.confidence_set(found, 8.0, center, scale), reference, rtol=1e-6)


def test_sets_in_words() -> None:
    described = anderson_rubin.described
    assert described(())["set"] == "empty"
    assert described(((-np.inf, np.inf),)) == {
        "set": "all", "intervals": [[None, None]], "words": "every value: the data say nothing about the coefficient",
    }  # fmt: skip
    rays = described(((-np.inf, 1.0), (2.5, np.inf)))
    assert (
        rays["set"] == "two_rays" and rays["intervals"] == [[None, 1.0], [2.5, None]] and "1 and 2.5" in rays["words"]
    )
    assert described(((0.0, 1.0), (2.0, 3.0)))["words"] == "from 0 to 1 and from 2 to 3"
    assert described(((-np.inf, 1.0),))["set"] == "ray"


def test_critical_values_of_the_effective_f() -> None:
    """With one instrument F is the square of a normal with mean 1 / tau^(1/2), which exceeds the value with 5 %."""
    for tau in (0.05, 0.10, 0.20, 0.30):
        root, mean = np.sqrt(iv_strength.critical_value(np.ones((1, 1)), 1.0 / tau)[0]), np.sqrt(1.0 / tau)
        assert stats.norm.sf(root - mean) + stats.norm.cdf(-root - mean) == pytest.approx(0.05, abs=1e-9)
    assert iv_strength.critical_value(np.eye(3), 0.0)[0] == pytest.approx(stats.chi2.ppf(0.95, 3) / 3)


def test_largest_bias_by_brute_force() -> None:
    """No coefficient and no first stage gives more bias over the benchmark, and some give as much."""
    rng = np.random.default_rng(9)
    design = panel(9, instruments=4)
    system = system_of(design)
    w1, w12, w2 = iv_strength.covariances(system, errors_of(design, system))
    worst = iv_strength.largest_bias(w1, w12, w2)
    most = 0.0
    for _ in range(20_000):
        b, c = np.tan(np.pi * (rng.random() - 0.5)), rng.normal(size=4)
        c /= np.linalg.norm(c)
        s12, s1 = w12 - b * w2, w1 - b * (w12 + w12.T) + b**2 * w2
        most = max(most, abs(np.trace(s12) - 2 * c @ s12 @ c) / np.sqrt(np.trace(w2) * np.trace(s1)))
    assert most <= worst * (1 + 1e-9) and most > 0.9 * worst and worst <= 1.0
    found = fit(design).first_stage["endogenous"][0]["effective_f"]
    assert found["critical_2sls"] <= found["critical_simplified"]


def test_equal_variances_bias_two_stage_least_squares_by_the_number_of_instruments() -> None:
    """With W2 = I and W12 = c I the bias of k instruments is |k − 2| / k of the benchmark (Nagar)."""
    for k in (2, 3, 5):
        found = iv_strength.largest_bias(np.eye(k), 0.4 * np.eye(k), np.eye(k))
        assert found == pytest.approx(abs(k - 2) / k, abs=1e-6)


@pytest.mark.parametrize(("root", "critical"), [(3.0, 3.65), (3.2, 3.39), (4.0, 2.80), (10.3, 1.96), (20.0, 1.96)])
def test_tf_table(root: float, critical: float) -> None:
    assert round(iv_tests.tf_critical(root**2), 2) == critical


def test_tf_between_and_below_the_table() -> None:
    assert iv_tests.tf_critical(3.05**2) == pytest.approx((3.65 + 3.51) / 2)
    assert iv_tests.tf_critical(4.0) == np.inf == iv_tests.tf_critical(1.0)
    assert np.all(np.diff(iv_tests.TF_CRITICAL) <= 0) and iv_tests.TF_CRITICAL.size == iv_tests.TF_ROOTS.size


def test_tf_holds_its_size_in_the_limit_experiment() -> None:
    """Normal limit of one instrument: at most 5 % whatever strength and endogeneity, near it for some; 1.96 is not."""
    rng = np.random.default_rng(10)
    shares, plain = [], []
    for strength in (0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0):
        for rho in (0.5, 0.9, 1.0):
            u, v = rng.normal(size=(2, 200_000))
            f, t_ar = strength + v + 1e-12, rho * v + np.sqrt(1 - rho**2) * u
            t = np.abs(t_ar) / np.sqrt(1 - 2 * rho * t_ar / f + (t_ar / f) ** 2)
            critical = np.interp(np.abs(f), iv_tests.TF_ROOTS, iv_tests.TF_CRITICAL, left=np.inf, right=1.96)
            shares.append(np.mean(t > critical))
            plain.append(np.mean(t > 1.96))
    assert 0.045 < max(shares) <= 0.052
    assert max(plain) > 0.3


def test_tf_is_reported_for_one_instrument() -> None:
    design = panel(11, instruments=1, strength=0.4, inference=(InferenceSpec("cluster"),))
    found = fit(design).extra["tf"]
    error = infer(fit(design), design, InferenceSpec("cluster"), 0).std_error
    assert error is not None
    critical = iv_tests.tf_critical(fit(design).first_stage["endogenous"][0]["f"]["statistic"])
    assert found["std_error"] == pytest.approx(error[0] * critical / 1.96, rel=1e-4)
    assert found["ci_high"] - found["ci_low"] == pytest.approx(2 * critical * error[0])
    weak = fit(panel(11, instruments=1, strength=0.0, inference=design.spec.inference)).extra["tf"]
    assert weak["critical"] is None and weak["ci_low"] is None and not weak["rejects_zero"]


def brute_force_bootstrap(design: Design, b: float, signs: np.ndarray) -> np.ndarray:
    """The Wald statistic of every draw by explicit regressions on dummies."""
    dummies = [(design.unit_codes[:, None] == np.arange(len(design.units))).astype(float)]
    dummies.append((design.period_codes[:, None] == np.arange(len(design.periods))).astype(float))
    null = np.hstack([design.x, *dummies])
    z = design.extra["instruments"]
    full = np.hstack([z, null])
    e = design.y - b * design.extra["endogenous"][:, 0]
    fitted = null @ np.linalg.lstsq(null, e, rcond=None)[0]
    z_net = z - null @ np.linalg.lstsq(null, z, rcond=None)[0]
    values = []
    for v in signs:
        drawn = fitted + (e - fitted) * v[design.unit_codes]
        coefficients = np.linalg.lstsq(full, drawn, rcond=None)[0]
        scores = z_net * (drawn - full @ coefficients)[:, None]
        sums = np.stack([scores[design.unit_codes == g].sum(axis=0) for g in range(len(design.units))])
        g = z_net.T @ drawn
        values.append(g @ np.linalg.solve(sums.T @ sums, g))
    return np.array(values)


@pytest.mark.parametrize("instruments", [1, 2])
def test_enumerated_anderson_rubin_bootstrap_by_brute_force(instruments: int) -> None:
    design = panel(12, units=7, periods=5, instruments=instruments, exogenous=1, missing=0.1)
    signs = np.array(list(product([1.0, -1.0], repeat=7)))
    system = system_of(design)
    drawn = wild_iv.draw(
        system, system_of(design).rows * 0 + design.unit_codes, "rademacher", 200, np.random.default_rng(0)
    )
    assert not drawn.random
    for b in (0.0, 0.5, -2.0):
        reference = brute_force_bootstrap(design, b, signs)
        assert drawn.statistics(b)[0] == pytest.approx(reference[0], rel=1e-8)
        assert drawn.p_value(b) == np.mean(reference >= reference[0] * (1 - 1e-9))
    setting = InferenceSpec("wild_cluster", {"draws": 200})
    result = wild(fit(design), design, setting, 1)
    assert result.extra["enumerated"] and result.p_value[0] == drawn.p_value(0.0)
    assert np.isnan(result.p_value[1])


@pytest.mark.parametrize("kind", ["rademacher", "webb"])
def test_bootstrap_sets_hold_what_is_not_rejected(kind: str) -> None:
    shapes = set()
    for seed, strength in product(range(3), (0.05, 0.6)):
        design = panel(seed, units=14, instruments=1, exogenous=1, strength=strength)
        found = fit(design)
        result = infer(found, design, InferenceSpec("wild_cluster", {"draws": 999, "weights": kind}), 3)
        again = infer(found, design, InferenceSpec("wild_cluster", {"draws": 999, "weights": kind}), 3)
        np.testing.assert_array_equal(result.p_value, again.p_value)
        described: Any = result.extra["anderson_rubin"]
        shapes.add(described["set"])
        intervals = [[-np.inf if a is None else a, np.inf if b is None else b] for a, b in described["intervals"]]
        assert any(a <= 0 <= b for a, b in intervals) == (result.p_value[0] > 0.05)
        codes = design.unit_codes
        rng = wild_iv.generator(3, "model", "wild_cluster", "d1")
        drawn = wild_iv.draw(system_of(design), codes, kind, 999, rng)
        ends = [end for pair in intervals for end in pair if np.isfinite(end)]
        for end in ends:
            step = 1e-4 * (1 + abs(end))
            assert (drawn.p_value(end - step) > 0.05) != (drawn.p_value(end + step) > 0.05)
    assert "interval" in shapes and len(shapes) > 1


def test_size_with_weak_instruments() -> None:
    """300 panels of 20 units, weak instruments, Monte Carlo error .0126: the Anderson–Rubin tests hold 5 %."""
    rejected = np.zeros(2)
    setting = (InferenceSpec("cluster", {"small_sample": "CR1"}),)
    for seed in range(300):
        settings = {"strength": 0.08, "beta": 0.0, "inference": setting}
        design = panel(seed, units=20, periods=5, instruments=1, exogenous=1, **settings)
        system = system_of(design)
        test = anderson_rubin.test_zero(system, errors_of(design, system))
        drawn = wild_iv.draw(system, design.unit_codes, "rademacher", 199, np.random.default_rng(seed))
        rejected += [test.p_value < 0.05, drawn.p_value(0.0) < 0.05]
    sizes = rejected / 300
    assert abs(sizes[0] - 0.05) < 0.04 and abs(sizes[1] - 0.05) < 0.04


def test_many_instruments_need_hotellings_factor() -> None:
    """Five instruments, 20 clusters: F(q, G − 1) as it is often taken rejects far too often, ours less."""
    ours = theirs = 0
    setting = (InferenceSpec("cluster", {"small_sample": "CR1"}),)
    for seed in range(300):
        design = panel(seed, units=20, periods=5, instruments=5, exogenous=1, beta=0.0, inference=setting)
        system = system_of(design)
        test = anderson_rubin.test_zero(system, errors_of(design, system))
        ours += test.p_value < 0.05
        theirs += stats.f.sf(test.statistic, 5, 19) < 0.05
    assert ours / 300 < 0.09 and theirs / 300 > 0.11


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
    assert "not_available" in fit(several).extra["anderson_rubin"]


def test_problems_name_the_columns() -> None:
    design = panel(14, instruments=2)
    extra = dict(design.extra)
    with pytest.raises(UserError, match="1 endogenous regressor"):
        fit(replace(design, extra={**extra, "instruments": extra["instruments"][:, :0], "instrument_terms": ()}))
    twice = np.column_stack([extra["instruments"][:, 0], 2 * extra["instruments"][:, 0]])
    with pytest.raises(UserError, match='"z2", collinear with z1'):
        fit(replace(design, extra={**extra, "instruments": twice}))
    constant = np.column_stack([extra["instruments"][:, 0], design.unit_codes])
    with pytest.raises(UserError, match='"z2", absorbed by unit and period effects'):
        fit(replace(design, extra={**extra, "instruments": constant}))
    own = np.column_stack([extra["instruments"][:, 0], design.x[:, 0]])
    with pytest.raises(UserError, match='"z2", collinear with x1'):
        fit(replace(design, extra={**extra, "instruments": own}))


def test_more_instruments_than_clusters_leave_tests_without_numbers() -> None:
    design = panel(15, units=10, periods=12, instruments=11, inference=(InferenceSpec("cluster"),))
    found = fit(design)
    assert np.isnan(found.tests["anderson_rubin"].p_value) and "10 clusters" in found.tests["anderson_rubin"].note
    assert np.isnan(found.tests["hansen_j"].p_value)
    assert "not_available" in found.extra["anderson_rubin"]


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
    assert result.extra["anderson_rubin"]["set"] in ("all", "two_rays")
    assert row.ci_wild_low == -np.inf and row.ci_wild_high == np.inf
    assert "not_available" in result.inference[2]
    result.to_json(tmp_path / "m.json")
    assert result.from_json(tmp_path / "m.json").extra["anderson_rubin"] == result.extra["anderson_rubin"]
    assert result.tests["effective_f"].statistic < 10


def test_a_model_of_the_configuration_by_its_methods() -> None:
    assert set(iv.METHODS) == {"2sls", "liml", "gmm"}
