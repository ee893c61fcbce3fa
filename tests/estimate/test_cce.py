"""Common correlated effects: the projection against exact and brute-force regressions, the slopes against the truth."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from linearmodels.datasets import munnell

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design, Further
from ruralpanel.estimate.dependence import weighted_cd
from ruralpanel.estimate.families.common_effects import cce, mean_group
from ruralpanel.estimate.families.linear import fe
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.notes import note
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec

pytestmark = pytest.mark.slow

Array = np.ndarray[Any, Any]


def designed(y: Array, x: Array, kept: Array | None = None, method: str = "", **settings: Any) -> Design:
    """(units, periods) outcome and (units, periods, k) terms as a design; `kept` marks the rows that it has."""
    units, periods = y.shape
    there = np.ones_like(y, dtype=bool) if kept is None else kept
    names = np.repeat([f"u{i:03d}" for i in range(units)], periods).reshape(y.shape)
    years = np.broadcast_to(np.arange(2000, 2000 + periods), y.shape)
    settings = {"estimator": "cce", "effects": ("unit",), "inference": (InferenceSpec("own"),)} | settings
    return design_from_arrays(y[there], x[there], names[there], years[there], method=method, **settings)


def factors(
    rng: np.random.Generator, units: int, periods: int, spread: float = 0.0, k: int = 1, strength: float = 1.0
) -> tuple[Array, Array]:
    """Slopes of mean one (standard deviation `spread`); a factor moves outcome and regressors, by unit more or less."""
    factor = np.cumsum(rng.standard_normal(periods)) * 0.5
    in_x = strength * (1.0 + rng.standard_normal((units, 1)))
    in_y = strength * (1.0 + rng.standard_normal((units, 1))) + 0.7 * in_x
    x = rng.standard_normal((units, periods, k)) + rng.standard_normal((units, 1, 1)) + (in_x * factor)[:, :, None]
    slopes = 1.0 + spread * rng.standard_normal((units, 1, k))
    y = (
        (slopes * x).sum(axis=2)
        + rng.standard_normal((units, 1))
        + in_y * factor
        + rng.standard_normal((units, periods))
    )
    return y, x


@pytest.fixture
def without_unit_roots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the unit-root tests, which take half of the time and have a module of their own."""
    monkeypatch.setattr(cce, "_unit_roots", lambda *_: [])


def own_regressions(y: Array, x: Array, kept: Array) -> tuple[Array, Array, Array]:
    """Slopes, their classical errors and residuals of each unit's regression on constant, terms and averages."""
    k = x.shape[2]
    means = np.array([[z[kept[:, t], t].mean() for z in (y, *np.moveaxis(x, 2, 0))] for t in range(y.shape[1])])
    slopes, errors, residuals = np.empty((len(y), k)), np.empty((len(y), k)), np.full(y.shape, np.nan)
    for i in range(len(y)):
        at = kept[i]
        columns = np.column_stack([x[i, at], np.ones(at.sum()), means[at]])
        found = np.linalg.lstsq(columns, y[i, at], rcond=None)[0]
        left = y[i, at] - columns @ found
        variance = left @ left / (at.sum() - columns.shape[1])
        slopes[i], residuals[i, at] = found[:k], left
        errors[i] = np.sqrt(variance * np.diag(np.linalg.inv(columns.T @ columns))[:k])
    return slopes, errors, residuals


def by_unit(fit: Any, terms: tuple[str, ...]) -> Array:
    return np.array([[row.values[term] for term in terms] for row in fit.extra.by_unit])


# Algebra


