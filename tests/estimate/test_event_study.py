"""Effects by period: what they measure, what came before, placebos over treated sets."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import special

from policy_panels import panel, sample, single, slopes
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.estimators import estimator
from ruralpanel.estimate.families.policy import dynamics, event_study, placebo, pretrends, regressions
from ruralpanel.estimate.families.policy.summary import TreatedCohort
from ruralpanel.project.notes import note
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec

YEARS = list(range(1995, 2005))
UNEVEN = [1998, 1999, 2003, 2008]


def test_registered() -> None:
    assert estimator("event_study") is event_study.fit


@pytest.mark.parametrize("periods", [YEARS, UNEVEN])
@pytest.mark.parametrize("reference", [None, 1998])
def test_balanced_effects_are_differences_of_mean_changes(periods: list[int], reference: int | None) -> None:
    options = {"reference": reference}
    d = panel(single(5, 7), periods, np.random.default_rng(1), estimator="event_study", options=options)
    fit = event_study.fit(d)
    y = d.y.reshape(12, -1)
    base = periods.index(1999 if reference is None else reference)
    expected = (y[:5].mean(axis=0) - y[5:].mean(axis=0)) - (y[:5, base].mean() - y[5:, base].mean())
    assert fit.terms == tuple(f"treated:{p}" for p in periods if p != periods[base])
    np.testing.assert_allclose(fit.params, np.delete(expected, base), atol=1e-12)
    rows = fit.extra.event_study
    assert [row.period for row in rows] == periods
    assert [row.event_time for row in rows] == [p - 2000 for p in periods]
    np.testing.assert_allclose([row.estimate for row in rows], expected, atol=1e-12)
    after = [i for i, p in enumerate(periods) if p >= 2000]
    assert fit.extra.average_effect.estimate == pytest.approx(expected[after].mean(), abs=1e-12)


def test_unbalanced_weighted_with_controls_is_least_squares_on_dummies() -> None:
    d = panel(
        single(6, 8), YEARS, np.random.default_rng(2), controls=2, missing=0.15, weighted=True, estimator="event_study"
    )
    fit = event_study.fit(d)
    treated = np.isfinite(d.extra.first_treated)
    years = np.array(d.periods)[d.period_codes]
    columns = np.column_stack([treated & (years == y) for y in YEARS if y != 1999]).astype(float)
    np.testing.assert_allclose(fit.params[:9], slopes(d, columns), atol=1e-10)


@pytest.mark.parametrize("method", ["twfe", "imputation"])
def test_group_trends_remove_a_line_exactly(method: str) -> None:
    """With a line for the treated and no noise, departures before are zero and the effects are the true ones."""
    truth = 0.7 + 0.1 * np.arange(10)
    d = panel(single(5, 6), YEARS, np.random.default_rng(3), truth, noise=0.0, estimator="event_study", method=method)
    years = np.array(d.periods)[d.period_codes]
    line = np.where(np.isfinite(d.extra.first_treated), 0.3 * (years - 1995.0), 0.0)
    tilted = event_study.fit(type(d)(**{**vars(d), "y": d.y + line, "spec": _with(d, group_trends=True)}))
    found = {row.period: row.estimate for row in tilted.extra.event_study}
    assert list(found) == YEARS
    for year in YEARS:
        assert found[year] == pytest.approx(truth[year - 1995] if year >= 2000 else 0.0, abs=1e-9)
    assert tilted.extra.honest_did is None


def test_group_trends_are_a_column_of_the_regression() -> None:
    d = panel(
        single(5, 6), YEARS, np.random.default_rng(4), missing=0.1, estimator="event_study",
        options={"group_trends": True},
    )  # fmt: skip
    treated = np.isfinite(d.extra.first_treated)
    years = np.array(d.periods)[d.period_codes]
    columns = [treated & (years == year) for year in YEARS if year >= 2000]
    columns.append(np.where(treated, years - 1999.0, 0.0))
    fit = event_study.fit(d)
    assert fit.terms[-1] == "treated:trend"
    np.testing.assert_allclose(fit.params, slopes(d, np.column_stack(columns).astype(float)), atol=1e-10)


def test_several_dates_are_counted_in_event_time() -> None:
    first = [1999.0] * 3 + [2001.0] * 3 + [np.inf] * 5
    d = panel(first, YEARS, np.random.default_rng(5), estimator="event_study")
    fit = event_study.fit(d)
    assert fit.terms[:7] == ("event:-6", "event:-5", "event:-4", "event:-3", "event:-2", "event:0", "event:+1")
    years = np.array(d.periods)[d.period_codes]
    times = years - d.extra.first_treated
    columns = np.column_stack([times == t for t in (-6, -5, -4, -3, -2, 0, 1, 2, 3, 4, 5)]).astype(float)
    np.testing.assert_allclose(fit.params, slopes(d, columns), atol=1e-10)
    assert note("event_times_mixed") in fit.notes
    for method in ("callaway_santanna", "imputation", "stacked"):
        other = event_study.fit(panel(first, YEARS, np.random.default_rng(5), estimator="event_study", method=method))
        assert set(other.terms) == set(fit.terms)
        assert note("event_times_mixed") not in other.notes


def test_who_is_left_out_is_named() -> None:
    first = [1990.0, 1995.0, 2000.0, 2000.0, 2000.0, 2010.0] + [np.inf] * 6
    d = panel(first, YEARS, np.random.default_rng(6), estimator="event_study")
    fit = event_study.fit(d)
    assert fit.n_dropped == {"treated_from_first": 20}
    assert note("treated_from_first", units=["u000", "u001"]) in fit.notes
    assert note("treated_after_last", units=["u005"]) in fit.notes
    assert set(d.unit_codes[fit.rows]) == set(range(2, 12))
    assert fit.extra.treatment.cohorts == (TreatedCohort(2000, 2000, ("u002", "u003", "u004")),)


def test_one_difference_before_treatment_is_said_and_gives_no_bounds() -> None:
    fit = event_study.fit(panel(single(6, 8), UNEVEN, np.random.default_rng(7), estimator="event_study"))
    assert fit.extra.honest_did is None
    assert any(one.code == "no_bounds" and one.values["reason"].values["changes"] == 1 for one in fit.notes)
    assert any(one.code == "two_periods_before" for one in fit.notes)
    assert fit.tests["pretrend"].df[0] == 1.0 and 5.0 <= fit.tests["pretrend"].df[1] <= 13.0


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"options": {"reference": 2001}}, "2001"),
        ({"options": {"reference": 1900}}, "1900"),
        ({"method": "stacked", "options": {"group_trends": True}}, "group_trends with method stacked"),
        ({"method": "callaway_santanna", "options": {"reference": 1997}}, "reference with method callaway_santanna"),
        ({"method": "callaway_santanna", "weighted": True}, "weights with method callaway_santanna"),
    ],
)
def test_requests_that_cannot_be_met(settings: dict, found: str) -> None:
    with pytest.raises(UserError) as error:
        event_study.fit(panel(single(4, 6), YEARS, np.random.default_rng(8), estimator="event_study", **settings))
    assert error.value.problems[0].found == found


def test_samples_that_cannot_be_compared() -> None:
    for first, found in (
        ([np.inf] * 6, "no unit that is first untreated and then treated in the sample"),
        ([1990.0] * 3 + [np.inf] * 3, "no unit that is first untreated and then treated in the sample"),
        ([2000.0] * 6, "every unit treated from the same period"),
    ):
        with pytest.raises(UserError) as error:
            event_study.fit(panel(first, YEARS, np.random.default_rng(9), estimator="event_study"))
        assert error.value.problems[0].found == found
    with pytest.raises(UserError, match="never treated"):
        event_study.fit(panel([1998.0, 1998, 2001, 2001], YEARS, np.random.default_rng(9), estimator="event_study"))


def test_joint_test_is_hotellings() -> None:
    rng = np.random.default_rng(10)
    root = rng.standard_normal((4, 4))
    leads = pretrends.Leads(rng.standard_normal(4), root @ root.T, np.arange(-4.0, 0.0), 19.0, 19.0)
    test = pretrends.joint(leads)
    wald = leads.beta @ np.linalg.inv(leads.vcov) @ leads.beta
    assert test.statistic == pytest.approx(wald * 16 / (4 * 19))
    assert test.p_value == pytest.approx(special.fdtrc(4, 16, wald * 16 / (4 * 19)))
    few = pretrends.joint(pretrends.Leads(leads.beta, leads.vcov, leads.times, 3.0, 3.0))
    assert np.isnan(few.p_value) and few.note == (note("too_many_leads", leads=4, df=3.0),)


@pytest.mark.slow
def test_power_is_what_simulation_gives() -> None:
    """The slope comes from 20,000 draws (error .0035): within .01; 4,000 draws of the joint test (.006): within .02."""
    rng = np.random.default_rng(11)
    root = rng.standard_normal((3, 3))
    vcov, times, clusters = root @ root.T, np.array([-4.0, -3.0, -1.0]), 31
    leads = pretrends.Leads(np.zeros(3), vcov, times, 30.0, 30.0)
    found = pretrends.power(leads, np.array([1.0, 2.0]), np.array([0.5, 0.5]))
    slope = found.each.slope_50
    assert found.each.bias_50 == pytest.approx(1.5 * slope)
    draws = rng.multivariate_normal(slope * times, vcov, 400_000)
    critical = special.stdtrit(30, 0.975)
    assert np.mean(np.any(np.abs(draws) > critical * np.sqrt(np.diag(vcov)), axis=1)) == pytest.approx(0.5, abs=0.01)
    slope = found.joint.slope_80
    # Hotelling's T²: mean of G normal vectors against its own estimated covariance
    rejected = []
    for _ in range(4_000):
        sample_ = rng.multivariate_normal(slope * times, vcov * clusters, clusters)
        mean, cov = sample_.mean(axis=0), np.cov(sample_.T) / clusters
        rejected.append(pretrends.joint(pretrends.Leads(mean, cov, times, 30.0, 30.0)).p_value < 0.05)
    assert np.mean(rejected) == pytest.approx(0.8, abs=0.02)


def test_randomisation_before_treatment_by_literal_enumeration() -> None:
    s = sample(single(3, 4), [1997, 1998, 1999, 2000], np.random.default_rng(12))
    found = placebo.leads(s, np.array([0, 1]), 2, 999, np.random.default_rng(0))
    y = s.design.y.reshape(7, 4)
    change = y[:, :2] - y[:, [2]]

    def wald(chosen: tuple[int, ...]) -> float:
        inside = np.isin(np.arange(7), chosen)
        gap = change[inside].mean(axis=0) - change[~inside].mean(axis=0)
        v = np.cov(change[inside].T, bias=True) / inside.sum() + np.cov(change[~inside].T, bias=True) / (~inside).sum()
        return float(gap @ np.linalg.solve(v, gap))

    from itertools import combinations

    values = [wald(chosen) for chosen in combinations(range(7), 3)]
    expected = np.mean(np.array(values) >= wald((0, 1, 2)) * (1 - 1e-9))
    assert found is not None and found.p_value == pytest.approx(expected)


def test_result_holds_the_event_study_and_the_first_setting_rules() -> None:
    settings = (InferenceSpec("cluster", {"small_sample": "CR2"}), InferenceSpec("wild_cluster", {"draws": 199}))
    d = panel(single(6, 8), YEARS, np.random.default_rng(13), estimator="event_study", inference=settings)
    result = estimate(d.spec, d, 1, "")
    by_term = {row.term: row for row in result.event_study}
    for coefficient in result.coefficients:
        assert by_term[coefficient.term].std_error == pytest.approx(coefficient.std_error)
        assert by_term[coefficient.term].ci_low == pytest.approx(coefficient.ci_low)
        assert coefficient.p_wild is not None
    assert by_term["treated:1999"].std_error is None
    assert {"pretrend", "joint"} <= set(result.tests)
    json.dumps(result.to_dict())


@pytest.mark.slow
def test_pre_trend_test_and_randomisation_have_size() -> None:
    """200 null panels of 31 × 10 with autocorrelation: rejections at 5 % between 1 and 10 % (± 3 errors of 1.5 %)."""
    rng = np.random.default_rng(14)
    rejected = np.zeros(2)
    for _ in range(200):
        s = sample(single(12, 19), YEARS, rng, rho=0.7)
        found = dynamics.dynamic(s, "twfe")
        exact = placebo.leads(s, np.arange(4), 4, 99, rng)
        assert exact is not None
        rejected += [pretrends.joint(dynamics.leads_of(found, s)).p_value <= 0.05, exact.p_value <= 0.05]
    assert np.all((rejected / 200 >= 0.005) & (rejected / 200 <= 0.10))


def test_reference_and_terms_without_periods_before() -> None:
    s = sample(single(5, 6), YEARS, np.random.default_rng(15))
    assert regressions.reference_of(s.design, s.cohorts).term == "treated:1999"
    one = sample(single(5, 6), [1999, 2000, 2001], np.random.default_rng(15))
    found = event_study.fit(panel(single(5, 6), [1999, 2000, 2001], np.random.default_rng(15), estimator="event_study"))
    assert regressions.reference_of(one.design, one.cohorts).period == 1999
    assert np.isnan(found.tests["pretrend"].p_value)
    assert any(one.code == "one_period_before" for one in found.notes)


def _with(design, **options):
    from dataclasses import replace

    return replace(design.spec, options=design.spec.options.changed(**options))


def test_degrees_of_freedom_of_two_groups() -> None:
    """One lead: Welch's; equal shares: between the smaller group's and the sum."""
    rng = np.random.default_rng(16)
    treated = np.arange(20) < 8
    scores = rng.standard_normal((20, 1)) * np.where(treated, 3.0, 1.0)[:, None]
    a, b = np.sum(scores[treated] ** 2), np.sum(scores[~treated] ** 2)
    assert pretrends.degrees(scores, treated) == pytest.approx((a + b) ** 2 / (a**2 / 7 + b**2 / 11))
    several = pretrends.degrees(rng.standard_normal((20, 3)), treated)
    assert 7.0 <= several <= 18.0
