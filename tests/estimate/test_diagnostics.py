"""Specification tests by their formulas and size; influence by leaving units out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import policy_panels
from ruralpanel.estimate import diagnostics, specification_tests
from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design
from ruralpanel.estimate.dependence import mean_correlation, pair_correlations, pesaran
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.simulated_size import null_panels
from ruralpanel.project.notes import note

pytestmark = pytest.mark.slow


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
    settings = {"estimator": "fe", "effects": ("unit", "period")} | settings
    return design_from_arrays(y, x, [f"{u:02d}" for u in unit], period, **settings)


@pytest.mark.parametrize("settings", [{}, {"estimator": "pooled", "effects": ()}, {"effects": ("unit",)}], ids=str)
def test_influence_is_the_change_without_the_unit(settings: dict) -> None:
    d = panel(1, **settings)
    whole = fit(d)
    found = diagnostics.influence(d, whole)
    assert sum(found.leverage) == pytest.approx(1.0)
    for i, name in enumerate(found.units):
        kept = np.array(d.units)[d.unit_codes] != name
        part = design_from_arrays(
            d.y[kept], d.x[kept], np.array(d.units)[d.unit_codes][kept], d.period_codes[kept],
            estimator=d.spec.estimator, effects=d.spec.effects,
        )  # fmt: skip
        change = whole.params - fit(part).params
        assert [found.dfbeta[term][i] for term in whole.terms] == pytest.approx(change, rel=1e-8)
    largest = int(np.argmax(np.abs(found.dfbeta["x1"])))
    assert found.most_influential["x1"] == found.units[largest]


def test_influence_lists_the_largest_of_many_units() -> None:
    d = panel(2, units=80, periods=3)
    found = diagnostics.influence(d, fit(d))
    assert len(found.units) == diagnostics.MOST_UNITS
    assert list(found.units) == sorted(found.units)


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
    found = specification_tests.pesaran_cd(residuals, d)
    assert found.statistic == pytest.approx(total / np.sqrt(pairs))
    assert found.p_value == pytest.approx(2 * stats.norm.sf(abs(found.statistic)))
    assert specification_tests.pesaran_cd(residuals, d, ("unit", "period")).note == (note("cd_period_effects"),)


def test_statistics_of_many_panels_at_once_are_those_of_each() -> None:
    rng = np.random.default_rng(7)
    tables = rng.normal(size=(9, 8, 6))
    tables[:, rng.random((8, 6)) < 0.25] = np.nan
    tables[4, 2][np.isfinite(tables[4, 2])] = 1.0  # no correlation with a unit that does not vary
    for table, value in zip(tables, pesaran(tables), strict=True):
        correlations, shared = pair_correlations(table)[2:]
        assert value == pytest.approx(np.sum(np.sqrt(shared) * correlations) / np.sqrt(correlations.size))
    assert np.isnan(pesaran(tables[:, :, :2])).all()


def test_correlation_of_many_units_from_sums_is_that_of_all_pairs() -> None:
    rng = np.random.default_rng(31)
    table = rng.normal(size=(40, 7)) + rng.normal(size=7)
    table[:5, 2] = np.nan
    table[7, :] = np.nan
    correlations, shared = pair_correlations(np.delete(table, [*range(5), 7], axis=0))[2:]
    value, units = mean_correlation(table)
    assert units == 34
    assert value == pytest.approx(np.sum(np.sqrt(shared) * correlations) / np.sqrt(correlations.size), rel=1e-12)
    assert np.isnan(mean_correlation(table[:, :2])[0])


def test_of_very_many_units_influence_is_of_first_order(monkeypatch: pytest.MonkeyPatch) -> None:
    d = panel(2, units=400, periods=4)
    exact = diagnostics.influence(d, fit(d))
    monkeypatch.setattr(diagnostics, "MOST_EXACT", 100)
    near = diagnostics.influence(d, fit(d))
    assert near.units == exact.units
    for term, values in exact.dfbeta.items():
        assert near.dfbeta[term] == pytest.approx(values, rel=0.05, abs=0.02 * np.max(np.abs(values)))


def test_breusch_pagan_lm_by_its_formula() -> None:
    d = panel(4, estimator="pooled", effects=())
    e = fit(d).residuals.reshape(15, 6)
    expected = 15 * 6 / (2 * 5) * (np.sum(e.sum(axis=1) ** 2) / np.sum(e**2) - 1) ** 2
    assert specification_tests.breusch_pagan_lm(d).statistic == pytest.approx(expected)


def test_serial_correlation_keeps_its_size_and_finds_it() -> None:
    """300 panels of 15 × 6: 5 % within 3 Monte Carlo errors; with ρ = .7 nearly always rejected."""
    p = {rho: [] for rho in (0.0, 0.7)}
    for seed in range(300):
        for rho, values in p.items():
            if rho and seed >= 40:
                continue
            test = specification_tests.wooldridge(panel(seed, rho=rho, effects=("unit",)))
            assert test is not None
            values.append(test.p_value)
    assert np.mean(np.array(p[0.0]) <= 0.05) == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 300))
    assert np.mean(np.array(p[0.7]) <= 0.05) > 0.6
    assert specification_tests.wooldridge(panel(0, periods=2)) is None


def test_hausman_and_mundlak_find_effects_that_correlate_with_regressors() -> None:
    """The statistic of Hausman may be negative where its p-value is not defined; Mundlak's is always."""
    for name in ("hausman", "mundlak"):
        test = getattr(specification_tests, name)
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
    assert specification_tests.groupwise(unequal, d).p_value < 1e-6
    assert specification_tests.groupwise(equal, d).p_value > 0.001


