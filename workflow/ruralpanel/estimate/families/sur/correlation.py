"""The algebra of seemingly unrelated regressions on cross-products, and the correlation of two outcomes' residuals."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.absorb import Absorbed
from ruralpanel.estimate.base.effects import effect_codes
from ruralpanel.estimate.base.groups import compact, nested
from ruralpanel.estimate.base.results import Design, FloatArray, IntArray
from ruralpanel.estimate.base.rows import Statistic
from ruralpanel.estimate.inference.cluster import cluster_codes
from ruralpanel.estimate.inference.validity import generator
from ruralpanel.estimate.inference.wild_kernel import TIE
from ruralpanel.project.kinds.estimator_keys import System
from ruralpanel.project.notes import Note, note
from ruralpanel.project.problems import tracked


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


LEVEL = 0.95

MIN_CLUSTERS = 10
"""Fewest clusters to resample (benchmarks/bench_sur.py, docs/estimators/sur.md)."""

NAME = "residual_correlation"

MOST_NUMBERS = 4_000_000
"""Numbers held at once while samples are drawn."""


@dataclass(frozen=True)
class Correlations:
    """`statistics` by name; `note`: how they were made."""

    statistics: dict[str, Statistic]
    note: Note


@dataclass(frozen=True)
class Sample:
    """Cross-products by cluster of other effects' dummies, regressors and outcomes, unit effects removed.

    Attributes
    ----------
    grams : (clusters, p, p), columns in the order dummies, k regressors, m outcomes. terms : as in `Equations`.
    n : rows.
    """

    grams: FloatArray
    terms: tuple[tuple[int, ...], ...]
    k: int
    m: int
    n: int

    def correlations(self, counts: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Fisher's z (draws, pairs) and its error when each cluster counts `counts` (draws, clusters) times.

        Effects and coefficients are estimated from the sample drawn. The error is that of z's influence function,
        summed by cluster (the coefficients' estimation does not matter to first order).
        """
        clusters, width = self.grams.shape[:2]
        most = max(1, MOST_NUMBERS // (max(clusters, width) * width * self.m))
        steps = range(0, len(counts), most)
        blocks = tracked(steps, len(steps), "blocks of bootstrap draws")
        parts = [self._correlations(counts[start : start + most]) for start in blocks]
        return np.concatenate([z for z, _ in parts]), np.concatenate([error for _, error in parts])

    def _correlations(self, counts: FloatArray) -> tuple[FloatArray, FloatArray]:
        gram = np.tensordot(counts, self.grams, axes=1)
        size, k = gram.shape[-1] - self.k - self.m, self.k
        inner, cross = gram[:, :size, :size], gram[:, :size, size:]
        fitted = np.linalg.pinv(inner, rcond=1e-12, hermitian=True) @ cross
        net = gram[:, size:, size:] - np.swapaxes(cross, 1, 2) @ fitted
        params = Equations(self.terms, net[:, :k, :k], net[:, :k, k:], net[:, k:, k:]).estimate(self.n)[0]
        outcomes = np.broadcast_to(np.eye(self.m), (len(counts), self.m, self.m))
        left = np.concatenate([fitted[:, :, :k] @ params - fitted[:, :, k:], -params, outcomes], axis=1)
        grams = self.grams.reshape(len(self.grams), -1).T

        def products(a: int, b: int) -> FloatArray:
            """(draws, clusters) what each cluster adds to the cross-product of two outcomes' residuals."""
            return np.asarray((left[:, :, a, None] * left[:, None, :, b]).reshape(len(left), -1) @ grams)

        own = [products(a, a) for a in range(self.m)]
        total = [np.sum(counts * part, axis=1) for part in own]
        z, error = [], []
        for a, b in combinations(range(self.m), 2):
            length = np.sqrt(total[a] * total[b])
            mixed = products(a, b)
            value = np.sum(counts * mixed, axis=1) / length
            ratio = mixed / length[:, None]
            shares = own[a] / total[a][:, None] + own[b] / total[b][:, None]
            squares = np.sum(counts * (ratio - 0.5 * value[:, None] * shares) ** 2, axis=1)
            z.append(np.arctanh(value))
            error.append(np.sqrt(squares) / (1.0 - value**2))
        return np.stack(z, axis=1), np.stack(error, axis=1)


def report(
    design: Design,
    rows: IntArray,
    names: tuple[str, ...],
    terms: tuple[tuple[int, ...], ...],
    columns: tuple[FloatArray, FloatArray],
    scale: FloatArray,
) -> Correlations:
    """Correlations of the residuals as named statistics with interval and p-value of no correlation.

    A symmetric studentised bootstrap of Fisher's z: whole clusters are drawn with replacement, effects and coefficients
    estimated anew, and z less the sample's, over its error, gives the critical value. How often the interval holds the
    truth is in docs/estimators/sur.md.

    Parameters
    ----------
    columns : regressors (n, k), of about the same length net of effects, and outcomes (n, m) of `rows`; times the
        weights' roots, effects not removed.
    scale : (n, 1) those roots.
    """
    codes, by = _clusters(design, rows)
    sample = sample_of(design, rows, terms, columns, scale, codes)
    clusters = len(sample.grams)
    draws = design.spec.of(System).draws if clusters >= MIN_CLUSTERS else 0
    rng = generator(design.seed, design.spec.name, "sur", NAME)
    one = sample.correlations(np.ones((1, clusters)))
    z, error = one[0][0], one[1][0]
    distances = studentised(sample, z, draws, rng)
    statistics: dict[str, Statistic] = {}
    pairs = list(combinations(range(len(names)), 2))
    for place, (a, b) in enumerate(pairs):
        suffix = "" if len(pairs) == 1 else f":{names[a]}:{names[b]}"
        usable = distances[:, place]
        statistic = float(z[place] / error[place])
        value, reach, p = float(np.tanh(z[place])), float("nan"), float("nan")
        if usable.size:
            reach = float(np.quantile(usable, LEVEL, method="higher")) * float(error[place])
            p = float((np.count_nonzero(usable >= abs(statistic) * (1.0 - TIE)) + 1) / (usable.size + 1))
        statistics[NAME + suffix] = Statistic(
            outcomes=(names[a], names[b]),
            estimate=value,
            std_error=float(error[place]) * (1.0 - value**2),
            statistic=statistic,
            df=float(clusters - 1),
            p_value=p,
            ci_low=float(np.tanh(z[place] - reach)),
            ci_high=float(np.tanh(z[place] + reach)),
            draws=int(usable.size),
            by=by,
            n_clusters=clusters,
        )
    how = note("correlation_bootstrap", clusters=clusters, by=by, draws=draws)
    if not draws:
        how = note("correlation_no_interval", clusters=clusters, least=MIN_CLUSTERS)
    return Correlations(statistics, how)


def studentised(sample: Sample, z: FloatArray, draws: int, rng: np.random.Generator) -> FloatArray:
    """(draws, pairs) distances of the drawn z from `z` in errors."""
    if not draws:
        return np.zeros((0, z.size))
    clusters = len(sample.grams)
    counts = rng.multinomial(clusters, np.full(clusters, 1.0 / clusters), size=draws).astype(float)
    drawn, error = sample.correlations(counts)
    return np.asarray(np.abs(drawn - z) / error)


def sample_of(
    design: Design,
    rows: IntArray,
    terms: tuple[tuple[int, ...], ...],
    columns: tuple[FloatArray, FloatArray],
    scale: FloatArray,
    codes: IntArray,
) -> Sample:
    """Cross-products by cluster; unit effects are removed once, as drawing a unit repeatedly does not change them."""
    x, y = columns
    effects = design.spec.effects
    dummies = [_dummies(compact(effect_codes(design, effect)[rows])) for effect in effects if effect != "unit"]
    if not effects:
        dummies = [np.ones((rows.size, 1))]
    everything = np.hstack([*(part * scale for part in dummies), x, y])
    if "unit" in effects:
        root = None if design.weights is None else scale[:, 0]
        everything = Absorbed(rows.size, (compact(design.unit_codes[rows]),), None, root).residuals(everything)
    order = np.argsort(codes, kind="stable")
    parts = np.split(everything[order], np.flatnonzero(np.diff(codes[order])) + 1)
    return Sample(np.stack([part.T @ part for part in parts]), terms, x.shape[1], y.shape[1], rows.size)


def _clusters(design: Design, rows: IntArray) -> tuple[IntArray, str]:
    """Codes of what is resampled: the first setting's clusters where they hold whole units, else units."""
    units = compact(design.unit_codes[rows])
    names = design.spec.inference[0].clusters if design.spec.inference else ()
    if len(names) == 1 and names[0] != "unit":
        codes = cluster_codes(design, names[0], rows)
        if nested(units, codes):
            return codes, names[0]
    return units, "unit"


def _dummies(codes: IntArray) -> FloatArray:
    return np.asarray(codes[:, None] == np.arange(int(codes.max()) + 1), dtype=float)
