"""How often a method of inference rejects, for thousands of outcomes of one regression at once.

Each kernel computes what the method's own module computes for one outcome; `rejections` checks that against the model's
result before it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ruralpanel.estimate.base.absorb import Absorbed
from ruralpanel.estimate.base.groups import dense, group_sums
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, Inference, IntArray
from ruralpanel.estimate.inference import cluster, covariance, dependence, methods, permutation
from ruralpanel.estimate.inference.covariance import critical_values
from ruralpanel.estimate.inference.wild import clusters_of
from ruralpanel.estimate.inference.wild_kernel import TIE, draw_weights, signs
from ruralpanel.project.kinds.inference import Cluster, Conley, Permutation, Robust, WildCluster
from ruralpanel.project.problems import UserError, tracked
from ruralpanel.project.settings import InferenceSpec

LEVEL = 0.05
"""Size that every test claims."""

CELLS = 3_000_000
"""Numbers held at once."""

TOGETHER = 25
"""Panels whose scores are computed at once: few enough to stay near the core."""

FEW_SIGNS = 8
"""Clusters up to which all vectors of signs are gone through, as the bootstrap itself does."""


@dataclass(frozen=True)
class Outcomes:
    """A regression's results for many outcomes, all of them errors alone: every coefficient is zero in truth.

    Attributes
    ----------
    params : (k, panels). residuals : (m, panels).
    """

    fit: Fit
    design: Design
    space: Absorbed
    params: FloatArray
    residuals: FloatArray

    def head(self, panels: int) -> Outcomes:
        """The first panels."""
        return replace(self, params=self.params[:, :panels], residuals=self.residuals[:, :panels])


def by_variance(outcomes: Outcomes, setting: InferenceSpec, inference: Inference) -> FloatArray | None:
    """Rejections (k, panels) of t tests whose variance is a sum of squares linear in the residuals; None: it is not.

    `inference` is the method's result for the model itself: its factor, degrees of freedom and critical values serve.
    """
    variances = _variances(outcomes, setting, inference)
    if variances is None or inference.std_error is None or inference.df is None:
        return None
    sample = _variances(_itself(outcomes), setting, inference)
    if sample is None or not np.all(sample > 0):
        return None
    factor = (inference.std_error**2)[:, None] / sample
    critical = critical_values(inference.df)[:, None]
    return np.asarray(outcomes.params**2 > critical**2 * factor * variances)


def wild(
    outcomes: Outcomes, setting: InferenceSpec, terms: Sequence[int], draws: int, rng: np.random.Generator
) -> FloatArray:
    """Rejections (terms, panels) by the wild cluster bootstrap with `draws` vectors of weights for each panel."""
    fit, design, space = outcomes.fit, outcomes.design, outcomes.space
    assert fit.x is not None
    dimensions, drawn = clusters_of(fit, design, setting)
    kind = setting.of(WildCluster).weights
    number, panels = int(drawn.max()) + 1, outcomes.params.shape[1]
    every = signs(number, 0, 2 ** (number - 1)) if kind == "rademacher" and number <= FEW_SIGNS else None
    size = 2 ** (number - 1) if every is not None else draws
    largest = max(int(dimension.codes.max()) + 1 for dimension in dimensions)
    step = max(1, CELLS // (max(number, largest) * max(size, number)))
    rejected = np.empty((len(terms), panels), dtype=bool)
    for start in range(0, panels, step):
        part = slice(start, min(start + step, panels))
        width = part.stop - start
        if every is None:
            flat = draw_weights(kind, number, width * size, rng)
            weights = np.ascontiguousarray(flat.reshape(number, width, size).transpose(1, 0, 2))
        else:
            weights = np.broadcast_to(every, (width, number, size))
        for i, j in enumerate(terms):
            z = fit.x @ fit.bread[:, j] / fit.bread[j, j]
            restricted = outcomes.residuals[:, part] + z[:, None] * outcomes.params[j, part]
            variance, spread = np.zeros(width), np.zeros((width, size))
            for dimension in dimensions:
                squares = group_sums(z[:, None] * outcomes.residuals[:, part], dimension.codes) ** 2
                linear, maps = score_maps(fit, space, z, restricted, dimension.codes, drawn)
                variance += dimension.sign * np.sum(squares, axis=0)
                for few in (slice(first, first + TOGETHER) for first in range(0, width, TOGETHER)):
                    scores = maps[few] @ weights[few]
                    spread[few] += dimension.sign * np.einsum("sgb,sgb->sb", scores, scores)
            numerator = np.squeeze(linear[:, None, :] @ weights, axis=1)
            sample = (outcomes.params[j, part] * float(z @ z)) ** 2 * (1.0 - TIE)
            count = np.sum(numerator**2 * variance[:, None] >= spread * sample[:, None], axis=1)
            p = count / size if every is not None else (count + 1) / (size + 1)
            rejected[i, part] = (p <= LEVEL) & (variance > 0)
    return rejected


def permuted(
    outcomes: Outcomes, setting: InferenceSpec, terms: Sequence[int], draws: int, rng: np.random.Generator
) -> FloatArray:
    """Rejections (terms, panels) by permutation of whole units, `draws` orders for each panel."""
    fit, design = outcomes.fit, outcomes.design
    scheme = setting.of(Permutation).scheme
    rejected = np.empty((len(terms), outcomes.params.shape[1]), dtype=bool)
    for i, j in enumerate(terms):
        test = permutation.UnitPermutation.of(fit, design, j)
        panels = rejected.shape[1]
        for s in tracked(range(panels), panels, "simulated panels"):
            other = _with(outcomes, s)
            rejected[i, s] = test.p_value(test.moved(other, scheme), draws, rng) <= LEVEL
    return rejected


def one_by_one(outcomes: Outcomes, setting: InferenceSpec, seed: int) -> FloatArray | None:
    """Rejections (k, panels) by the method's own module, panel after panel; None where it does not apply."""
    rows, root = outcomes.fit.rows, outcomes.space.root
    if setting.method == "treatment" and np.unique(rows).size < rows.size:
        return None
    terms, panels = len(outcomes.fit.terms), outcomes.params.shape[1]
    rejected = np.empty((terms, panels), dtype=bool)
    try:
        for s in tracked(range(panels), panels, "simulated panels"):
            fit = _with(outcomes, s)
            assert fit.y is not None
            y = np.zeros(outcomes.design.y.size)
            y[rows] = fit.y if root is None else fit.y / root
            inference = methods.infer(fit, replace(outcomes.design, y=y), setting, seed + s)
            rejected[:, s] = inference.p_value <= LEVEL
    except UserError:
        return None
    return rejected


