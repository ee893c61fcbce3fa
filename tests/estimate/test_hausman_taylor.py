"""Hausman and Taylor's estimator: dense matrices, known truths, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from iv_panels import CLASSICAL
from iv_panels import fixed_over_time as panel
from ruralpanel.estimate.base.results import Design, Further
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.families import random_effects
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec


def dense(design: Design, sigma_e: float, sigma_u: float) -> tuple[Any, Any]:
    """Estimates and classical errors, endogenous terms first, by roots and pseudo-inverses of dense matrices."""
    layout = random_effects.layout_of(design)
    root, units = layout.root[:, None], layout.codes["unit"]
    dummies = root * (units[:, None] == np.unique(units))
    values, vectors = np.linalg.eigh(sigma_e**2 * np.eye(units.size) + sigma_u**2 * dummies @ dummies.T)
    whiten = (vectors / np.sqrt(values)) @ vectors.T
    between = dummies @ np.linalg.pinv(dummies)
    nuisance, x, d = (
        part * root for part in (random_effects.dummies_of(design), design.x, design.extra.endogenous.columns)
    )
    moving, correlated = (
        np.hstack([column for column in part.T[:, :, None] if varies(column, between)])
        for part in (np.hstack([x, d]), d)
    )
    parts = [moving - between @ moving, whiten @ x, whiten @ nuisance]
    times = np.unique(design.period_codes, return_inverse=True)[1]

    def paths(columns: Any) -> Any:
        table = np.stack([columns[times == t] for t in range(times.max() + 1)], axis=2)
        return table.reshape(len(table), -1)[units]

    if design.spec.method:
        parts.append(whiten @ paths(x))
    if design.spec.method == "breusch_mizon_schmidt":
        parts.append(whiten @ paths(correlated - between @ correlated))
    instruments, everything = np.hstack(parts), whiten @ np.hstack([d, x, nuisance])
    left, sizes, _ = np.linalg.svd(instruments / np.linalg.norm(instruments, axis=0).clip(1e-12), full_matrices=False)
    basis = left[:, sizes > 1e-10 * sizes[0]]
    projected = basis @ (basis.T @ everything)
    y = whiten @ (design.y * root[:, 0])
    params = np.linalg.lstsq(projected, y, rcond=None)[0]
    rest = y - everything @ params
    variance = rest @ rest / (y.size - everything.shape[1]) * np.linalg.inv(projected.T @ projected)
    k = d.shape[1] + x.shape[1]
    return params[:k], np.sqrt(np.diag(variance))[:k]


def varies(column: Any, between: Any) -> bool:
    return float(np.linalg.norm(column - between @ column)) > 1e-9 * float(np.linalg.norm(column))


@pytest.mark.parametrize("effects", [(), ("period",)])
@pytest.mark.parametrize(
    ("method", "missing", "weighted"),
    [
        ("", 0.0, False),
        ("", 0.3, False),
        ("", 0.3, True),
        ("amemiya_macurdy", 0.0, False),
        ("breusch_mizon_schmidt", 0.0, False),
    ],
)
def test_estimates_are_those_of_dense_matrices(
    method: str, missing: float, weighted: bool, effects: tuple[str, ...]
) -> None:
    design = panel(1, missing=missing, weighted=weighted, method=method, effects=effects)
    found = fit(design)
    params, errors = dense(design, found.fit["sigma_e"], found.fit["sigma_u"])
    np.testing.assert_allclose(found.params, params, rtol=1e-7)
    np.testing.assert_allclose(infer(found, design, CLASSICAL, 0).std_error, errors, rtol=1e-7)


def test_what_is_fixed_over_time_is_recovered_where_random_effects_are_not() -> None:
    """60 panels of 200 × 4 with gaps: the mean of the slope of s within four of its errors; σ_e = σ_u = 1."""
    found = [fit(panel(seed, units=200, periods=4, missing=0.2)) for seed in range(60)]
    slopes = np.array([other.params[other.terms.index("s")] for other in found])
    error = slopes.std(ddof=1) / np.sqrt(slopes.size)
    assert abs(slopes.mean() - 0.5) < 4 * error < 0.05
    components = np.mean([(other.fit["sigma_e"], other.fit["sigma_u"]) for other in found], axis=0)
    np.testing.assert_allclose(components, 1.0, atol=0.06)
    biased = panel(3, units=200, periods=4)
    x = np.hstack([biased.x, biased.extra.endogenous.columns])
    spec = replace(biased.spec, estimator="re")
    pooled = fit(replace(biased, spec=spec, x=x, terms=(*biased.terms, "d", "s"), extra=Further()))
    assert pooled.params[4] > 0.65


def test_the_test_against_fixed_effects_rejects_where_a_free_regressor_is_none() -> None:
    """Over-identified by one: x1 and x2 stand in for s. 100 panels: 5 % of true nulls and four Monte Carlo errors.

    Less its effect, x1 leaves twice the effect in the outcome, with which it then goes.
    """
    rejected, caught = 0, 0
    for seed in range(100):
        design = panel(seed, units=80, periods=4)
        result = fit(design)
        test = result.tests["hausman"]
        assert test.df == 1.0
        rejected += result.tests["sargan"].p_value < 0.05
        means = np.zeros(len(design.units))
        np.add.at(means, design.unit_codes, fit_effects(design) / 4)
        wrong = replace(design, x=design.x + np.outer(means[design.unit_codes], [-1.0, 0.0, 0.0]))
        caught += fit(wrong).tests["sargan"].p_value < 0.05
    assert rejected <= 5 + 4 * np.sqrt(100 * 0.05 * 0.95)
    assert caught > 80


def fit_effects(design: Design) -> Any:
    """(n,) the outcome less its true slopes: the unit effects and errors."""
    d, s = design.extra.endogenous.columns.T
    return design.y - design.x.sum(axis=1) - d - 0.5 * s


def test_roles_and_restrictions_stand_in_the_results() -> None:
    design = panel(2)
    result = estimate(design.spec, design, 0, "")
    assert result.roles == {
        "time_varying_exogenous": ("x1", "x2"),
        "time_varying_endogenous": ("d",),
        "time_invariant_exogenous": ("z1",),
        "time_invariant_endogenous": ("s",),
    }
    assert result.instruments == ("x1, within", "x2, within", "d, within")
    assert result.tests["hausman"].df == result.tests["sargan"].df == 1.0
    assert result.tests["sanderson_windmeijer"].statistic > 10 and result.tests["sanderson_windmeijer"].df[0] == 2.0
    assert result.diagnostics.absorbed == ()


def test_as_many_stand_ins_as_endogenous_regressors_give_fixed_effects_slopes() -> None:
    """With one free regressor for one endogenous that is fixed the slopes of what varies are those of fixed effects."""
    design = panel(4)
    x = design.x[:, [0, 2]]
    design = replace(design, x=x, terms=("x1", "z1"))
    found = fit(design)
    spec = replace(design.spec, estimator="fe", effects=("unit",))
    moving = np.column_stack([design.x[:, 0], design.extra.endogenous.columns[:, 0]])
    fixed = fit(replace(design, spec=spec, x=moving, terms=("x1", "d"), extra=Further()))
    np.testing.assert_allclose(found.params[[found.terms.index("x1"), found.terms.index("d")]], fixed.params, rtol=1e-8)
    assert "hausman" not in found.tests and "sargan" not in found.tests


def test_what_cannot_be_identified_is_refused() -> None:
    design = panel(5)
    with pytest.raises(UserError, match=r"0 regressor\(s\) that vary over time beside 1 endogenous .*\(s\)"):
        fit(replace(design, x=design.x[:, 2:], terms=("z1",)))
    for method in ("amemiya_macurdy", "breusch_mizon_schmidt"):
        with pytest.raises(UserError, match=f'"{method}" on a panel whose units lack periods of others'):
            fit(panel(5, missing=0.2, method=method))
    with pytest.raises(UserError, match='"y", absorbed by unit effects'):
        fit(replace(design, y=design.y[::5].repeat(5)))
    both = np.hstack([design.x, design.x[:, :1]])
    with pytest.raises(UserError, match='"x3", collinear with x1'):
        fit(replace(design, x=both, terms=("x1", "x2", "z1", "x3")))
    dropped = replace(design, spec=replace(design.spec, drop_absorbed=True))
    found = fit(replace(dropped, x=both, terms=("x1", "x2", "z1", "x3")))
    assert "x3" not in found.terms and any(one.values.get("term") == "x3" for one in found.notes)
    cr2 = InferenceSpec("cluster", {"by": "unit", "small_sample": "CR2"})
    with pytest.raises(UserError, match="an estimator that is least squares"):
        infer(fit(design), design, cr2, 0)
