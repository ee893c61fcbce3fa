"""What classical error in a lever does to its coefficient, within units, and what would be left if it were known.

Noise in each figure, independent over rows, is a larger share of what effects and controls leave of a lever than of the
lever itself (Griliches and Hausman 1986): most that distinguishes provinces is removed, the noise is not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruralpanel.estimators.base import FloatArray

RELIABILITIES = (0.95, 0.9, 0.8, 0.7, 0.5)


@dataclass(frozen=True)
class Lever:
    """A regression in which one variable is measured with noise.

    Attributes
    ----------
    x, y : (n, k), (n,) net of effects, in the metric of the weights' roots.
    reacts : (n, k) by how much each column of x moves with the variable (in that metric): one (times the root of the
        weight) for the variable itself, the moderator for a product, zero for others.
    left : (n,) share of an independent error in each row that the effects leave: one less the leverage.
    place : the variable's own column of `x`.
    """

    x: FloatArray
    y: FloatArray
    reacts: FloatArray
    left: FloatArray
    place: int

    def noise(self, reliability: float) -> float:
        """Variance of the noise, in the variable's units.

        Parameters
        ----------
        reliability : share of what effects leave of the variable that is not noise.
        """
        whole = float(self.x[:, self.place] @ self.x[:, self.place])
        return (1.0 - reliability) * whole / float(self.left @ self.reacts[:, self.place] ** 2)

    def corrected(self, reliability: float) -> FloatArray | None:
        """Coefficients (k,) had the variable been free of noise.

        Returns
        -------
        ``(X'X − S)⁻¹ X'y`` with S the expected products of the noise that effects leave (Fuller 1987); None where that
        much noise exceeds what the other regressors leave of the lever.
        """
        products = self.noise(reliability) * (self.reacts * self.left[:, None]).T @ self.reacts
        matrix = self.x.T @ self.x - products
        scale = np.sqrt(np.diag(self.x.T @ self.x))
        if np.linalg.eigvalsh(matrix / np.outer(scale, scale))[0] <= 1e-8:
            return None
        return np.asarray(np.linalg.solve(matrix, self.x.T @ self.y), dtype=np.float64)

    def least_reliability(self) -> float:
        """The reliability at which noise would be all that effects and the other regressors leave of the variable."""
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if self.corrected(middle) is not None else (middle, high)
        return high


def reverse_bound(estimate: float, statistic: float, df: float) -> float:
    """The other end of the interval in which the coefficient lies if only this lever is noisy (Frisch 1934).

    The direct regression shrinks the coefficient, the reverse one (lever on outcome) inflates it: estimate over the
    partial R². `statistic` and `df` are classical.
    """
    return float(estimate * (statistic**2 + df) / statistic**2)
