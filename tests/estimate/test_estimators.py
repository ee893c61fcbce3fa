"""Effects are removed exactly, terms that cannot be estimated are named, transformations are what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ruralpanel.estimate.base.absorb import Absorbed
from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.effects import demean, singletons
from ruralpanel.estimate.base.groups import compact, nested
from ruralpanel.estimate.base.results import Design
from ruralpanel.estimate.estimators import estimator, fit
from ruralpanel.estimate.families import error_components, random_effects
from ruralpanel.estimate.families.error_components import Layout, quasi_demean
from ruralpanel.project.problems import UserError

RNG = np.random.default_rng(20120126)


def panel(
    units: int = 12, periods: int = 6, k: int = 3, missing: float = 0.0, weighted: bool = False, **settings
) -> Design:
    unit, period = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    kept = RNG.random(unit.size) >= missing
    x = RNG.normal(size=(unit.size, k)) + RNG.normal(size=units)[unit, None]
    y = x.sum(axis=1) + RNG.normal(size=units)[unit] + RNG.normal(size=periods)[period] + RNG.normal(size=unit.size)
    weights = RNG.uniform(0.5, 4.0, unit.size)[kept] if weighted else None
    settings = {"estimator": "fe", "effects": ("unit", "period")} | settings
    return design_from_arrays(y[kept], x[kept], unit[kept], 2000 + period[kept], weights=weights, **settings)


def dummies(codes: np.ndarray) -> np.ndarray:
    return (codes[:, None] == np.unique(codes)).astype(float)


def projection(columns: np.ndarray) -> np.ndarray:
    return columns @ np.linalg.pinv(columns)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_absorbed_space_is_the_dummies_projection(number: int, missing: float, weighted: bool) -> None:
    d = panel(missing=missing, weighted=weighted)
    third = RNG.integers(0, 4, d.y.size)
    codes = [d.unit_codes, d.period_codes, third][:number]
    root = np.sqrt(d.weights) if d.weights is not None else None
    scale = np.ones(d.y.size) if root is None else root
    columns = np.hstack([dummies(c) for c in codes]) * scale[:, None]
    p = projection(columns)
    space = Absorbed(d.y.size, tuple(compact(c) for c in codes), None, root)
    assert space.rank == np.linalg.matrix_rank(columns)
    np.testing.assert_allclose(space.residuals(d.x), d.x - p @ d.x, atol=1e-12)
    np.testing.assert_allclose(space.leverage(), np.diag(p), atol=1e-12)
    rows = np.sort(RNG.choice(d.y.size, 9, replace=False))
    np.testing.assert_allclose(space.blocks(rows[None])[0], p[np.ix_(rows, rows)], atol=1e-12)
    left, right = d.x[:, 0], d.y
    g, h = compact(third), d.unit_codes
    expected = (dummies(g) * left[:, None]).T @ p @ (dummies(h) * right[:, None])
    np.testing.assert_allclose(space.cross(left, g, right, h), expected, atol=1e-11)


def test_demeaning_is_exact_where_alternating_projections_are_slow() -> None:
    """Two halves joined by one unit: the projection's eigenvalues are near one, yet the result is exact to 1e-12."""
    unit = np.concatenate([np.repeat(np.arange(8), 2), [8, 8], np.repeat(np.arange(9, 16), 2)])
    period = np.concatenate([np.tile([0, 1], 8), [1, 2], np.tile([2, 3], 7)])
    y = RNG.normal(size=unit.size)
    d = design_from_arrays(y, y, unit, period)
    columns = np.hstack([dummies(d.unit_codes), dummies(d.period_codes)])
    np.testing.assert_allclose(demean(d, d.y, ("unit", "period")), d.y - projection(columns) @ d.y, atol=1e-12)


def test_disconnected_panels_lose_a_dimension_for_each_part() -> None:
    unit, period = np.repeat(np.arange(6), 2), np.concatenate([np.tile([0, 1], 3), np.tile([2, 3], 3)])
    space = Absorbed(12, (unit, period))
    assert space.rank == 6 + 4 - 2


