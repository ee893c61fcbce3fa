"""Linear algebra that does not mind in which measures columns come: they are brought to like length first."""

from __future__ import annotations

from typing import Any

import numpy as np

FloatArray = np.ndarray[Any, np.dtype[np.float64]]

ALIKE = 2.0**10
"""Columns whose lengths differ by less stay as they are."""


def scales(lengths: FloatArray) -> FloatArray:
    """Powers of two near the lengths of columns, all ones where the lengths are alike; one for an empty column."""
    filled = lengths > 0
    if not filled.any() or lengths[filled].max() <= ALIKE * lengths[filled].min():
        return np.ones(lengths.size)
    powers = np.exp2(np.round(np.log2(np.where(filled, lengths, 1.0))))
    return np.asarray(np.where(filled, powers, 1.0))


def least_squares(x: FloatArray, y: FloatArray) -> FloatArray:
    """Coefficients of `y` (n,) or (n, m) on `x` (n, k), the shortest where columns are collinear."""
    size = scales(np.linalg.norm(x, axis=0))
    params = np.linalg.lstsq(x / size, y, rcond=None)[0]
    return np.asarray(params / (size if params.ndim == 1 else size[:, None]))


def inverse(matrix: FloatArray, rcond: float = 1e-12) -> FloatArray:
    """Generalised inverse of symmetric matrices (…, k, k) without negative eigenvalues."""
    both = _both(matrix)
    return np.asarray(np.linalg.pinv(matrix / both, rcond=rcond, hermitian=True) / both)


def solve(matrix: FloatArray, right: FloatArray) -> FloatArray:
    """Solution (k,) or (k, m) of a system whose matrix is symmetric without negative eigenvalues."""
    size = scales(np.sqrt(np.maximum(np.diag(matrix), 0.0)))
    rows = size if right.ndim == 1 else size[:, None]
    return np.asarray(np.linalg.solve(matrix / np.outer(size, size), right / rows) / rows)


def rank(matrix: FloatArray) -> int:
    """Rank of a symmetric matrix without negative eigenvalues."""
    return int(np.linalg.matrix_rank(matrix / _both(matrix), hermitian=True))


def column_rank(x: FloatArray) -> int:
    """Rank of the columns of `x` (n, k)."""
    return int(np.linalg.matrix_rank(x / scales(np.linalg.norm(x, axis=0)))) if x.size else 0


def condition(x: FloatArray) -> float:
    """Condition number of the columns of `x`, each brought to length one; infinite with an empty or repeated one."""
    if not x.shape[1]:
        return 1.0
    length = np.linalg.norm(x, axis=0)
    if not np.all(length > 0):
        return float("inf")
    values = np.linalg.svd(x / length, compute_uv=False)
    return float(values[0] / values[-1]) if values[-1] > 0 else float("inf")


def spanning(x: FloatArray) -> FloatArray:
    """`x` (n, k), or orthogonal columns that span the same beside a constant, where `x` is hard to compute with.

    For regressions with a constant whose slopes nobody reads: fitted values do not depend on the choice.
    """
    if not x.shape[1]:
        return x
    centred = x - x.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=0)
    if not np.all(lengths > 0):
        return x
    if np.all(scales(lengths) == 1.0) and condition(np.column_stack([np.ones(len(x)), x])) < ALIKE:
        return x
    return np.asarray(np.linalg.qr(centred / lengths)[0] * np.sqrt(len(x)))


def _both(matrix: FloatArray) -> FloatArray:
    squares = np.diagonal(matrix, axis1=-2, axis2=-1).reshape(-1, matrix.shape[-1])
    size = scales(np.sqrt(np.maximum(squares.max(axis=0), 0.0)))
    return np.outer(size, size)