def _variances(outcomes: Outcomes, setting: InferenceSpec, inference: Inference) -> FloatArray | None:
    """(k, panels) variances up to a factor that does not depend on the outcome."""
    fit, design = outcomes.fit, outcomes.design
    assert fit.x is not None
    if setting.method == "classical":
        return np.asarray(np.diag(fit.bread)[:, None] * np.sum(outcomes.residuals**2, axis=0))
    influence = fit.x @ fit.bread
    if setting.method == "hc":
        kind = setting.of(Robust).kind
        if kind in ("HC2", "HC3"):
            keep = 1.0 - covariance.leverages(fit, design)
            free = keep > 1e-9
            power = 0.5 if kind == "HC2" else 1.0
            influence = influence * np.where(free, 1.0 / np.where(free, keep, 1.0) ** power, 0.0)[:, None]
        return np.asarray((influence**2).T @ outcomes.residuals**2)
    if setting.method == "conley":
        return _conley_variances(outcomes, setting, influence)
    if setting.method == "driscoll_kraay":
        return _driscoll_kraay(
            influence, outcomes.residuals, design.times[design.period_codes[fit.rows]], int(inference.options.lag or 0)
        )
    if setting.method != "cluster":
        return None
    options = setting.of(Cluster)
    groups = [cluster.cluster_codes(design, name, fit.rows) for name in options.names]
    if len(groups) > 1:
        return _two_way(fit, outcomes.residuals, groups)
    if options.small_sample in ("CR2", "CR3"):
        power = -0.5 if options.small_sample == "CR2" else -1.0
        influence = cluster.adjusted_rows(fit, design, groups[0], power) @ fit.bread
    scores = [
        np.sum(group_sums(column[:, None] * outcomes.residuals, groups[0]) ** 2, axis=0) for column in influence.T
    ]
    return np.array(scores)


