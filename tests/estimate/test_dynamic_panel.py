"""Difference and system GMM against brute force, by hand and against the truth."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dynamic_panels import designed, paths
from ruralpanel.estimate.base.results import Design, Further
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.families.dynamic import dynamic_panel, gmm
from ruralpanel.estimate.families.dynamic.dynamic_panel import long_run
from ruralpanel.estimate.families.dynamic.instruments import choices_of, stack
from ruralpanel.estimate.families.dynamic.terms import equation_of
from ruralpanel.project.kinds.estimators import ESTIMATORS
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec


def stacked(design: Design) -> Any:
    return stack(equation_of(design), choices_of(design), design)


def holed(units: int = 40, periods: int = 7, seed: int = 1, k: int = 1) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    y, x = paths(rng, units, periods, k=k)
    return y, x, rng.random(y.shape) > 0.08


# Lags and rows


def test_lags_count_years_and_never_bridge_a_gap() -> None:
    y, x = paths(np.random.default_rng(1), 12, 8)
    kept = np.ones_like(y, dtype=bool)
    kept[3, 4] = False
    equation = equation_of(designed(y, x, kept=kept, options={"lags": 2, "regressor_lags": {"x1": 1}}))
    assert equation.terms == ("lag(y, 1)", "lag(y, 2)", "x1", "lag(x1, 1)")
    assert np.flatnonzero(equation.complete[3]).tolist() == [2, 3, 7]
    assert np.flatnonzero(equation.complete[0]).tolist() == [2, 3, 4, 5, 6, 7]
    assert equation.x[3, 7].tolist() == [y[3, 6], y[3, 5], x[3, 7, 0], x[3, 6, 0]]
    assert np.flatnonzero(equation.pairs[3]).tolist() == [3]


def test_a_period_without_rows_is_a_gap_too() -> None:
    y, x = paths(np.random.default_rng(1), 12, 8)
    kept = np.ones_like(y, dtype=bool)
    kept[:, 3] = False
    equation = equation_of(designed(y, x, kept=kept))
    assert np.flatnonzero(equation.complete[0]).tolist() == [1, 2, 5, 6, 7]


def test_rows_lost_to_lags_and_differences_are_counted() -> None:
    y, x = paths(np.random.default_rng(1), 20, 6)
    for method, lost in (("bias_corrected", 20), ("difference_gmm", 40), ("system_gmm", 20)):
        fit = dynamic_panel.fit(designed(y, x, method))
        assert list(fit.n_dropped.values()) == [lost]
        assert fit.rows.size == y.size - lost


# Instruments


def test_instruments_by_hand() -> None:
    """Eight units, five years: lags two and earlier of the outcome, the regressor's difference, period dummies."""
    y, x = paths(np.random.default_rng(2), 8, 5)
    found = stacked(designed(y, x, "difference_gmm", options={"collapse": False})).moments
    assert found.groups.count("y, differences") == 1 + 2 + 3
    of_first = found.unit == 0
    by_period = {2: [0], 3: [0, 1], 4: [0, 1, 2]}
    for row, period in enumerate(found.period[of_first]):
        z = found.z[of_first][row][[g == "y, differences" for g in found.groups]]
        assert sorted(z[z != 0]) == pytest.approx(sorted(y[0, by_period[int(period)]]))
    assert found.z[:, found.groups.index("exogenous, differences")][0] == pytest.approx(x[0, 2, 0] - x[0, 1, 0])


def test_collapsed_and_limited_lags() -> None:
    y, x = paths(np.random.default_rng(2), 30, 8)
    counts = [
        stacked(designed(y, x, "difference_gmm", options=options)).moments.groups.count("y, differences")
        for options in ({}, {"gmm_lags": [2, 3]}, {"gmm_lags": [3, 3]}, {"collapse": False, "gmm_lags": [2, 3]})
    ]
    assert counts == [6, 2, 1, 6 + 5]


def test_predetermined_regressors_have_one_lag_more_than_endogenous_ones() -> None:
    y, x = paths(np.random.default_rng(2), 60, 6)
    numbers = {}
    for key in ("predetermined", "endogenous_regressors"):
        counts = stacked(designed(y, x, "system_gmm", options={key: ["x1"]})).counts
        numbers[key] = counts["x1, differences"]
        assert counts["x1, levels"] == 1 and "exogenous, differences" not in counts
    assert numbers == {"predetermined": 5, "endogenous_regressors": 4}


