"""The space of fixed effects: projecting it out exactly, and what it contributes to leverages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from ruralpanel.estimate.base.groups import (
    FEW,
    MANY_UNORDERED,
    Codes,
    Floats,
    Matrix,
    dense,
    group_sums,
    levels_of,
    nested,
    table_of,
)
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError

LOSS = 0.01
"""Share of simulated columns' squared length that a projection leaves, above which its rounding errors do not count."""

LARGEST_DENSE = 4000
"""Levels that hang together, of all effects but the largest, that one dense eigenvalue decomposition takes."""

SMALL = 400
"""Levels beside the largest effect up to which they are taken as one piece, whether or not they hang together."""

MOST_PAIRS = 4
"""Pairs of levels of two effects, per row, up to which a table of them all is kept."""


@dataclass(frozen=True)
class Absorbed:
    """Columns that are projected out of a model: dummies of `factors` and the columns of `dense`.

    Effects that a finer one contains (regions of units) are left aside. The factor with most levels is eliminated in
    closed form; what remains of the others is one symmetric matrix, taken apart into the pieces that share no level of
    it (periods of one region), so that the projection is exact for balanced and unbalanced panels and linear in the
    rows.

    Attributes
    ----------
    n : number of rows.
    factors : codes (n,) of each effect, from 0 without gaps.
    dense : (n, q) further columns, already multiplied by `root`; None: none.
    root : (n,) square roots of the weights; None: ones.
    without_constant : the constant, which dummies add up to, is no part of the space (it is among the regressors).
    """

    n: int
    factors: tuple[Codes, ...] = ()
    dense: Floats | None = None
    root: Floats | None = None
    without_constant: bool = False

    @cached_property
    def finest(self) -> tuple[Codes, ...]:
        """Codes of the effects that no other one contains, that with most levels first."""
        kept: list[Codes] = []
        for codes in sorted(self.factors, key=levels_of, reverse=True):
            if not any(nested(finer, codes) for finer in kept):
                kept.append(codes)
        return tuple(kept)

    @property
    def first(self) -> Codes | None:
        """Codes of the factor with most levels."""
        return self.finest[0] if self.finest else None

    @cached_property
    def _weights(self) -> Floats:
        return np.ones(self.n) if self.root is None else self.root

    @cached_property
    def _sums(self) -> Floats:
        """Sum of the weights in each level of the first factor."""
        assert self.first is not None
        return np.bincount(self.first, weights=self._weights**2).astype(float)

    @cached_property
    def _rest(self) -> Matrix | None:
        """Columns other than the first factor's dummies, (n, r)."""
        levels = sum(map(levels_of, self.finest[1:])) + (0 if self.dense is None else self.dense.shape[1])
        if levels and self.n * levels <= FEW:
            full = [
                (codes[:, None] == np.arange(levels_of(codes))) * self._weights[:, None] for codes in self.finest[1:]
            ]
            return np.hstack(full if self.dense is None else [*full, self.dense])
        parts = [_dummies(codes, self._weights) for codes in self.finest[1:]]
        if self.dense is not None and self.dense.shape[1]:
            parts.append(sparse.csr_array(self.dense))
        if not parts:
            return None
        return sparse.csr_array(sparse.hstack(parts, format="csr"))

    @cached_property
    def _second(self) -> Codes | None:
        """Codes of the only factor beside the first one, where many rows fill most pairs of their levels; else None.

        Sums by group then do what products of sparse matrices do otherwise.
        """
        if len(self.finest) != 2 or (self.dense is not None and self.dense.shape[1]):
            return None
        levels, first = levels_of(self.finest[1]), levels_of(self.finest[0])
        return self.finest[1] if self.n * levels > FEW and levels * first <= MOST_PAIRS * self.n else None

    @cached_property
    def _pairs(self) -> Floats:
        """(levels of the second factor, of the first) sums of the weights of each pair."""
        assert self.first is not None and self._second is not None
        shape = levels_of(self._second), self._sums.size
        pairs = self._second * shape[1] + self.first
        return np.bincount(pairs, self._weights**2, shape[0] * shape[1]).astype(float).reshape(shape)

    @cached_property
    def _half(self) -> Matrix:
        """(r, rank) matrix H with H H' the pseudo-inverse of the Gram matrix of the rest net of the first factor."""
        if self._second is not None:
            whole = self._pairs.sum(axis=1)
            gram = np.diag(whole) - self._pairs @ (self._pairs / self._sums).T
            return _halves(gram, whole)
        rest = self._rest
        if rest is None:
            return np.zeros((0, 0))
        if isinstance(rest, np.ndarray):
            products = rest.T @ rest
            whole = np.diag(products)
            scale = 1.0 / np.sqrt(np.where(whole > 0, whole, 1.0))
            if self.first is not None:
                across = group_sums(rest * self._weights[:, None], self.first)
                products = products - across.T @ (across / self._sums[:, None])
            return _half(products, scale)
        gram = sparse.csr_array(rest.T @ rest)
        whole = gram.diagonal()
        if self.first is not None:
            cross = (rest.T @ _dummies(self.first, self._weights)).tocsr()
            gram = sparse.csr_array(gram - cross @ sparse.diags_array(1.0 / self._sums) @ cross.T)
        return _halves(gram, whole)

    @cached_property
    def rank(self) -> int:
        """Dimension of the space.

        That of two effects is counted exactly: levels less the groups of levels that hang together. Of more, or beside
        dense columns, it is the number of eigenvalues that are not zero, which weights do not change.
        """
        if self.without_constant:
            return replace(self, without_constant=False).rank - 1
        if self.root is not None and (self.dense is None or not self.dense.shape[1]):
            return Absorbed(self.n, self.finest).rank
        if self.dense is None and len(self.finest) == 2:
            return sum(map(levels_of, self.finest)) - _groups(*self.finest)
        return (0 if self.first is None else levels_of(self.first)) + int(self._half.shape[1])

    @cached_property
    def _basis(self) -> Matrix:
        """(n, r) orthonormal columns that span the space net of the first factor's dummies, sparse in large panels."""
        rest = self._rest
        if rest is None or not self._half.shape[1]:
            return np.zeros((self.n, 0))
        columns = rest @ self._half
        if not sparse.issparse(columns):
            return self._without_first(np.asarray(columns))
        if self.first is None:
            return sparse.csr_array(columns)
        dummies = _dummies(self.first, self._weights)
        means = sparse.diags_array(1.0 / self._sums) @ (dummies.T @ columns)
        return sparse.csr_array(columns - dummies @ means)

    @property
    def basis(self) -> Floats:
        """(n, r) orthonormal columns that span the space net of the first factor's dummies."""
        return dense(self._basis)

    def _without_first(self, columns: Floats) -> Floats:
        if self.first is None:
            return columns
        if self.root is None:
            means = group_sums(columns, self.first) / self._sums[:, None]
            return columns - means[self.first]
        root = self.root[:, None]
        means = group_sums(columns * root, self.first) / self._sums[:, None]
        return columns - root * means[self.first]

    def residuals(self, columns: Floats) -> Floats:
        """`columns` (n,) or (n, m), multiplied by `root` beforehand, less their projection on the space.

        Applied twice: the second pass removes the rounding error of the first, of many columns (simulated ones) only
        where little is left of one.
        """
        raw = np.asarray(columns, dtype=float).reshape(self.n, -1)
        values = self._net(raw) if self._second is None else np.column_stack([self._net_of_two(x) for x in raw.T])
        if self.without_constant:
            values = values + np.outer(self._constant, self._constant @ raw)
        return np.asarray(values.reshape(np.shape(columns)))

    def _net(self, values: Floats) -> Floats:
        rest = self._rest
        for _ in range(2):
            before = values
            values = self._without_first(values)
            if isinstance(rest, np.ndarray):
                basis = self.basis
                values = values - basis @ (basis.T @ values)
            elif rest is not None and self._half.shape[1]:
                fitted = rest @ (self._half @ (self._half.T @ (rest.T @ values)))
                values = values - self._without_first(np.asarray(fitted))
            if values.shape[1] > MANY_UNORDERED and np.all(_lengths(values) >= LOSS * _lengths(before)):
                break
        return values

    def _net_of_two(self, column: Floats) -> Floats:
        """A column (n,) less its projection where `_second` is there."""
        first, second, pairs = self.first, self._second, self._pairs
        assert first is not None and second is not None
        net = np.array(column)
        for _ in range(2):
            weighted = net if self.root is None else net * self.root
            along = np.bincount(first, weights=weighted) / self._sums
            of_second = self._half @ (self._half.T @ (np.bincount(second, weights=weighted) - pairs @ along))
            fitted = (along - of_second @ pairs / self._sums)[first]
            fitted += of_second[second]
            net -= fitted if self.root is None else self.root * fitted
        return net

    @property
    def _constant(self) -> Floats:
        """(n,) the constant in the metric of the weights, of length one."""
        return self._weights / np.linalg.norm(self._weights)

    def leverage(self) -> Floats:
        """Diagonal (n,) of the projection on the space."""
        basis = self._basis
        diagonal: Floats = (
            np.einsum("ij,ij->i", basis, basis) if isinstance(basis, np.ndarray) else np.asarray((basis**2).sum(axis=1))
        )
        if self.first is not None:
            diagonal = diagonal + self._weights**2 / self._sums[self.first]
        return diagonal - self._constant**2 if self.without_constant else diagonal

    def blocks(self, rows: Codes) -> Floats:
        """The projection's blocks (b, s, s) for sets of rows (b, s)."""
        basis = self._basis
        if isinstance(basis, np.ndarray):
            values = basis[rows] @ basis[rows].swapaxes(1, 2)
        else:
            values = np.array([(basis[one] @ basis[one].T).toarray() for one in rows])
        if self.first is not None:
            codes, root = self.first[rows], self._weights[rows]
            same = codes[:, :, None] == codes[:, None]
            values += np.where(same, root[:, :, None] * root[:, None] / self._sums[codes][:, :, None], 0.0)
        if self.without_constant:
            constant = self._constant[rows]
            values -= constant[:, :, None] * constant[:, None]
        return np.asarray(values)

    def grouped(self, values: Floats, codes: Codes) -> tuple[Floats, Matrix]:
        """Coordinates of the groups' parts of `values` in an orthonormal basis of the space.

        Parameters
        ----------
        values : (n,). codes : groups (n,), from 0 without gaps.

        Returns
        -------
        (groups, r) coordinates along `basis`, and (groups, levels) ones along the first factor's dummies. The
        sum of ``left[i] P[i, j] right[j]`` over i in group g, j in group h, with P the projection, is the product of
        the rows g and h: all that bootstraps and degrees of freedom need of P.
        """
        groups = levels_of(codes)
        basis = self._basis
        if isinstance(basis, np.ndarray):
            along = group_sums(values[:, None] * basis, codes)
        else:
            along = (_dummies(codes, values).T @ basis).toarray()
        if self.first is None:
            return along, np.zeros((groups, 0))
        first = table_of(values * self._weights / np.sqrt(self._sums)[self.first], codes, self.first)
        if self.without_constant:
            share = np.sqrt(self._sums / self._sums.sum())
            first = dense(first) - np.outer(dense(first) @ share, share)
        return along, first

    def cross(self, left: Floats, left_codes: Codes, right: Floats, right_codes: Codes) -> Floats:
        """Matrix (groups, groups) of the products that `grouped` describes."""
        return products(self.grouped(left, left_codes), self.grouped(right, right_codes))

    def rank_outside(self, groups: Sequence[Codes]) -> int:
        """Dimension of the space once every factor that is nested in one of `groups` is reduced to a constant.

        A factor is nested when each of its levels lies in a single group (province effects in province clusters).
        """
        if self.without_constant:
            return replace(self, without_constant=False).rank_outside(groups) - 1
        free = tuple(codes for codes in self.finest if not any(nested(codes, group) for group in groups))
        if len(free) == len(self.finest):
            return self.rank
        constant = self._weights[:, None]
        dense = constant if self.dense is None else np.hstack([constant, self.dense])
        return Absorbed(self.n, free, dense, self.root).rank


