"""The algebra of seemingly unrelated regressions on cross-products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruralpanel.estimators.base import FloatArray


@dataclass(frozen=True)
class Equations:
    """Cross-products of outcomes and regressors net of effects: all that estimates need.

    Attributes
    ----------
    own : per outcome the places of its regressors among the k. xx : (k, k), of regressors of about the same length.
    xy : (k, m). yy : (m, m).
    """

    own: tuple[tuple[int, ...], ...]
    xx: FloatArray
    xy: FloatArray
    yy: FloatArray

    @property
    def generalised(self) -> bool:
        """Whether the equations' regressors differ, so that generalised least squares is not least squares of each."""
        return len(set(self.own)) > 1

    def estimate(self, n: int) -> tuple[FloatArray, FloatArray]:
        """Coefficients (k, m), zero where an equation lacks the term, and the precision (m, m) that weighs them.

        The precision is the inverse of the residuals' cross-products over `n` of least squares equation by equation.
        Coefficients that the cross-products do not identify are zero: residuals do not depend on them.
        """
        params = np.zeros_like(self.xy)
        for m, own in enumerate(self.own):
            params[list(own), m] = _solved(self.xx[np.ix_(own, own)], self.xy[list(own), m])
        precision = np.asarray(np.linalg.inv(self.left(params) / n))
        if not self.generalised:
            return params, precision
        gram, products = self.normal(precision)
        solved, start = _solved(gram, products), 0
        for m, own in enumerate(self.own):
            params[list(own), m] = solved[start : start + len(own)]
            start += len(own)
        return params, precision

    def left(self, params: FloatArray) -> FloatArray:
        """Cross-products (m, m) of the residuals."""
        mixed = params.T @ self.xy
        return np.asarray(self.yy - mixed - mixed.T + params.T @ self.xx @ params)

    def normal(self, precision: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Normal equations of all outcomes' coefficients, one equation after the other."""
        blocks = [
            [precision[m, j] * self.xx[np.ix_(own, other)] for j, other in enumerate(self.own)]
            for m, own in enumerate(self.own)
        ]
        sums = [self.xy[list(own)] @ precision[m] for m, own in enumerate(self.own)]
        return np.block(blocks), np.concatenate(sums)


def _solved(gram: FloatArray, products: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.lstsq(gram, products, rcond=1e-12)[0])
