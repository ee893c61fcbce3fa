"""Simulated panels with instruments."""

from __future__ import annotations

from typing import Any

import numpy as np

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design, Further, Named
from ruralpanel.project.settings import InferenceSpec

CR0 = InferenceSpec("cluster", {"small_sample": "CR0"})
CLASSICAL = InferenceSpec("classical")


def panel(
    seed: int = 0,
    units: int = 45,
    periods: int = 6,
    instruments: int = 3,
    endogenous: int = 1,
    exogenous: int = 2,
    strength: float = 0.6,
    missing: float = 0.0,
    weighted: bool = False,
    beta: float = 0.5,
    **settings: Any,
) -> Design:
    """A panel whose endogenous regressors share the outcome's error; errors are correlated within units."""
    rng = np.random.default_rng(seed)
    unit, period = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    kept = rng.random(unit.size) >= missing
    size = unit.size
    z, w = rng.normal(size=(size, instruments)), rng.normal(size=(size, exogenous))
    error = rng.normal(size=size) + rng.normal(size=units)[unit] * w[:, 0] if exogenous else rng.normal(size=size)
    paths = strength * z @ rng.normal(size=(instruments, endogenous)) + 0.3 * w.sum(axis=1)[:, None]
    d = paths + 0.7 * error[:, None] + rng.normal(size=(size, endogenous)) + rng.normal(size=units)[unit, None]
    y = beta * d.sum(axis=1) + w.sum(axis=1) + error + rng.normal(size=units)[unit] + rng.normal(size=periods)[period]
    settings = {"effects": ("unit", "period"), "inference": (CR0,)} | settings
    return design_from_arrays(
        y[kept],
        w[kept],
        [f"u{code:03d}" for code in unit[kept]],
        2000 + period[kept],
        estimator="iv",
        weights=rng.uniform(0.5, 4.0, size)[kept] if weighted else None,
        extra=Further(
            endogenous=Named(tuple(f"d{j + 1}" for j in range(endogenous)), d[kept]),
            instruments=Named(tuple(f"z{j + 1}" for j in range(instruments)), z[kept]),
        ),
        **settings,
    )


def fixed_over_time(
    seed: int = 0, units: int = 40, periods: int = 5, missing: float = 0.0, weighted: bool = False, **settings: Any
) -> Design:
    """x1, x2, z1 free of the effects, d (varies) and s (fixed, as schooling) not; slopes 1 but that of s, 0.5."""
    settings = {"inference": (CLASSICAL,)} | settings
    rng = np.random.default_rng(seed)
    unit, period = (codes.ravel() for codes in np.indices((units, periods)))
    level, effect = rng.normal(size=(units, 2)), rng.normal(size=units)
    x = level[unit] + rng.normal(size=(unit.size, 2))
    z = rng.normal(size=units)
    d = effect[unit] + rng.normal(size=unit.size)
    s = level.sum(axis=1) + effect + rng.normal(size=units)
    y = x.sum(axis=1) + z[unit] + d + 0.5 * s[unit] + effect[unit] + rng.normal(size=unit.size)
    kept = rng.random(unit.size) >= missing
    return design_from_arrays(
        y[kept],
        np.column_stack([x, z[unit]])[kept],
        [f"u{code:03d}" for code in unit[kept]],
        2000 + period[kept],
        terms=("x1", "x2", "z1"),
        estimator="hausman_taylor",
        weights=rng.uniform(0.5, 2.0, unit.size)[kept] if weighted else None,
        extra=Further(endogenous=Named(("d", "s"), np.column_stack([d, s[unit]])[kept])),
        **settings,
    )