def test_slopes_of_units_in_exact_arithmetic() -> None:
    """Munnell's data in rational numbers: averages and regression of two states, all digits.

    The averages are nearly collinear there (the condition number of a state's cross products is 1e13), so that packages
    agree to six or seven digits only.
    """
    frame = munnell.load()
    terms = ["P_CAP", "PC", "EMP"]
    logs = np.log(frame[["GSP", *terms]].to_numpy(dtype=float))
    values = np.column_stack([logs, frame["UNEMP"].to_numpy(dtype=float)])
    states, years = sorted(set(frame["ST_ABB"])), sorted(set(frame["YR"]))
    order = np.lexsort((frame["YR"], frame["ST_ABB"]))
    table = values[order].reshape(len(states), len(years), 5)
    fit = cce.fit(designed(table[:, :, 0], table[:, :, 1:]))
    exact = [[[Fraction(float(v)) for v in row] for row in state] for state in table]
    means = [[sum(state[t][j] for state in exact) / len(states) for j in range(5)] for t in range(len(years))]
    found = by_unit(fit, fit.terms)
    for i in (0, 17):
        rows = [[*exact[i][t][1:], Fraction(1), *means[t]] for t in range(len(years))]
        assert found[i] == pytest.approx([float(v) for v in solved(rows, [r[0] for r in exact[i]])[:4]], rel=1e-9)


def solved(rows: list[list[Fraction]], y: list[Fraction]) -> list[Fraction]:
    """Least squares by elimination of the normal equations."""
    k = len(rows[0])
    system = [
        [
            *(sum((row[a] * row[b] for row in rows), Fraction(0)) for b in range(k)),
            sum((row[a] * v for row, v in zip(rows, y, strict=True)), Fraction(0)),
        ]
        for a in range(k)
    ]
    for a in range(k):
        system[a] = [v / system[a][a] for v in system[a]]
        for b in range(k):
            if b != a:
                factor = system[b][a]
                system[b] = [v - factor * w for v, w in zip(system[b], system[a], strict=True)]
    return [row[-1] for row in system]


def test_mean_group_and_pooled_by_brute_force_with_gaps() -> None:
    rng = np.random.default_rng(1)
    y, x = factors(rng, 14, 18, spread=0.3, k=2)
    kept = rng.random(y.shape) > 0.1
    slopes, errors, residuals = own_regressions(y, x, kept)
    design = designed(y, x, kept)
    fit = cce.fit(design)
    assert [row.unit for row in fit.extra.by_unit] == list(design.units)
    assert by_unit(fit, ("x1", "x2")) == pytest.approx(slopes, abs=1e-10)
    found = np.array([[row.std_error[term] for term in fit.terms] for row in fit.extra.by_unit])
    assert found == pytest.approx(errors, abs=1e-10)
    assert fit.params == pytest.approx(slopes.mean(axis=0), abs=1e-10)
    assert fit.vcov == pytest.approx(np.cov(slopes.T) / 14, abs=1e-10)
    assert fit.residuals == pytest.approx(residuals[kept], abs=1e-10)
    # pooled: one regression with a constant and the averages of every unit as columns of their own
    means = np.array([[z[kept[:, t], t].mean() for z in (y, *np.moveaxis(x, 2, 0))] for t in range(18)])
    unit, period = np.nonzero(kept)
    own = np.column_stack([np.ones(unit.size), means[period]])
    dummies = (unit[:, None] == np.arange(14)).astype(float)
    wide = np.hstack([x[kept], (dummies[:, :, None] * own[:, None, :]).reshape(unit.size, -1)])
    pooled = cce.fit(designed(y, x, kept, method="pooled"))
    assert pooled.params == pytest.approx(np.linalg.lstsq(wide, y[kept], rcond=None)[0][:2], abs=1e-9)
    # Pesaran (2006), equations 67 to 69, units weighing by their rows
    weights, total = [], kept.sum()
    for i in range(14):
        basis = np.column_stack([np.ones(kept[i].sum()), means[kept[i]]])
        net = x[i, kept[i]] - basis @ np.linalg.lstsq(basis, x[i, kept[i]], rcond=None)[0]
        weights.append(net.T @ net / total * 14)
    psi = np.linalg.inv(np.mean(weights, axis=0))
    gaps = [w @ (b - slopes.mean(axis=0)) for w, b in zip(weights, slopes, strict=True)]
    assert pooled.vcov == pytest.approx(psi @ (sum(np.outer(g, g) for g in gaps) / 13) @ psi / 14, abs=1e-10)


