"""Made-up panels with known effects for the tests of policy designs."""

from __future__ import annotations

from typing import Any

import numpy as np

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design, Further
from ruralpanel.estimate.families.policy.cohorts import Sample, sample_of
from ruralpanel.project.kinds.estimators import ESTIMATORS


def panel(
    first: list[float],
    periods: list[int],
    rng: np.random.Generator,
    effect: float | np.ndarray = 0.0,
    rho: float = 0.0,
    noise: float = 1.0,
    controls: int = 0,
    missing: float = 0.0,
    weighted: bool = False,
    estimator: str = "did",
    method: str = "",
    options: dict[str, Any] | None = None,
    **settings: Any,
) -> Design:
    """Unit and period effects, autocorrelated noise, `effect` (a number or units × periods) under treatment.

    first : each unit's first treated period; inf: never.
    """
    dates, years = np.asarray(first, dtype=float), np.asarray(periods)
    shape = (dates.size, years.size)
    shocks = noise * rng.standard_normal(shape)
    errors = shocks.copy()
    for t in range(1, shape[1]):
        errors[:, t] += rho * errors[:, t - 1]
    x = rng.standard_normal((*shape, controls))
    under = years >= dates[:, None]
    y = rng.standard_normal((shape[0], 1)) + rng.standard_normal(shape[1]) + errors + x.sum(axis=2) + effect * under
    kept = rng.random(shape) >= missing
    units = np.array([f"u{i:03d}" for i in range(shape[0])])
    weights = rng.uniform(0.5, 2.0, shape)[kept] if weighted else None
    return design_from_arrays(
        y[kept],
        x[kept],
        np.repeat(units, shape[1]).reshape(shape)[kept],
        np.broadcast_to(years, shape)[kept],
        estimator=estimator,
        method=method,
        effects=("unit", "period"),
        weights=weights,
        extra=Further(first_treated=np.broadcast_to(dates[:, None], shape)[kept]),
        options=ESTIMATORS[estimator].options.model_validate({"treatment": {}}).changed(**(options or {})),
        **settings,
    )


def sample(*arguments: Any, **settings: Any) -> Sample:
    return sample_of(panel(*arguments, **settings))


def single(treated: int, others: int, first: float = 2000.0) -> list[float]:
    return [first] * treated + [np.inf] * others


def dummies(design: Design) -> np.ndarray:
    """Unit and period dummies (n, units + periods), of deficient rank."""
    return np.hstack([np.eye(len(design.units))[design.unit_codes], np.eye(len(design.periods))[design.period_codes]])


def slopes(design: Design, columns: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    """Coefficients of `columns` in least squares with dummies, weights and controls, by brute force."""
    use = np.ones(design.y.size, dtype=bool) if rows is None else rows
    root = np.ones(design.y.size) if design.weights is None else np.sqrt(design.weights)
    matrix = np.hstack([columns, design.x, dummies(design)])[use] * root[use, None]
    found = np.linalg.lstsq(matrix, (design.y * root)[use], rcond=None)[0]
    return found[: columns.shape[1]]
