"""Linear and quadratic forms of many vectors of random signs, looked up instead of multiplied out.

The clusters are cut into groups of a few. What two groups add to a form depends on their signs alone, and there are few
enough of these for a table of all: a vector then costs one look-up for each pair of groups, whatever the variance is a
sum of, where the products of score maps cost a row for each cluster.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ruralpanel.estimate.base.results import FloatArray

Bytes = NDArray[np.uint8]

GROUP = 7
"""Clusters of a group at most: the table of a pair of groups, 2^14 rows, stays near the core."""

MOST_CLUSTERS, LEAST_DRAWS = 64, 10_000
"""Clusters and draws between which tables are made sooner than products."""


def drawn_bytes(number: int, size: int, rng: np.random.Generator) -> Bytes:
    """(number, size) random bytes whose top bit says that a sign is positive: the stream of `Generator.integers`.

    ``rng.integers(0, 2, dtype=np.int8)`` returns these bits, in ten times the time.
    """
    return np.frombuffer(rng.bytes(number * size), dtype=np.uint8).reshape(number, size)


@dataclass(frozen=True)
class SignTables:
    """Tables of the forms' values.

    Attributes
    ----------
    groups : the clusters of each group. pairs : two groups and the values (2^(a + b), forms) of all their signs.
    """

    groups: tuple[slice, ...]
    pairs: tuple[tuple[int, int, FloatArray], ...]

    @classmethod
    def of(cls, linear: FloatArray, quadratic: FloatArray) -> SignTables:
        """Tables for the forms ``linear`` (l, H) and the symmetric ``quadratic`` (q, H, H) of signs (H,)."""
        ends = np.linspace(0, linear.shape[1], max(2, -(-linear.shape[1] // GROUP)) + 1).astype(int).tolist()
        groups = tuple(itertools.starmap(slice, itertools.pairwise(ends)))
        signs = [_all_signs(group.stop - group.start) for group in groups]
        own = [_own(linear[:, group], quadratic[:, group, group], v) for group, v in zip(groups, signs, strict=True)]
        pairs = []
        for a, b in itertools.combinations(range(len(groups)), 2):
            values = np.zeros((len(signs[a]), len(signs[b]), own[a].shape[1]))
            across = 2.0 * quadratic[:, groups[a], groups[b]] @ signs[b].T
            values[:, :, len(linear) :] = np.tensordot(signs[a], across, (1, 1)).transpose(0, 2, 1)
            # what a group adds alone is counted with the next one, that of the last with the first
            if b == a + 1:
                values += own[a][:, None]
            if (a, b) == (0, len(groups) - 1):
                values += own[b]
            pairs.append((a, b, values.reshape(-1, own[a].shape[1])))
        return cls(groups, tuple(pairs))

    def values(self, drawn: Bytes) -> FloatArray:
        """(forms, draws) values at the signs (H, draws) of `drawn_bytes`."""
        codes = [_codes(drawn[group]) for group in self.groups]
        result: FloatArray | None = None
        for a, b, table in self.pairs:
            found = table.take(codes[a] * (1 << self.groups[b].stop - self.groups[b].start) + codes[b], axis=0)
            result = found if result is None else np.add(result, found, out=result)
        assert result is not None
        return result.T


def _all_signs(number: int) -> FloatArray:
    """(2^number, number) all vectors of signs, in the order of `_codes`."""
    return np.array(list(itertools.product((-1.0, 1.0), repeat=number)))


def _codes(drawn: Bytes) -> NDArray[np.intp]:
    """Which of all vectors of signs each column is: the first sign counts most."""
    places = np.arange(8 - len(drawn), 8, dtype=np.uint8)[:, None]
    return np.asarray(np.bitwise_or.reduce((drawn & 128) >> places, axis=0), dtype=np.intp)


def _own(linear: FloatArray, quadratic: FloatArray, signs: FloatArray) -> FloatArray:
    """(vectors, forms) values of forms of one group's signs."""
    squares: Sequence[FloatArray] = [np.sum((signs @ form) * signs, axis=1) for form in quadratic]
    return np.column_stack([signs @ linear.T, *squares])
