"""Made-up dynamic panels with known coefficients."""

from __future__ import annotations

from typing import Any

import numpy as np

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design

BURN = 40


def paths(
    rng: np.random.Generator, units: int, periods: int, rho: tuple[float, ...] = (0.5,), k: int = 1
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Outcome (units, periods) and regressors (units, periods, k) with slope one, correlated with the unit effects."""
    shape = (units, periods + BURN)
    unit, common = rng.standard_normal(units), rng.standard_normal(shape[1])
    scale = np.where(np.arange(units) % 2, 1.25, 0.75)
    x, y = np.zeros((*shape, k)), np.zeros(shape)
    for t in range(1, shape[1]):
        x[:, t] = 0.5 * x[:, t - 1] + 0.5 * unit[:, None] + rng.standard_normal((units, k))
        past = sum(r * y[:, t - lag] for lag, r in enumerate(rho, 1) if t >= lag)
        y[:, t] = past + x[:, t].sum(axis=1) + unit + common[t] + scale * rng.standard_normal(units)
    return y[:, BURN:], x[:, BURN:]


def designed(
    y: np.ndarray[Any, Any],
    x: np.ndarray[Any, Any],
    method: str = "",
    kept: np.ndarray[Any, Any] | None = None,
    estimator: str = "dynamic_panel",
    effects: tuple[str, ...] = ("unit", "period"),
    **settings: Any,
) -> Design:
    """The panel as a design, years from 2000; `kept` (units, periods) marks the rows that it has."""
    units, periods = y.shape
    there = np.ones_like(y, dtype=bool) if kept is None else kept
    return design_from_arrays(
        y[there],
        x[there],
        np.repeat([f"u{i:04d}" for i in range(units)], periods).reshape(y.shape)[there],
        np.broadcast_to(np.arange(2000, 2000 + periods), y.shape)[there],
        estimator=estimator,
        method=method,
        effects=effects,
        **settings,
    )