def test_lags_of_the_averages_cost_periods() -> None:
    y, x = factors(np.random.default_rng(2), 12, 20)
    fit = cce.fit(designed(y, x, options={"lags": 2}))
    means = np.stack([y.mean(axis=0), x[:, :, 0].mean(axis=0)], axis=1)
    averages = np.hstack([means[2:], means[1:-1], means[:-2]])
    slopes = [
        np.linalg.lstsq(np.column_stack([x[i, 2:], np.ones(18), averages]), y[i, 2:], rcond=None)[0][0]
        for i in range(12)
    ]
    assert by_unit(fit, ("x1",))[:, 0] == pytest.approx(slopes, abs=1e-9)
    assert fit.extra.parameters_per_unit == 8 and fit.extra.periods_per_unit == (18, 18)
    assert fit.n_dropped == {"periods_without_averages": 24}


def test_levels_and_what_the_averages_span_do_not_matter() -> None:
    """Levels of the units, and any multiple of the regressor's average, which the averages then hold too."""
    rng = np.random.default_rng(3)
    y, x = factors(rng, 12, 16)
    fit = cce.fit(designed(y, x))
    moved = cce.fit(designed(1e3 * (y + 3.0 * x[:, :, 0].mean(axis=0) + rng.standard_normal((12, 1))), x + 7.0))
    assert moved.params == pytest.approx(1e3 * fit.params, rel=1e-9)
    assert moved.vcov == pytest.approx(1e6 * np.asarray(fit.vcov), rel=1e-9)


# Truth


def test_a_common_factor_biases_fixed_effects_and_not_common_correlated_effects(without_unit_roots: None) -> None:
    """60 panels of 30 × 20: bias within three Monte Carlo errors, intervals that hold the truth in 95 % of them.

    The mean of the estimates has a Monte Carlo error of .004 (mean group), the coverage one of .028.
    """
    rng, rows, plain = np.random.default_rng(20120126), [], []
    for _ in range(60):
        y, x = factors(rng, 30, 20, spread=0.2)
        design = designed(y, x)
        found = infer(fit := cce.fit(design), design, InferenceSpec("own"), 0)
        pooled = cce.fit(designed(y, x, method="pooled"))
        both = designed(y, x, estimator="fe", effects=("unit", "period"))
        rows.append([fit.params[0], found.ci_low[0] <= 1.0 <= found.ci_high[0], pooled.params[0]])
        plain.append(fe(both).params[0])
    means = np.mean(rows, axis=0)
    assert means[0] == pytest.approx(1.0, abs=0.03) and means[2] == pytest.approx(1.0, abs=0.03)
    assert means[1] > 0.95 - 3 * 0.028
    assert np.mean(plain) > 1.2


def test_homogeneity_by_its_formula_in_published_form() -> None:
    """Pesaran and Yamagata (2008) in their notation, a constant as the only nuisance."""
    rng = np.random.default_rng(4)
    n, t, k = 15, 12, 2
    y, x = factors(rng, n, t, k=k, strength=0.0)
    net = np.eye(t) - 1.0 / t
    fixed = np.linalg.solve(sum(x[i].T @ net @ x[i] for i in range(n)), sum(x[i].T @ net @ y[i] for i in range(n)))
    own = [np.linalg.solve(x[i].T @ net @ x[i], x[i].T @ net @ y[i]) for i in range(n)]
    variance = [(y[i] - x[i] @ fixed) @ net @ (y[i] - x[i] @ fixed) / (t - 1) for i in range(n)]
    weighted = np.linalg.solve(
        sum(x[i].T @ net @ x[i] / variance[i] for i in range(n)),
        sum(x[i].T @ net @ y[i] / variance[i] for i in range(n)),
    )
    swamy = sum((own[i] - weighted) @ (x[i].T @ net @ x[i]) @ (own[i] - weighted) / variance[i] for i in range(n))
    delta = np.sqrt(n) * (swamy / n - k) / np.sqrt(2 * k)
    adjusted = np.sqrt(n) * (swamy / n - k) / np.sqrt(2 * k * (t - k - 1) / (t + 1))
    unit = np.repeat(np.arange(n), t)
    found = mean_group.slopes(y.ravel(), x.reshape(-1, k), np.ones((n * t, 1)), unit)
    assert [test.statistic for test in mean_group.homogeneity(found, unit)] == pytest.approx([delta, adjusted])