def test_levels_are_instrumented_by_the_newest_admissible_difference() -> None:
    y, x = paths(np.random.default_rng(2), 4, 6)
    found = stacked(designed(y, x, "system_gmm", options={"endogenous_regressors": ["x1"]})).moments
    row = np.flatnonzero(~found.differenced & (found.unit == 1) & (found.period == 4))[0]
    assert found.z[row, found.groups.index("y, levels")] == pytest.approx(y[1, 3] - y[1, 2])
    assert found.z[row, found.groups.index("x1, levels")] == pytest.approx(x[1, 3, 0] - x[1, 2, 0])
    assert not found.z[found.differenced][:, [g in ("periods", "y, levels") for g in found.groups]].any()


# Brute force


@pytest.mark.parametrize("method", ["difference_gmm", "system_gmm"])
def test_both_steps_are_those_of_matrices_unit_by_unit(method: str) -> None:
    """Arellano and Bond's formulas with one matrix per unit, on an unbalanced panel with gaps."""
    y, x, kept = holed()
    design = designed(y, x, method, kept, options={"collapse": method == "system_gmm", "gmm_lags": [2, 4]})
    m = stacked(design).moments
    found = gmm.estimate(m, gmm.initial_weights(m, "full"))
    k, size = m.x.shape[1], m.z.shape[1]
    first = np.zeros((size, size))
    parts = []
    for i in range(m.n_units):
        rows = np.flatnonzero(m.unit == i)
        h = np.zeros((rows.size, rows.size))
        for a, r in enumerate(rows):
            for b, s in enumerate(rows):
                gap = int(m.period[r]) - int(m.period[s])
                if m.differenced[r] and m.differenced[s]:
                    h[a, b] = {0: 2.0, 1: -1.0, -1: -1.0}.get(gap, 0.0)
                elif m.differenced[r]:
                    h[a, b] = {0: 1.0, 1: -1.0}.get(gap, 0.0)
                elif m.differenced[s]:
                    h[a, b] = {0: 1.0, -1: -1.0}.get(gap, 0.0)
                else:
                    h[a, b] = float(gap == 0)
        z, xi, yi = m.z[rows], m.x[rows], m.y[rows]
        first += z.T @ h @ z
        parts.append((z, xi, yi))
    zx = sum(z.T @ xi for z, xi, _ in parts)
    zy = sum(z.T @ yi for z, _, yi in parts)

    def solve(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        bread = np.linalg.inv(zx.T @ weights @ zx)
        return bread @ zx.T @ weights @ zy, bread

    def spread(params: np.ndarray) -> np.ndarray:
        return sum(np.outer(z.T @ (yi - xi @ params), z.T @ (yi - xi @ params)) for z, xi, yi in parts)

    w1 = np.linalg.inv(first)
    b1, bread1 = solve(w1)
    assert found.first.params == pytest.approx(b1, abs=1e-8)
    half = bread1 @ zx.T @ w1
    robust = half @ spread(b1) @ half.T
    assert found.robust == pytest.approx(robust, rel=1e-6, abs=1e-10)
    b2, v2 = solve(np.linalg.inv(spread(b1)))
    assert found.second.params == pytest.approx(b2, abs=1e-8)
    # Windmeijer's correction is the second step's derivative in the first step's estimates
    drift = np.empty((k, k))
    for j in range(k):
        step = 1e-5 * np.eye(k)[j]
        ahead, behind = (solve(np.linalg.inv(spread(b1 + s)))[0] for s in (step, -step))
        drift[:, j] = (ahead - behind) / 2e-5
    corrected = v2 + drift @ v2 + v2 @ drift.T + drift @ robust @ drift.T
    assert found.corrected == pytest.approx(corrected, rel=2e-3, abs=1e-6)
    residual = zy - zx @ b2
    assert gmm.hansen(m, found).statistic == pytest.approx(residual @ np.linalg.inv(spread(b1)) @ residual, rel=1e-7)
    assert gmm.hansen(m, found).df == size - k


def test_exactly_identified_is_anderson_and_hsiao() -> None:
    y, x = paths(np.random.default_rng(4), 50, 5)
    options = {"gmm_lags": [2, 2], "steps": 1}
    fit = dynamic_panel.fit(designed(y, x, "difference_gmm", effects=("unit",), options=options))
    dy, dlag, dx = (np.diff(y, axis=1)[:, 1:], np.diff(y, axis=1)[:, :-1], np.diff(x[:, :, 0], axis=1)[:, 1:])
    z = np.column_stack([y[:, :-2].ravel(), dx.ravel()])
    expected = np.linalg.solve(z.T @ np.column_stack([dlag.ravel(), dx.ravel()]), z.T @ dy.ravel())
    assert fit.params == pytest.approx(expected, abs=1e-10)
    assert np.isnan(fit.tests["hansen"].p_value) and fit.tests["hansen"].df == 0


def test_serial_correlation_by_matrices() -> None:
    y, x, kept = holed(seed=3)
    design = designed(y, x, "difference_gmm", kept)
    m = stacked(design).moments
    found = gmm.estimate(m, gmm.initial_weights(m, "full"))
    step = found.second
    for order in (1, 2):
        top, middle, cross = 0.0, 0.0, np.zeros(m.z.shape[1])
        tilt = np.zeros(m.x.shape[1])
        for i in range(m.n_units):
            rows = np.flatnonzero(m.unit == i)
            e, t = step.residuals[rows], m.period[rows]
            lag = np.array([e[t == s - order][0] if (t == s - order).any() else 0.0 for s in t])
            top += lag @ e
            middle += (lag @ e) ** 2
            cross += m.z[rows].T @ e * (e @ lag)
            tilt += lag @ m.x[rows]
        half = step.bread @ (m.z.T @ m.x).T @ step.weighting
        variance = middle - 2.0 * tilt @ half @ cross + tilt @ found.corrected @ tilt
        test = gmm.serial_correlation(m, step, found.corrected, order)
        assert test.statistic == pytest.approx(top / np.sqrt(variance), rel=1e-8)


def test_collinear_instruments_do_not_count() -> None:
    rng = np.random.default_rng(5)
    z = rng.standard_normal((50, 4))
    wide = np.column_stack([z[:, 0], z[:, 0] * 3.0, z[:, 1], np.zeros(50), z[:, 1] - 2.0 * z[:, 0], z[:, 2:]])
    assert gmm.independent(wide).tolist() == [0, 2, 5, 6]


def test_difference_in_hansen_splits_the_statistic() -> None:
    y, x, kept = holed(60)
    m = stacked(designed(y, x, "system_gmm", kept)).moments
    found = gmm.estimate(m, gmm.initial_weights(m, "full"))
    without, difference = gmm.difference_in_hansen(m, found, ("y, levels",)) or (None, None)
    assert without is not None and difference is not None
    whole = gmm.hansen(m, found)
    assert difference.statistic >= 0 and difference.df == 1
    assert without.statistic + difference.statistic == pytest.approx(whole.statistic)
    assert float(without.df) + float(difference.df) == whole.df  # type: ignore[arg-type]
    assert gmm.difference_in_hansen(m, found, tuple(set(m.groups) - {"periods"})) is None


# Definition breaks of one unit


def test_a_break_of_one_unit_leaves_its_difference_out() -> None:
    y, x = paths(np.random.default_rng(6), 30, 7)
    step = np.zeros((*y.shape, 1))
    step[4, 3:] = 1.0
    broken = designed(
        y, np.concatenate([x, step], axis=2), "difference_gmm", terms=("x1", "x1__break_2003"),
        extra=Further(steps=("x1__break_2003",)), options={"steps": 1},
    )  # fmt: skip
    found = dynamic_panel.fit(broken)
    assert found.terms == ("lag(y, 1)", "x1")
    assert found.rows.size == 30 * 5 - 1
    m = stacked(broken).moments
    assert not ((m.unit == 4) & (m.period == 3)).any()
    assert any("(u0004)" in step for one in found.notes for step in one.values.get("steps", ()))
    levels = stacked(replace(broken, spec=replace(broken.spec, method="system_gmm"))).moments
    assert not (~levels.differenced & (levels.unit == 4) & (levels.period >= 3)).any()


def test_a_break_of_one_unit_is_a_change_of_its_effect() -> None:
    """Plain fixed effects with the step as a dummy, whose rows with lags are all there."""
    y, x = paths(np.random.default_rng(6), 20, 8)
    step = np.zeros((*y.shape, 1))
    step[4, 4:] = 1.0
    both = np.concatenate([x, step], axis=2)
    found = dynamic_panel.fit(designed(y, both, "bias_corrected", terms=("x1", "b"), extra=Further(steps=("b",))))
    dummies = np.column_stack(
        [np.kron(np.eye(20), np.ones((7, 1))), np.kron(np.ones((20, 1)), np.eye(7))[:, 1:], step[:, 1:].reshape(-1, 1)]
    )
    columns = np.column_stack([y[:, :-1].ravel(), x[:, 1:, 0].ravel(), dummies])
    expected = np.linalg.lstsq(columns, y[:, 1:].ravel(), rcond=None)[0][:2]
    assert list(found.extra.fixed_effects.values()) == pytest.approx(expected, abs=1e-10)
    assert list(found.extra.statistics) == ["long_run:x1"]


def test_terms_that_rows_with_lags_cannot_tell_are_named() -> None:
    y, x = paths(np.random.default_rng(6), 20, 6, k=2)
    x[:, 1:, 1] = x[:, 1:2, 1]
    for method in ("bias_corrected", "difference_gmm"):
        with pytest.raises(UserError, match=r'"x2", absorbed by .* in the rows that have the outcome\'s lags'):
            dynamic_panel.fit(designed(y, x, method))
        found = dynamic_panel.fit(designed(y, x, method, drop_absorbed=True))
        assert found.terms == ("lag(y, 1)", "x1") and any(one.values.get("term") == "x2" for one in found.notes)


# Truth


@pytest.mark.parametrize("method", ["difference_gmm", "system_gmm"])
def test_estimates_are_true_in_large_samples(method: str) -> None:
    """Mean of ten panels of 400 units: within three Monte Carlo errors; the errors are those of the scatter."""
    rng = np.random.default_rng(7)
    rows = []
    for _ in range(10):
        fit = dynamic_panel.fit(designed(*paths(rng, 400, 6, k=1), method))
        assert fit.vcov is not None
        rows.append(np.concatenate([fit.params, np.sqrt(np.diag(fit.vcov))]))
    means, scatter = np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1)
    assert np.abs(means[:2] - [0.5, 1.0]).max() < 3.0 * np.max(means[2:]) / np.sqrt(10)
    assert scatter[:2] == pytest.approx(means[2:], rel=0.7)


