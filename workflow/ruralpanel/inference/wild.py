"""Wild cluster bootstrap with the null imposed, by algebra on matrices of clusters × clusters.

One draw multiplies the restricted residuals of each cluster by a random weight. The bootstrap t statistic is a ratio of
a linear form and the root of a quadratic form in the vector of weights; both depend on the null through the residuals
alone, linearly. So one pass over the draws gives five numbers per draw, from which the p-value at any null follows, and
with them the interval by inversion (Roodman, Nielsen, MacKinnon and Webb 2019; MacKinnon 2023).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from ruralpanel.contracts.specs import InferenceSpec
from ruralpanel.estimators.absorb import Absorbed, compact, group_sums
from ruralpanel.estimators.base import Design, Fit, FloatArray, Inference, IntArray
from ruralpanel.inference import small_sample, validity
from ruralpanel.inference.cluster import cluster_codes
from ruralpanel.inference.streams import generator

TIE = 1e-10
"""Relative distance within which two statistics count as equal: floating-point noise must not decide ties."""

CHUNK = 8192
"""Draws worked on at once, so that they stay in the processor's cache."""

OUTWARD = np.concatenate([np.arange(0.5, 8.01, 0.5), 8.0 * 1.5 ** np.arange(1, 18)])
"""Distances from the estimate, in errors, at which the p-value is looked at before the end is found by bisection."""

BISECTIONS = 30


@dataclass(frozen=True)
class Draws:
    """What the draws leave of one coefficient, for the null that lies `d` below the estimate.

    The bootstrap statistic's numerator is ``n0 + d n1``, its squared denominator ``q0 + 2 d q1 + d² q2``; the sample's
    own are ``d * size`` and ``own``. `multiple` is how often each draw counts; `random` says whether the sample itself
    has to be added to the count (drawn weights) or is one of the draws (enumerated ones).
    """

    n0: FloatArray
    n1: FloatArray
    q0: FloatArray
    q1: FloatArray
    q2: FloatArray
    size: float
    own: float
    multiple: int
    random: bool

    def p_value(self, d: float) -> float:
        """Two-sided p-value: the share of draws, the sample included, whose statistic is at least as far from zero."""
        sample = (d * self.size) ** 2
        left = (self.n0 + d * self.n1) ** 2 * self.own
        right = (self.q0 + d * (2.0 * self.q1 + d * self.q2)) * (sample * (1.0 - TIE))
        count = int(np.count_nonzero(left >= right)) * self.multiple
        total = self.n0.size * self.multiple
        return (count + 1) / (total + 1) if self.random else count / total


