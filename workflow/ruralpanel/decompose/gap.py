"""What explains the difference between the means of two groups: three decompositions into blocks of variables."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ruralpanel.estimators.base import FloatArray, IntArray


@dataclass(frozen=True)
class Groups:
    """Group membership of n units: `codes` (n,) with `names`; the gap is `target` less `reference`."""

    codes: IntArray
    names: tuple[str, ...]
    target: int
    reference: int

    @property
    def dummies(self) -> FloatArray:
        """(n, g − 1) dummies of all groups but the reference; the target's is the first column."""
        others = [g for g in range(len(self.names)) if g not in (self.target, self.reference)]
        return np.column_stack([(self.codes == g).astype(float) for g in (self.target, *others)])


def gelbach(y: FloatArray, x: FloatArray, blocks: Sequence[IntArray], groups: Groups, counts: FloatArray) -> FloatArray:
    """Conditional decomposition of Gelbach (2016), whose parts do not depend on the order of the blocks.

    The part of a block is the sum of (coefficient with all blocks in) × (gap in the variable's group means).

    Parameters
    ----------
    y : (n,). x : (n, k). blocks : columns of `x` in each of the b blocks.
    counts : (d, n) how often each unit enters, d samples at once (ones: the sample itself).

    Returns
    -------
    (d, b + 2) : the blocks' parts, the unexplained part, the total. They add up exactly.
    """
    dummies = groups.dummies
    constant = np.ones((y.size, 1))
    base = np.column_stack([constant, dummies])
    gaps = _regress(base, np.column_stack([y, x]), counts)[:, 1, :]
    full = _regress(np.column_stack([base, x]), y[:, None], counts)[:, :, 0]
    slopes = full[:, base.shape[1] :]
    parts = [np.sum(slopes[:, block] * gaps[:, 1 + block], axis=1) for block in blocks]
    return np.column_stack([*parts, full[:, 1], gaps[:, 0]])


def shapley(y: FloatArray, x: FloatArray, blocks: Sequence[IntArray], groups: Groups, counts: FloatArray) -> FloatArray:
    """Average, over all orders in which blocks may enter, of the fall in the unexplained gap as a block enters.

    Parameters and result as in `gelbach`; Shapley (1953) as applied to regressions by Shorrocks (2013).
    """
    base = np.column_stack([np.ones(y.size), groups.dummies])
    number = len(blocks)
    left: dict[frozenset[int], FloatArray] = {}
    for size in range(number + 1):
        for chosen in itertools.combinations(range(number), size):
            columns = [x[:, blocks[b]] for b in chosen]
            left[frozenset(chosen)] = _regress(np.column_stack([base, *columns]), y[:, None], counts)[:, 1, 0]
    everything = frozenset(range(number))
    parts = []
    for b in range(number):
        part = np.zeros(counts.shape[0])
        for subset, gap in left.items():
            if b not in subset:
                weight = math.factorial(len(subset)) * math.factorial(number - len(subset) - 1) / math.factorial(number)
                part += weight * (gap - left[subset | {b}])
        parts.append(part)
    return np.column_stack([*parts, left[everything], left[frozenset()]])


def oaxaca(y: FloatArray, x: FloatArray, blocks: Sequence[IntArray], groups: Groups, counts: FloatArray) -> FloatArray:
    """Twofold decomposition of Oaxaca (1973) and Blinder (1973) at the coefficients of the reference group alone.

    Parameters and result as in `gelbach`.
    """
    base = np.column_stack([np.ones(y.size), groups.dummies])
    gaps = _regress(base, np.column_stack([y, x]), counts)[:, 1, :]
    inside = (groups.codes == groups.reference).astype(float)
    slopes = _regress(np.column_stack([np.ones(y.size), x]), y[:, None], counts * inside)[:, 1:, 0]
    parts = [np.sum(slopes[:, block] * gaps[:, 1 + block], axis=1) for block in blocks]
    return np.column_stack([*parts, gaps[:, 0] - np.sum(parts, axis=0), gaps[:, 0]])


METHODS = {"gelbach": gelbach, "shapley": shapley, "oaxaca": oaxaca}


def resampled_counts(groups: Groups, draws: int, generator: np.random.Generator) -> FloatArray:
    """(draws, n) bootstrap counts: units drawn with replacement within each group, whose sizes are kept."""
    counts = np.zeros((draws, groups.codes.size))
    for g in range(len(groups.names)):
        members = np.flatnonzero(groups.codes == g)
        if members.size:
            counts[:, members] = generator.multinomial(members.size, np.full(members.size, 1 / members.size), draws)
    return counts


def _regress(x: FloatArray, y: FloatArray, counts: FloatArray) -> FloatArray:
    """(d, k, m) least-squares coefficients for each row of `counts`; NaN where a draw leaves columns collinear."""
    gram = np.einsum("dn,ni,nj->dij", counts, x, x, optimize=True)
    moment = np.einsum("dn,ni,nm->dim", counts, x, y, optimize=True)
    scale = np.sqrt(np.maximum(np.einsum("dii->di", gram), 1e-300))
    scaled = gram / scale[:, :, None] / scale[:, None, :]
    usable = np.linalg.cond(scaled) < 1e10
    found = np.full(moment.shape, np.nan)
    found[usable] = np.linalg.solve(scaled[usable], moment[usable] / scale[usable][:, :, None])
    return np.asarray(found / scale[:, :, None])
