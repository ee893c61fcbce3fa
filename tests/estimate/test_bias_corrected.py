"""Bias-corrected fixed effects: the correction against algebra and brute force, the estimates against the truth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dynamic_panels import designed, paths
from ruralpanel.estimate.base.groups import group_sums
from ruralpanel.estimate.base.results import Design
from ruralpanel.estimate.families.dynamic import bias_corrected, dynamic_panel
from ruralpanel.estimate.families.dynamic.terms import equation_of
from ruralpanel.estimate.families.linear import fe
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec

pytestmark = pytest.mark.slow


@pytest.fixture
def without_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the set of values not rejected, which takes most of the time and has tests of its own."""
    monkeypatch.setattr(bias_corrected, "score_set", lambda *_: ())


def data(design: Design) -> bias_corrected.Data:
    return bias_corrected.data_of(equation_of(design), design)


@pytest.mark.parametrize("rho", [(0.5,), (0.3, 0.4), (0.5, -0.2, 0.3)])
@pytest.mark.parametrize("periods", [[0, 1, 2, 3, 4, 5], [0, 1, 4, 5, 6, 9]])
def test_the_correction_is_the_expectation_of_the_moments(rho: tuple[float, ...], periods: list[int]) -> None:
    """−c_l is the trace of the product of the demeaning matrix with the lag's weights on the errors of all periods."""
    span, p, seen = periods[-1] + 1, len(rho), np.array(periods)
    # the outcome as a function of the errors of periods 0 … span − 1: (I − sum rho_l L^l) y = e
    shift = np.eye(span)
    for lag, r in enumerate(rho, 1):
        shift -= r * np.eye(span, k=-lag)
    weights = np.linalg.inv(shift)
    demean = np.eye(seen.size) - 1.0 / seen.size
    rows = bias_corrected.Data(
        np.zeros(seen.size), np.zeros((seen.size, p)), np.zeros(seen.size, dtype=int), seen, p, seen
    )
    found = (bias_corrected.pairs(rows) @ bias_corrected.past_weights(np.array(rho), span))[0]
    for lag in range(1, p + 1):
        past = np.vstack([np.zeros((lag, span)), weights[:-lag]])[seen]
        assert found[lag - 1] == pytest.approx(-np.trace(demean @ past[:, seen]), abs=1e-12)