def test_weighted_demeaning_returns_the_original_metric() -> None:
    d = panel(weighted=True, missing=0.2)
    net = demean(d, d.y, ("unit", "period"))
    for codes in (d.unit_codes, d.period_codes):
        np.testing.assert_allclose(np.bincount(codes, weights=net * d.weights), 0.0, atol=1e-11)
    assert demean(d, d.x, ()).shape == d.x.shape


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_fe_is_least_squares_with_dummies(missing: float, weighted: bool) -> None:
    d = panel(missing=missing, weighted=weighted)
    found = fit(d)
    scale = np.ones(d.y.size) if d.weights is None else np.sqrt(d.weights)
    columns = np.hstack([d.x, dummies(d.unit_codes), dummies(d.period_codes)]) * scale[:, None]
    expected = np.linalg.lstsq(columns, d.y * scale, rcond=None)[0][:3]
    np.testing.assert_allclose(found.params, expected, rtol=1e-10)
    assert found.df_resid == d.y.size - np.linalg.matrix_rank(columns)
    assert found.x is not None and found.y is not None
    np.testing.assert_allclose(found.bread @ found.x.T @ found.y, found.params, rtol=1e-10)
    np.testing.assert_allclose(found.scores, found.x * found.residuals[:, None])


def test_weights_may_be_in_any_measure() -> None:
    d = panel(weighted=True)
    assert d.weights is not None
    large = fit(replace(d, weights=d.weights * 1e6))
    small = fit(d)
    np.testing.assert_allclose(large.params, small.params, rtol=1e-10)
    assert large.fit["rmse"] == pytest.approx(small.fit["rmse"])


def test_singletons_are_left_out_and_counted() -> None:
    d = panel(units=6)
    alone = design_from_arrays(
        np.append(d.y, [5.0, 1.0]),
        np.vstack([d.x, RNG.normal(size=(2, 3))]),
        [*d.unit_codes, 90, 91],
        [*np.array(d.periods)[d.period_codes], 2000, 1990],
        effects=("unit", "period"),
    )
    assert singletons(alone, ("unit", "period")).size == 2
    found = fit(alone)
    assert found.n_dropped == {"singletons": 2}
    assert found.rows.size == d.y.size
    np.testing.assert_allclose(found.params, fit(d).params, rtol=1e-10)


def test_absorbed_and_collinear_terms_are_all_named() -> None:
    d = panel(k=2)
    invariant = RNG.normal(size=12)[d.unit_codes]
    twice = d.x[:, 0] * 2 + d.x[:, 1]
    bad = replace(d, x=np.column_stack([d.x, invariant, twice]), terms=("roads", "schools", "area", "both"))
    with pytest.raises(UserError) as error:
        fit(bad)
    assert [problem.found for problem in error.value.problems] == [
        '"area", absorbed by unit and period effects',
        '"both", collinear with roads, schools',
    ]
    relaxed = replace(bad, spec=replace(bad.spec, drop_absorbed=True))
    found = fit(relaxed)
    assert found.terms == ("roads", "schools")
    assert len(found.notes) == 2
    np.testing.assert_allclose(found.params, fit(d).params, rtol=1e-10)


def test_too_few_observations_say_how_many_are_needed() -> None:
    d = panel(units=2, periods=2, k=2)
    with pytest.raises(UserError, match="at least 6 observations"):
        fit(d)


def test_fe_without_effects_is_refused() -> None:
    d = panel()
    with pytest.raises(UserError, match="at least one of unit, period"):
        fit(replace(d, spec=replace(d.spec, effects=())))


def test_unknown_effect_and_estimator_are_named() -> None:
    d = panel()
    with pytest.raises(UserError, match='did you mean "period"'):
        fit(replace(d, spec=replace(d.spec, effects=("periods",))))
    with pytest.raises(UserError, match='did you mean "pooled"'):
        estimator("poold", "m")


def test_first_differences_never_bridge_a_gap() -> None:
    d = panel(units=4, periods=5, estimator="fd", effects=())
    gap = ~((d.unit_codes == 1) & (d.period_codes == 2))
    holed = design_from_arrays(
        d.y[gap],
        d.x[gap],
        d.unit_codes[gap],
        d.period_codes[gap],
        estimator="fd",
    )
    found = fit(holed)
    assert found.rows.size == 4 * 4 - 2
    later, earlier = found.rows, found.rows - 1
    assert (holed.period_codes[later] - holed.period_codes[earlier] == 1).all()
    dx, dy = holed.x[later] - holed.x[earlier], holed.y[later] - holed.y[earlier]
    np.testing.assert_allclose(found.params, np.linalg.lstsq(dx, dy, rcond=None)[0], rtol=1e-10)


def test_first_differences_need_adjacent_periods() -> None:
    d = design_from_arrays(RNG.normal(size=4), RNG.normal(size=4), [0, 1, 2, 3], [1, 2, 1, 2], estimator="fd")
    with pytest.raises(UserError, match="no unit with two adjacent periods"):
        fit(d)


