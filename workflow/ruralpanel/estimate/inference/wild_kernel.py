"""The algebra of the wild cluster bootstrap: p-values at any null from one pass over the draws.

One draw multiplies the restricted residuals of each cluster by a random weight. The bootstrap t statistic is a ratio of
a linear form and the root of a quadratic form in the vector of weights; both depend on the null through the residuals
alone, linearly. So one pass over the draws leaves five numbers per draw, from which the p-value at any null follows,
and so does the interval by inversion (Roodman, Nielsen, MacKinnon and Webb 2019; MacKinnon 2023).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from scipy import sparse

from ruralpanel.estimate.base.absorb import Absorbed, group_sums
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, IntArray
from ruralpanel.estimate.inference import covariance
from ruralpanel.project.problems import tracked

TIE = 1e-10
"""Relative distance within which two statistics count as equal: floating-point noise must not decide ties."""

CHUNK = 8192
"""Draws taken from the stream at once; the weights of a seed depend on it."""

BLOCK = 1024
"""Draws multiplied at once: few enough for the values of provinces' size to stay near the core."""

CELLS = 4_000_000
"""Weights held at once where there are many clusters."""

SMALL = 40_000
"""Entries of a map that is multiplied out."""

OUTWARD = np.concatenate([np.arange(0.5, 4.01, 0.5), [5.0, 6.0, 8.0], 8.0 * 2.0 ** np.arange(1, 11)])
"""Distances from the estimate, in errors, at which the p-value is looked at before the end is found by bisection."""

PLACES = 2**26
"""Places in a step among which its end is sought."""

ROUGH, NEARBY = 2**10, 8
"""Shares of a step: to which the first draws place the end, and how far from there all draws will at most."""


Flags = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


@dataclass(frozen=True)
class Draws:
    """What the draws leave of one coefficient, for the null that lies `d` below the estimate.

    The bootstrap statistic's numerator is ``n0 + d n1``, its squared denominator ``q0 + 2 d q1 + d² q2``; the sample's
    own are ``d * size`` and ``denominator``. `multiple` is how often each draw counts; `random` says whether the sample
    itself has to be added to the count (drawn weights) or is one of the draws (enumerated ones).
    """

    n0: FloatArray
    n1: FloatArray
    q0: FloatArray
    q1: FloatArray
    q2: FloatArray
    size: float
    denominator: float
    multiple: int
    random: bool

    def p_value(self, d: float) -> float:
        """Two-sided p-value: the share of draws, the sample included, whose statistic is at least as far from zero."""
        return self.share(self.count(d))

    def count(self, d: float) -> int:
        """Draws whose statistic is at least as far from zero as the sample's."""
        return int(np.count_nonzero(self.extreme(d)))

    def extreme(self, d: float) -> Flags:
        """Which draws' statistics are at least as far from zero as the sample's."""
        sample = (d * self.size) ** 2
        left = (self.n0 + d * self.n1) ** 2 * self.denominator
        right = (self.q0 + d * (2.0 * self.q1 + d * self.q2)) * (sample * (1.0 - TIE))
        return np.asarray(left >= right)

    def share(self, count: int) -> float:
        """The p-value that so many draws make."""
        total = self.n0.size * self.multiple
        return (count * self.multiple + 1) / (total + 1) if self.random else count * self.multiple / total

    def chosen(self, draws: slice | Flags) -> Draws:
        """Some of the draws."""
        parts = (self.n0[draws], self.n1[draws], self.q0[draws], self.q1[draws], self.q2[draws])
        return Draws(*parts, self.size, self.denominator, self.multiple, self.random)

    def beyond(self, d: float) -> Draws:
        """The draws that may be extreme at the null `d` or at one farther out.

        Over d² the statistic's numerator is farthest from zero at `d` or far out, its squared denominator smallest at
        `d` or where the parabola turns.
        """
        parts = []
        for start in range(0, self.n0.size, CHUNK):
            one = self.chosen(slice(start, start + CHUNK))
            line = np.maximum(np.abs(one.n0 / d + one.n1), np.abs(one.n1))
            least = one.q0 + d * (2.0 * one.q1 + d * one.q2)
            falling = np.flatnonzero((one.q1 + d * one.q2) * d < 0.0)
            bend = one.q2[falling]
            bottom = one.q0[falling] - one.q1[falling] ** 2 / np.where(bend > 0.0, bend, 1.0)
            least[falling] = np.where(bend > 0.0, bottom, -np.inf)
            least[one.q2 < 0.0] = -np.inf
            parts.append(line**2 * self.denominator >= least * (self.size**2 * (1.0 - 2.0 * TIE)))
        return self.chosen(np.concatenate(parts))


