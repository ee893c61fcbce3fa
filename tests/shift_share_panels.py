"""Simulated panels whose instrument is made of shares and shocks."""

from __future__ import annotations

from typing import Any

import numpy as np

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design, Further, Named
from ruralpanel.project.settings import InferenceSpec

CR1 = InferenceSpec("cluster", {"small_sample": "CR1"})


def shares_of(seed: int, units: int, sectors: int, complete: bool = True, concentration: float = 0.3) -> Any:
    """(units, sectors) shares; incomplete ones sum to between a half and all but nothing."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(sectors, concentration), size=units)
    return shares if complete else shares * rng.uniform(0.5, 0.95, units)[:, None]


def shift_share(
    seed: int = 0,
    units: int = 40,
    periods: int = 5,
    sectors: int = 8,
    exogenous: int = 1,
    beta: float = 0.5,
    strength: float = 1.0,
    complete: bool = True,
    weighted: bool = False,
    sector_errors: float = 1.0,
    shares: Any = None,
    **settings: Any,
) -> Design:
    """Errors of units exposed to the same sectors move together: they are shares times errors of sectors."""
    rng = np.random.default_rng(seed)
    shares = shares_of(seed + 1, units, sectors, complete) if shares is None else shares
    unit, period = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    shocks = rng.normal(size=(periods, sectors))
    exposure = shares[unit]
    w = rng.normal(size=(unit.size, exogenous))
    error = sector_errors * np.sum(exposure * rng.normal(size=(periods, sectors))[period], axis=1)
    error = error + 0.3 * rng.normal(size=unit.size)
    z = np.sum(exposure * shocks[period], axis=1)
    d = strength * z + 0.5 * error + 0.3 * rng.normal(size=unit.size) + 0.3 * w.sum(axis=1)
    y = beta * d + w.sum(axis=1) + error
    settings = {"effects": ("unit", "period"), "inference": (CR1,)} | settings
    return design_from_arrays(
        y,
        w,
        [f"u{code:04d}" for code in unit],
        2000 + period,
        estimator="iv",
        weights=rng.uniform(0.5, 4.0, unit.size) if weighted else None,
        extra=Further(
            endogenous=Named(("d",), d[:, None]),
            shares=Named(tuple(f"share{k}" for k in range(sectors)), exposure),
            shocks=Named(tuple(f"shock{k}" for k in range(sectors)), shocks[period]),
        ),
        **settings,
    )
