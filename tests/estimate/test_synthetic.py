"""Synthetic weights: optimal, found where they are planted, blind to what they must not see; and their errors."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from policy_panels import panel, single
from ruralpanel.estimate.base.parts import Parts
from ruralpanel.estimate.base.policy_parts import Randomisation
from ruralpanel.estimate.base.results import Further
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.families.policy import did, did_synthetic, synthetic
from ruralpanel.estimate.families.policy.cohorts import Cohorts, paths_of, sample_of
from ruralpanel.project.notes import note
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec

YEARS = list(range(1990, 2005))


def cohorts(first: list[float], periods: list[int]) -> Cohorts:
    dates = np.array(first)
    return Cohorts(dates, np.searchsorted(periods, dates), np.array(periods))


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("ridge", [1e-12, 1e-4, 1.0])
def test_simplex_weights_meet_the_conditions_of_an_optimum(intercept: bool, ridge: float) -> None:
    """Gradient equal on positive weights and nowhere smaller, over 60 problems with up to 40 weights."""
    rng = np.random.default_rng(1)
    for _ in range(60):
        m, k = rng.integers(2, 15), rng.integers(1, 40)
        a = rng.standard_normal((m, k)).cumsum(axis=0)
        b = a @ rng.dirichlet(np.ones(k)) + rng.standard_normal(m) * rng.integers(0, 2)
        w = synthetic.least_squares(a, b, ridge, intercept)
        if intercept:
            a, b = a - a.mean(axis=0), b - b.mean()
        gradient = a.T @ (a @ w - b) / m + ridge * w
        scale = 1e-9 * max(1.0, np.abs(gradient).max())
        assert w.min() >= 0.0 and w.sum() == pytest.approx(1.0, abs=1e-12)
        assert np.ptp(gradient[w > 0]) <= scale
        assert gradient.min() >= gradient[w > 0].min() - scale


def test_planted_mixture_is_found() -> None:
    rng = np.random.default_rng(2)
    y = rng.standard_normal((9, 30)).cumsum(axis=1)
    y[0] = 0.6 * y[3] + 0.4 * y[7]
    y[0, 25:] += 2.0
    c = cohorts(single(1, 8, 25.0), list(range(30)))
    found = synthetic.estimate(y, c, difference=False)
    np.testing.assert_allclose(found.weights[0].units, [0, 0, 0.6, 0, 0, 0, 0.4, 0], atol=1e-6)
    assert found.estimate == pytest.approx(2.0, abs=1e-6)


def test_synthetic_differences_do_not_see_levels_and_scale_with_the_outcome() -> None:
    rng = np.random.default_rng(3)
    y = rng.standard_normal((12, 15)).cumsum(axis=1)
    c = cohorts(single(4, 8), YEARS)
    plain = synthetic.estimate(y, c)
    moved = synthetic.estimate(y + 10 * rng.standard_normal((12, 1)), c)
    scaled = synthetic.estimate(3.0 * y, c)
    assert moved.estimate == pytest.approx(plain.estimate, abs=1e-9)
    assert scaled.estimate == pytest.approx(3.0 * plain.estimate, abs=1e-8)


def test_equal_weights_are_the_simple_difference() -> None:
    y = np.random.default_rng(4).standard_normal((10, 6))
    weights = synthetic.Weights(4, np.arange(3), np.arange(3, 10), np.full(7, 1 / 7), np.full(4, 0.25))
    gap = y[:3].mean(axis=0) - y[3:].mean(axis=0)
    assert synthetic.effect(y, weights) == pytest.approx(gap[4:].mean() - gap[:4].mean())


def test_ridge_and_noise_are_those_of_the_paper() -> None:
    """Unit weights by their definition: ζ² = (N₁ T₁)^½ σ², σ of the others' first differences, n − 1."""
    y = np.random.default_rng(5).standard_normal((10, 9)).cumsum(axis=1)
    found = synthetic.fit_weights(y, 6, np.arange(4), np.arange(4, 10), True)
    sigma = np.std(np.diff(y[4:, :6], axis=1), ddof=1)
    expected = synthetic.least_squares(y[4:, :6].T, y[:4, :6].mean(axis=0), np.sqrt(4 * 3) * sigma**2, True)
    np.testing.assert_allclose(found.units, expected)


