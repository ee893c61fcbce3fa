"""Bounds where trends differ: worst cases by linear programming, quantiles by simulation, coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from policy_panels import sample, single
from ruralpanel.estimate.families.policy import dynamics, honest_did
from ruralpanel.estimate.families.policy.honest_did import EventStudy
from ruralpanel.project.problems import UserError

pytestmark = pytest.mark.slow

UNEVEN = np.array([-9.0, -6.0, -4.0, -1.0, 1.0, 2.0, 5.0])


def study(times: np.ndarray, after: int, seed: int, weights: np.ndarray | None = None, **settings) -> EventStudy:
    rng = np.random.default_rng(seed)
    k = times.size - 1
    root = rng.standard_normal((k, k))
    target = np.full(after, 1.0 / after) if weights is None else weights
    return EventStudy(rng.standard_normal(k), root @ root.T / k, times, target, **settings)


def path_of(levels: np.ndarray, before: int) -> np.ndarray:
    """Deviations in all periods, the reference's zero among them."""
    return np.insert(levels, before, 0.0)


@pytest.mark.parametrize("times", [np.arange(-5.0, 3.0), UNEVEN])
def test_identified_set_by_linear_programming(times: np.ndarray) -> None:
    """Largest and smallest bias of the target over all paths whose steps after treatment are bounded."""
    weights = np.array([0.5, -0.2, 0.7])
    s = study(times, 3, 1, weights)
    steps = np.diff(times)
    p = s.before
    slopes = np.diff(path_of(s.beta, p))[:p] / steps[:p]
    limit = 1.5 * np.abs(slopes).max() * steps[p:]
    worst = []
    for sign in (1.0, -1.0):
        # the path is the running sum of its steps
        found = optimize.linprog(sign * weights @ np.tril(np.ones((3, 3))), bounds=[(-b, b) for b in limit])
        worst.append(sign * found.fun)
    low, high = honest_did.identified(s, 1.5)
    assert low == pytest.approx(s.estimate - max(worst))
    assert high == pytest.approx(s.estimate - min(worst))


@pytest.mark.parametrize("times", [np.arange(-5.0, 3.0), UNEVEN])
def test_worst_bias_under_smoothness_by_linear_programming(times: np.ndarray) -> None:
    s = study(times, 3, 2)
    weights = honest_did._shortest(s, 0.3)
    steps = np.diff(times)
    p, k = s.before, s.beta.size
    slope = np.diff(np.insert(np.eye(k), p, 0.0, axis=0), axis=0) / steps[:, None]
    bends = np.diff(slope, axis=0) / (0.5 * (steps[1:] + steps[:-1]))[:, None]
    worst = optimize.linprog(
        -weights, A_ub=np.vstack([bends, -bends]), b_ub=np.full(2 * len(bends), 0.3), bounds=[(None, None)] * k
    )
    assert worst.success
    assert 0.3 * honest_did._worst_bias(s, weights) == pytest.approx(-worst.fun, rel=1e-6)
    line = np.delete(times - times[p], p)
    assert weights @ line == pytest.approx(0.0, abs=1e-7)


@pytest.mark.parametrize("m", [0.0, 0.05, 0.5, 5.0])
def test_no_other_weights_give_a_shorter_interval(m: float) -> None:
    s = study(np.arange(-5.0, 3.0), 2, 3)
    low, high = honest_did.smoothness(s, m)
    best = honest_did._shortest(s, m)
    rng = np.random.default_rng(4)
    line = np.delete(s.times - s.times[s.before], s.before)[: s.before]
    for scale in (1e-3, 1e-2, 0.1, 1.0):
        for _ in range(50):
            step = rng.standard_normal(s.before)
            step -= line * (line @ step) / (line @ line)  # keeps a linear path unbiased
            other = best.copy()
            other[: s.before] += scale * step
            error = np.sqrt(other @ s.vcov @ other)
            half = error * honest_did.folded_normal(m * honest_did._worst_bias(s, other) / error)
            assert 2.0 * half >= (high - low) * (1.0 - 1e-7)


def test_a_line_is_no_bias_under_smoothness() -> None:
    s = study(UNEVEN, 3, 5)
    line = np.delete(UNEVEN - UNEVEN[s.before], s.before)
    tilted = EventStudy(s.beta + 0.7 * line, s.vcov, s.times, s.weights)
    for m in (0.0, 0.4):
        np.testing.assert_allclose(honest_did.smoothness(tilted, m), honest_did.smoothness(s, m), atol=1e-6)


def test_time_is_measured_in_any_unit() -> None:
    """Quarters instead of years: the same bounds, M̄ free of units and M per unit squared."""
    s = study(UNEVEN, 3, 6)
    quarters = EventStudy(s.beta, s.vcov, 4.0 * s.times, s.weights)
    for m in (0.0, 0.7):
        np.testing.assert_allclose(honest_did.relative_magnitudes(quarters, m), honest_did.relative_magnitudes(s, m))
        np.testing.assert_allclose(honest_did.smoothness(quarters, m / 16.0), honest_did.smoothness(s, m), atol=1e-6)


