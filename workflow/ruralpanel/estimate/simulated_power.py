"""Power of the wild cluster bootstrap at a model's own units, periods and regressors.

The bootstrap's interval is longer than the one of its clustered errors where these are too small, so that their formula
promises power that the interval does not have. Outcomes are errors alone: the residuals that each cluster has when the
model is fitted without it (CR3), times a normal number. An effect added to them shifts the estimate and leaves the
residuals, so that one pass over the draws gives the p-value of every simulated panel under every effect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ruralpanel.estimate.base.absorb import group_sums
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, IntArray
from ruralpanel.estimate.inference import cluster, covariance
from ruralpanel.estimate.inference.error_process import least_squares
from ruralpanel.estimate.inference.romano_wolf import is_least_squares
from ruralpanel.estimate.inference.size_kernels import CELLS, LEVEL, score_maps
from ruralpanel.estimate.inference.validity import generator
from ruralpanel.estimate.inference.wild import clusters_of
from ruralpanel.estimate.inference.wild_kernel import TIE, draw_weights
from ruralpanel.estimate.simulated_size import MOST_BOOTSTRAP_CLUSTERS
from ruralpanel.project.settings import InferenceSpec

PANELS, DRAWS = 500, 399
"""Simulated panels, and draws of the bootstrap shared by them; with 399 a level of 5 % is met exactly."""

LEAST_CLUSTERS = 10
"""Clusters from which that many draws are spread finely enough over all vectors of signs."""

FARTHEST = 64.0
"""Standard deviations of the estimate beyond which no effect is looked for."""

BISECTIONS = 20


@dataclass(frozen=True)
class SimulatedPower:
    """What the draws leave of each simulated panel (see `wild_kernel.Draws`), for the null of no effect.

    Attributes
    ----------
    estimate : (panels,) estimates where the truth is zero. denominator : (panels,) squares of their errors' numerators.
    size : what turns an estimate into the numerator of its statistic.
    n0 : (panels, draws); n1 : (draws,); q0, q1 : (panels, draws); q2 : (draws,).
    """

    estimate: FloatArray
    denominator: FloatArray
    size: float
    n0: FloatArray
    n1: FloatArray
    q0: FloatArray
    q1: FloatArray
    q2: FloatArray

    def power(self, effect: float) -> float:
        """Share of the panels in which the bootstrap rejects zero where this is the truth."""
        d = (self.estimate + effect)[:, None]
        left = (self.n0 + d * self.n1) ** 2 * self.denominator[:, None]
        right = (self.q0 + d * (2.0 * self.q1 + d * self.q2)) * ((d * self.size) ** 2 * (1.0 - TIE))
        p = (np.sum(left >= right, axis=1) + 1) / (self.n1.size + 1)
        return float(np.mean((p <= LEVEL) & (self.denominator > 0)))

    def detectable(self, wanted: float) -> float | None:
        """Smallest effect found with the power `wanted`; None where none up to `FARTHEST` errors is."""
        high = step = float(np.std(self.estimate))
        while self.power(high) < wanted:
            high += step
            if high > FARTHEST * step:
                return None
        low = high - step
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self.power(middle) < wanted else (low, middle)
        return high


def simulated_power(
    fit: Fit,
    design: Design,
    contrasts: Mapping[str, FloatArray],
    setting: InferenceSpec,
    seed: int,
    panels: int = PANELS,
    draws: int = DRAWS,
) -> dict[str, SimulatedPower]:
    """Power of a wild cluster bootstrap for linear combinations of a model's coefficients, by their names.

    Empty where it is not simulated: no least squares on rows, one row per cluster, fewer than `LEAST_CLUSTERS` clusters
    or so many that the bootstrap hardly differs from clustered errors.
    """
    if not contrasts or not is_least_squares(fit):
        return {}
    dimensions, drawn = clusters_of(fit, design, setting)
    number = int(drawn.max()) + 1
    largest = max(int(dimension.codes.max()) + 1 for dimension in dimensions)
    longest = int(np.bincount(dimensions[0].codes).max())
    if number < LEAST_CLUSTERS or largest > MOST_BOOTSTRAP_CLUSTERS or longest > cluster.LARGEST_CLUSTER:
        return {}
    if largest == fit.rows.size:
        return {}
    rng = generator(seed, design.spec.name, "simulated power")
    space = covariance.space_of(fit, design)
    params, residuals = least_squares(fit, space, _errors(fit, design, dimensions[0].codes, panels, rng))
    # errors of the size that leaves residuals as large as the model's
    scale = float(np.sqrt(np.sum(fit.residuals**2) / np.mean(np.sum(residuals**2, axis=0))))
    params, residuals = params * scale, residuals * scale
    weights = draw_weights(str(setting.options.get("weights", "rademacher")), number, draws, rng)
    powers = {}
    step = max(1, CELLS // (largest * max(draws, number)))
    for name, contrast in contrasts.items():
        assert fit.x is not None
        direction = fit.bread @ contrast
        z = fit.x @ direction / float(contrast @ direction)
        n1, _, scores = _scores(fit, design, setting, z, z[:, None], weights)
        q2 = _squares(scores, scores, dimensions)[0]
        parts = []
        for start in range(0, panels, step):
            u = residuals[:, start : start + step]
            n0, denominator, errors = _scores(fit, design, setting, z, u, weights)
            parts.append((n0, denominator, _squares(errors, errors, dimensions), _squares(errors, scores, dimensions)))
        n0, denominator, q0, q1 = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        powers[name] = SimulatedPower(contrast @ params, denominator, float(z @ z), n0, n1[0], q0, q1, q2)
    return powers


def _errors(fit: Fit, design: Design, codes: IntArray, panels: int, rng: np.random.Generator) -> FloatArray:
    """(rows, panels) errors: the residuals of each cluster, freed of its own pull on the fit, times a normal number."""
    residuals = cluster.adjusted_rows(fit, design, codes, -1.0, fit.residuals[:, None])
    return np.asarray(residuals * rng.standard_normal((int(codes.max()) + 1, panels))[codes])


def _scores(
    fit: Fit, design: Design, setting: InferenceSpec, z: FloatArray, residuals: FloatArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray, list[FloatArray]]:
    """Numerators (panels, draws), own squared scores (panels,), and scores (panels, G, draws) by dimension."""
    space = covariance.space_of(fit, design)
    dimensions, drawn = clusters_of(fit, design, setting)
    denominator, scores, numerator = np.zeros(residuals.shape[1]), [], np.zeros(0)
    for dimension in dimensions:
        denominator += dimension.sign * np.sum(group_sums(z[:, None] * residuals, dimension.codes) ** 2, axis=0)
        linear, maps = score_maps(fit, space, z, residuals, dimension.codes, drawn)
        scores.append(maps @ weights)
        numerator = linear @ weights
    return numerator, denominator, scores


def _squares(left: Sequence[FloatArray], right: Sequence[FloatArray], dimensions: Sequence[Any]) -> FloatArray:
    """Sums (panels, draws) of products of the clusters' scores, dimensions added or taken off."""
    total = 0.0
    for dimension, a, b in zip(dimensions, left, right, strict=True):
        total = total + dimension.sign * np.sum(a * b, axis=1)
    return np.asarray(total)
