"""Simulated power: against the bootstrap itself, panel by panel, and against the t test where both should agree."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ruralpanel.estimate import simulated_power as module
from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.inference import covariance
from ruralpanel.estimate.inference.cluster import cluster_codes
from ruralpanel.estimate.inference.detectable import smallest_detectable
from ruralpanel.estimate.inference.error_process import least_squares
from ruralpanel.estimate.inference.validity import generator
from ruralpanel.estimate.inference.wild_kernel import combination, draw_weights
from ruralpanel.estimate.simulated_power import simulated_power
from ruralpanel.project.settings import InferenceSpec

WILD = InferenceSpec("wild_cluster", {"by": "unit"})


def panel(units: int = 14, periods: int = 6, leader: float = 1.0, seed: int = 0, **more: Any) -> Design:
    """Two-way panel; `leader` is how far the first unit's regressor moves beyond the others'."""
    rng = np.random.default_rng(seed)
    unit, period = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    x = rng.normal(size=(unit.size, 2))
    x[unit == 0, 0] *= leader
    y = x[:, 0] + rng.normal(size=unit.size)
    settings = {"estimator": "fe", "effects": ("unit", "period"), **more}
    return design_from_arrays(y, x, unit, period, **settings)


def test_every_panel_is_rejected_where_the_bootstrap_rejects_it() -> None:
    """The same errors and weights through `wild_kernel.combination`, for a coefficient and a sum of two, by effect."""
    design = panel()
    found = fit(design)
    contrasts = {"x0": np.array([1.0, 0.0]), "sum": np.array([1.0, 0.5])}
    power = simulated_power(found, design, contrasts, WILD, 7, panels=30, draws=99)
    rng = generator(7, design.spec.name, "simulated power")
    space = covariance.space_of(found, design)
    codes = cluster_codes(design, "unit", found.rows)
    params, residuals = least_squares(found, space, module._errors(found, design, codes, 30, rng))
    scale = np.sqrt(np.sum(found.residuals**2) / np.mean(np.sum(residuals**2, axis=0)))
    weights = draw_weights("rademacher", 14, 99, rng)
    assert found.x is not None
    for name, contrast in contrasts.items():
        shift = contrast / (contrast @ contrast)
        for effect in (0.0, 0.3, 0.8):
            rejected = []
            for s in range(30):
                b, u = params[:, s] * scale + effect * shift, residuals[:, s] * scale
                other = replace(found, params=b, residuals=u, y=u + found.x @ b, scores=found.x * u[:, None])
                draws = combination(
                    other, design, contrast, codes, codes, "rademacher", 99, np.random.default_rng(0), weights
                )
                rejected.append(draws.p_value(float(contrast @ b)) <= 0.05)
            assert power[name].power(effect) == pytest.approx(np.mean(rejected), abs=1e-12)
        effects = np.linspace(-0.5, 1.5, 21)
        assert power[name].powers(effects).tolist() == [power[name].power(float(effect)) for effect in effects]


def test_where_every_unit_counts_alike_the_bootstrap_has_the_power_of_t() -> None:
    design = panel(units=30, seed=2)
    found = fit(design)
    power = simulated_power(found, design, {"x": np.array([1.0, 0.0])}, WILD, 1)["x"]
    assert found.x is not None
    sums = np.add.reduceat(found.x[:, 0] * found.residuals, np.arange(0, 180, 6))
    error = float(np.sqrt(np.sum(sums**2)) * found.bread[0, 0])
    # Monte Carlo: 500 panels, and clustered errors of 30 units differ from the truth by a tenth
    assert power.detectable(0.8) == pytest.approx(smallest_detectable(error, 29.0), rel=0.2)
    assert power.power(0.0) == pytest.approx(0.05, abs=0.03)


def test_where_one_unit_carries_the_estimate_clustered_errors_promise_too_much() -> None:
    design = panel(units=30, leader=8.0, seed=3)
    found = fit(design)
    power = simulated_power(found, design, {"x": np.array([1.0, 0.0])}, WILD, 1)["x"]
    assert found.x is not None
    sums = np.add.reduceat(found.x[:, 0] * found.residuals, np.arange(0, 180, 6))
    promised = smallest_detectable(float(np.sqrt(np.sum(sums**2)) * found.bread[0, 0]), 29.0)
    needed = power.detectable(0.8)
    assert needed is not None and needed > 1.5 * promised
    assert power.power(needed) >= 0.8 > power.power(0.9 * needed)


def test_what_is_not_simulated() -> None:
    wanted = {"x": np.array([1.0, 0.0])}
    few = panel(units=9)
    assert simulated_power(fit(few), few, wanted, WILD, 1) == {}
    cross = panel(units=40, periods=1, estimator="pooled", effects=())
    assert simulated_power(fit(cross), cross, wanted, WILD, 1) == {}
    assert simulated_power(fit(panel()), panel(), {}, WILD, 1) == {}