def _conley_variances(outcomes: Outcomes, setting: InferenceSpec, influence: FloatArray) -> FloatArray:
    """Variances by distance; a panel in which one is negative counts as a rejection, where the method itself stops."""
    options = setting.of(Conley)
    pairs = dependence.pairs_of(outcomes.design, outcomes.fit.rows, options.cutoff_km, options.kernel, options.lag)
    variances = []
    for column in influence.T:
        sums = group_sums(column[:, None] * outcomes.residuals, pairs.codes)
        variances.append(np.sum(sums * (pairs.weights @ sums), axis=0))
    return np.array(variances)


def _two_way(fit: Fit, residuals: FloatArray, groups: Sequence[IntArray]) -> FloatArray:
    """(k, panels) variances of `cluster.infer` for two dimensions, negative eigenvalues set to zero."""
    assert fit.x is not None
    meat = np.zeros((residuals.shape[1], fit.x.shape[1], fit.x.shape[1]))
    for codes, sign in zip((*groups, cluster.crossing(groups)), (1.0, 1.0, -1.0), strict=True):
        sums = np.array([group_sums(column[:, None] * residuals, codes) for column in fit.x.T])
        meat += sign * np.einsum("agp,bgp->pab", sums, sums)
    values, vectors = np.linalg.eigh(meat)
    turned = np.einsum("pba,bj->paj", vectors, fit.bread)
    return np.asarray(np.einsum("pa,paj->jp", np.maximum(values, 0.0), turned**2))


def _driscoll_kraay(influence: FloatArray, residuals: FloatArray, periods: IntArray, lag: int) -> FloatArray:
    """(k, panels) variances of `dependence.driscoll_kraay_covariance`; `periods` are their places on the calendar."""
    first = int(periods.min())
    variances = np.empty((influence.shape[1], residuals.shape[1]))
    for j, column in enumerate(influence.T):
        sums = np.zeros((int(periods.max()) - first + 1, residuals.shape[1]))
        sums[np.unique(periods) - first] = group_sums(column[:, None] * residuals, periods)
        variances[j] = np.sum(sums**2, axis=0)
        for distance in range(1, lag + 1):
            variances[j] += 2.0 * (1.0 - distance / (lag + 1)) * np.sum(sums[distance:] * sums[:-distance], axis=0)
    return variances


def score_maps(
    fit: Fit, space: Absorbed, z: FloatArray, restricted: FloatArray, codes: IntArray, drawn: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Linear forms (panels, H) and score maps (panels, G, H) of the weights: see `wild_kernel.ScoreMap`."""
    assert fit.x is not None
    columns = np.hstack([fit.x, space.basis])
    left = np.hstack([group_sums(z[:, None] * fit.x, codes) @ fit.bread, group_sums(z[:, None] * space.basis, codes)])
    first = space.grouped(z, codes)[1]
    if first.size and abs(first).max() > 1e-10 * np.abs(z).max():
        dummies = dense(space.grouped(np.ones(z.size), np.arange(z.size))[1])
        columns, left = np.hstack([columns, dummies]), np.hstack([left, dense(first)])
    by_row = -left @ columns.T
    by_row[codes, np.arange(z.size)] += z
    maps = np.empty((restricted.shape[1], len(left), int(drawn.max()) + 1))
    order = np.argsort(drawn, kind="stable")
    for h, rows in enumerate(np.split(order, np.flatnonzero(np.diff(drawn[order])) + 1)):
        maps[:, :, h] = (by_row[:, rows] @ restricted[rows]).T
    return group_sums(z[:, None] * restricted, drawn).T, maps


def _itself(outcomes: Outcomes) -> Outcomes:
    fit = outcomes.fit
    return replace(outcomes, params=fit.params[:, None], residuals=fit.residuals[:, None])


def _with(outcomes: Outcomes, s: int) -> Fit:
    """The fit with the outcome of one panel in place of its own."""
    fit = outcomes.fit
    assert fit.x is not None
    params, residuals = outcomes.params[:, s], outcomes.residuals[:, s]
    return replace(
        fit,
        params=params,
        residuals=residuals,
        y=residuals + fit.x @ params,
        scores=fit.x * residuals[:, None],
        space=covariance.space_of(fit, outcomes.design),
    )