def _halves(gram: Matrix, whole: Floats) -> Matrix:
    """`_half` of a matrix (r, r), piece by piece; `whole` (r,) is its diagonal before the first factor was taken out.

    Raises
    ------
    UserError
        More than `LARGEST_DENSE` levels that hang together.
    """
    scale = 1.0 / np.sqrt(np.where(whole > 0, whole, 1.0))
    if whole.size <= SMALL:
        return _half(dense(gram), scale)
    table = sparse.csr_array(gram)
    pieces = _pieces(table, scale)
    largest = max(piece.size for piece in pieces)
    if largest > LARGEST_DENSE:
        raise UserError(
            Problem(
                CONFIGURATION,
                "effects",
                f"effects with {largest} levels that hang together beside the largest one",
                f"at most {LARGEST_DENSE}",
                "use coarser effects",
            )
        )
    halves = [_half(table[piece][:, piece].toarray(), scale[piece]) for piece in pieces]
    if len(pieces) == 1:
        return halves[0]
    order = np.argsort(np.concatenate(pieces))
    return sparse.csr_array(sparse.block_diag(halves, format="csr")[order])


def _half(gram: Floats, scale: Floats) -> Floats:
    """H with H H' the pseudo-inverse of `gram` (r, r), whose columns `scale` brings to length one."""
    values, vectors = np.linalg.eigh(gram * np.outer(scale, scale))
    kept = values > 1e-10 * max(1.0, float(values[-1]))
    half: Floats = scale[:, None] * vectors[:, kept] / np.sqrt(values[kept])
    return half