@dataclass(frozen=True)
class Dimension:
    """Clusters (m,) whose squared scores enter a variance, added (1) or taken off (−1)."""

    sign: float
    codes: IntArray


@dataclass(frozen=True)
class ScoreMap:
    """Clusters' bootstrap scores as a linear map of the weights: ``scores - sum of left @ right.T``.

    Kept in factors, so that the cost of thousands of clusters grows with their number only (small ones are
    multiplied out).
    """

    scores: sparse.csr_array
    pairs: tuple[tuple[FloatArray | sparse.csr_array, FloatArray | sparse.csr_array], ...]

    def __matmul__(self, weights: FloatArray) -> FloatArray:
        result = self.scores @ weights
        for left, right in self.pairs:
            result = result - left @ (right.T @ weights)
        return np.asarray(result)

    def dense(self) -> FloatArray:
        """The map as one matrix (G, H)."""
        return self @ np.eye(self.scores.shape[1])


def combination(
    fit: Fit,
    design: Design,
    contrast: FloatArray,
    codes: IntArray,
    drawn: IntArray,
    kind: str,
    draws: int,
    rng: np.random.Generator,
    given: FloatArray | None = None,
    further: Sequence[Dimension] = (),
) -> Draws:
    """Draws for the linear combination ``contrast @ params``.

    Parameters
    ----------
    contrast : (k,). codes : clusters (m,) of the errors. drawn : clusters (m,) that share a weight.
    given : (clusters, draws) weights drawn elsewhere, for draws that several models share; nothing is drawn then.
    further : sums of squares that are added to the variance or taken from it: the second dimension of two-way clusters
        and their intersections. A draw whose variance is not positive counts as beyond the sample.
    """
    assert fit.x is not None
    direction = fit.bread @ contrast
    z = fit.x @ direction / float(contrast @ direction)
    space = covariance.space_of(fit, design)
    dimensions = [Dimension(1.0, codes), *further]
    maps = [score_map(fit.x, fit.bread, space, z, u, d.codes, drawn) for d in dimensions for u in (fit.residuals, z)]
    number = int(drawn.max()) + 1
    products = _products(maps)
    enumerated = given is None and kind == "rademacher" and 2**number <= draws
    total = 2 ** (number - 1) if enumerated else draws
    values = np.empty((5, total))
    chunk = max(1, min(CHUNK, CELLS // number))
    steps = range(0, total, chunk)
    for start in tracked(steps, len(steps), "blocks of bootstrap draws"):
        size = min(chunk, total - start)
        if given is not None:
            v = given[:, start : start + size]
        else:
            v = signs(number, start, size) if enumerated else draw_weights(kind, number, size, rng)
        for first in range(0, size, BLOCK):
            last = min(first + BLOCK, size)
            part = values[:, start + first : start + last]
            part[0], part[1], scores = products(v[:, first:last])
            for i, (left, right) in enumerate(((0, 0), (0, 1), (1, 1)), start=2):
                np.einsum("ij,ij->j", scores[left], scores[right], out=part[i])
                for other, dimension in enumerate(further, start=1):
                    s0, s1 = scores[2 * other + left], scores[2 * other + right]
                    part[i] += dimension.sign * np.einsum("ij,ij->j", s0, s1)
    sums = [group_sums((z * fit.residuals)[:, None], dimension.codes) for dimension in dimensions]
    denominator = float(sum(dimension.sign * np.sum(one**2) for dimension, one in zip(dimensions, sums, strict=True)))
    n0, n1, q0, q1, q2 = values
    return Draws(n0, n1, q0, q1, q2, float(z @ z), denominator, 2 if enumerated else 1, not enumerated)


Products = Callable[[FloatArray], tuple[FloatArray, FloatArray, list[FloatArray]]]
"""Weights (H, draws) → both linear forms (draws,) and the values of all score maps (G, draws)."""


def _products(maps: Sequence[ScoreMap]) -> Products:
    linear = [np.asarray(part.scores.sum(axis=0)).ravel() for part in maps[:2]]
    sizes = [part.scores.shape[0] for part in maps]
    if max(sizes) * linear[0].size > SMALL:
        return lambda v: (linear[0] @ v, linear[1] @ v, [scores @ v for scores in maps])
    stacked = np.vstack([*linear, *(scores.dense() for scores in maps)])
    ends = 2 + np.cumsum(sizes)

    def products(v: FloatArray) -> tuple[FloatArray, FloatArray, list[FloatArray]]:
        values = stacked @ v
        return values[0], values[1], [values[end - size : end] for end, size in zip(ends, sizes, strict=True)]

    return products


def invert(result: Draws, estimate: float, level: float = 0.95) -> tuple[float, float, bool]:
    """Smallest and largest value that is not rejected, and whether everything between them is not rejected either.

    A side without end gives an infinite value. Zero is among the values looked at, so that interval and p-value agree.
    Ends are exact to 2^-26 of the step in which they lie.
    """
    error = np.sqrt(result.denominator) / result.size
    ends, whole = [], True
    for sign in (1.0, -1.0):
        zero = sign * estimate / error
        steps = np.unique(np.append(OUTWARD, zero)) if 0.0 < zero < OUTWARD[-1] else OUTWARD
        kept = _kept(result, sign * steps * error, 1.0 - level)
        if not kept.any():
            inside, outside = 0.0, float(steps[0])
        elif kept[-1]:
            ends.append(-sign * np.inf)
            whole &= bool(kept.all())
            continue
        else:
            last = int(np.flatnonzero(kept)[-1])
            whole &= bool(kept[: last + 1].all())
            inside, outside = float(steps[last]), float(steps[last + 1])
        ends.append(estimate - sign * _end(result, inside, outside, sign * error, 1.0 - level) * error)
    return float(ends[0]), float(ends[1]), whole


def _kept(result: Draws, nulls: FloatArray, level: float) -> Flags:
    """Which of some nulls of one sign, in their order outward, are not rejected."""
    kept = np.zeros(nulls.size, dtype=bool)
    rest = result
    for place, d in enumerate(nulls.tolist()):
        parts = (rest.chosen(slice(start, start + CHUNK)) for start in range(0, rest.n0.size, CHUNK))
        counts = accumulate(part.count(d) for part in parts)
        kept[place] = any(result.share(count) > level for count in counts)  # often the first draws settle it
        if rest is result and not kept[place]:
            rest = result.beyond(d)
    return kept


def _end(result: Draws, inside: float, outside: float, unit: float, level: float) -> float:
    """The farthest null that is not rejected, in units, between one that is not and one that is.

    The first draws say about where it lies. Between two nulls around that place few draws change their side, and these
    alone are looked at from then on.
    """

    def narrowed(low: int, high: int, draws: Draws, whole: Draws, sure: int = 0, until: int = 1) -> tuple[int, int]:
        while high - low > until:
            middle = (low + high) // 2
            kept = whole.share(sure + draws.count(null(middle))) > level
            low, high = (middle, high) if kept else (low, middle)
        return low, high

    def null(place: int) -> float:
        return (inside + (outside - inside) * (place / PLACES)) * unit

    few = result.chosen(slice(0, CHUNK))
    about, _ = narrowed(0, PLACES, few, few, until=PLACES // ROUGH)
    low, high = max(about - PLACES // NEARBY, 0), min(about + PLACES // NEARBY, PLACES)
    at = [result.extreme(null(place)) for place in (low, high)]
    counts = [int(np.count_nonzero(one)) for one in at]
    if result.share(counts[0]) > level >= result.share(counts[1]):
        sure, changing = int(np.count_nonzero(at[0] & at[1])), result.chosen(at[0] != at[1])
        found, beyond = narrowed(low, high, changing, result, sure)
        if result.p_value(null(found)) > level >= result.p_value(null(beyond)):
            return null(found) / unit
    # the first draws mislead, or a draw left and came back between the two: look at all
    return null(narrowed(0, PLACES, result, result)[0]) / unit


def score_map(
    x: FloatArray,
    bread: FloatArray,
    space: Absorbed,
    z: FloatArray,
    u: FloatArray,
    codes: IntArray,
    drawn: IntArray,
) -> ScoreMap:
    """Scores ``z_g' M (v ∘ u)`` of the clusters as a map of weights v (H,); M annihilates regressors and effects.

    The sums of the columns of its `scores` are the linear form of the numerator.

    Parameters
    ----------
    x : (m, k) regressors net of `space`. bread : ``inv(x' x)``. z : (m,) orthogonal to `space`. u : (m,).
    codes : clusters (m,). drawn : clusters (m,) that share a weight.
    """
    shape = (int(codes.max()) + 1, int(drawn.max()) + 1)
    scores = sparse.csr_array((z * u, (codes, drawn)), shape=shape)
    left, left_first = space.grouped(z, codes)
    right, right_first = space.grouped(u, drawn)
    regressors = (group_sums(z[:, None] * x, codes) @ bread, group_sums(u[:, None] * x, drawn))
    pairs: list[tuple[FloatArray | sparse.csr_array, FloatArray | sparse.csr_array]] = [regressors, (left, right)]
    # z is orthogonal to the effects: where they are nested in the clusters this part is zero but for rounding
    if np.abs(left_first.data).max(initial=0.0) > 1e-10 * np.abs(z).max():
        pairs.append((left_first, right_first))
    return ScoreMap(scores, tuple(pairs))


def signs(number: int, start: int, size: int) -> FloatArray:
    """Vectors of signs `start` to `start + size` with the last sign positive: −v gives the same |t|, so half will do.

    The first vector is all ones: the sample itself.
    """
    index = np.arange(start, start + size, dtype=np.int64)
    bits = (index[None, :] >> np.arange(number, dtype=np.int64)[:, None]) & 1
    return np.asarray(1.0 - 2.0 * bits, dtype=float)


def draw_weights(kind: str, number: int, size: int, rng: np.random.Generator) -> FloatArray:
    """(number, size) weights of mean zero and variance one."""
    if kind == "webb":
        points = np.sqrt(np.array([0.5, 1.0, 1.5]))
        return np.asarray(np.concatenate([points, -points])[rng.integers(0, 6, (number, size), dtype=np.int8)])
    if kind == "mammen":
        root = np.sqrt(5.0)
        low = rng.random((number, size)) < (root + 1.0) / (2.0 * root)
        return np.asarray(np.where(low, (1.0 - root) / 2.0, (1.0 + root) / 2.0))
    # the top bits of a stream of bytes: what rng.integers(0, 2, dtype=np.int8) returns, ten times as fast; 1 where set
    set_bits = np.frombuffer(rng.bytes(number * size), dtype=np.int8).reshape(number, size) >> 7
    return np.asarray(-1 - 2 * set_bits, dtype=np.float64)
