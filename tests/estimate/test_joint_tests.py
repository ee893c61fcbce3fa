"""Joint tests: by brute force, at their nominal size where provinces have steps of their own, and said where not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import special

from ruralpanel.estimate import specification_tests
from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design, Further
from ruralpanel.estimate.base.rows import Test
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.inference import joint
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.estimate.simulated_size import null_panels
from ruralpanel.project.notes import note
from ruralpanel.project.settings import InferenceSpec

CR1 = InferenceSpec("cluster", {"by": "unit", "small_sample": "CR1", "critical": "t"})


def panel(seed: int = 0, units: int = 31, periods: int = 8, steps: int = 0, missing: float = 0.0) -> Design:
    """Two regressors without effect, errors autocorrelated within units, and steps of single units in some years."""
    rng = np.random.default_rng(seed)
    unit, period = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)

    def path() -> np.ndarray:
        values = rng.normal(size=(units, periods))
        for t in range(1, periods):
            values[:, t] += 0.6 * values[:, t - 1]
        return values.ravel()

    columns = [path(), path(), *[(unit == s) * (period >= 2 + s) * 1.0 for s in range(steps)]]
    kept = rng.random(unit.size) >= missing
    names = ("x1", "x2", *(f"x1__break_{2010 + s}" for s in range(steps)))
    return design_from_arrays(
        path()[kept],
        np.column_stack(columns)[kept],
        [f"u{u:02d}" for u in unit[kept]],
        2000 + period[kept],
        terms=names,
        effects=("unit", "period"),
        inference=(CR1,),
        extra=Further(steps=names[2:]),
    )


def test_statistic_and_degrees_by_brute_force() -> None:
    """CR2 and η from the explicit hat matrix of an unbalanced panel with all its dummies."""
    d = panel(3, units=9, periods=5, missing=0.15)
    found = fit(d)
    dummies = [(codes[:, None] == np.arange(codes.max() + 1)).astype(float) for codes in (d.unit_codes, d.period_codes)]
    z = np.hstack([d.x, *dummies])
    inverse = np.linalg.pinv(z.T @ z)
    annihilator = np.eye(d.y.size) - z @ inverse @ z.T
    rows, meat = [], np.zeros((2, 2))
    for g in range(9):
        own = np.flatnonzero(d.unit_codes == g)
        values, vectors = np.linalg.eigh(annihilator[np.ix_(own, own)])
        root = (vectors * np.where(values > 1e-9, np.maximum(values, 1e-12) ** -0.5, 0.0)) @ vectors.T
        rows.append((inverse @ z[own].T)[:2] @ root @ annihilator[own])
        score = (inverse @ z[own].T)[:2] @ root @ (annihilator @ d.y)[own]
        meat += np.outer(score, score)
    wald = found.params @ np.linalg.solve(meat, found.params)
    half = np.linalg.inv(np.linalg.cholesky(sum(row @ row.T for row in rows)))
    variance = 0.0
    for s in range(2):
        for t in range(2):
            form = sum(np.outer((half @ row)[s], (half @ row)[t]) for row in rows)
            variance += np.sum(form * form) + np.sum(form * form.T)
    eta = 2 * 3 / variance
    test = joint.wald_of(found, d, np.eye(2), d.unit_codes)
    assert test.df == pytest.approx(eta, rel=1e-8)
    value = joint.test_of(test, found, "")
    assert value.statistic == pytest.approx(wald * (eta - 1) / (2 * eta), rel=1e-8)
    assert value.df == (2.0, pytest.approx(eta - 1))
    assert value.p_value == pytest.approx(special.fdtrc(2, eta - 1, value.statistic))


def test_with_very_many_clusters_leverages_and_pairs_no_longer_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    d = panel(4, units=500, periods=4)
    found = fit(d)
    exact = joint.wald_of(found, d, np.eye(2), d.unit_codes)
    monkeypatch.setattr(joint, "MOST_GROUPS", 100)
    near = joint.wald_of(found, d, np.eye(2), d.unit_codes)
    assert near.df == 499.0
    values = [wald.f(found.params[:, None], found.residuals[:, None]) for wald in (exact, near)]
    assert values[1] == pytest.approx(values[0], rel=0.02)
    assert near.p_value(values[1]) == pytest.approx(exact.p_value(values[0]), abs=0.005)


def test_one_restriction_is_the_t_test_with_cr2_and_satterthwaite() -> None:
    d = panel(1, units=12, missing=0.1)
    found = fit(d)
    cr2 = infer(found, d, InferenceSpec("cluster", {"small_sample": "CR2"}), 0)
    for j in range(2):
        test = joint.test_of(joint.wald_of(found, d, np.eye(2)[[j]], d.unit_codes), found, "")
        assert cr2.statistic is not None and cr2.df is not None
        assert test.statistic == pytest.approx(cr2.statistic[j] ** 2)
        assert test.df == (1.0, pytest.approx(cr2.df[j])) and test.p_value == pytest.approx(cr2.p_value[j])


def test_steps_and_columns_of_one_unit_are_left_out() -> None:
    d = panel(steps=3)
    lone = np.where(d.unit_codes == 5, np.random.default_rng(1).normal(size=d.y.size), 0.0)
    d = replace(d, x=np.column_stack([d.x, lone]), terms=(*d.terms, "tibet_alone"))
    places, left = joint.tested(fit(d), d)
    assert places.tolist() == [0, 1] and left == (*d.terms[2:5], "tibet_alone")
    test = estimate(d.spec, d, 1, "").tests["joint"]
    assert isinstance(test.df, tuple) and test.df[0] == 2 and note("terms_not_tested", terms=list(left)) in test.note


def test_true_nulls_are_rejected_at_the_nominal_rate_where_cr1_rejects_nearly_always() -> None:
    """31 × 8, five steps of single units: all terms by CR1 and F(7, 30) rejects most true nulls, ours about 5 %."""
    d = panel(steps=5)
    found = fit(d)
    null = null_panels(found, d, 1)
    assert null is not None
    test, wald = joint.all_zero(found, d, CR1, infer(found, d, CR1, 0)) or (None, None)
    assert test is not None and wald is not None
    size = joint.with_size(test, wald, null.outcomes).size
    assert size is not None and 0.02 <= size <= 0.08
    naive = 0
    for s in range(100):
        params, residuals = null.outcomes.params[:, s], null.outcomes.residuals[:, s]
        assert found.x is not None
        other = replace(found, params=params, residuals=residuals, scores=found.x * residuals[:, None], y=None)
        vcov = infer(other, d, CR1, 0).vcov
        assert vcov is not None
        f = params @ np.linalg.solve(vcov, params) / 7
        naive += special.fdtrc(7, 30, f) <= 0.05
    assert naive > 50


def test_mundlak_keeps_its_size_with_steps_and_says_it() -> None:
    rejected = []
    for seed in range(60):
        d = panel(seed, steps=5)
        rejected.append(specification_tests.mundlak(d).p_value <= 0.05)
    assert np.mean(rejected) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)
    d = panel(steps=5)
    found = specification_tests.mundlak(replace(d, spec=replace(d.spec, simulated_size=True)), 1)
    assert isinstance(found.df, tuple) and found.df[0] == 2 and found.size is not None and found.size <= 0.1


def test_a_size_above_ten_per_cent_is_named() -> None:
    d = panel(steps=5)
    found = fit(d)
    null = null_panels(found, d, 1)
    assert null is not None
    wald = joint.wald_of(found, d, np.eye(7)[:2], d.unit_codes)
    too_sure = joint.with_size(Test(1.0, (2.0, 9.0), 0.4), replace(wald, df=1e6, rows=0.5 * wald.rows), null.outcomes)
    assert too_sure.size is not None and too_sure.size > 0.1
    assert note("large_size", share=too_sure.size) in too_sure.note


def test_other_covariance_matrices_take_hotellings_factor() -> None:
    d = panel(2)
    found = fit(d)
    two_way = InferenceSpec("cluster", {"by": ["unit", "period"], "small_sample": "CR1", "critical": "t"})
    allowed = replace(d, spec=replace(d.spec, allow=("few_clusters",)))
    first = infer(found, allowed, two_way, 0)
    assert first.vcov is not None
    test, wald = joint.all_zero(found, allowed, two_way, first) or (None, None)
    value = float(found.params @ np.linalg.solve(first.vcov, found.params)) * (7 - 2 + 1) / (7 * 2)
    assert test is not None and wald is None
    assert test.statistic == pytest.approx(value) and test.df == (2.0, 6.0)
    classical = InferenceSpec("classical")
    exact, _ = joint.all_zero(found, d, classical, infer(found, d, classical, 0)) or (None, None)
    assert exact is not None and exact.df == (2.0, found.df_resid)
