"""Unit-root tests of panels: statistics by ordinary regressions, critical values by simulation, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm

from ruralpanel.estimate.families.common_effects.unit_roots import (
    BOUNDS,
    SIZES,
    cips,
    critical_values,
    smallest,
    why_not,
)

Array = np.ndarray[Any, Any]


def walks(rng: np.random.Generator, units: int, periods: int, rho: float = 1.0) -> Array:
    """Autoregressions about unit levels with a common shock of each period; `rho` one: random walks."""
    shocks = rng.standard_normal((units, periods + 20)) + rng.uniform(0.5, 1.5, (units, 1)) * rng.standard_normal(
        periods + 20
    )
    values = np.zeros_like(shocks)
    for t in range(1, values.shape[1]):
        values[:, t] = rho * values[:, t - 1] + shocks[:, t]
    return values[:, 20:] + rng.standard_normal((units, 1))


@pytest.mark.parametrize("case", ["intercept", "trend"])
@pytest.mark.parametrize("lags", [0, 1, 2])
def test_statistics_by_ordinary_regressions(lags: int, case: str) -> None:
    """statsmodels, one regression for each unit, columns as Pesaran (2007) writes them."""
    values = walks(np.random.default_rng(1), 12, 22)
    steps, mean = np.diff(values, axis=1), values.mean(axis=0)
    mean_steps = np.diff(mean)
    expected = []
    for own, step in zip(values, steps, strict=True):
        rows = []
        for t in range(lags + 1, 22):
            past = [mean_steps[t - 1 - j] for j in range(lags + 1)] + [step[t - 1 - j] for j in range(1, lags + 1)]
            rows.append([own[t - 1], 1.0, mean[t - 1], *past, *([float(t)] if case == "trend" else [])])
        expected.append(sm.OLS(step[lags:], np.array(rows)).fit().tvalues[0])
    found = cips(values, lags, case)
    assert found.by_unit == pytest.approx(expected, abs=1e-8)
    assert found.plain == pytest.approx(np.mean(expected), abs=1e-8)
    assert (found.units, found.periods, found.lags) == (12, 21 - lags, lags)


def test_extreme_statistics_are_cut_off() -> None:
    """A unit that falls back to its level at once."""
    values = walks(np.random.default_rng(2), 10, 12)
    values[0] = values[1:].mean(axis=0) + np.tile([1.0, -1.0], 6) + 1e-3 * np.random.default_rng(3).standard_normal(12)
    found = cips(values)
    assert found.by_unit[0] < BOUNDS["intercept"][0]
    clipped = np.clip(found.by_unit, *BOUNDS["intercept"])
    assert found.statistic == pytest.approx(clipped.mean()) and found.statistic > found.plain


def test_levels_and_units_of_measure_do_not_matter() -> None:
    values = walks(np.random.default_rng(4), 12, 16)
    moved = cips(100.0 * values + np.arange(12.0)[:, None])
    assert moved.by_unit == pytest.approx(cips(values).by_unit, rel=1e-8)


# Critical values


def test_critical_values_of_the_published_table() -> None:
    """A row as Stata's pescadf prints it (15 units, 29 periods); corners of tables II(b) and II(c)."""
    assert critical_values(15, 30) == {"1%": -2.45, "5%": -2.25, "10%": -2.14}
    assert critical_values(10, 10)["5%"] == -2.47 and critical_values(200, 200)["5%"] == -2.07
    assert critical_values(10, 10, "trend")["1%"] == -3.51 and critical_values(200, 200, "trend")["10%"] == -2.51


@pytest.mark.parametrize("case", ["intercept", "trend"])
def test_tables_are_smooth(case: str) -> None:
    """No figure far from what its neighbours say, as a misread digit would be: more units, less extreme values."""
    for level in ("1%", "5%", "10%"):
        table = np.array([[critical_values(n, t, case)[level] for n in SIZES] for t in SIZES])
        assert (np.diff(table, axis=1) > -0.011).all()
        bend = np.abs(table[1:-1] - (table[2:] + table[:-2]) / 2)
        assert bend[1:].max() < 0.06
    values = np.array([[list(critical_values(n, t, case).values()) for n in SIZES] for t in SIZES])
    assert (np.diff(values, axis=2) > 0.035).all(), "1 % is below 5 % below 10 %"


def test_values_between_the_tabulated_sizes_lie_between() -> None:
    assert critical_values(31, 14)["5%"] == pytest.approx(np.interp(14, [10, 15], [-2.2185, -2.167]), abs=5e-4)
    assert critical_values(500, 500) == critical_values(200, 200)


def test_a_critical_value_simulated_anew() -> None:
    """20 units, 15 periods (14 in the regressions): random walks fall below the tabulated 5 and 10 % that often.

    800 panels: Monte Carlo errors .008 and .011.
    """
    rng = np.random.default_rng(20120126)
    found = np.array([cips(walks(rng, 20, 15)).statistic for _ in range(800)])
    table = critical_values(20, 15)
    assert np.mean(found < table["5%"]) == pytest.approx(0.05, abs=0.024)
    assert np.mean(found < table["10%"]) == pytest.approx(0.10, abs=0.033)


def test_stationary_series_are_found() -> None:
    rng = np.random.default_rng(5)
    found = [cips(walks(rng, 31, 20, rho=0.4)).summary("y") for _ in range(20)]
    assert sum(row.rejected_at == "1%" for row in found) >= 18
    walk = cips(walks(rng, 31, 20)).summary("y")
    assert walk.critical_values == critical_values(31, 20)
    assert (walk.variable, walk.units, walk.periods) == ("y", 31, 19)


# Refusals


@pytest.mark.parametrize(("lags", "case", "least"), [(0, "intercept", 10), (1, "intercept", 11), (3, "trend", 16)])
def test_the_smallest_panel(lags: int, case: str, least: int) -> None:
    assert smallest(lags, case) == least
    values = walks(np.random.default_rng(6), 12, least)
    assert np.isfinite(cips(values, lags, case).statistic)
    reason = f"{least - 1} periods with {lags} lags: at least {least}"
    assert str(why_not(values[:, 1:], lags, case)) == reason
    with pytest.raises(ValueError, match=reason):
        cips(values[:, 1:], lags, case)


def test_few_units_and_holes_are_refused() -> None:
    values = walks(np.random.default_rng(7), 12, 12)
    assert str(why_not(values[:9], 0)).startswith("9 units: at least 10")
    values[3, 4] = np.nan
    assert str(why_not(values, 0)) == "some unit lacks a period: the test needs every figure"