def test_derivatives_of_the_moments() -> None:
    y, x = paths(np.random.default_rng(1), 25, 8, rho=(0.4, 0.2))
    d = data(designed(y, x, options={"lags": 2}))
    seen, gram = bias_corrected.pairs(d), d.x.T @ d.x
    params = np.linalg.solve(gram, d.x.T @ d.y) + 0.05
    _, slope = bias_corrected._moments(d, seen, gram, params, 0.7)
    for j in range(params.size):
        step = 1e-6 * np.eye(params.size)[j]
        ahead, behind = (bias_corrected._moments(d, seen, gram, params + s, 0.7)[0] for s in (step, -step))
        assert slope[:, j] == pytest.approx((ahead - behind) / 2e-6, rel=1e-5, abs=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_the_root_is_the_first_above_fixed_effects(seed: int) -> None:
    """One lag: a grid over its coefficient, the other terms concentrated out."""
    y, x = paths(np.random.default_rng(seed), 31, 7)
    design = designed(y, x)
    d = data(design)
    solution = bias_corrected.solve(d, design)
    seen = bias_corrected.pairs(d)

    def moment(rho: float) -> float:
        rest = d.x[:, 1:]
        left = d.y - rho * d.x[:, 0]
        residuals = left - rest @ np.linalg.lstsq(rest, left, rcond=None)[0]
        variance = np.bincount(d.unit, weights=residuals**2) / (d.counts - 1.0)
        weights = (seen @ bias_corrected.past_weights(np.array([rho]), seen.shape[2]))[:, 0]
        return float(d.x[:, 0] @ residuals + variance @ weights)

    grid = np.arange(solution.uncorrected[0], 1.2, 1e-3)
    values = np.array([moment(float(rho)) for rho in grid])
    first = int(np.flatnonzero(values < 0)[0])
    assert values[0] > 0
    assert grid[first - 1] <= solution.params[0] <= grid[first]
    assert moment(float(solution.params[0])) == pytest.approx(0.0, abs=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_one_lag_is_bun_and_carrees_estimator(seed: int) -> None:
    """Their condition in closed form for balanced panels, by a fixed-point iteration on cross products alone.

    The authors of the method of moments state that the two are the same with one lag; so is Stata's xtdpdbc.
    """
    units, periods = 60, 8
    y, x = paths(np.random.default_rng(100 + seed), units, periods)
    t = periods - 1
    after, before, own = (z - z.mean(axis=1, keepdims=True) for z in (y[:, 1:], y[:, :-1], x[:, 1:, 0]))
    after, before, own = (z - z.mean(axis=0, keepdims=True) for z in (after, before, own))
    free = units * (t - 1)
    left = before - own * (own * before).sum() / (own * own).sum()
    plain = (left * after).sum() / (left * left).sum()
    rho = plain
    for _ in range(500):
        beta = (own * (after - rho * before)).sum() / (own * own).sum()
        variance = ((after - rho * before - beta * own) ** 2).sum() / free
        bias = units * variance / (1.0 - rho) * (1.0 - (1.0 - rho**t) / (t * (1.0 - rho))) / (left * left).sum()
        rho = plain + bias
    fit = dynamic_panel.fit(designed(y, x))
    assert fit.params == pytest.approx([rho, beta], abs=1e-9)
    assert fit.extra.fixed_effects["lag(y, 1)"] == pytest.approx(plain, abs=1e-12)
    assert rho > plain + 0.03


def test_errors_agree_with_the_jackknife_over_units(without_set: None) -> None:
    y, x = paths(np.random.default_rng(3), 60, 8)
    fit = dynamic_panel.fit(designed(y, x))
    scores = group_sums(fit.scores, np.repeat(np.arange(60), 7))
    errors = np.sqrt(np.sum(scores**2, axis=0))
    left_out = [dynamic_panel.fit(designed(np.delete(y, i, 0), np.delete(x, i, 0))).params for i in range(60)]
    jackknife = np.sqrt(59.0 / 60.0 * np.sum((np.array(left_out) - np.mean(left_out, axis=0)) ** 2, axis=0))
    assert errors == pytest.approx(jackknife, rel=0.1)


def test_levels_and_period_effects_do_not_matter() -> None:
    """A constant of each unit and one of each period shift the lag by as much, which the effects take up."""
    y, x = paths(np.random.default_rng(4), 31, 8)
    plain = dynamic_panel.fit(designed(y, x))
    shift = np.linspace(-20.0, 30.0, 31)[:, None] + 5.0 * np.sin(np.arange(8))
    moved = dynamic_panel.fit(designed(y + shift, x - 2.0 * shift[:, :, None]))
    assert moved.params == pytest.approx(plain.params, abs=1e-8)
    assert group_sums(moved.scores, np.repeat(np.arange(31), 7)) == pytest.approx(
        group_sums(plain.scores, np.repeat(np.arange(31), 7)), abs=1e-8
    )


def test_units_may_change_scale() -> None:
    y, x = paths(np.random.default_rng(4), 31, 8)
    plain = dynamic_panel.fit(designed(y, x))
    scaled = dynamic_panel.fit(designed(1000.0 * y, 1e-4 * x))
    assert scaled.params == pytest.approx(plain.params * [1.0, 1e7], rel=1e-8)


def test_an_estimate_alone_is_the_same_without_the_set(monkeypatch: pytest.MonkeyPatch) -> None:
    design = designed(*paths(np.random.default_rng(5), 31, 8))
    whole = dynamic_panel.fit(design)
    monkeypatch.setattr(bias_corrected, "score_set", None)
    alone = dynamic_panel.refit(design)
    assert np.array_equal(alone.params, whole.params) and np.array_equal(alone.scores, whole.scores)
    assert whole.extra.lag_set is not None and alone.extra == replace(whole.extra, lag_set=None)


def test_without_regressors_and_without_period_effects() -> None:
    y, _ = paths(np.random.default_rng(5), 200, 8, k=0)
    y = y - y.mean(axis=0)
    for effects in (("unit",), ("unit", "period")):
        fit = dynamic_panel.fit(designed(y, np.zeros((*y.shape, 0)), effects=effects))
        assert fit.terms == ("lag(y, 1)",)
        assert fit.params[0] == pytest.approx(0.5, abs=0.1)


# Truth


def test_bias_and_coverage_at_the_shipped_size(without_set: None) -> None:
    """31 units, 7 periods: fixed effects miss the lag by a tenth and their intervals it in half of the samples.

    120 panels: the Monte Carlo error of a mean is .006, that of a coverage of .95 is .02 (three of them allowed).
    """
    draws, rng = 120, np.random.default_rng(20120126)
    rows: dict[str, list[np.ndarray[Any, Any]]] = {"corrected": [], "plain": []}
    truth = np.array([0.5, 1.0])
    for _ in range(draws):
        y, x = paths(rng, 31, 7)
        lag = designed(y[:, 1:], np.concatenate([y[:, :-1, None], x[:, 1:]], axis=2), estimator="fe")
        design = designed(y, x)
        for name, d, fit in (("corrected", design, dynamic_panel.fit(design)), ("plain", lag, fe(lag))):
            found = infer(fit, d, InferenceSpec("cluster"), 0)
            rows[name].append(np.concatenate([fit.params - truth, (found.ci_low <= truth) & (truth <= found.ci_high)]))
    corrected, plain = np.mean(rows["corrected"], axis=0), np.mean(rows["plain"], axis=0)
    assert np.abs(corrected[:2]).max() < 0.02
    assert corrected[2:].min() > 0.95 - 3 * 0.02
    # Nickell (1981): −(1 + rho) / (T − 1) without regressors, of which the regressor's own variation takes a part
    assert -0.25 < plain[0] < -0.08 and plain[2] < 0.65


def test_the_set_holds_the_truth_where_the_lag_is_hardly_identified(monkeypatch: pytest.MonkeyPatch) -> None:
    """Persistence .9, 6 periods, no regressor: the set holds it in 95 % of the samples.

    80 panels, Monte Carlo error .024. A coarser grid finds the same sets, as they are longer than its steps.
    """
    monkeypatch.setattr(bias_corrected, "GRID", 21)
    rng, inside = np.random.default_rng(11), 0
    for _ in range(80):
        y, _ = paths(rng, 31, 6, rho=(0.9,), k=0)
        design = designed(y, np.zeros((31, 6, 0)))
        d = data(design)
        inside += any(low <= 0.9 <= high for low, high in bias_corrected.score_set(d, d.unit, 30.0))
    assert 0.88 <= inside / 80 <= 1.0


def test_two_lags_and_holes_in_large_samples() -> None:
    rng = np.random.default_rng(6)
    y, x = paths(rng, 1500, 9, rho=(0.4, 0.3))
    kept = rng.random(y.shape) > 0.05
    fit = dynamic_panel.fit(designed(y, x, kept=kept, options={"lags": 2}))
    errors = infer(fit, designed(y, x, kept=kept), InferenceSpec("cluster"), 0)
    assert errors.std_error is not None
    gaps = np.abs(fit.params - [0.4, 0.3, 1.0])
    assert (gaps < 3.0 * errors.std_error).all() and errors.std_error.max() < 0.03
    plain = np.array(list(fit.extra.fixed_effects.values()))
    assert (np.abs(plain - [0.4, 0.3, 1.0])[:2] > 5.0 * errors.std_error[:2]).all()


def test_serial_correlation_of_the_errors_is_found(without_set: None) -> None:
    """Moving-average errors make the correction wrong: the model then has no solution, or ar2 rejects."""
    rng = np.random.default_rng(7)
    found: dict[float, list[float]] = {0.0: [], 0.5: []}
    lags: dict[float, list[float]] = {0.0: [], 0.5: []}
    for theta, seen in found.items():
        for _ in range(40):
            shocks = rng.standard_normal((60, 60))
            errors = shocks[:, 1:] + theta * shocks[:, :-1]
            y = np.zeros_like(errors)
            for t in range(1, y.shape[1]):
                y[:, t] = 0.3 * y[:, t - 1] + errors[:, t]
            try:
                fit = dynamic_panel.fit(designed(y[:, -9:], np.zeros((60, 9, 0))))
            except UserError:
                seen.append(True)
                continue
            seen.append(fit.tests["ar2"].p_value < 0.05)
            lags[theta].append(float(fit.params[0]))
    assert sum(found[0.0]) <= 7  # 2 expected, standard deviation 1.4
    assert sum(found[0.5]) >= 36
    assert np.mean(lags[0.0]) == pytest.approx(0.3, abs=0.03) and np.mean(lags[0.5]) > 0.5


# What is refused


def test_a_path_without_return_has_no_solution() -> None:
    """Outcomes that run away from their means by more each year."""
    rng = np.random.default_rng(8)
    y = 1.4 ** np.arange(6) * rng.standard_normal((31, 1)) + 0.5 * rng.standard_normal((31, 6)).cumsum(axis=1)
    with pytest.raises(UserError, match=r"without a solution .*not rejected: .*less persistent than a random walk"):
        dynamic_panel.fit(designed(y, np.zeros((31, 6, 0))))


def test_too_few_periods_name_the_smallest_panel() -> None:
    y, x = paths(np.random.default_rng(9), 31, 4)
    with pytest.raises(UserError, match=r"2 periods per unit beyond the first 2.*panel of 5 adjacent periods or more"):
        dynamic_panel.fit(designed(y, x, options={"lags": 2}))


def test_dropping_a_lone_row_changes_nothing() -> None:
    """A unit with a single row that has its lag says nothing, as in any model with unit effects."""
    y, x = paths(np.random.default_rng(10), 30, 7)
    kept = np.ones_like(y, dtype=bool)
    kept[0, 2:] = False
    without = dynamic_panel.fit(designed(y[1:], x[1:]))
    design = designed(y, x, kept=kept)
    lone = dynamic_panel.fit(design)
    assert lone.params == pytest.approx(without.params, abs=1e-12)
    assert lone.n_dropped == {"without_lags": 31}
    assert replace(design, notes=()).n_dropped == {}