def test_which_tests_a_model_gets() -> None:
    fixed = panel(6)
    found = specification_tests.specification_tests(fixed, fit(fixed))
    assert list(found) == [
        "f_effects", "hausman", "mundlak", "pesaran_cd", "serial_correlation", "heteroskedasticity",
    ]  # fmt: skip
    random = panel(6, estimator="re", effects=())
    assert "breusch_pagan_lm" in specification_tests.specification_tests(random, fit(random))
    other = replace(fixed, spec=replace(fixed.spec, estimator="iv"))
    assert specification_tests.specification_tests(other, fit(fixed)) == {}
    weighted = replace(fixed, weights=np.linspace(1, 2, fixed.y.size))
    assert "hausman" not in specification_tests.specification_tests(weighted, fit(weighted))


def test_of_very_many_rows_what_costs_more_than_the_model_is_left_out_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    d = panel(6, units=20)
    usual = specification_tests.specification_tests(d, fit(d))
    monkeypatch.setattr(specification_tests, "MOST_ROWS", 100)
    monkeypatch.setattr(specification_tests, "MOST_PAIRED", 10)
    found = specification_tests.specification_tests(d, fit(d))
    assert list(found) == list(usual)
    for name in ("f_effects", "hausman", "mundlak"):
        assert np.isnan(found[name].statistic)
        assert [one.code for one in found[name].note] == ["too_many_rows"]
    assert found["pesaran_cd"].statistic == pytest.approx(usual["pesaran_cd"].statistic, rel=1e-9)  # balanced
    assert [one.code for one in found["pesaran_cd"].note] == ["cd_of_same_periods", "cd_period_effects"]


def test_invariant_terms_do_not_stop_the_tests() -> None:
    """A random-effects model may hold terms that fixed effects cannot: Hausman compares the others."""
    d = panel(7, estimator="re", effects=())
    area = np.random.default_rng(0).normal(size=15)[d.unit_codes]
    wide = replace(d, x=np.column_stack([d.x, area]), terms=("x1", "x2", "area"))
    found = specification_tests.specification_tests(wide, fit(wide))
    assert found["hausman"].df == 2.0
    assert isinstance(found["mundlak"].df, tuple) and found["mundlak"].df[0] == 2.0


def test_within_correlation_keeps_its_size_with_gaps_and_finds_it() -> None:
    """400 panels of 20 × 6, one row in ten missing: 5 % within 3 Monte Carlo errors; with ρ = .6 nearly always found.

    The naive test that neighbours' products have mean zero rejects always: within residuals correlate by −1/(T − 1).
    """
    rejected, naive, found = [], [], []
    for seed in range(400):
        for rho in (0.0, 0.6) if seed < 40 else (0.0,):
            d = panel(seed, units=20, rho=rho, effects=("unit",))
            rows = np.flatnonzero(np.random.default_rng(seed).random(d.y.size) > 0.1)
            d = specification_tests._take(d, rows)
            residuals = specification_tests._by_row(d, fit(d))
            test = specification_tests.within_correlation(residuals, d)
            assert test is not None
            (found if rho else rejected).append(test.p_value <= 0.05)
            if not rho:
                next_to = d.unit_codes[1:] == d.unit_codes[:-1]
                naive.append(np.mean((residuals[1:] * residuals[:-1])[next_to]) < 0)
    assert np.mean(rejected) == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 400))
    assert np.mean(found) > 0.7 and np.mean(naive) > 0.9
    short = panel(0, periods=1, effects=("period",))
    assert specification_tests.within_correlation(np.ones(15), short) is None


