"""Specification tests by their formulas and size; influence by leaving units out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from ruralpanel import diagnostics
from ruralpanel.estimators.arrays import design_from_arrays
from ruralpanel.estimators.base import Design
from ruralpanel.estimators.registry import fit


def panel(
    seed: int, units: int = 15, periods: int = 6, correlated: float = 0.0, rho: float = 0.0, **settings
) -> Design:
    rng = np.random.default_rng(seed)
    unit, period = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    effect = rng.normal(size=units)
    x = rng.normal(size=(unit.size, 2)) + correlated * effect[unit, None]
    noise = np.zeros((units, periods))
    shock = rng.normal(size=(units, periods))
    for t in range(periods):
        noise[:, t] = (rho * noise[:, t - 1] if t else 0.0) + shock[:, t]
    y = x.sum(axis=1) + effect[unit] + noise.ravel()
    settings = {"estimator": "fe", "effects": ("unit", "period"), "options": {"engine": "numpy"}} | settings
    return design_from_arrays(y, x, [f"{u:02d}" for u in unit], period, **settings)


@pytest.mark.parametrize("settings", [{}, {"estimator": "pooled", "effects": ()}, {"effects": ("unit",)}], ids=str)
def test_influence_is_the_change_without_the_unit(settings: dict) -> None:
    d = panel(1, **settings)
    whole = fit(d)
    found = diagnostics.influence(d, whole)
    assert sum(found["leverage"]) == pytest.approx(1.0)
    for i, name in enumerate(found["units"]):
        kept = np.array(d.units)[d.unit_codes] != name
        part = design_from_arrays(
            d.y[kept], d.x[kept], np.array(d.units)[d.unit_codes][kept], d.period_codes[kept],
            estimator=d.spec.estimator, effects=d.spec.effects, options={"engine": "numpy"},
        )  # fmt: skip
        change = whole.params - fit(part).params
        assert [found["dfbeta"][term][i] for term in whole.terms] == pytest.approx(change, rel=1e-8)
    largest = int(np.argmax(np.abs(found["dfbeta"]["x1"])))
    assert found["most_influential"]["x1"] == found["units"][largest]


def test_influence_lists_the_largest_of_many_units() -> None:
    d = panel(2, units=80, periods=3)
    found = diagnostics.influence(d, fit(d))
    assert len(found["units"]) == diagnostics.MOST_UNITS
    assert found["units"] == sorted(found["units"])


def test_pesaran_cd_by_its_formula_with_gaps() -> None:
    rng = np.random.default_rng(3)
    d = panel(3, units=5, periods=8)
    residuals = rng.normal(size=40)
    residuals[[2, 17, 18]] = np.nan
    table = residuals.reshape(5, 8)
    total, pairs = 0.0, 0
    for i in range(5):
        for j in range(i + 1, 5):
            both = np.isfinite(table[i]) & np.isfinite(table[j])
            total += np.sqrt(both.sum()) * np.corrcoef(table[i, both], table[j, both])[0, 1]
            pairs += 1
    found = diagnostics.pesaran_cd(residuals, d)
    assert found.statistic == pytest.approx(total / np.sqrt(pairs))
    assert found.p_value == pytest.approx(2 * stats.norm.sf(abs(found.statistic)))
    assert "Juodis" in diagnostics.pesaran_cd(residuals, d, ("unit", "period")).note


def test_breusch_pagan_lm_by_its_formula() -> None:
    d = panel(4, estimator="pooled", effects=())
    e = fit(d).residuals.reshape(15, 6)
    expected = 15 * 6 / (2 * 5) * (np.sum(e.sum(axis=1) ** 2) / np.sum(e**2) - 1) ** 2
    assert diagnostics.breusch_pagan_lm(d).statistic == pytest.approx(expected)


def test_serial_correlation_keeps_its_size_and_finds_it() -> None:
    """300 panels of 15 × 6: 5 % within 3 Monte Carlo errors; with ρ = .7 nearly always rejected."""
    p = {rho: [] for rho in (0.0, 0.7)}
    for seed in range(300):
        for rho, values in p.items():
            if rho and seed >= 40:
                continue
            test = diagnostics.wooldridge(panel(seed, rho=rho, effects=("unit",)))
            assert test is not None
            values.append(test.p_value)
    assert np.mean(np.array(p[0.0]) <= 0.05) == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 300))
    assert np.mean(np.array(p[0.7]) <= 0.05) > 0.6
    assert diagnostics.wooldridge(panel(0, periods=2)) is None


def test_hausman_and_mundlak_find_effects_that_correlate_with_regressors() -> None:
    """The statistic of Hausman may be negative where its p-value is not defined; Mundlak's is always."""
    for name in ("hausman", "mundlak"):
        test = getattr(diagnostics, name)
        apart = [test(panel(seed, units=40, correlated=1.0, effects=("unit",))) for seed in range(20)]
        together = [test(panel(seed, units=40, effects=("unit",))) for seed in range(100)]
        for found in (*apart, *together):
            assert np.isnan(found.p_value) == (found.statistic < 0)
        assert max(found.p_value for found in apart if found.statistic >= 0) < 0.05
        rejected = np.mean([found.p_value <= 0.05 for found in together])
        # classical matrices with residual variances of their own: Hausman's test is known to reject too often
        assert rejected < (0.2 if name == "hausman" else 0.05 + 3 * np.sqrt(0.05 * 0.95 / 100))
        assert name == "hausman" or all(found.statistic > 0 for found in apart)


def test_groupwise_heteroskedasticity_is_found() -> None:
    rng = np.random.default_rng(5)
    d = panel(5, units=10, periods=40)
    equal, unequal = rng.normal(size=400), rng.normal(size=400) * np.repeat(np.linspace(0.5, 3, 10), 40)
    assert diagnostics.groupwise(unequal, d).p_value < 1e-6
    assert diagnostics.groupwise(equal, d).p_value > 0.001


def test_which_tests_a_model_gets() -> None:
    fixed = panel(6)
    found = diagnostics.specification_tests(fixed, fit(fixed))
    assert list(found) == [
        "f_effects", "hausman", "mundlak", "pesaran_cd", "serial_correlation", "heteroskedasticity",
    ]  # fmt: skip
    random = panel(6, estimator="re", effects=())
    assert "breusch_pagan_lm" in diagnostics.specification_tests(random, fit(random))
    other = replace(fixed, spec=replace(fixed.spec, estimator="iv"))
    assert diagnostics.specification_tests(other, fit(fixed)) == {}
    weighted = replace(fixed, weights=np.linspace(1, 2, fixed.y.size))
    assert "hausman" not in diagnostics.specification_tests(weighted, fit(weighted))


def test_invariant_terms_do_not_stop_the_tests() -> None:
    """A random-effects model may hold terms that fixed effects cannot: Hausman compares the others."""
    d = panel(7, estimator="re", effects=())
    area = np.random.default_rng(0).normal(size=15)[d.unit_codes]
    wide = replace(d, x=np.column_stack([d.x, area]), terms=("x1", "x2", "area"))
    found = diagnostics.specification_tests(wide, fit(wide))
    assert found["hausman"].df == 2.0
    assert found["mundlak"].df == (2.0, 14.0)
