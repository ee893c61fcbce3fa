"""The algebra of seemingly unrelated regressions on cross-products."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.results import FloatArray


@dataclass(frozen=True)
class Equations:
    """Cross-products of outcomes and regressors net of effects: all that estimates need.

    All arrays may have leading dimensions, one system for each place along them.

    Attributes
    ----------
    terms : per outcome the places of its regressors among the k. xx : (…, k, k), of regressors of about one length.
    xy : (…, k, m). yy : (…, m, m).
    """

    terms: tuple[tuple[int, ...], ...]
    xx: FloatArray
    xy: FloatArray
    yy: FloatArray

    @property
    def generalised(self) -> bool:
        """Whether the equations' regressors differ, so that generalised least squares is not least squares of each."""
        return len(set(self.terms)) > 1

    def least_squares(self) -> FloatArray:
        """Coefficients (…, k, m) of each equation alone, zero where it lacks the term.

        Coefficients that the cross-products do not identify have the least length: residuals do not depend on them.
        """
        if not self.generalised:
            terms = self.terms[0]
            return self._placed([_solved(_block(self.xx, terms, terms), self.xy[..., list(terms), :])])
        parts = [
            _solved(_block(self.xx, terms, terms), self.xy[..., list(terms), m : m + 1])
            for m, terms in enumerate(self.terms)
        ]
        return self._placed(parts)

    def estimate(self, n: int) -> tuple[FloatArray, FloatArray]:
        """Coefficients (…, k, m), zero where an equation lacks the term, and the precision (…, m, m) that weighs them.

        One step of feasible generalised least squares (Zellner 1962): the precision is the inverse of the residuals'
        cross-products over `n` of least squares equation by equation. Any other divisor common to all equations gives
        the same coefficients.
        """
        params = self.least_squares()
        precision = np.asarray(np.linalg.inv(self.left(params) / n))
        if not self.generalised:
            return params, precision
        gram, products = self.normal(precision)
        solved = _solved(gram, products[..., None])
        starts = np.cumsum([0, *(len(terms) for terms in self.terms)])
        parts = [solved[..., start : start + len(terms), :] for start, terms in zip(starts, self.terms, strict=False)]
        return self._placed(parts), precision

    def left(self, params: FloatArray) -> FloatArray:
        """Cross-products (…, m, m) of the residuals."""
        transposed = np.swapaxes(params, -1, -2)
        mixed = transposed @ self.xy
        return np.asarray(self.yy - mixed - np.swapaxes(mixed, -1, -2) + transposed @ self.xx @ params)

    def normal(self, precision: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Normal equations of all outcomes' coefficients, one equation after the other."""
        lines = [
            [precision[..., m, j, None, None] * _block(self.xx, terms, other) for j, other in enumerate(self.terms)]
            for m, terms in enumerate(self.terms)
        ]
        gram = np.concatenate([np.concatenate(line, axis=-1) for line in lines], axis=-2)
        sums = [
            (self.xy[..., list(terms), :] @ precision[..., m, :, None])[..., 0] for m, terms in enumerate(self.terms)
        ]
        return gram, np.concatenate(sums, axis=-1)

    def _placed(self, parts: list[FloatArray]) -> FloatArray:
        """Coefficients of each equation, or of all alike, in the rows of their terms."""
        params = np.zeros_like(self.xy)
        if len(parts) == 1:
            params[..., list(self.terms[0]), :] = parts[0]
            return params
        for m, (terms, part) in enumerate(zip(self.terms, parts, strict=True)):
            params[..., list(terms), m] = part[..., 0]
        return params


def correlations(products: FloatArray) -> FloatArray:
    """Cross-products (…, m, m) of columns without a mean, as correlations."""
    length = np.sqrt(np.diagonal(products, axis1=-2, axis2=-1))
    return np.asarray(products / (length[..., :, None] * length[..., None, :]))


def _block(matrix: FloatArray, rows: tuple[int, ...], columns: tuple[int, ...]) -> FloatArray:
    return np.asarray(matrix[..., list(rows), :][..., list(columns)])


def _solved(gram: FloatArray, products: FloatArray) -> FloatArray:
    solution: Any = scaling.inverse(gram) @ products
    return np.asarray(solution)