def test_breusch_pagan_is_that_of_statsmodels() -> None:
    from statsmodels.stats.diagnostic import het_breuschpagan

    d = panel(8, units=40, periods=1, estimator="pooled", effects=())
    d = replace(d, y=d.y + d.x[:, 0] ** 2)
    found = specification_tests.specification_tests(d, fit(d))
    assert list(found) == ["breusch_pagan"]
    columns = np.column_stack([np.ones(40), d.x])
    residuals = d.y - columns @ np.linalg.lstsq(columns, d.y, rcond=None)[0]
    statistic, p_value, _, _ = het_breuschpagan(residuals, columns)
    assert found["breusch_pagan"].statistic == pytest.approx(statistic, rel=1e-10)
    assert found["breusch_pagan"].p_value == pytest.approx(p_value, rel=1e-8)
    between = panel(9, estimator="between", effects=())
    assert list(specification_tests.specification_tests(between, fit(between))) == ["breusch_pagan"]


def test_policy_regressions_get_the_tests_of_their_residuals() -> None:
    rng = np.random.default_rng(10)
    dates = [2004.0] * 6 + [np.inf] * 12
    quiet = policy_panels.panel(dates, list(range(2000, 2009)), rng)
    loud = policy_panels.panel(dates, list(range(2000, 2009)), rng, rho=0.8)
    tests = [specification_tests.specification_tests(d, fit(d)) for d in (quiet, loud)]
    assert [list(found) for found in tests] == [["pesaran_cd", "serial_correlation", "heteroskedasticity"]] * 2
    assert tests[0]["serial_correlation"].p_value > 0.05 > 0.01 > tests[1]["serial_correlation"].p_value
    scores = policy_panels.panel(dates, list(range(2000, 2009)), rng, method="callaway_santanna")
    assert specification_tests.specification_tests(scores, fit(scores)) == {}


def test_mundlak_with_weights_is_the_difference_of_weighted_regressions() -> None:
    """Its coefficients are between less within effects, so that x's own is the weighted within estimate."""
    d = panel(11, effects=("unit",), correlated=1.0)
    weighted = replace(d, weights=np.random.default_rng(0).uniform(0.5, 3.0, d.y.size))
    found = specification_tests.mundlak(weighted)
    means = np.array([np.average(d.x[d.unit_codes == g], axis=0, weights=weighted.weights[d.unit_codes == g])
                      for g in range(15)])[d.unit_codes]  # fmt: skip
    columns = np.column_stack([np.ones(d.y.size), d.x, means])
    root = np.sqrt(weighted.weights)[:, None]
    params = np.linalg.lstsq(columns * root, d.y * root[:, 0], rcond=None)[0]
    assert params[1:3] == pytest.approx(fit(weighted).params, rel=1e-9)
    assert isinstance(found.df, tuple) and found.df[0] == 2.0 and found.p_value < 0.01
    equal = replace(d, weights=np.ones(d.y.size), spec=replace(d.spec, estimator="pooled", effects=()))
    assert specification_tests.mundlak(equal).p_value == pytest.approx(specification_tests.mundlak(d).p_value, abs=0.05)


def test_effective_units_count_who_carries_a_coefficient() -> None:
    """Equal shares: as many as there are units; one unit with all of the variation: about one."""
    d = panel(12, units=20)
    codes = d.unit_codes
    share = np.zeros(d.y.size)
    share[codes == 4] = np.tile([1.0, -1.0], 3)
    alone = replace(d, x=np.column_stack([d.x[:, 0], share]))
    found = diagnostics.influence(alone, fit(alone))
    assert 10 < found.effective_units["x1"] < 20
    assert found.effective_units["x2"] < 1.5
    z = np.column_stack([np.tile([1.0, -1.0, 0.0, 0.0, 0.0, 0.0], 20), d.x[:, 0]])
    equal = replace(d, x=z[:, :1], terms=("x1",), spec=replace(d.spec, effects=("unit",)))
    assert diagnostics.influence(equal, fit(equal)).effective_units["x1"] == pytest.approx(20.0)