def test_an_endogenous_regressor_needs_its_lags() -> None:
    """The regressor moves with the present error: taken as exogenous it is wrong, instrumented it is not."""
    rng = np.random.default_rng(8)
    units, periods = 1500, 6
    y, x = np.zeros((units, periods + 30)), np.zeros((units, periods + 30))
    for t in range(1, y.shape[1]):
        shock = rng.standard_normal(units)
        x[:, t] = 0.7 * x[:, t - 1] + rng.standard_normal(units) + 0.7 * shock
        y[:, t] = 0.5 * y[:, t - 1] + x[:, t] + shock
    y, x = y[:, 30:], x[:, 30:, None]
    naive = dynamic_panel.fit(designed(y, x, "system_gmm"))
    right = dynamic_panel.fit(designed(y, x, "system_gmm", options={"endogenous_regressors": ["x1"]}))
    assert naive.params[1] > 1.2
    assert right.vcov is not None
    assert abs(right.params[1] - 1.0) < 3.0 * np.sqrt(right.vcov[1, 1]) < 0.3


def test_long_run_errors_are_the_delta_method() -> None:
    rng = np.random.default_rng(9)
    params = np.array([0.4, 0.2, 1.0, -0.3, 2.0])
    root = rng.standard_normal((5, 5))
    vcov = root @ root.T / 100.0
    members = {"a": (2, 3), "b": (4,)}
    found = long_run(params, vcov, 30.0, 2, members)

    def effect(p: np.ndarray, own: tuple[int, ...]) -> float:
        return float(p[list(own)].sum() / (1.0 - p[:2].sum()))

    for name, own in members.items():
        gradient = np.array(
            [(effect(params + 1e-6 * e, own) - effect(params - 1e-6 * e, own)) / 2e-6 for e in np.eye(5)]
        )
        row = found[f"long_run:{name}"]
        assert row.estimate == pytest.approx(effect(params, own))
        assert row.std_error == pytest.approx(np.sqrt(gradient @ vcov @ gradient), rel=1e-6)
    assert np.isnan(long_run(np.array([1.1, 1.0]), np.eye(2), 30.0, 1, {"a": (1,)})["long_run:a"].estimate)