def infer(fit: Fit, design: Design, setting: InferenceSpec, seed: int) -> Inference:
    """Bootstrap p-value of every coefficient, each under its own null, and the interval by inversion.

    Options: ``by`` (unit, period or an attribute), ``draws`` (99,999), ``weights`` (rademacher, webb, mammen),
    ``interval`` (true), ``subcluster`` (row or an attribute: weights are drawn for these, errors stay clustered by
    ``by``; MacKinnon and Webb 2018), ``theta`` (fixed; random effects only). Rademacher weights are enumerated where
    there are no more vectors of signs than draws. The statistic is t with clustered errors; any factor cancels.

    Raises
    ------
    UserError
        The estimator is not least squares on rows, every cluster has one row (between estimator, cross-sections), two
        cluster dimensions, or too few clusters for the weights.
    """
    options = setting.options
    kind = str(options.get("weights", "rademacher"))
    draws = int(options.get("draws", 99_999))
    by = options.get("by", "unit")
    _check_applies(fit, design, setting)
    name = str(by[0] if isinstance(by, (list, tuple)) else by)
    codes = cluster_codes(design, name, fit.rows)
    clusters = int(codes.max()) + 1
    if clusters == fit.rows.size:
        validity.stop(
            design,
            "the wild cluster bootstrap with one row per cluster",
            "several rows in each cluster",
            "use {vcov: hc, kind: HC3} or {randomisation: permutation}",
        )
    sub = options.get("subcluster")
    drawn = codes if sub is None else _subclusters(fit, design, str(sub), codes)
    number = int(drawn.max()) + 1
    smallest = {"rademacher": "2/2^G", "mammen": "about 2^-G", "webb": "6^-G"}[kind]
    validity.need_clusters(
        design, f"the wild cluster bootstrap with {kind} weights", kind, number, f"the smallest p-value is {smallest}"
    )
    interval = bool(options.get("interval", True))
    k = len(fit.terms)
    p, low, high, notes = np.empty(k), np.full(k, np.nan), np.full(k, np.nan), []
    for j, term in enumerate(fit.terms):
        rng = generator(seed, design.spec.name, "wild_cluster", term)
        result = combination(fit, design, np.eye(k)[j], codes, drawn, kind, draws, rng)
        p[j] = result.p_value(float(fit.params[j]))
        if interval:
            low[j], high[j], whole = invert(result, float(fit.params[j]))
            if not whole:
                notes.append(f"{term}: the values not rejected are not one interval; its outer ends are given")
            if not np.isfinite([low[j], high[j]]).all():
                notes.append(f"{term}: the interval has no end on one side or both")
    enumerated = kind == "rademacher" and 2**number <= draws
    words = "null imposed; t with clustered errors, whose factor cancels; p counts the sample itself"
    if enumerated:
        words += f"; all {2**number} vectors of signs"
    if sub is not None:
        words += f"; weights for {number} subclusters ({sub})"
    if "theta" in fit.fit:
        notes.append("θ of the random effects is held fixed over the draws")
    return Inference(
        method="wild_cluster",
        p_value=p,
        ci_low=low,
        ci_high=high,
        by=name,
        small_sample=words,
        n_clusters=clusters,
        notes=tuple(notes),
        extra={
            "draws": 2**number if enumerated else draws,
            "weights": kind,
            "interval": interval,
            "enumerated": enumerated,
            "subcluster": sub,
            "seed": seed,
        },
    )


def combination(
    fit: Fit,
    design: Design,
    contrast: FloatArray,
    codes: IntArray,
    drawn: IntArray,
    kind: str,
    draws: int,
    rng: np.random.Generator,
) -> Draws:
    """Draws for the linear combination ``contrast @ params``.

    Parameters
    ----------
    contrast : (k,). codes : clusters (m,) of the errors. drawn : clusters (m,) that share a weight, nested in `codes`.
    """
    assert fit.x is not None
    direction = fit.bread @ contrast
    z = fit.x @ direction / float(contrast @ direction)
    space = small_sample.space_of(fit, design)
    a0, j0 = _algebra(fit, space, z, fit.residuals, codes, drawn)
    a1, j1 = _algebra(fit, space, z, z, codes, drawn)
    number = a0.size
    enumerated = kind == "rademacher" and 2**number <= draws
    total = 2 ** (number - 1) if enumerated else draws
    values = np.empty((5, total))
    stacked = np.vstack([j0, j1])
    half = j0.shape[0]
    for start in range(0, total, CHUNK):
        size = min(CHUNK, total - start)
        v = _enumerate(number, start, size) if enumerated else _weights(kind, number, size, rng)
        part = values[:, start : start + size]
        part[0], part[1] = a0 @ v, a1 @ v
        s = stacked @ v
        s0, s1 = s[:half], s[half:]
        np.einsum("ij,ij->j", s0, s0, out=part[2])
        np.einsum("ij,ij->j", s0, s1, out=part[3])
        np.einsum("ij,ij->j", s1, s1, out=part[4])
    own = float(np.sum(group_sums((z * fit.residuals)[:, None], codes) ** 2))
    n0, n1, q0, q1, q2 = values
    return Draws(n0, n1, q0, q1, q2, float(z @ z), own, 2 if enumerated else 1, not enumerated)