def test_without_differing_trends_it_is_the_usual_interval() -> None:
    s = study(np.arange(-4.0, 3.0), 2, 7, stretch=1.1)
    place = s.beta.size - 2
    error = 1.1 * np.sqrt(s.weights @ s.vcov[place:, place:] @ s.weights)
    low, high = honest_did.relative_magnitudes(s, 0.0)
    assert (low, high) == pytest.approx((s.estimate - 1.959964 * error, s.estimate + 1.959964 * error), abs=1e-5)


@pytest.mark.parametrize("rho", [-1.0, -0.7, 0.0, 0.5, 0.99])
def test_larger_of_two_normals(rho: float) -> None:
    c = honest_did.larger_of_two(rho)
    if rho == -1.0:
        assert c == pytest.approx(1.959964, abs=1e-6)
        return
    both = stats.multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf([c, c])
    assert both == pytest.approx(0.95, abs=1e-6)


@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0, 3.0, 5.9, 6.1, 20.0])
def test_folded_normal_quantile(shift: float) -> None:
    c = honest_did.folded_normal(shift)
    assert stats.norm.cdf(c - shift) - stats.norm.cdf(-c - shift) == pytest.approx(0.95, abs=1e-9)


def test_bounds_widen_and_break_down_where_zero_comes_in() -> None:
    s = study(np.arange(-5.0, 3.0), 2, 8)
    s = EventStudy(s.beta + np.r_[np.zeros(s.before), 8.0, 8.0], s.vcov, s.times, s.weights)
    found = honest_did.bounds(s, "models.m")
    widths = [entry.ci_high - entry.ci_low for entry in found.relative_magnitudes]
    assert np.all(np.diff(widths) > 0)
    assert all(
        entry.ci_low <= entry.bound_low <= entry.bound_high <= entry.ci_high for entry in found.relative_magnitudes
    )
    m = found.breakdown
    assert m > 0
    assert honest_did.relative_magnitudes(s, 0.999 * m)[0] > 0 >= honest_did.relative_magnitudes(s, 1.001 * m)[0]
    widths = [entry.ci_high - entry.ci_low for entry in found.smoothness]
    assert np.all(np.diff(widths) > 0)


def test_one_change_before_treatment_is_refused() -> None:
    with pytest.raises(UserError, match=r"1 change between periods before treatment.*3 periods before treatment"):
        honest_did.bounds(study(np.array([-2.0, -1.0, 0.0, 1.0]), 2, 9), "models.m")


def test_measured_from_another_period() -> None:
    rng = np.random.default_rng(10)
    y = rng.standard_normal((500, 5))
    means, cov = y.mean(axis=0), np.cov(y.T) / 500

    def against(reference: int) -> tuple[np.ndarray, np.ndarray]:
        change = np.delete(np.eye(5), reference, axis=0)
        change[:, reference] -= 1.0
        return change @ means, change @ cov @ change.T

    beta, vcov = honest_did.rebased(*against(0), 0, 2)
    np.testing.assert_allclose(beta, against(2)[0], atol=1e-14)
    np.testing.assert_allclose(vcov, against(2)[1], atol=1e-14)


def test_working_covariance_is_exact_for_its_own_kind() -> None:
    times = np.array([1990.0, 1991, 1992, 1995, 1996, 1998])
    change = np.delete(np.eye(6), 3, axis=0)
    change[:, 3] = -1.0
    truth = 0.04 * change @ 0.6 ** np.abs(times[:, None] - times) @ change.T
    np.testing.assert_allclose(honest_did.autoregressive(truth, times, 3), truth, atol=1e-12)


def test_coverage_at_31_by_15() -> None:
    """30 panels, 12 of 31 treated, a line of .3 a year for the treated, autocorrelation .5: the usual interval fails,
    both kinds of bounds cover. Monte Carlo error of a share of 95 %: 4 %.
    """
    rng = np.random.default_rng(11)
    years = list(range(1990, 2005))
    covered = {"usual": 0, "relative": 0, "smooth": 0}
    for _ in range(30):
        s = sample(single(12, 19), years, rng, rho=0.5)
        d = s.design
        line = 0.3 * (d.period_codes - 9) * s.cohorts.treated[d.unit_codes]
        tilted = type(s)(type(d)(**{**vars(d), "y": d.y + line}), s.cohorts, s.rows, {}, ())
        found = dynamics.honest(dynamics.dynamic(tilted, "twfe"), "models.m").average
        relative = {entry.m: entry for entry in found.relative_magnitudes}
        for name, entry in (("usual", relative[0.0]), ("relative", relative[1.0]), ("smooth", found.smoothness[0])):
            covered[name] += entry.ci_low <= 0.0 <= entry.ci_high
    assert covered["usual"] / 30 < 0.75
    assert covered["relative"] / 30 >= 0.95
    assert 0.83 <= covered["smooth"] / 30 <= 1.0