# What is refused, and what is reported


def test_as_many_instruments_as_units_are_refused_with_the_remedy() -> None:
    y, x = paths(np.random.default_rng(10), 28, 8)
    dynamic_panel.fit(designed(y, x, "difference_gmm"))
    with pytest.raises(UserError, match=r"28 instruments .* for 28 units.*collapse: true.*29 units or more"):
        dynamic_panel.fit(designed(y, x, "difference_gmm", options={"collapse": False}))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"method": "gmm"}, 'method: found "gmm"'),
        ({"method": "difference_gmm", "effects": ("period",)}, "effects: found \\[period\\]"),
        ({"method": "difference_gmm", "options": {"predetermined": ["z"]}}, "predetermined: found \"z\""),
        ({"method": "difference_gmm", "options": {"gmm_lags": [4, 3]}}, "no later than last"),
        ({"method": "bias_corrected", "options": {"regressor_lags": {"z": 1}}}, "regressor_lags: found \"z\""),
        ({"method": "bias_corrected", "options": {"predetermined": ["x1"]}}, "strictly exogenous"),
        ({"method": "bias_corrected", "options": {"lags": 9}}, "no row whose unit also has the 9 periods before"),
        (
            {"method": "system_gmm", "options": {"predetermined": ["x1"], "endogenous_regressors": ["x1"]}},
            "each regressor under one of them",
        ),
    ],
)  # fmt: skip
def test_mistakes_are_named(settings: dict[str, Any], words: str) -> None:
    y, x = paths(np.random.default_rng(11), 20, 6)
    with pytest.raises(UserError, match=words):
        dynamic_panel.fit(designed(y, x, **settings))