def test_cohorts_weigh_by_their_treated_rows() -> None:
    rng = np.random.default_rng(6)
    y = rng.standard_normal((12, 15)).cumsum(axis=1)
    c = cohorts([2000.0] * 3 + [2003.0] * 2 + [np.inf] * 7, YEARS)
    found = synthetic.estimate(y, c)
    np.testing.assert_allclose(found.shares, np.array([15.0, 4.0]) / 19.0)
    one = synthetic.estimate(y[[0, 1, 2, *range(5, 12)]], cohorts(single(3, 7), YEARS)).estimate
    two = synthetic.estimate(y[3:], cohorts([2003.0] * 2 + [np.inf] * 7, YEARS)).estimate
    assert found.estimate == pytest.approx((15 * one + 4 * two) / 19)


def test_jackknife_by_hand() -> None:
    y = np.random.default_rng(7).standard_normal((8, 6)).cumsum(axis=1)
    found = synthetic.estimate(y, cohorts(single(3, 5, 4.0), list(range(6))))
    w = found.weights[0]
    values = []
    for unit in range(8):
        own = [i for i in range(3) if i != unit]
        units = np.where(np.arange(3, 8) == unit, 0.0, w.units)
        gap = y[own].mean(axis=0) - (units / units.sum()) @ y[3:]
        values.append(gap[4:].mean() - w.periods @ gap[:4])
    expected = 7 / 8 * np.sum((np.array(values) - np.mean(values)) ** 2)
    assert synthetic.jackknife(y, found) == pytest.approx(expected)
    alone = synthetic.estimate(y, cohorts(single(1, 7, 4.0), list(range(6))))
    assert np.isnan(synthetic.jackknife(y, alone))


def test_placebos_use_untreated_units_alone() -> None:
    y = np.random.default_rng(8).standard_normal((12, 8)).cumsum(axis=1)
    c = cohorts(single(3, 9, 5.0), list(range(8)))
    first = synthetic.placebo(y, c, True, 20, np.random.default_rng(1))
    y[:3] += 1e6
    np.testing.assert_allclose(first, synthetic.placebo(y, c, True, 20, np.random.default_rng(1)))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["synthetic", "synthetic_control"])
def test_result_through_the_workflow_function(method: str) -> None:
    settings = (InferenceSpec("cluster", {"small_sample": "CR1"}), InferenceSpec("wild_cluster", {"draws": 199}))
    d = panel(
        single(5, 9), YEARS, np.random.default_rng(9), 4.0, rho=0.5, method=method, inference=settings,
        options={"draws": 99},
    )  # fmt: skip
    result = estimate(d.spec, d, 1, "")
    assert json.dumps(result.to_dict()) == json.dumps(estimate(d.spec, d, 1, "").to_dict())
    row = result.coefficient("treated")
    assert row.df == 13 and row.std_error == pytest.approx(
        result.errors["jackknife" if method == "synthetic" else "placebo"]
    )
    assert [entry.method for entry in result.inference] == ["own", "cluster", "wild_cluster"]
    assert all(entry.not_available is not None for entry in result.inference[1:])
    assert sum(result.weights[0].units.values()) == pytest.approx(1.0)
    after = [entry.estimate for entry in result.event_study if entry.event_time >= 0]
    assert np.mean(after) == pytest.approx(row.estimate)
    middle = [entry for entry in result.placebo_dates if entry.shift == 5]
    assert result.tests["pretrend"].p_value == pytest.approx(middle[0].p_value)
    assert len(result.leave_one_treated_out) == 5