def test_homogeneity_holds_its_size_and_finds_slopes_that_differ(without_unit_roots: None) -> None:
    rng = np.random.default_rng(5)
    rejected = {0.0: 0, 0.5: 0}
    for spread in rejected:
        for _ in range(40):
            y, x = factors(rng, 30, 20, spread=spread)
            fit = cce.fit(designed(y, x))
            rejected[spread] += fit.tests["slope_homogeneity"].p_value < 0.05
    assert rejected[0.0] <= 7  # 2 expected, standard deviation 1.4
    assert rejected[0.5] >= 36


def test_dependence_of_the_residuals_by_brute_force() -> None:
    y, x = factors(np.random.default_rng(6), 12, 20)
    fit = cce.fit(designed(y, x))
    correlations = np.corrcoef(fit.residuals.reshape(12, 20))[np.triu_indices(12, 1)]
    assert fit.tests["pesaran_cd"].statistic == pytest.approx(np.sqrt(20 / 66) * correlations.sum())
    assert fit.tests["pesaran_cd"].statistic < 0, "averages that were projected out pull it below zero"
    # the published form of the weighted test, residuals of one constant: mean square correlation 1 / (T − 1)
    table, signs = np.random.default_rng(7).standard_normal((12, 20)), np.random.default_rng(8).choice([-1.0, 1.0], 12)
    table[:6] += 2.0 * np.random.default_rng(9).standard_normal(20)
    pairs = np.corrcoef(table)
    first, second = np.triu_indices(12, 1)
    values = pairs[first, second]
    large = np.abs(values)[np.abs(values) > 2.0 * np.sqrt(np.log(12) / 19)]
    expected = np.sqrt(19 / 66) * np.sum(signs[first] * signs[second] * values) + large.sum()
    assert large.size > 5
    assert weighted_cd(table, 1, 0, np.random.default_rng(8)).statistic == pytest.approx(expected)


def test_the_weighted_test_of_dependence_holds_its_size(without_unit_roots: None) -> None:
    """Residuals of common correlated effects: the plain statistic rejects all the time, the weighted one in 5 %."""
    rng, weighted, plain = np.random.default_rng(10), 0, 0
    for _ in range(60):
        y, x = factors(rng, 30, 15)
        tests = cce.fit(designed(y, x)).tests
        weighted += tests["weighted_cd"].p_value < 0.05
        plain += tests["pesaran_cd"].p_value < 0.05
    assert weighted <= 9 and plain > weighted


# What is refused and what is left out


@pytest.mark.parametrize(("periods", "k"), [(7, 3), (8, 3), (6, 2), (4, 1)])
def test_short_panels_are_refused_with_what_would_do(periods: int, k: int) -> None:
    """Two parameters per regressor and two more: 31 provinces of 2012–2019 carry two regressors and no third."""
    y, x = factors(np.random.default_rng(11), 31, periods, k=k)
    parameters = 2 * k + 2
    with pytest.raises(UserError) as caught:
        cce.fit(designed(y, x))
    text = str(caught.value)
    assert f"{periods} periods at most for the {parameters} parameters of each unit's regression" in text
    assert f"a panel of {parameters + 1} periods or more, or estimator: fe" in text
    enough = 2 * k + 3
    longer = cce.fit(designed(*factors(np.random.default_rng(12), 31, enough, k=k)))
    assert longer.extra.parameters_per_unit == parameters


def test_few_units_weights_and_unknown_methods_are_refused() -> None:
    y, x = factors(np.random.default_rng(13), 9, 12)
    with pytest.raises(UserError, match=r"9 units.*at least 10 units"):
        cce.fit(designed(y, x))
    y, x = factors(np.random.default_rng(13), 12, 12)
    with pytest.raises(UserError, match="every unit counts once"):
        cce.fit(designed(y, x, weights=np.ones(y.size)))
    with pytest.raises(UserError, match=r"did you mean.*pooled"):
        cce.fit(designed(y, x, method="poled"))