def test_between_counts_each_unit_once() -> None:
    d = panel(missing=0.3, estimator="between", effects=())
    codes = d.unit_codes
    means = np.array([np.append(d.y[codes == u].mean(), d.x[codes == u].mean(axis=0)) for u in np.unique(codes)])
    columns = np.column_stack([means[:, 1:], np.ones(len(means))])
    np.testing.assert_allclose(fit(d).params, np.linalg.lstsq(columns, means[:, 0], rcond=None)[0][:3], rtol=1e-9)


def test_random_effects_lie_between_pooled_and_fixed() -> None:
    """With θ = 0 quasi-demeaning does nothing, with θ = 1 it is the within transformation."""
    d = panel(estimator="re", effects=())
    layout = random_effects.layout_of(d)
    np.testing.assert_allclose(quasi_demean(d.x, layout, np.zeros(12)), d.x)
    np.testing.assert_allclose(quasi_demean(d.x, layout, np.ones(12)), demean(d, d.x, ("unit",)), atol=1e-12)
    found = fit(d)
    assert 0 < found.fit["theta"] < 1


def random_panel(effects: Sequence[str] = (), missing: float = 0.0, weighted: bool = False, **options: Any) -> Design:
    """30 × 6, σ_e = 1, σ_u = 2, σ of periods 1.5; x2 is constant over periods but for `options` that forbid it."""
    rng = np.random.default_rng(7)
    units, periods = (codes.ravel() for codes in np.indices((30, 6)))
    kept = rng.random(units.size) >= missing
    units, periods = units[kept], periods[kept]
    x = rng.normal(size=(units.size, 2)) + rng.normal(size=(30, 2))[units]
    if options.get("components") not in ("amemiya", "nerlove"):
        x[:, 1] = rng.normal(size=30)[units]
    weights = rng.uniform(0.5, 2.0, size=units.size) if weighted else None
    noise = rng.normal(size=units.size) / (1.0 if weights is None else np.sqrt(weights))
    y = x @ [1.0, -1.0] + 2.0 * rng.normal(size=30)[units] + 1.5 * rng.normal(size=6)[periods] + noise
    return design_from_arrays(
        y, x, units, periods, estimator="re", effects=effects, weights=weights, options={**options}
    )


def covariance_of(d: Design, layout: Layout, variances: Sequence[float]) -> Any:
    """Dense covariance matrix of the errors times the weights' roots: idiosyncratic variance, then by effect."""
    total = variances[0] * np.eye(d.y.size)
    for codes, variance in zip(layout.codes.values(), variances[1:], strict=True):
        total = total + variance * np.outer(layout.root, layout.root) * (codes[:, None] == codes)
    return total


PANELS = [
    ((), 0.0, False),
    ((), 0.3, False),
    ((), 0.3, True),
    (("period",), 0.3, True),
    (("unit", "period"), 0.0, False),
    (("unit", "period"), 0.3, False),
    (("unit", "period"), 0.3, True),
]


@pytest.mark.parametrize("components", ["swar", "walhus", "amemiya"])
@pytest.mark.parametrize(("effects", "missing", "weighted"), PANELS)
def test_variance_components_equate_quadratic_forms_to_their_expectations(
    components: str, effects: tuple[str, ...], missing: float, weighted: bool
) -> None:
    """The expectation of a form is its sum over the columns of a root of the errors' covariance matrix: brute force."""
    d = random_panel(effects, missing, weighted, components=components)
    layout = random_effects.layout_of(d)
    variances = (1.3, 2.1, 0.7)[: 1 + len(layout.codes)]
    x = np.column_stack([random_effects.dummies_of(d), d.x]) * layout.root[:, None]
    draws = np.linalg.cholesky(covariance_of(d, layout, variances)).T
    solve = {"swar": "swamy_arora", "walhus": "wallace_hussain", "amemiya": "amemiya"}[components]
    found = [getattr(error_components._Forms(y, x, layout, d), solve)() for y in draws]
    np.testing.assert_allclose(sum(forms for forms, _ in found), found[0][1] @ variances, rtol=1e-9)