def test_leverage_of_rows_is_the_hat_matrix_net_of_effects() -> None:
    d = panel(13)
    found = fit(d)
    hat = np.diag(found.x @ np.linalg.inv(found.x.T @ found.x) @ found.x.T)
    rows = diagnostics.influence(d, found).rows
    assert [row.leverage for row in rows] == pytest.approx(sorted(hat, reverse=True)[:5])
    top = int(np.argmax(hat))
    assert (rows[0].unit, rows[0].period) == (d.units[d.unit_codes[top]], d.periods[d.period_codes[top]])


def test_collinear_terms_are_named() -> None:
    """Variance inflation by its definition, with the partner; what is left out stands in the model's diagnostics."""
    d = panel(14)
    rng = np.random.default_rng(1)
    x = np.column_stack([d.x, d.x[:, 0] + 0.1 * rng.normal(size=d.y.size), d.x[:, 0] - d.x[:, 1]])
    spec = replace(d.spec, drop_absorbed=True)
    wide = replace(d, x=x, terms=("x1", "x2", "near", "exact"), spec=spec)
    result = estimate(wide.spec, wide, 1, "")
    assert result.to_dict()["diagnostics"]["left_out"] == {"exact": {"code": "collinear", "terms": ["x1", "x2"]}}
    found = result.diagnostics.collinearity
    assert found.partners == {"x1": ("near",), "near": ("x1",)}
    net = fit(wide).x
    for j, term in enumerate(("x1", "x2", "near")):
        others = np.delete(net, j, axis=1)
        left = net[:, j] - others @ np.linalg.lstsq(others, net[:, j], rcond=None)[0]
        expected = np.sum(net[:, j] ** 2) / np.sum(left**2)
        assert found.variance_inflation[term] == pytest.approx(expected, rel=1e-8)
    assert found.condition_number > 10


def test_singletons_are_counted() -> None:
    d = panel(15, units=12, periods=4)
    kept = np.flatnonzero((d.unit_codes != 2) | (d.period_codes == 1))
    short = specification_tests._take(d, kept)
    result = estimate(short.spec, short, 1, "")
    assert result.diagnostics.singletons == 1 == result.n_dropped["singletons"]


def test_tests_of_variances_and_dependence_keep_their_size_by_simulation(monkeypatch: pytest.MonkeyPatch) -> None:
    """40 panels of 12 × 6, all alike and independent: by χ² nearly all true nulls of equal variances are rejected."""
    monkeypatch.setattr(specification_tests, "SIMULATED", 99)
    rejected: dict[str, list[bool]] = {"heteroskedasticity": [], "pesaran_cd": [], "published": []}
    for seed in range(40):
        d = panel(seed, units=12, periods=6)
        found = fit(d)
        published = specification_tests.specification_tests(d, found)
        simulated = specification_tests.specification_tests(d, found, seed, null_panels(found, d, seed))
        rejected["published"].append(published["heteroskedasticity"].p_value <= 0.05)
        for name in ("heteroskedasticity", "pesaran_cd"):
            assert simulated[name].statistic == published[name].statistic
            assert simulated[name].note[0].values["panels"] == 99
            rejected[name].append(simulated[name].p_value <= 0.05)
    assert np.mean(rejected["published"]) > 0.8
    most = 0.05 + 3 * np.sqrt(0.05 * 0.95 / 40)
    assert np.mean(rejected["heteroskedasticity"]) <= most and np.mean(rejected["pesaran_cd"]) <= most


def test_unequal_variances_and_dependence_are_found_by_simulation() -> None:
    d = panel(5, units=12, periods=12, effects=("unit",))
    rng = np.random.default_rng(2)
    uneven = replace(d, y=d.y + rng.normal(size=d.y.size) * np.repeat(np.linspace(0.1, 12, 12), 12))
    common = replace(d, y=d.y + 2 * rng.normal(size=12)[d.period_codes])
    for changed, name in ((uneven, "heteroskedasticity"), (common, "pesaran_cd")):
        found = fit(changed)
        tests = specification_tests.specification_tests(changed, found, 1, null_panels(found, changed, 1))
        assert tests[name].p_value < 0.05


def test_the_f_test_of_unit_effects_says_what_it_rejects_where_errors_persist() -> None:
    d = panel(3, units=12, periods=8, rho=0.8, effects=("unit",))
    found = fit(d)
    test = specification_tests.specification_tests(d, found, 1, null_panels(found, d, 1))["f_effects"]
    assert test.size is not None and test.size > 0.3
    assert note("large_size", share=test.size) in test.note
