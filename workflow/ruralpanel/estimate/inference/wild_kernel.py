"""The algebra of the wild cluster bootstrap: p-values at any null from one pass over the draws.

One draw multiplies the restricted residuals of each cluster by a random weight. The bootstrap t statistic is a ratio of
a linear form and the root of a quadratic form in the vector of weights; both depend on the null through the residuals
alone, linearly. So one pass over the draws leaves five numbers per draw, from which the p-value at any null follows,
and so does the interval by inversion (Roodman, Nielsen, MacKinnon and Webb 2019; MacKinnon 2023).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np

from ruralpanel.estimate.base.absorb import Absorbed
from ruralpanel.estimate.base.groups import Matrix, dense, group_sums, table_of
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, IntArray
from ruralpanel.estimate.inference import covariance, sign_tables
from ruralpanel.estimate.inference.sign_tables import SignTables, drawn_bytes
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
        return self.share(_count(self.quartic, d))

    def share(self, count: int, of: int | None = None) -> float:
        """The p-value that so many draws make, of all or of as many as are looked at."""
        total = (of or self.n0.size) * self.multiple
        return (count * self.multiple + 1) / (total + 1) if self.random else count * self.multiple / total

    @cached_property
    def quartic(self) -> FloatArray:
        """(5, draws) coefficients of the polynomials in d that are not negative where a draw is as far as the sample.

        That is its squared numerator times the sample's squared denominator, less the same the other way round.
        """
        size = self.size**2 * (1.0 - TIE)
        result = np.empty((5, self.n0.size))
        for part in _blocks(self.n0.size):
            n0, n1 = self.n0[part], self.n1[part]
            result[0, part] = n0**2 * self.denominator
            result[1, part] = n0 * n1 * (2.0 * self.denominator)
            result[2, part] = n1**2 * self.denominator - self.q0[part] * size
            result[3, part] = self.q1[part] * (-2.0 * size)
            result[4, part] = self.q2[part] * -size
        return result

    def beyond(self, d: float) -> Flags:
        """Which draws may be extreme at the null `d` or at one farther out.

        Over d² the statistic's numerator is farthest from zero at `d` or far out, its squared denominator smallest at
        `d` or where the parabola turns.
        """
        found = np.empty(self.n0.size, dtype=bool)
        for part in _blocks(self.n0.size):
            n0, n1, q0, q1, q2 = self.n0[part], self.n1[part], self.q0[part], self.q1[part], self.q2[part]
            line = np.maximum(np.abs(n0 / d + n1), np.abs(n1))
            slope = q1 + d * q2
            least = q0 + d * (q1 + slope)
            falling = np.flatnonzero(slope * d < 0.0)
            bend = q2[falling]
            bottom = q0[falling] - q1[falling] ** 2 / np.where(bend > 0.0, bend, 1.0)
            least[falling] = np.where(bend > 0.0, bottom, -np.inf)
            least[q2 < 0.0] = -np.inf
            found[part] = line**2 * self.denominator >= least * (self.size**2 * (1.0 - 2.0 * TIE))
        return found


def _blocks(draws: int) -> Iterator[slice]:
    return (slice(start, start + CHUNK) for start in range(0, draws, CHUNK))


def _extreme(quartic: FloatArray, d: float) -> Flags:
    """Which draws' statistics are at least as far from zero as the sample's."""
    return np.asarray(np.array([1.0, d, d**2, d**3, d**4]) @ quartic >= 0.0)


def _count(quartic: FloatArray, d: float) -> int:
    return int(np.count_nonzero(_extreme(quartic, d)))


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

    scores: Matrix
    pairs: tuple[tuple[Matrix, Matrix], ...]

    def __matmul__(self, weights: FloatArray) -> FloatArray:
        result = self.scores @ weights
        for left, right in self.pairs:
            result = result - left @ (right.T @ weights)
        return np.asarray(result)

    def dense(self) -> FloatArray:
        """The map as one matrix (G, H)."""
        result = dense(self.scores)
        for left, right in self.pairs:
            result = result - dense(left @ right.T)
        return result


Maps = tuple[ScoreMap, ScoreMap]
"""Maps of one dimension's scores: of the residuals and of the regressor that the null is about."""


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

    def of(u: FloatArray, dimension: Dimension) -> ScoreMap:
        assert fit.x is not None
        return score_map(fit.x, fit.bread, space, z, u, dimension.codes, drawn)

    maps = [(of(fit.residuals, dimension), of(z, dimension)) for dimension in dimensions]
    signed = [dimension.sign for dimension in dimensions]
    number = int(drawn.max()) + 1
    enumerated = given is None and kind == "rademacher" and 2**number <= draws
    total = 2 ** (number - 1) if enumerated else draws
    random_signs = given is None and kind == "rademacher" and not enumerated
    tabled = random_signs and number <= sign_tables.MOST_CLUSTERS and total >= sign_tables.LEAST_DRAWS
    tables = _tables(maps, signed) if tabled else None
    products = _products(maps, signed)
    values = np.empty((5, total))
    chunk = max(1, min(CHUNK, CELLS // number))
    steps = range(0, total, chunk)
    for start in tracked(steps, len(steps), "blocks of bootstrap draws"):
        part = slice(start, min(start + chunk, total))
        size = part.stop - start
        if tables is not None:
            values[:, part] = tables.values(drawn_bytes(number, size, rng))
        elif given is not None:
            products(given[:, part], values[:, part])
        elif enumerated:
            products(signs(number, start, size), values[:, part])
        else:
            products(draw_weights(kind, number, size, rng), values[:, part])
    sums = [group_sums((z * fit.residuals)[:, None], dimension.codes) for dimension in dimensions]
    denominator = float(sum(sign * np.sum(one**2) for sign, one in zip(signed, sums, strict=True)))
    n0, n1, q0, q1, q2 = values
    return Draws(n0, n1, q0, q1, q2, float(z @ z), denominator, 2 if enumerated else 1, not enumerated)


def _tables(maps: Sequence[Maps], signed: Sequence[float]) -> SignTables:
    """Tables of the five numbers of a draw."""
    forms = np.zeros((3, *np.repeat(maps[0][0].scores.shape[1], 2)))
    for sign, pair in zip(signed, maps, strict=True):
        left, right = (one.dense() for one in pair)
        forms += sign * np.array([left.T @ left, left.T @ right, right.T @ right])
    return SignTables.of(_linear(maps), (forms + forms.transpose(0, 2, 1)) / 2.0)


def _linear(maps: Sequence[Maps]) -> FloatArray:
    """(2, H) the numerators as forms of the weights."""
    return np.array([part.scores.sum(axis=0) for part in maps[0]])


def _products(maps: Sequence[Maps], signed: Sequence[float]) -> Callable[[FloatArray, FloatArray], None]:
    """Puts the five numbers of draws with weights (H, draws) into (5, draws)."""
    linear = _linear(maps)
    small = max(part.scores.shape[0] for one in maps for part in one) * linear.shape[1] <= SMALL
    used = [[part.dense() if small else part for part in one] for one in maps]

    def products(weights: FloatArray, values: FloatArray) -> None:
        for start in range(0, weights.shape[1], BLOCK):
            v, five = weights[:, start : start + BLOCK], values[:, start : start + BLOCK]
            five[:2], five[2:] = linear @ v, 0.0
            for sign, (residuals, lever) in zip(signed, used, strict=True):
                left, right = residuals @ v, lever @ v
                for i, (a, b) in enumerate(((left, left), (left, right), (right, right)), start=2):
                    five[i] += sign * np.einsum("ij,ij->j", a, b)

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
    rest = result.quartic
    for place, d in enumerate(nulls.tolist()):
        counts = accumulate(_count(rest[:, part], d) for part in _blocks(rest.shape[1]))
        kept[place] = any(result.share(count) > level for count in counts)  # often the first draws settle it
        if rest is result.quartic and not kept[place]:
            rest = result.quartic[:, result.beyond(d)]
    return kept


def _end(result: Draws, inside: float, outside: float, unit: float, level: float) -> float:
    """The farthest null that is not rejected, in units, between one that is not and one that is.

    The first draws say about where it lies. Between two nulls around that place few draws change their side, and these
    alone are looked at from then on.
    """

    def narrowed(low: int, high: int, draws: FloatArray, of: int, sure: int = 0, until: int = 1) -> tuple[int, int]:
        while high - low > until:
            middle = (low + high) // 2
            kept = result.share(sure + _count(draws, null(middle)), of) > level
            low, high = (middle, high) if kept else (low, middle)
        return low, high

    def null(place: int) -> float:
        return (inside + (outside - inside) * (place / PLACES)) * unit

    every = result.quartic
    few = every[:, :CHUNK]
    about, _ = narrowed(0, PLACES, few, few.shape[1], until=PLACES // ROUGH)
    low, high = max(about - PLACES // NEARBY, 0), min(about + PLACES // NEARBY, PLACES)
    first, last = (_extreme(every, null(place)) for place in (low, high))
    if result.share(int(first.sum())) > level >= result.share(int(last.sum())):
        sure, changing = int((first & last).sum()), every[:, first != last]
        found, beyond = narrowed(low, high, changing, result.n0.size, sure)
        if result.p_value(null(found)) > level >= result.p_value(null(beyond)):
            return null(found) / unit
    # the first draws mislead, or a draw left and came back between the two: look at all
    return null(narrowed(0, PLACES, every, result.n0.size)[0]) / unit


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
    left, left_first = space.grouped(z, codes)
    right, right_first = space.grouped(u, drawn)
    regressors = (group_sums(z[:, None] * x, codes) @ bread, group_sums(u[:, None] * x, drawn))
    pairs: list[tuple[Matrix, Matrix]] = [regressors, (left, right)]
    # z is orthogonal to the effects: where they are nested in the clusters this part is zero but for rounding
    if left_first.size and abs(left_first).max() > 1e-10 * np.abs(z).max():
        pairs.append((left_first, right_first))
    return ScoreMap(table_of(z * u, codes, drawn), tuple(pairs))


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
    return np.asarray(-1 - 2 * (drawn_bytes(number, size, rng).view(np.int8) >> 7), dtype=np.float64)