@pytest.mark.parametrize("method", ["synthetic", "synthetic_control"])
def test_an_estimate_alone_has_the_same_errors_and_nothing_beside(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    design = panel(single(3, 9), YEARS, np.random.default_rng(9), 4.0, method=method, options={"draws": 19})
    whole = did.fit(design)
    monkeypatch.setattr(did_synthetic, "randomisation", None)
    monkeypatch.setattr(did_synthetic, "_placebo_dates", None)
    alone = did.refit(design)
    assert (alone.params[0], alone.df_t, alone.notes) == (whole.params[0], whole.df_t, whole.notes)
    assert alone.vcov is not None and np.array_equal(alone.vcov, whole.vcov)
    assert whole.extra.randomisation != Randomisation() and alone.extra == Parts()


def test_missing_cells_name_unit_and_period() -> None:
    d = panel(single(4, 8), YEARS, np.random.default_rng(10), method="synthetic")
    kept = ~((d.unit_codes == 6) & (d.period_codes == 7))
    cut = replace(
        d, y=d.y[kept], x=d.x[kept], unit_codes=d.unit_codes[kept], period_codes=d.period_codes[kept],
        clusters={}, extra=Further(first_treated=d.extra.first_treated[kept]),
    )  # fmt: skip
    with pytest.raises(UserError) as error:
        did.fit(cut)
    (problem,) = error.value.problems
    assert problem.found == "u006 without y in 1997"
    assert "drop: [u006]" in problem.fix and "drop_periods: [1997]" in problem.fix


def test_requests_outside_the_range() -> None:
    rng = np.random.default_rng(11)
    for first, periods, settings, words in (
        (single(4, 8), [1999, 2000, 2001], {}, "1 period before treatment with method synthetic"),
        (single(8, 2), YEARS, {}, "2 units never treated with method synthetic"),
        (single(4, 8), YEARS, {"controls": 1}, "controls with method synthetic"),
        (single(4, 8), YEARS, {"weighted": True}, "weights with method synthetic"),
    ):
        with pytest.raises(UserError, match=words):
            did.fit(panel(first, periods, rng, method="synthetic", **settings))


@pytest.mark.slow
def test_one_difference_and_missing_errors_are_said() -> None:
    uneven, options = [1998, 1999, 2003, 2008], {"draws": 99}
    fit = did.fit(panel(single(5, 8), uneven, np.random.default_rng(12), method="synthetic", options=options))
    assert note("weights_on_one_difference") in fit.notes
    fit = did.fit(
        panel(single(7, 6), YEARS, np.random.default_rng(12), method="synthetic_control", options={"draws": 99})
    )
    assert np.isnan(fit.vcov).all() and note("no_placebos") in fit.notes
    one = did.fit(panel(single(1, 12), YEARS, np.random.default_rng(12), method="synthetic", options={"draws": 99}))
    assert one.vcov_type[0].code == "placebos" and np.isfinite(one.vcov).all()


def test_less_biased_where_the_treated_have_steeper_trends() -> None:
    """80 panels, loadings on a trend .3 larger among the treated: plain differences are off by .45 = .3 × 7.5 / 5,
    synthetic differences by less than a third of it (the ridge keeps weights from fitting perfectly).
    """
    rng = np.random.default_rng(13)
    time = np.arange(15) / 5.0
    gaps = {"synthetic": [], "twfe": []}
    for _ in range(80):
        load = rng.uniform(0, 1, (31, 1))
        load[:12] = rng.uniform(0.6, 1.0, (12, 1))
        d = panel(single(12, 19), YEARS, rng, 1.0, noise=0.05)
        y = d.y.reshape(31, 15)
        d = replace(d, y=(y - y[12:].mean(axis=0) + load * time).ravel())
        s = sample_of(d)
        gaps["synthetic"].append(synthetic.estimate(paths_of(s.design, s.cohorts).y, s.cohorts).estimate - 1.0)
        gaps["twfe"].append(did.METHODS["twfe"].point(s.design, s.cohorts) - 1.0)
    assert np.mean(gaps["twfe"]) == pytest.approx(0.45, abs=0.05)
    assert abs(np.mean(gaps["synthetic"])) < 0.15


@pytest.mark.parametrize("ridge", [1e-9, 0.05, 5.0])
def test_many_weights_found_in_blocks_are_those_found_one_by_one(ridge: float, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(12, 150)), rng.normal(size=12)
    quick = synthetic.least_squares(a, b, ridge, intercept=True)
    monkeypatch.setattr(synthetic, "MANY", 10**6)
    assert synthetic.least_squares(a, b, ridge, intercept=True) == pytest.approx(quick, abs=1e-7)
    assert quick.sum() == pytest.approx(1.0) and quick.min() >= 0.0