def test_units_without_a_regression_of_their_own_are_named() -> None:
    y, x = factors(np.random.default_rng(14), 14, 12)
    kept = np.ones_like(y, dtype=bool)
    kept[0, 4:] = False
    x[1, :, 0] = 2.0
    fit = cce.fit(designed(y, x, kept))
    left = {one.values["term"]: str(one.values["reason"]) for one in fit.notes if one.code == "left_out"}
    assert left == {"u000": "4 periods for 4 parameters", "u001": "x1 does not move of its own"}
    assert [row.unit for row in fit.extra.by_unit] == [f"u{i:03d}" for i in range(2, 14)]
    assert fit.n_dropped == {"units_without_regression": 16}


def test_the_step_of_a_definition_break_is_each_units_own() -> None:
    """A break's step enters the regressions of the units that it moves, as a column of theirs and not as a term."""
    rng = np.random.default_rng(15)
    y, x = factors(rng, 14, 16)
    step = np.zeros((14, 16, 1))
    step[3, 9:] = 1.0
    design = designed(y + 5.0 * step[:, :, 0], np.concatenate([x, step], axis=2), terms=("x1", "x1__break_2009"))
    fit = cce.fit(replace(design, extra=replace(design.extra, steps=("x1__break_2009",))))
    assert fit.terms == ("x1",)
    means = np.stack([(y + 5.0 * step[:, :, 0]).mean(axis=0), x[:, :, 0].mean(axis=0)], axis=1)
    columns = np.column_stack([x[3], step[3], np.ones(16), means])
    assert by_unit(fit, ("x1",))[3, 0] == pytest.approx(
        np.linalg.lstsq(columns, y[3] + 5.0 * step[3, :, 0], rcond=None)[0][0], abs=1e-9
    )


def test_slopes_drawn_to_their_mean_are_nearer_the_truth() -> None:
    """Intervals by statsmodels; the spread of true slopes near .5; drawn slopes miss the true ones by less."""
    import statsmodels.api as sm

    rng = np.random.default_rng(16)
    truth = 1.0 + 0.5 * rng.standard_normal((200, 1, 1))
    x, noise = rng.standard_normal((200, 12, 1)), rng.standard_normal((200, 12))
    y = (truth * x).sum(axis=2) + 2.0 * noise
    fit = cce.fit(designed(y, x))
    means = np.column_stack([y.mean(axis=0), x[:, :, 0].mean(axis=0)])
    row = sm.OLS(y[7], np.column_stack([x[7], np.ones(12), means])).fit()
    entry = fit.extra.by_unit[7]
    assert entry.ci["x1"] == pytest.approx(row.conf_int()[0].tolist(), abs=1e-8)
    assert fit.extra.spread["x1"] == pytest.approx(0.5, abs=0.12)
    share = fit.extra.spread["x1"] ** 2 / (fit.extra.spread["x1"] ** 2 + entry.std_error["x1"] ** 2)
    drawn = fit.params[0] + share * (entry.values["x1"] - fit.params[0])
    assert entry.shrunken["x1"] == pytest.approx(drawn)
    misses = [np.mean((v - truth[:, 0, 0]) ** 2) for v in (
        by_unit(fit, ("x1",))[:, 0], np.array([row.shrunken["x1"] for row in fit.extra.by_unit]),
    )]  # fmt: skip
    assert misses[1] < 0.7 * misses[0]


def test_drifting_variables_are_named() -> None:
    rng = np.random.default_rng(17)
    y, x = factors(rng, 20, 16)
    walk = np.cumsum(rng.standard_normal((20, 16)), axis=1)
    fit = cce.fit(designed(y, np.stack([x[:, :, 0], walk], axis=2)))
    assert [one for one in fit.notes if one.code == "may_drift"] == [note("may_drift", variables=["x2"])]


def test_a_step_that_left_with_its_units_is_no_matter() -> None:
    y, x = factors(np.random.default_rng(18), 12, 14)
    plain, named = cce.fit(designed(y, x)), cce.fit(designed(y, x, extra=Further(steps=("x1__break_2003",))))
    assert named.params == pytest.approx(plain.params)
