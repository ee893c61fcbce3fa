"""Made-up spatial panels with known coefficients."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design, Further
from ruralpanel.project.kinds.estimator_keys import Spatial
from ruralpanel.project.settings import InferenceSpec

Array = np.ndarray[Any, Any]

BETA = np.array([1.0, -0.5])
THETA = np.array([0.6, 0.3])


def touching(side: int = 6) -> Array:
    """Fields of a board that share an edge, 0 and 1."""
    row, column = np.divmod(np.arange(side * side), side)
    distance = abs(row[:, None] - row) + abs(column[:, None] - column)
    return (distance == 1).astype(float)


def by_row(matrix: Array) -> Array:
    return matrix / matrix.sum(axis=1, keepdims=True)


def spectral(matrix: Array) -> Array:
    return matrix / np.abs(np.linalg.eigvals(matrix)).max()


def draw(
    rng: np.random.Generator,
    weights: Array,
    periods: int = 6,
    lag: float = 0.0,
    error: float = 0.0,
    durbin: bool = False,
    persistence: float = 0.0,
) -> tuple[Array, Array]:
    """Outcome (N, T) and regressors (N, T, 2), with unit and period effects that the regressors go along with."""
    n = len(weights)
    unit, common = rng.standard_normal((n, 1)), rng.standard_normal((1, periods))
    x = rng.standard_normal((n, periods, 2)) + 0.5 * (unit + common)[:, :, None]
    shocks = rng.standard_normal((n, periods))
    if persistence:
        for t in range(1, periods):
            shocks[:, t] = persistence * shocks[:, t - 1] + (1 - persistence**2) ** 0.5 * shocks[:, t]
        for t in range(1, periods):
            x[:, t] = persistence * x[:, t - 1] + (1 - persistence**2) ** 0.5 * x[:, t]
    eye = np.eye(n)
    signal = x @ BETA + unit + common
    if durbin:
        signal = signal + np.einsum("ij,jtk->itk", weights, x) @ THETA
    disturbance = np.linalg.solve(eye - error * weights, shocks)
    return np.linalg.solve(eye - lag * weights, signal + disturbance), x


def designed(
    y: Array,
    x: Array,
    weights: Array | None,
    method: str = "sar",
    options: dict[str, Any] | None = None,
    **settings: Any,
) -> Design:
    """The panel as a design, years from 2000."""
    n, t = y.shape
    settings = {
        "effects": ("unit", "period"),
        "inference": (InferenceSpec("cluster" if method == "slx" else "own"),),
    } | settings
    found = design_from_arrays(
        y.ravel(),
        x.reshape(n * t, -1),
        np.repeat([f"u{i:03d}" for i in range(n)], t),
        np.tile(np.arange(2000, 2000 + t), n),
        estimator="spatial",
        method=method,
        options=Spatial(weights_matrix="w").changed(**(options or {})),
        **settings,
    )
    return found if weights is None else replace(found, extra=Further(weights_matrix=sparse.csr_array(weights)))