def _pieces(gram: sparse.csr_array, scale: Floats) -> list[Codes]:
    """Columns of a symmetric matrix that hang together, piece by piece."""
    entries = gram.tocoo()
    tied = np.abs(entries.data) * scale[entries.row] * scale[entries.col] > 1e-12
    links = sparse.csr_array((np.ones(int(tied.sum())), (entries.row[tied], entries.col[tied])), shape=gram.shape)
    _, labels = _connected(links)
    order = np.argsort(labels, kind="stable")
    return [piece.astype(np.intp) for piece in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)]


def _groups(left: Codes, right: Codes) -> int:
    """How many groups two effects fall into: levels in one row together, directly or over others, are one group."""
    table = (levels_of(left), levels_of(right))
    if table[0] * table[1] <= max(FEW, MOST_PAIRS * left.size):
        together = np.zeros(table, dtype=bool)
        together[left, right] = True
        if together.all(axis=0).any() or together.all(axis=1).any():  # one level meets all of the other effect
            return 1
        if min(table) <= SMALL:
            wide = (together.T if table[0] > table[1] else together).astype(np.float32)
            return _connected(wide @ wide.T > 0)[0]
    shape = (sum(table),) * 2
    links = sparse.csr_array((np.ones(left.size), (left, table[0] + right)), shape=shape)
    return _connected(links)[0]


def products(left: tuple[Floats, Matrix], right: tuple[Floats, Matrix]) -> Floats:
    """Products (groups, groups) of the rows of coordinates from `Absorbed.grouped`."""
    return np.asarray(left[0] @ right[0].T + dense(left[1] @ right[1].T))


def _connected(links: Any) -> tuple[int, Codes]:
    """Number of the groups of levels that hang together, and the group of each level."""
    from scipy.sparse import csgraph  # with all solvers of sparse systems: few models ask

    number, labels = csgraph.connected_components(links, directed=False)
    return int(number), labels


def _lengths(columns: Floats) -> Floats:
    """Squared lengths of columns."""
    return np.asarray(np.einsum("ij,ij->j", columns, columns))


def _dummies(codes: Codes, weights: Floats) -> sparse.csr_array:
    n = codes.size
    return sparse.csr_array((weights, codes, np.arange(n + 1)), shape=(n, levels_of(codes)))