def invert(result: Draws, estimate: float, level: float = 0.95) -> tuple[float, float, bool]:
    """Smallest and largest value that is not rejected, and whether everything between them is not rejected either.

    A side without end gives an infinite value. Zero is among the values looked at, so that interval and p-value agree.
    Ends are exact to 2^-30 of the step in which they lie.
    """
    error = np.sqrt(result.own) / result.size
    ends, whole = [], True
    for sign in (1.0, -1.0):
        zero = sign * estimate / error
        steps = np.unique(np.append(OUTWARD, zero)) if 0.0 < zero < OUTWARD[-1] else OUTWARD
        kept = np.array([result.p_value(sign * t * error) > 1.0 - level for t in steps])
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
        for _ in range(BISECTIONS):
            middle = 0.5 * (inside + outside)
            if result.p_value(sign * middle * error) > 1.0 - level:
                inside = middle
            else:
                outside = middle
        ends.append(estimate - sign * inside * error)
    return float(ends[0]), float(ends[1]), whole


def _algebra(
    fit: Fit, space: Absorbed, z: FloatArray, u: FloatArray, codes: IntArray, drawn: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Linear form (H,) of the numerator and matrix (G, H) of the cluster scores, for weights (H,) on the parts of `u`.

    Scores are ``z_g' M (v ∘ u)`` with M the annihilator of regressors and effects.
    """
    assert fit.x is not None
    shape = (int(codes.max()) + 1, int(drawn.max()) + 1)
    own = sparse.csr_array((z * u, (codes, drawn)), shape=shape).toarray()
    left = group_sums(z[:, None] * fit.x, codes)
    right = group_sums(u[:, None] * fit.x, drawn)
    return own.sum(axis=0), own - left @ fit.bread @ right.T - space.cross(z, codes, u, drawn)


def _enumerate(number: int, start: int, size: int) -> FloatArray:
    """Vectors of signs `start` to `start + size` with the last sign positive: −v gives the same |t|, so half will do.

    The first vector is all ones: the sample itself.
    """
    index = np.arange(start, start + size, dtype=np.int64)
    bits = (index[None, :] >> np.arange(number, dtype=np.int64)[:, None]) & 1
    return np.asarray(1.0 - 2.0 * bits, dtype=float)


def _weights(kind: str, number: int, size: int, rng: np.random.Generator) -> FloatArray:
    """(number, size) weights of mean zero and variance one."""
    if kind == "webb":
        points = np.sqrt(np.array([0.5, 1.0, 1.5]))
        return np.asarray(np.concatenate([points, -points])[rng.integers(0, 6, (number, size), dtype=np.int8)])
    if kind == "mammen":
        root = np.sqrt(5.0)
        low = rng.random((number, size)) < (root + 1.0) / (2.0 * root)
        return np.asarray(np.where(low, (1.0 - root) / 2.0, (1.0 + root) / 2.0))
    return np.asarray(2.0 * rng.integers(0, 2, (number, size), dtype=np.int8) - 1.0, dtype=float)


def _subclusters(fit: Fit, design: Design, name: str, codes: IntArray) -> IntArray:
    if name == "row":
        return np.arange(fit.rows.size, dtype=np.intp)
    other = cluster_codes(design, name, fit.rows)
    return compact(codes * (int(other.max()) + 1) + other)


def _check_applies(fit: Fit, design: Design, setting: InferenceSpec) -> None:
    by = setting.options.get("by", "unit")
    if isinstance(by, (list, tuple)) and len(by) != 1:
        validity.stop(design, f"the wild cluster bootstrap by {' and '.join(map(str, by))}", "one cluster", "name one")
    if fit.x is None or fit.y is None or fit.residuals.shape != fit.y.shape:
        validity.stop(
            design,
            f"the wild cluster bootstrap with estimator {design.spec.estimator}",
            "an estimator that is least squares on the panel's rows",
            "use vcov: cluster",
        )
    gap = float(np.max(np.abs(fit.y - fit.x @ fit.params - fit.residuals), initial=0.0))
    if gap > 1e-8 * (1.0 + float(np.max(np.abs(fit.y), initial=0.0))):
        validity.stop(
            design,
            f"the wild cluster bootstrap with estimator {design.spec.estimator}",
            "an estimator whose residuals are those of least squares",
            "use the estimator's own bootstrap",
        )
    theta = str(setting.options.get("theta", "fixed"))
    if "theta" in fit.fit and theta != "fixed":
        validity.stop(design, f"theta: {theta}", "fixed", "the bootstrap holds θ at its estimate")
