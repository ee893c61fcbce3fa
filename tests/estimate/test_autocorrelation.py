"""Moran's I against all permutations and loops; panels of paths; residuals of models; size and power."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import sparse, stats

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.parts import SpatialWeights
from ruralpanel.estimate.base.results import Design, Further
from ruralpanel.estimate.diagnostics import moran_of_residuals
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.places.autocorrelation import (
    false_discovery,
    local_moran,
    moran,
    morans_i,
    normality_variance,
    randomisation_variance,
    two_sided,
)
from ruralpanel.project.notes import note


def ring(n: int) -> np.ndarray:
    """Each of n units between two neighbours, rows that sum to one."""
    matrix = np.zeros((n, n))
    for i in range(n):
        matrix[i, [(i - 1) % n, (i + 1) % n]] = 0.5
    return matrix


def uneven(n: int, rng: np.random.Generator) -> np.ndarray:
    matrix = rng.random((n, n)) * (rng.random((n, n)) < 0.6)
    matrix[np.arange(n), (np.arange(n) + 1) % n] = 1.0
    np.fill_diagonal(matrix, 0.0)
    return matrix


def by_hand(values: np.ndarray, weights: np.ndarray) -> float:
    n = values.shape[0]
    table = values.reshape(n, -1)
    z = table - table.mean(axis=0)
    top = sum(weights[i, j] * float(z[i] @ z[j]) for i in range(n) for j in range(n))
    return n / weights.sum() * top / float(np.sum(z * z))


def test_moments_and_p_values_over_all_permutations() -> None:
    rng = np.random.default_rng(2)
    values, weights = rng.gamma(1.0, size=6), uneven(6, rng)
    sparse_weights = sparse.csr_array(weights)
    every = np.array([by_hand(values[list(order)], weights) for order in itertools.permutations(range(6))])
    assert every.mean() == pytest.approx(-0.2, abs=1e-12)
    z = values - values.mean()
    assert randomisation_variance(z, sparse_weights) == pytest.approx(every.var(), rel=1e-10)
    found = moran(values, sparse_weights, 40_000, np.random.default_rng(3))
    assert found.statistic == pytest.approx(by_hand(values, weights), rel=1e-12)
    exact = 2 * min(np.mean(every >= found.statistic - 1e-9), np.mean(every <= found.statistic + 1e-9))
    assert found.p_permutation == pytest.approx(min(1.0, exact), abs=0.01)
    drawn = rng.normal(size=(6, 200_000))
    simulated = [by_hand(drawn[:, s], weights) for s in range(3000)]
    assert normality_variance(6, sparse_weights) == pytest.approx(np.var(simulated), rel=0.1)


def test_paths_of_units_change_places_whole() -> None:
    rng = np.random.default_rng(5)
    values, weights = rng.normal(size=(5, 3)).cumsum(axis=1), uneven(5, rng)
    sparse_weights = sparse.csr_array(weights)
    found = moran(values, sparse_weights, 20_000, np.random.default_rng(3))
    assert found.statistic == pytest.approx(by_hand(values, weights), rel=1e-12)
    every = np.array([by_hand(values[list(order)], weights) for order in itertools.permutations(range(5))])
    exact = 2 * min(np.mean(every >= found.statistic - 1e-9), np.mean(every <= found.statistic + 1e-9))
    assert found.p_permutation == pytest.approx(min(1.0, exact), abs=0.015)
    assert np.isnan(found.z_normality) and np.isnan(found.p_randomisation)
    again = moran(values, sparse_weights, 20_000, np.random.default_rng(3))
    assert again.p_permutation == found.p_permutation


def test_local_statistics_over_all_arrangements_of_the_others() -> None:
    rng = np.random.default_rng(6)
    values, weights = rng.normal(size=(6, 2)), uneven(6, rng)
    found = local_moran(values, sparse.csr_array(weights), 20_000, np.random.default_rng(1))
    z = values - values.mean(axis=0)
    scale = 6 / np.sum(z * z)
    for i in range(6):
        own = scale * float(sum(weights[i, j] * (z[i] @ z[j]) for j in range(6)))
        assert found.statistic[i] == pytest.approx(own, rel=1e-10)
        others = [j for j in range(6) if j != i]
        every = []
        for order in itertools.permutations(others):
            place = dict(zip(others, order, strict=True))
            every.append(scale * sum(weights[i, j] * float(z[i] @ z[place[j]]) for j in others))
        drawn = np.array(every)
        exact = 2 * min(np.mean(drawn >= own - 1e-9), np.mean(drawn <= own + 1e-9))
        assert found.p_value[i] == pytest.approx(min(1.0, exact), abs=0.02)
        lag = float(np.mean(weights[i] @ z))
        assert found.quadrant[i] == ("H" if z[i].mean() > 0 else "L") + ("H" if lag > 0 else "L")
    # local statistics add up to the global one
    assert found.statistic.sum() / weights.sum() == pytest.approx(by_hand(values, weights), rel=1e-10)
    np.testing.assert_allclose(found.p_adjusted, stats.false_discovery_control(found.p_value), rtol=1e-12)
    np.testing.assert_allclose(false_discovery(np.array([0.04, 0.01, 0.03])), [0.04, 0.03, 0.04])


def test_values_that_do_not_vary_and_pairs() -> None:
    weights = sparse.csr_array(ring(4))
    assert np.isnan(morans_i(np.ones(4), weights))
    constant = moran(np.ones(4), weights, 99, np.random.default_rng(1))
    assert np.isnan(constant.statistic) and np.isnan(constant.p_permutation) and np.isnan(constant.p_normality)
    assert np.isnan(
        moran(np.array([1.0, 2.0, 4.0]), sparse.csr_array(ring(3)), 0, np.random.default_rng(1)).z_normality
    )
    assert two_sided(np.array([1.0, 2.0, 3.0]), 3.0) == 1.0 and two_sided(np.zeros(99), 1.0) == 0.02


def panel(
    seed: int,
    share: float = 0.0,
    units: int = 30,
    periods: int = 6,
    rho: float = 0.7,
    missing: float = 0.0,
    **more: Any,
) -> Design:
    """Errors autoregressive over time whose shocks are autoregressive in space with `share`."""
    rng = np.random.default_rng(seed)
    spread = np.linalg.inv(np.eye(units) - share * ring(units))
    errors = np.empty((units, periods))
    errors[:, 0] = spread @ rng.normal(size=units) / np.sqrt(1 - rho**2)
    for t in range(1, periods):
        errors[:, t] = rho * errors[:, t - 1] + spread @ rng.normal(size=units)
    unit, period = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    kept = rng.random(unit.size) >= missing
    x = rng.normal(size=(unit.size, 1))
    names = [f"u{i:02d}" for i in unit[kept]]
    about = SpatialWeights(name="ring", standardise="row")
    more = {"estimator": "fe", "effects": ("unit", "period")} | more
    extra = Further(weights_matrix=sparse.csr_array(ring(units)), weights_about=about)
    return design_from_arrays(
        (x[:, 0] + errors.ravel())[kept], x[kept], names, 2000 + period[kept], extra=extra, **more
    )  # fmt: skip


def test_residuals_of_an_unbalanced_weighted_model_by_hand() -> None:
    weights = np.random.default_rng(9).uniform(0.5, 2.0, panel(3, missing=0.15).y.size)
    d = panel(3, missing=0.15, weights=weights)
    found = fit(d)
    result = moran_of_residuals(d, found, 1, 199)
    assert result is not None
    root = np.sqrt(d.weights / d.weights.mean())
    residuals = found.residuals / root
    top = bottom = links = 0.0
    for t, period in enumerate(d.periods):
        rows = np.flatnonzero(d.period_codes == t)
        matrix = ring(30)[np.ix_(d.unit_codes[rows], d.unit_codes[rows])]
        sums = matrix.sum(axis=1, keepdims=True)
        matrix = matrix / np.where(sums > 0, sums, 1.0)
        z = residuals[rows] - residuals[rows].mean()
        entry = result.about.by_period[t]
        assert entry.period == period and entry.units == rows.size < 30
        assert entry.statistic == pytest.approx(by_hand(residuals[rows], matrix), rel=1e-9)
        top, bottom, links = top + z @ matrix @ z, bottom + z @ z, links + matrix.sum()
    assert result.test.statistic == pytest.approx(d.y.size / links * top / bottom, rel=1e-9)
    again = moran_of_residuals(d, found, 1, 199)
    assert again == result and moran_of_residuals(d, found, 2, 199) != result


def test_it_finds_what_is_there_and_not_what_is_not() -> None:
    p_near = [moran_of_residuals(d, fit(d), 1, 99).test.p_value for d in (panel(s, 0.5) for s in range(6))]
    assert max(p_near) <= 0.04
    p_alone = [moran_of_residuals(d, fit(d), 1, 99).test.p_value for d in (panel(s, 0.0) for s in range(40))]
    # 40 true nulls: 2 expected at 5 %, 8 at 20 %
    assert sum(p <= 0.05 for p in p_alone) <= 6 and 2 <= sum(p <= 0.2 for p in p_alone) <= 16


def test_where_it_does_not_apply_and_how_results_carry_it() -> None:
    d = panel(3)
    found = fit(d)
    assert moran_of_residuals(replace(d, extra=Further()), found, 1) is None
    assert moran_of_residuals(d, replace(found, x=None, y=None), 1) is None
    alone = Further(weights_matrix=sparse.csr_array((30, 30)))
    assert moran_of_residuals(replace(d, extra=alone), found, 1) is None
    result = estimate(d.spec, d, 3, "sha")
    assert result.tests["moran"].note == (note("moran_simulated", matrix="ring", panels=999),)
    assert -0.1 < result.diagnostics.moran.expected < 0
    assert len(result.diagnostics.moran.by_period) == 6
    assert estimate(d.spec, replace(d, extra=Further()), 3, "sha").diagnostics.moran is None
    means = replace(d, spec=replace(d.spec, estimator="between", effects=()))
    between = moran_of_residuals(means, fit(means), 1)
    assert between is not None and [entry.period for entry in between.about.by_period] == [None]