def test_weights_and_short_panels_are_refused() -> None:
    y, x = paths(np.random.default_rng(11), 20, 6)
    with pytest.raises(UserError, match="weights: found weights"):
        dynamic_panel.fit(designed(y, x, weights=np.ones(y.size)))
    with pytest.raises(UserError, match="3 adjacent periods or more"):
        dynamic_panel.fit(designed(y[:, :2], x[:, :2], "difference_gmm"))


def test_unevenly_spaced_periods_are_refused() -> None:
    y, x = paths(np.random.default_rng(11), 20, 7)
    kept = np.zeros_like(y, dtype=bool)
    kept[:, [0, 3, 6]] = True
    with pytest.raises(UserError, match="adjacent periods \\(lags count calendar periods\\)"):
        dynamic_panel.fit(designed(y, x, kept=kept))


@pytest.mark.parametrize("method", list(ESTIMATORS["dynamic_panel"].methods))
def test_results_hold_what_verdicts_and_tables_read(method: str) -> None:
    settings = (InferenceSpec("cluster", {"by": "unit", "small_sample": "CR1"}),)
    y, x = paths(np.random.default_rng(12), 31, 8)
    design = designed(y, x, method, inference=settings)
    result = estimate(design.spec, design, 1, "")
    assert result.coefficients[0].term == "lag(y, 1)"
    assert {"ar1", "ar2"} <= set(result.tests)
    assert ("hansen" in result.tests) == (method != "bias_corrected")
    row = result.statistics["long_run:x1"]
    assert row.ci_low < row.estimate < row.ci_high and row.df == 30
    if method != "bias_corrected":
        assert result.inference[0].method == "own" and result.coefficients[0].df == 30
        assert result.n_instruments == sum(result.instruments.values()) < 31
    assert json.loads(json.dumps(result.to_dict()))["n_units"] == 31
    again = estimate(design.spec, design, 1, "")
    assert json.dumps(again.to_dict()) == json.dumps(result.to_dict())


@pytest.mark.parametrize("method", ["bias_corrected", "difference_gmm"])
def test_a_step_that_left_with_its_units_is_no_matter(method: str) -> None:
    """Leaving out the only unit that a step moves in leaves the step out too, but not its name."""
    y, x = paths(np.random.default_rng(6), 30, 7)
    plain = dynamic_panel.fit(designed(y, x, method))
    named = dynamic_panel.fit(designed(y, x, method, extra=Further(steps=("x1__break_2003",))))
    assert named.params == pytest.approx(plain.params) and named.terms == plain.terms
