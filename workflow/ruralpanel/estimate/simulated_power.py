"""Simulated power: how often effects are found at a model's own units, periods and regressors.

The interval of the wild cluster bootstrap is longer than the one of its clustered errors where these are too small, so
that their formula promises power that the interval does not have. Outcomes are errors alone: the residuals that each
cluster has when the model is fitted without it (CR3), times a normal number. An effect added to them shifts the
estimate and leaves the residuals, so that one pass over the draws gives the p-value of every simulated panel under
every effect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ruralpanel.estimate.base.groups import group_sums
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, IntArray
from ruralpanel.estimate.inference import cluster, covariance
from ruralpanel.estimate.inference.error_process import least_squares
from ruralpanel.estimate.inference.romano_wolf import is_least_squares
from ruralpanel.estimate.inference.size_kernels import LEVEL, score_maps
from ruralpanel.estimate.inference.validity import generator
from ruralpanel.estimate.inference.wild import clusters_of
from ruralpanel.estimate.inference.wild_kernel import TIE, Flags, draw_weights
from ruralpanel.estimate.simulated_size import MOST_BOOTSTRAP_CLUSTERS
from ruralpanel.project.kinds.inference import WildCluster
from ruralpanel.project.settings import InferenceSpec

POWER_PANELS, DRAWS = 500, 399
"""Simulated panels, and draws of the bootstrap shared by them; with 399 a level of 5 % is met exactly."""

LEAST_CLUSTERS = 10
"""Clusters from which that many draws are spread finely enough over all vectors of signs."""

FARTHEST = 64.0
"""Standard deviations of the estimate beyond which no effect is looked for."""

BISECTIONS, WITH_ALL = 20, 4
"""Halvings of the step in which the effect lies, and those of them that look at all panels: those that turn between
the ends then left are few, and turn once."""

NEAR, PIECE = 500_000, 16_000
"""Numbers that the maps of simulated panels hold at once, and panels × draws compared at once: they stay near the core.
"""


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
    _known: dict[float, Flags] = field(default_factory=dict, repr=False, compare=False)

    def power(self, effect: float) -> float:
        """Share of the panels in which the bootstrap rejects zero where this is the truth."""
        return float(np.mean(self._rejected(effect)))

    def powers(self, effects: FloatArray) -> FloatArray:
        """The power (e,) of several effects at once, equal to that of each to rounding.

        Squared numerator less squared denominator times the sample's is a polynomial of degree four in the null, whose
        coefficients are those of the panel and the draw: one product of matrices for each panel.
        """
        draws, size = self.n1.size, self.size**2 * (1.0 - TIE)
        nulls = self.estimate[:, None] + effects
        powers = np.stack([nulls**k for k in range(5)], axis=2)
        coefficients, values = np.empty((5, draws)), np.empty((effects.size, draws))
        coefficients[4] = -size * self.q2
        counts = np.full(nulls.shape, draws)
        for panel in np.flatnonzero(self.denominator > 0).tolist():
            n0, n1 = self.n0[panel], self.denominator[panel] * self.n1
            np.multiply(n0, self.denominator[panel] * n0, out=coefficients[0])
            np.multiply(n0, 2.0 * n1, out=coefficients[1])
            np.subtract(n1 * self.n1, size * self.q0[panel], out=coefficients[2])
            np.multiply(self.q1[panel], -2.0 * size, out=coefficients[3])
            np.dot(powers[panel], coefficients, out=values)
            counts[panel] = (values >= 0.0).sum(axis=1, dtype=np.int32)
        return np.asarray(np.mean((counts + 1) / (draws + 1) <= LEVEL, axis=0))

    def detectable(self, wanted: float) -> float | None:
        """Smallest effect found with the power `wanted`; None where none up to `FARTHEST` errors is."""
        high = step = float(np.std(self.estimate))
        while self.power(high) < wanted:
            high += step
            if high > FARTHEST * step:
                return None
        low, high = self._narrowed(high - step, high, wanted, WITH_ALL)
        ends = self._rejected(low), self._rejected(high)
        changing, sure = np.flatnonzero(ends[0] != ends[1]), int(np.count_nonzero(ends[0] & ends[1]))
        left = self._narrowed(low, high, wanted, BISECTIONS - WITH_ALL, changing, sure)
        if self.power(left[0]) < wanted <= self.power(left[1]):
            return left[1]
        # a panel turned and turned back within one step: look at all
        return self._narrowed(low, high, wanted, BISECTIONS - WITH_ALL)[1]

    def _narrowed(
        self, low: float, high: float, wanted: float, times: int, panels: IntArray | None = None, sure: int = 0
    ) -> tuple[float, float]:
        """The effects between which the power passes `wanted`; `sure` other panels than the named ones reject."""
        for _ in range(times):
            middle = 0.5 * (low + high)
            found = (sure + np.count_nonzero(self._rejected(middle, panels))) / self.estimate.size
            low, high = (middle, high) if found < wanted else (low, middle)
        return low, high

    def _rejected(self, effect: float, panels: IntArray | None = None) -> Flags:
        """Whether zero is rejected in each of the panels, or of the named ones."""
        if panels is not None:
            return self._compared(effect, panels)
        if effect not in self._known:
            step = max(1, PIECE // self.n1.size)
            pieces = [slice(start, start + step) for start in range(0, self.estimate.size, step)]
            self._known[effect] = np.concatenate([self._compared(effect, piece) for piece in pieces])
        return self._known[effect]

    def _compared(self, effect: float, panels: slice | IntArray) -> Flags:
        d, denominator = (self.estimate[panels] + effect)[:, None], self.denominator[panels]
        left = d * self.n1
        left += self.n0[panels]
        left *= left
        left *= denominator[:, None]
        right = 0.5 * d * self.q2
        right += self.q1[panels]
        right *= 2.0 * d
        right += self.q0[panels]
        right *= (d * self.size) ** 2 * (1.0 - TIE)
        p = (np.count_nonzero(left >= right, axis=1) + 1) / (self.n1.size + 1)
        return np.asarray((p <= LEVEL) & (denominator > 0))


def simulated_power(
    fit: Fit,
    design: Design,
    contrasts: Mapping[str, FloatArray],
    setting: InferenceSpec,
    seed: int,
    panels: int = POWER_PANELS,
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
    weights = draw_weights(setting.of(WildCluster).weights, number, draws, rng)
    powers = {}
    step = max(1, NEAR // (largest * max(draws, number)))
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
        total = total + dimension.sign * np.einsum("...gb,...gb->...b", a, b)
    return np.asarray(total)
