"""Power against scipy's non-central t, simulation and the textbook formula."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ruralpanel.claims.robustness import power
from ruralpanel.estimate.inference.detectable import smallest_detectable


@pytest.mark.parametrize("df", [4.0, 12.0, 30.0, 200.0])
def test_power_is_that_of_the_noncentral_t(df: float) -> None:
    effects = np.array([0.0, 0.5, 1.0, 2.0, 3.0])
    critical = stats.t.isf(0.025, df)
    wanted = [stats.nct.sf(critical, df, e) + stats.nct.cdf(-critical, df, e) if e else 0.05 for e in effects]
    # 4,000 quantiles stand for the error's distribution
    assert power.power(effects, 1.0, df) == pytest.approx(wanted, abs=2e-5)


def test_power_with_normal_critical_values() -> None:
    assert float(power.power(stats.norm.isf(0.025) + stats.norm.isf(0.2), 1.0, np.inf)) == pytest.approx(0.8, abs=1e-5)
    assert float(power.power(0.0, 2.0, np.inf)) == pytest.approx(0.05)


def test_the_detectable_effect_has_the_power() -> None:
    """t(.975) + t(.8) is the usual approximation: a power of 80 % to a thousandth at 30 degrees of freedom."""
    own = power.of_error(0.3, 30.0)
    found = own.detectable(0.8)
    assert found == smallest_detectable(0.3, 30.0) == pytest.approx((2.0422724563 + 0.8537672619) * 0.3)
    assert own.power(np.array([found]))[0] == pytest.approx(0.8, abs=0.001)
    assert smallest_detectable(0.3, 1.0) > 3 * found


def test_the_curve_rises_to_one() -> None:
    effects, values = power.of_error(0.3, 30.0).curve()
    assert effects[0] == 0.0 and values[0] == pytest.approx(0.05, abs=2e-5)
    assert (np.diff(values) > 0).all() and values[-1] > 0.99


def test_exaggeration_by_simulation() -> None:
    rng = np.random.default_rng(0)
    estimates = 0.5 + rng.standard_t(30, size=400_000)
    significant = np.abs(estimates) > stats.t.isf(0.025, 30)
    wanted = np.abs(estimates[significant]).mean() / 0.5
    assert power.exaggeration(0.5, 1.0, 30.0) == pytest.approx(wanted, rel=0.01)
    assert power.exaggeration(8.0, 1.0, 30.0) == pytest.approx(1.0, rel=0.01)
