"""The filter I − ρW of spatial models: its determinant, its inverse, and traces of G = W (I − ρW)⁻¹."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph
from scipy.sparse import linalg as sparse_linalg

from ruralpanel.estimate.base.results import FloatArray
from ruralpanel.estimate.places.weights import LARGEST_DENSE, spectral_radius

BLOCK = 512
"""Columns of G held at once."""

LARGEST_INVERSE = 6000
"""Units up to which G is held as a whole."""

STEP = 1e-3
"""Distance between the points of a numerical derivative along ρ."""

NODES = 32
"""Points through which a function of ρ is interpolated where each value asks for a factorisation."""


@dataclass(frozen=True)
class Traces:
    """tr G, tr G², tr G'G."""

    g: float
    g2: float
    gg: float


@dataclass(frozen=True)
class SpatialFilter:
    """``I − ρW`` for the weights of N units.

    Attributes
    ----------
    weights : (N, N). row_sum : the sum of each of its rows where all are equal, else None.
    without_mean : whether one dimension, the mean over units, is left out of determinant and traces (Lee and Yu 2010,
        eq. 21); asks for equal row sums.
    """

    weights: sparse.csr_array
    row_sum: float | None
    without_mean: bool = False

    @property
    def n(self) -> int:
        """Number of units."""
        return int(self.weights.shape[0])

    @cached_property
    def eigenvalues(self) -> np.ndarray | None:
        """All eigenvalues; None above `LARGEST_DENSE` units, where factorisations take their place."""
        if self.n > LARGEST_DENSE:
            return None
        scale = balancing(self.weights)
        if scale is None:
            return np.linalg.eigvals(self.weights.toarray())
        alike = scale[:, None] * self.weights.toarray() / scale
        return np.linalg.eigvalsh((alike + alike.T) / 2.0)

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Open interval of ρ around zero on which the filter is invertible.

        From one over the smallest real eigenvalue to one over the largest; without eigenvalues, or without a negative
        one, from minus one over the spectral radius.
        """
        if self.eigenvalues is None:
            radius = spectral_radius(self.weights)
            return -1.0 / radius, 1.0 / radius
        radius = float(np.max(np.abs(self.eigenvalues))) if self.row_sum is None else self.row_sum
        real = self.eigenvalues.real[np.abs(self.eigenvalues.imag) <= 1e-10 * radius]
        lowest = float(real.min()) if real.size else 0.0
        return (1.0 / lowest if lowest < -1e-10 * radius else -1.0 / radius), 1.0 / radius

    def whole(self) -> SpatialFilter:
        """The same filter with the mean over units, what is known of it taken along."""
        filter_ = replace(self, without_mean=False)
        if "eigenvalues" in self.__dict__:
            filter_.__dict__["eigenvalues"] = self.eigenvalues
        return filter_

    def log_determinant(self, rho: float) -> float:
        """``log |I − ρW|``, less ``log(1 − ρ r)`` without the mean (r the rows' sum)."""
        return self._log_determinant(rho) - (float(np.log(1.0 - rho * self._mean)) if self.without_mean else 0.0)

    def trace(self, rho: FloatArray | float) -> FloatArray:
        """tr G for every ρ of an array; the mean over units is left out where `without_mean`."""
        points = np.asarray(rho, dtype=float)
        if self.eigenvalues is not None:
            traces = np.sum((self.eigenvalues / (1.0 - points[..., None] * self.eigenvalues)).real, axis=-1)
        else:
            traces = self._at_each(self._trace_by_slope, points)
        return np.asarray(traces - (self._mean / (1.0 - points * self._mean) if self.without_mean else 0.0))

    def total(self, rho: FloatArray | float) -> FloatArray:
        """``1'G1 / N`` for every ρ of an array."""
        points = np.asarray(rho, dtype=float)
        if self.row_sum is not None:
            return np.asarray(self.row_sum / (1.0 - points * self.row_sum))
        reach = np.asarray(self.weights.sum(axis=1))
        return self._at_each(lambda point: float(np.mean(self.solve(point, reach))), points)

    def traces(self, rho: float) -> Traces:
        """tr G, tr G² and tr G'G, exactly; of F'GF without the mean, F an orthonormal basis of deviations from it."""
        g = g2 = gg = 0.0
        sums = np.zeros(self.n)
        for rows, columns, transposed in self._blocks(rho):
            g += float(np.trace(columns[rows]))
            g2 += float(np.sum(columns * transposed))
            gg += float(np.sum(columns**2))
            sums[rows] = columns.sum(axis=0)
        if not self.without_mean:
            return Traces(g, g2, gg)
        mean = self._mean / (1.0 - rho * self._mean)
        return Traces(g - mean, g2 - mean**2, gg - float(sums @ sums) / self.n)

    def split(self, rho: float, residuals: FloatArray) -> FloatArray:
        """(N, T) parts, one per unit and period, that sum over units to ``e_t' G e_t``.

        Residuals that are independent over units make the off-diagonal products uncorrelated with one another
        (Kelejian and Prucha 2001), so that sums by unit have the variance of the whole: each product counts for the
        later of its two units.
        """
        parts = np.zeros_like(residuals)
        position = np.arange(self.n)
        for rows, columns, transposed in self._blocks(rho):
            both = (columns + transposed).T
            below = np.where(position[None, :] < position[rows, None], both, 0.0)
            diagonal = np.diagonal(columns[rows])
            parts[rows] = residuals[rows] * (below @ residuals + diagonal[:, None] * residuals[rows])
        return parts

    def solve(self, rho: float, values: FloatArray) -> FloatArray:
        """``(I − ρW)⁻¹`` times values (N,) or (N, m)."""
        return np.asarray(self._factor(rho).solve(np.ascontiguousarray(values, dtype=float)))

    def _log_determinant(self, rho: float) -> float:
        if self.eigenvalues is not None:
            return float(np.sum(np.log(np.abs(1.0 - rho * self.eigenvalues))))
        return float(np.sum(np.log(np.abs(self._factor(rho).U.diagonal()))))

    @property
    def _mean(self) -> float:
        assert self.row_sum is not None
        return self.row_sum

    def _factor(self, rho: float) -> sparse_linalg.SuperLU:
        return sparse_linalg.splu(sparse.csc_array(sparse.eye_array(self.n) - rho * self.weights))

    def _blocks(self, rho: float) -> Iterator[tuple[slice, FloatArray, FloatArray]]:
        """Units, their columns of G (N, b), and their rows of G as columns (N, b)."""
        if self.n <= LARGEST_INVERSE:
            dense = self.weights.toarray()
            g = dense @ np.linalg.inv(np.eye(self.n) - rho * dense)
            yield slice(0, self.n), g, g.T
            return
        factor = self._factor(rho)
        for start in range(0, self.n, BLOCK):
            rows = slice(start, min(start + BLOCK, self.n))
            columns = factor.solve(np.ascontiguousarray(self.weights[:, rows].toarray()))
            transposed = factor.solve(np.ascontiguousarray(self.weights[rows].toarray().T), trans="T")
            yield rows, columns, transposed

    def _trace_by_slope(self, rho: float) -> float:
        """tr G as minus the derivative of the log-determinant: four factorisations in place of N solutions."""
        low, high = self.interval
        step = min(STEP, (high - rho) / 4.0, (rho - low) / 4.0)
        values = [self._log_determinant(rho + k * step) for k in (-2, -1, 1, 2)]
        return -float(np.dot(values, (1.0, -8.0, 8.0, -1.0))) / (12.0 * step)

    def _at_each(self, function: Callable[[float], float], points: FloatArray) -> FloatArray:
        """A sum over eigenvalues ω of ``c / (1 − ρω)`` at many ρ, through Chebyshev nodes where there are more points.

        What is interpolated is free of the poles at both ends of the interval.
        """
        if points.size <= NODES or np.ptp(points) < 1e-9:
            return np.array([function(float(point)) for point in points.ravel()]).reshape(points.shape)
        low, high = self.interval
        smooth = np.polynomial.Chebyshev.interpolate(
            lambda nodes: np.array([(1 - p / low) * (1 - p / high) * function(float(p)) for p in nodes]),
            NODES - 1,
            domain=[points.min(), points.max()],
        )
        return np.asarray(smooth(points) / ((1 - points / low) * (1 - points / high)))


def balancing(weights: sparse.csr_array) -> FloatArray | None:
    """Positive d (N,) with ``d_i w_ij / d_j`` symmetric, as for symmetric weights with rows scaled; None without one.

    Eigenvalues are then those of a symmetric matrix: real, and found in a fraction of the time. Along a spanning tree
    d follows from the pairs' ratios; the other pairs decide.
    """
    n = weights.shape[0]
    pairs = weights.tocoo()
    row, column = pairs.coords
    other = np.asarray(weights[column, row]).ravel()
    if (pairs.data <= 0).any() or (other <= 0).any():
        return None
    logs = np.zeros(n)
    _, component = csgraph.connected_components(weights, directed=False)
    for start in np.unique(component, return_index=True)[1]:
        order, before = csgraph.breadth_first_order(weights, int(start), directed=False)
        for unit in order[1:]:
            parent = int(before[unit])
            logs[unit] = logs[parent] + 0.5 * np.log(weights[parent, unit] / weights[unit, parent])
    scale = np.exp(logs)
    left, right = scale[row] * pairs.data / scale[column], scale[column] * other / scale[row]
    return scale if np.allclose(left, right, rtol=1e-10, atol=0.0) else None
