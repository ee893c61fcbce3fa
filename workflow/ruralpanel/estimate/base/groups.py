"""Groups of rows by whole numbers from 0 (codes): how many, without gaps, one within another, and sums over each."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
Matrix: TypeAlias = "Floats | sparse.csr_array"

FEW = 400_000
"""Entries up to which columns are kept in full: sparse ones then cost more in bookkeeping than their zeros do."""

MANY_COLUMNS, MANY_UNORDERED = 8, 64
"""Columns beyond which sums are taken for all of them at once, of rows that lie in order and of others."""


def levels_of(codes: Codes) -> int:
    """How many groups codes from 0 number."""
    return int(codes.max()) + 1 if codes.size else 0


def nested(codes: Codes, groups: Codes) -> bool:
    """Whether each level of `codes` lies in a single group."""
    owner = np.empty(levels_of(codes), dtype=groups.dtype)
    owner[codes] = groups
    return bool(np.array_equal(owner[codes], groups))


def compact(codes: Codes) -> Codes:
    """`codes` renumbered from 0 without gaps, order kept."""
    if not codes.size or codes.min() < 0 or codes.max() > 4 * codes.size:
        return np.unique(codes, return_inverse=True)[1].astype(np.intp)
    number = np.zeros(levels_of(codes), dtype=np.intp)
    number[codes] = 1
    return (np.cumsum(number) - 1)[codes]


def group_sums(values: Floats, codes: Codes) -> Floats:
    """Sums of the rows of `values` (n, m) by `codes`: (groups, m)."""
    size = levels_of(codes)
    if size and values.shape[1] > MANY_COLUMNS:
        ordered = bool((np.diff(codes) >= 0).all())
        counts = np.bincount(codes)
        if counts.all() and (ordered or values.shape[1] > MANY_UNORDERED):
            rows = values if ordered else values[np.argsort(codes, kind="stable")]
            return np.asarray(np.add.reduceat(rows, np.append(0, np.cumsum(counts[:-1])), axis=0))
    result = np.empty((size, values.shape[1]))
    for j in range(values.shape[1]):
        result[:, j] = np.bincount(codes, weights=values[:, j], minlength=size)
    return result


def table_of(values: Floats, rows: Codes, columns: Codes) -> Matrix:
    """Sums of `values` (n,) by two codes, sparse where the table has many entries."""
    shape = levels_of(rows), levels_of(columns)
    if shape[0] * shape[1] > FEW:
        return sparse.csr_array((values, (rows, columns)), shape=shape)
    return np.bincount(rows * shape[1] + columns, values, shape[0] * shape[1]).reshape(shape)


def dense(matrix: Matrix) -> Floats:
    """A matrix with its zeros."""
    return matrix if isinstance(matrix, np.ndarray) else np.asarray(matrix.toarray())