@pytest.mark.parametrize("components", ["swar", "walhus", "amemiya", "nerlove"])
@pytest.mark.parametrize(("effects", "missing", "weighted"), PANELS)
def test_random_effects_are_generalised_least_squares(
    components: str, effects: tuple[str, ...], missing: float, weighted: bool
) -> None:
    """Slopes and bread by the dense inverse of the errors' covariance matrix at the components of the results."""
    if components == "nerlove" and (missing or weighted):
        return
    d = random_panel(effects, missing, weighted, components=components)
    layout, found = random_effects.layout_of(d), fit(d)
    variances = [found.fit[f"sigma_{name}"] ** 2 for name in ("e", "u", "period") if f"sigma_{name}" in found.fit]
    columns = np.column_stack([d.y, random_effects.dummies_of(d), d.x]) * layout.root[:, None]
    inverse = np.linalg.inv(covariance_of(d, layout, variances)) * variances[0]
    gram = columns[:, 1:].T @ inverse @ columns[:, 1:]
    np.testing.assert_allclose(
        found.params, np.linalg.solve(gram, columns[:, 1:].T @ inverse @ columns[:, 0])[-2:], rtol=1e-8
    )
    np.testing.assert_allclose(found.bread, np.linalg.inv(gram)[-2:, -2:], rtol=1e-8)


@pytest.mark.parametrize("components", ["swar", "walhus", "amemiya", "nerlove"])
def test_random_effects_recover_known_variances(components: str) -> None:
    """σ_e = 1, σ_u = 2 at 400 × 6: standard errors of the estimates are about .02 and .07; four of them allowed.

    Nerlove's residual variance divides by n, so that its root is (5/6)^½ = .913 here.
    """
    rng = np.random.default_rng(7)
    codes = np.repeat(np.arange(400), 6)
    x = rng.normal(size=(2400, 2))
    y = x @ [1.0, -1.0] + 2.0 * rng.normal(size=400)[codes] + rng.normal(size=2400)
    for kept in (np.ones(2400, dtype=bool), rng.random(2400) > 0.4):
        if components == "nerlove" and not kept.all():
            continue
        periods = np.tile(np.arange(6), 400)[kept]
        d = design_from_arrays(
            y[kept], x[kept], codes[kept], periods, estimator="re", options={"components": components}
        )
        found = fit(d).fit
        assert found["sigma_e"] == pytest.approx(0.913 if components == "nerlove" else 1.0, abs=0.08)
        assert found["sigma_u"] == pytest.approx(2.0, abs=0.3)


def test_random_effects_refuse_what_their_components_are_not_made_for() -> None:
    with pytest.raises(UserError, match="at least 4 units"):
        fit(panel(units=3, estimator="re", effects=(), k=2))
    with pytest.raises(UserError, match=r"at least 4 units, 4 periods, .* or components: walhus"):
        fit(panel(units=12, periods=3, estimator="re", effects=("unit", "period"), k=2))
    for components in ("walhus", "amemiya"):
        with pytest.raises(UserError, match="6 observations of 3 units for 4 coefficients; expected at least 7"):
            fit(panel(units=3, periods=2, estimator="re", effects=(), options={"components": components}))
    still = random_panel()
    still = replace(still, y=np.repeat(np.random.default_rng(1).normal(size=30), 6))
    with pytest.raises(UserError, match='outcome: found "y", absorbed by unit effects'):
        fit(still)
    fixed = random_panel()
    for components in ("amemiya", "nerlove"):
        d = replace(fixed, spec=replace(fixed.spec, options={"components": components}))
        with pytest.raises(UserError, match=rf'components: found "{components}" with x2, which the effects absorb'):
            fit(d)
    with pytest.raises(UserError, match='"nerlove" with weights, or with units that lack periods'):
        fit(random_panel(weighted=True, components="nerlove"))
    with pytest.raises(UserError, match='"nerlove" with weights, or with units that lack periods'):
        fit(random_panel(missing=0.3, components="nerlove"))


def test_slopes_are_unbiased_where_effects_correlate_with_regressors() -> None:
    """Fixed effects recover the truth that pooled misses: 200 simulated panels, Monte Carlo error of the mean < .01."""
    rng = np.random.default_rng(11)
    unit, period = np.repeat(np.arange(20), 5), np.tile(np.arange(5), 20)
    estimates = []
    for _ in range(200):
        effect = rng.normal(size=20)
        x = effect[unit] + rng.normal(size=100)
        y = 0.5 * x + 2 * effect[unit] + rng.normal(size=100)
        d = design_from_arrays(y, x, unit, period, effects=("unit", "period"))
        pooled = replace(d, spec=replace(d.spec, estimator="pooled", effects=()))
        estimates.append([fit(d).params[0], fit(pooled).params[0]])
    mean = np.mean(estimates, axis=0)
    assert mean[0] == pytest.approx(0.5, abs=0.03)
    assert mean[1] > 1.2


def test_nested_codes() -> None:
    assert nested(np.array([0, 0, 1, 2]), np.array([0, 0, 1, 1]))
    assert not nested(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]))
