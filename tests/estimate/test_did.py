"""One effect by every method: against brute force, against the truth, and against placebos done by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from policy_panels import dummies, panel, sample, single, slopes
from ruralpanel.estimate.base.policy_parts import TwoByTwo
from ruralpanel.estimate.base.results import Further
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.families.policy import callaway_santanna, did, imputation, placebo, regressions, stacked
from ruralpanel.estimate.families.policy.callaway_santanna import NoOverlapError, doubly_robust, means
from ruralpanel.estimate.families.policy.cohorts import Sample, cohorts_of, paths_of, take
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.notes import note
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec

YEARS = list(range(1995, 2005))
STAGGERED = [1999.0] * 4 + [2001.0] * 3 + [2003.0] * 2 + [np.inf] * 5


def quick(first: list[float], rng: np.random.Generator, **settings) -> Sample:
    return sample(first, YEARS, rng, **settings)


# Against brute force


@pytest.mark.parametrize("trends", [False, True])
@pytest.mark.parametrize("first", [single(5, 7), STAGGERED])
def test_twfe_is_least_squares_on_dummies(first: list[float], trends: bool) -> None:
    d = panel(
        first, YEARS, np.random.default_rng(1), 1.0, controls=1, missing=0.1, weighted=True,
        options={"group_trends": trends, "draws": 99},
    )  # fmt: skip
    years = np.array(d.periods)[d.period_codes]
    dates = d.extra.first_treated
    columns = [years >= dates]
    if trends:
        columns += [np.where(dates == date, years, 0.0) for date in np.unique(dates[np.isfinite(dates)])]
    fit = did.fit(d)
    assert fit.terms[0] == "treated"
    assert fit.params[0] == pytest.approx(slopes(d, np.column_stack(columns).astype(float))[0], abs=1e-10)


def test_single_date_methods_agree_where_theory_says_so() -> None:
    """Balanced, one date, no controls: stacked = twfe = imputation; group-time effects start from the last period."""
    s = quick(single(5, 7), np.random.default_rng(2))
    y = s.design.y.reshape(12, -1)
    gap = y[:5].mean(axis=0) - y[5:].mean(axis=0)
    points = {name: method.point(s.design, s.cohorts) for name, method in did.METHODS.items()}
    for name in ("twfe", "stacked", "imputation"):
        assert points[name] == pytest.approx(gap[5:].mean() - gap[:5].mean(), abs=1e-12)
    assert points["callaway_santanna"] == pytest.approx(gap[5:].mean() - gap[4], abs=1e-12)


@pytest.mark.parametrize("first", [single(5, 7), STAGGERED, STAGGERED[:9]])
def test_a_two_way_effect_is_the_mean_of_its_comparisons(first: list[float]) -> None:
    """Each is a two-way regression on its own rows; weights add up to one and the mean is the effect, to rounding."""
    s = quick(first, np.random.default_rng(3))
    found = did.fit(s.design)
    told = found.extra.two_by_two
    weights = np.array([one.weight for one in told.comparisons])
    estimates = np.array([one.estimate for one in told.comparisons])
    assert weights.sum() == pytest.approx(1.0, abs=1e-14) and (weights > 0).all()
    assert weights @ estimates == pytest.approx(found.params[0], abs=1e-13)
    assert told.estimate == pytest.approx(found.params[0], abs=1e-13)
    dates = s.cohorts.first[s.design.unit_codes]
    years = np.array(s.design.periods)[s.design.period_codes]
    for one in told.comparisons:
        control = np.inf if one.control is None else one.control
        rows = (dates == one.treated) | (dates == control)
        if one.kind != "untreated":
            rows &= years < control if one.kind == "earlier" else years >= control
        own = take(s.design, np.flatnonzero(rows))
        under = ((years >= one.treated) & (dates == one.treated))[rows].astype(float)
        assert slopes(own, under[:, None])[0] == pytest.approx(one.estimate, abs=1e-11)
        assert one.n_treated == np.sum(s.cohorts.first == one.treated)
        assert one.n_control == np.sum(s.cohorts.first == control)


@pytest.mark.parametrize(
    ("settings", "beside"),
    [
        ({"controls": 1}, ["controls"]),
        ({"weighted": True}, ["weights"]),
        ({"options": {"group_trends": True, "draws": 99}}, ["group_trends"]),
        ({"missing": 0.1, "controls": 1}, ["controls", "gaps"]),
    ],
)
def test_what_makes_a_two_way_effect_another_mean_is_said(settings: dict[str, Any], beside: list[str]) -> None:
    design = quick(STAGGERED, np.random.default_rng(4), **settings).design
    assert did.fit(design).extra.two_by_two == TwoByTwo(beside=tuple(beside))


@pytest.mark.parametrize("name", list(did.METHODS))
@pytest.mark.parametrize("first", [single(5, 7), STAGGERED])
def test_fit_and_point_agree(name: str, first: list[float]) -> None:
    s = quick(first, np.random.default_rng(3), controls=0 if name == "callaway_santanna" else 1, method=name)
    method = did.METHODS[name]
    assert method.fit(s).params[0] == pytest.approx(method.point(s.design, s.cohorts), abs=1e-11)


@pytest.mark.parametrize("weighted", [False, True])
def test_imputation_is_one_dummy_per_treated_row(weighted: bool) -> None:
    s = quick(STAGGERED, np.random.default_rng(4), controls=1, missing=0.08, weighted=weighted)
    d = s.design
    imputed = imputation.impute(d, s.cohorts)
    under = regressions.treated_rows(d, s.cohorts) > 0
    brute = slopes(d, np.eye(d.y.size)[:, under])
    np.testing.assert_allclose(imputed.effects[under], brute, atol=1e-9)
    weights = np.ones(d.y.size) if d.weights is None else d.weights
    assert imputation.average(d, imputed) == pytest.approx(weights[under] @ brute / weights[under].sum(), abs=1e-9)


def test_imputation_scores_are_the_weights_on_outcomes_times_residuals() -> None:
    """The estimate is linear in y: its weights on untreated rows by perturbing them, the residuals by brute force."""
    s = quick(STAGGERED, np.random.default_rng(5), controls=1)
    d, cohorts = s.design, s.cohorts
    imputed = imputation.impute(d, cohorts)
    under = regressions.treated_rows(d, cohorts) > 0
    estimates, scores = imputation.averages(d, cohorts, imputed, under.astype(float)[:, None])
    matrix = np.hstack([d.x, dummies(d)])
    beta = np.linalg.lstsq(matrix[~under], d.y[~under], rcond=None)[0]
    residuals = d.y - matrix @ beta
    weights = np.array([_moved(d, cohorts, row) for row in range(d.y.size)])
    assert estimates[0] == pytest.approx(weights @ d.y)
    np.testing.assert_allclose(scores[~under, 0], (weights * residuals)[~under], atol=1e-9)
    cell = cohorts.start[d.unit_codes] * 100 + d.period_codes
    for code in np.unique(cell[under]):
        rows = np.flatnonzero(under & (cell == code))
        expected = weights[rows] * (residuals[rows] - residuals[rows].mean())
        np.testing.assert_allclose(scores[rows, 0], expected, atol=1e-9)


def _moved(design, cohorts, row: int) -> float:
    y = np.zeros(design.y.size)
    y[row] = 1.0
    moved = replace(design, y=y)
    return imputation.average(moved, imputation.impute(moved, cohorts))


def test_stacked_is_the_cohorts_own_differences_weighted_by_their_units() -> None:
    """With experiments of equal length and one period before and after, each cohort counts by its treated units."""
    first = [2000.0] * 4 + [2001.0] * 2 + [np.inf] * 6
    s = sample(first, [1999, 2000, 2001], np.random.default_rng(6))
    y = s.design.y.reshape(12, 3)
    stack = stacked.stack(s.design, s.cohorts, "never")
    times = tuple(t for t in regressions.event_times(s.design, s.cohorts) if t.event_time in (-2, 0, 1))
    found = dict(zip(("-2", "0", "1"), stacked.dynamic(s.design, stack, times).params, strict=True))
    change = [y[:, 1] - y[:, 0], y[:, 2] - y[:, 1]]
    effects = [change[0][:4].mean() - change[0][6:].mean(), change[1][4:6].mean() - change[1][6:].mean()]
    assert found["0"] == pytest.approx((4 * effects[0] + 2 * effects[1]) / 6, abs=1e-10)


def test_group_time_effects_are_differences_in_differences() -> None:
    s = quick(STAGGERED, np.random.default_rng(7))
    paths = paths_of(s.design, s.cohorts)
    y, start = paths.y, s.cohorts.start
    for comparison in ("never", "not_yet"):
        for cell in callaway_santanna.cells(paths, comparison, "models.m"):
            base, others = cell.start - 1, start == 10
            if comparison == "not_yet":
                others = (start > max(cell.period, base)) & (start != cell.start)
            change = y[:, cell.period] - y[:, base]
            expected = change[start == cell.start].mean() - change[others].mean()
            assert cell.estimate == pytest.approx(expected, abs=1e-12)
            assert abs(cell.influence.mean()) < 1e-12


def test_average_of_cells_allows_for_estimated_shares() -> None:
    """Influence of the average by numerical differentiation: reweight one unit a little and estimate again."""
    rng = np.random.default_rng(8)
    s = quick([1999.0] * 8 + [2001.0] * 6 + [np.inf] * 10, rng, effect=np.arange(10.0))
    paths = paths_of(s.design, s.cohorts)
    average = callaway_santanna.simple(paths, callaway_santanna.cells(paths, "never", "m"))
    y, start = paths.y, s.cohorts.start

    def reweighted(weights: np.ndarray) -> float:
        total, share = 0.0, 0.0
        for g in (4, 6):
            for t in range(g, 10):
                change = y[:, t] - y[:, g - 1]
                own, others = weights * (start == g), weights * (start == 10)
                effect = own @ change / own.sum() - others @ change / others.sum()
                total, share = total + own.sum() * effect, share + own.sum()
        return total / share

    n, step = 24, 1e-6
    for unit in (0, 9, 20):
        weights = np.ones(n)
        weights[unit] += step
        slope = (reweighted(weights) - reweighted(np.ones(n))) / step * n
        assert average.influence[unit] == pytest.approx(slope, rel=1e-4)


def test_doubly_robust_is_right_if_either_part_is() -> None:
    """Regression right and logit wrong, and the other way round; 20,000 units: errors about .02."""
    rng = np.random.default_rng(9)
    z = rng.standard_normal((20_000, 1))
    linear = rng.random(20_000) < 1 / (1 + np.exp(-z[:, 0]))
    curved = rng.random(20_000) < np.where(np.abs(z[:, 0]) > 1, 0.8, 0.2)
    noise = rng.standard_normal(20_000)
    for treated, change in (
        (curved, 1.5 * z[:, 0] + noise + 2.0 * curved),
        (linear, np.exp(z[:, 0] / 2) + noise + 2.0 * linear),
    ):
        found, influence = doubly_robust(change, treated.astype(float), z)
        error = np.sqrt(np.mean(influence**2) / change.size)
        assert found == pytest.approx(2.0, abs=4 * error) and error < 0.05
    assert means(change, linear.astype(float))[0] > 2.2


def test_doubly_robust_influence_by_leaving_units_out() -> None:
    """Jackknife and influence function give the same error within 5 % at 400 units."""
    rng = np.random.default_rng(10)
    z = rng.standard_normal((400, 2))
    treated = (rng.random(400) < 1 / (1 + np.exp(-z[:, 0]))).astype(float)
    change = z @ [1.0, -0.5] + rng.standard_normal(400) * (1 + treated)
    _, influence = doubly_robust(change, treated, z)
    without = [
        doubly_robust(np.delete(change, i), np.delete(treated, i), np.delete(z, i, axis=0))[0] for i in range(400)
    ]
    jackknife = np.sqrt(399 / 400 * np.sum((np.array(without) - np.mean(without)) ** 2))
    assert np.sqrt(np.mean(influence**2) / 400) == pytest.approx(jackknife, rel=0.05)


def test_doubly_robust_stops_without_overlap() -> None:
    z = np.linspace(-1, 1, 40)[:, None]
    with pytest.raises(NoOverlapError):
        doubly_robust(np.zeros(40), (z[:, 0] > 0).astype(float), z)
    with pytest.raises(UserError, match="predict treatment"):
        s = quick(single(5, 7), np.random.default_rng(11), controls=1, method="callaway_santanna")
        x = np.isfinite(s.cohorts.first)[s.design.unit_codes].astype(float)[:, None]
        did.METHODS["callaway_santanna"].fit(Sample(replace(s.design, x=x), s.cohorts, s.rows, {}, ()))


def test_matching_finds_the_planted_twins() -> None:
    s = quick(single(3, 9), np.random.default_rng(12), noise=0.3)
    y = s.design.y.reshape(12, -1).copy()
    for own, twin in ((0, 7), (1, 4), (2, 10)):
        y[twin, :5] = y[own, :5] + 5.0 + 0.01 * np.random.default_rng(own).standard_normal(5)
    paths = paths_of(replace(s.design, y=y.ravel()), s.cohorts)
    found = stacked.match(paths, 5, np.arange(3), np.arange(3, 12), "models.m", k=1)
    assert found.nearest.ravel().tolist() == [7, 4, 10]
    np.testing.assert_allclose(found.weights(np.arange(3, 12)), [0, 1, 0, 0, 1, 0, 0, 1, 0])


@pytest.mark.parametrize("missing", [0.0, 0.05], ids=["complete", "gaps"])
@pytest.mark.parametrize("first", [single(5, 7), STAGGERED], ids=["one date", "several"])
@pytest.mark.parametrize("method", ["stacked", "matched"])
def test_the_estimate_alone_is_that_of_the_whole_fit(method: str, first: list[float], missing: float) -> None:
    s = quick(first, np.random.default_rng(18), missing=missing)
    fitted = did.METHODS[method]
    assert fitted.point(s.design, s.cohorts) == pytest.approx(fitted.fit(s).params[0], rel=1e-11)


# Placebos


@pytest.mark.parametrize("alone", [400, 0], ids=["sums of single units", "whole assignments"])
@pytest.mark.parametrize("trends", [False, True])
@pytest.mark.parametrize("first", [single(5, 7), STAGGERED])
def test_fast_randomisation_is_the_literal_one(
    first: list[float], trends: bool, alone: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placebo, "ALONE", alone)
    s = quick(first, np.random.default_rng(13), controls=1, missing=0.05, options={"group_trends": trends})
    orders = np.vstack([np.arange(len(first)), [np.random.default_rng(i).permutation(len(first)) for i in range(6)]])
    estimates, statistics = placebo._two_way(s, orders, trends)
    for order, estimate_, statistic in zip(orders, estimates, statistics, strict=True):
        moved = replace(s, cohorts=s.cohorts.permuted(order))
        fit = did.METHODS["twfe"].fit(moved)
        t = infer(fit, s.design, InferenceSpec("cluster", {"small_sample": "CR1", "count": "slopes"}), 0).statistic[0]
        n, g, k = s.design.y.size, len(first), fit.params.size
        assert estimate_ == pytest.approx(fit.params[0], abs=1e-9)
        assert statistic == pytest.approx(t**2 * g / (g - 1) * (n - 1) / (n - k), rel=1e-8)


def test_small_panels_are_enumerated() -> None:
    s = sample(single(3, 5), [1998, 1999, 2000, 2001], np.random.default_rng(14), 2.0)
    found = placebo.treated_sets(s, did.METHODS["imputation"].point, 999, np.random.default_rng(0))
    y = s.design.y.reshape(8, 4)
    change = y[:, 2:].mean(axis=1) - y[:, :2].mean(axis=1)

    def gap(chosen: tuple[int, ...]) -> float:
        inside = np.isin(np.arange(8), chosen)
        return abs(change[inside].mean() - change[~inside].mean())

    values = np.array([gap(chosen) for chosen in combinations(range(8), 3)])
    assert found.enumerated and found.draws == 55
    assert found.p_value == pytest.approx(np.mean(values >= gap((0, 1, 2)) - 1e-12))


def test_leave_one_out_and_placebo_dates_are_what_they_say() -> None:
    d = panel(single(4, 7), YEARS, np.random.default_rng(15), missing=0.05, options={"draws": 99})
    fit = did.fit(d)
    years = np.array(d.periods)[d.period_codes]
    treated = np.isfinite(d.extra.first_treated)
    for entry in fit.extra.leave_one_treated_out:
        kept = d.unit_codes != d.units.index(entry.unit)
        columns = (treated & (years >= 2000))[:, None].astype(float)
        assert entry.estimate == pytest.approx(slopes(d, columns, kept)[0], abs=1e-9)
    assert [entry.first for entry in fit.extra.placebo_dates] == [1999, 1998, 1997, 1996]
    for entry in fit.extra.placebo_dates:
        columns = (treated & (years >= entry.first))[:, None].astype(float)
        assert entry.estimate == pytest.approx(slopes(d, columns, years < 2000)[0], abs=1e-9)
        assert entry.std_error > 0


@pytest.mark.slow
def test_result_through_the_workflow_function() -> None:
    settings = (InferenceSpec("cluster", {"small_sample": "CR1"}), InferenceSpec("wild_cluster", {"draws": 199}))
    for name in did.METHODS:
        d = panel(
            single(6, 8), YEARS, np.random.default_rng(16), 3.0, inference=settings, method=name, options={"draws": 99}
        )
        result = estimate(d.spec, d, 1, "")
        again = estimate(d.spec, d, 1, "")
        assert json.dumps(result.to_dict()) == json.dumps(again.to_dict())
        row = result.coefficient("treated")
        assert row.std_error is not None and row.ci_low is not None and row.df == result.n_units - 1
        assert result.randomisation.p_value == pytest.approx(0.01)
        assert (row.p_wild is not None) == (name in ("twfe", "stacked", "matched"))
        assert result.tests["pretrend"].df[0] == 4.0 and 2.0 < result.tests["pretrend"].df[1] <= result.n_units - 4.0


@pytest.mark.parametrize("name", list(did.METHODS))
@pytest.mark.parametrize("first", [single(5, 7), STAGGERED])
def test_every_row_is_used_or_counted_as_lost(name: str, first: list[float]) -> None:
    d = panel(first, YEARS, np.random.default_rng(18), 1.0, method=name, missing=0.05, options={"draws": 99})
    fit = did.fit(d)
    assert d.y.size == np.unique(fit.rows).size + sum(fit.n_dropped.values())


def test_requests_outside_the_range() -> None:
    for settings, found in (
        ({"method": "stacked", "options": {"group_trends": True}}, "group_trends with method stacked"),
        ({"method": "twfe", "options": {"comparison": "not_yet"}}, "comparison: not_yet with method twfe"),
        ({"method": "callaway_santanna", "weighted": True}, "weights with method callaway_santanna"),
    ):
        with pytest.raises(UserError) as error:
            did.fit(panel(single(5, 7), YEARS, np.random.default_rng(17), **settings))
        assert error.value.problems[0].found == found
    with pytest.raises(UserError, match="1 treated unit with method twfe"):
        did.fit(panel(single(1, 11), YEARS, np.random.default_rng(17)))
    with pytest.raises(UserError, match="2 periods before treatment, whose changes"):
        did.fit(panel(single(5, 7), [1999, 2000, 2001], np.random.default_rng(17), method="matched"))
    with pytest.raises(UserError, match="at least 2 periods before treatment"):
        did.fit(panel(single(5, 7), [1999, 2000], np.random.default_rng(17), options={"group_trends": True}))
    d = panel(single(5, 7), YEARS, np.random.default_rng(17))
    with pytest.raises(UserError, match="unit and period"):
        did.fit(replace(d, spec=replace(d.spec, effects=("unit",))))
    with pytest.raises(UserError, match="declare treatment"):
        did.fit(replace(d, extra=Further()))


def test_few_treated_units_are_said() -> None:
    fit = did.fit(panel(single(4, 12), YEARS, np.random.default_rng(18), options={"draws": 99}))
    assert note("few_treated", units=4) in fit.notes


# Against the truth


def test_two_periods_only() -> None:
    """The classical two-by-two design, uneven in time."""
    d = panel(single(6, 8), [1998, 2008], np.random.default_rng(19), options={"draws": 99})
    y = d.y.reshape(14, 2)
    change = y[:, 1] - y[:, 0]
    fit = did.fit(d)
    assert fit.params[0] == pytest.approx(change[:6].mean() - change[6:].mean(), abs=1e-12)
    assert fit.tests == {} or np.isnan(fit.tests["pretrend"].p_value)


def test_staggered_growing_effects_bias_twfe_alone() -> None:
    """Effects grow by one each period; 60 panels, 40 units: Monte Carlo error of the means about .04."""
    first = [1997.0] * 12 + [2001.0] * 12 + [np.inf] * 6
    rng = np.random.default_rng(20)
    effect = np.maximum(np.array(YEARS) - np.array(first)[:, None], 0.0)
    effect = np.where(np.isfinite(effect), effect, 0.0)
    under = np.array(YEARS) >= np.array(first)[:, None]
    truth = effect[under].mean()
    found = {name: [] for name in ("twfe", "imputation", "callaway_santanna")}
    for _ in range(60):
        s = quick(first, rng, effect=effect)
        for name, estimates in found.items():
            estimates.append(did.METHODS[name].point(s.design, s.cohorts))
    assert np.mean(found["imputation"]) == pytest.approx(truth, abs=0.15)
    assert np.mean(found["callaway_santanna"]) == pytest.approx(truth, abs=0.25)
    assert np.mean(found["twfe"]) < truth - 0.5


@pytest.mark.slow
def test_coverage_and_size_at_31_by_15() -> None:
    """100 panels, 12 of 31 treated, autocorrelation .7, effect 1. Monte Carlo error of a share of 95 %: 2.2 %.

    The longer simulation is benchmarks/bench_policy.py.
    """
    rng = np.random.default_rng(21)
    years = list(range(1990, 2005))
    setting = InferenceSpec("cluster", {"small_sample": "CR1"})
    covered = {name: 0 for name in ("twfe", "imputation", "callaway_santanna")}
    estimates, rejected = [], 0
    for _ in range(100):
        s = sample(single(12, 19), years, rng, 1.0, rho=0.7)
        for name in covered:
            fit = did.METHODS[name].fit(s)
            result = infer(fit, s.design, setting, 0)
            covered[name] += int(result.ci_low[0] <= 1.0 <= result.ci_high[0])
            if name == "twfe":
                estimates.append(fit.params[0])
        null = replace(s, design=replace(s.design, y=s.design.y - regressions.treated_rows(s.design, s.cohorts)))
        rejected += placebo.treated_sets(null, did.METHODS["twfe"].point, 99, rng, False).p_value <= 0.05
    assert np.mean(estimates) == pytest.approx(1.0, abs=4 * np.std(estimates) / np.sqrt(100))
    for name, count in covered.items():
        assert 0.87 <= count / 100 <= 1.0, name
    assert 0.01 <= rejected / 100 <= 0.115


def test_cohorts_keep_their_dates_when_rows_are_taken() -> None:
    s = quick(STAGGERED, np.random.default_rng(22))
    rows = np.flatnonzero(s.design.period_codes % 2 == 0).astype(np.intp)
    part = take(s.design, rows)
    cohorts = cohorts_of(part, s.cohorts.first)
    assert part.periods == tuple(YEARS[::2])
    assert cohorts.starts == (2, 3, 4)
    assert [cohorts.date(start) for start in cohorts.starts] == [1999, 2001, 2003]


def test_many_treated_units_are_not_left_out_one_by_one() -> None:
    s = sample(single(61, 10), [1999, 2000], np.random.default_rng(23))
    assert placebo.leave_one_out(s, did.METHODS["twfe"].point) == ()
