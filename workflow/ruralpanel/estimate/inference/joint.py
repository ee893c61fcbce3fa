"""Tests that several coefficients are zero together, by errors that few clusters carry, and their simulated size.

With CR1 and F(q, G − 1) such tests reject true hypotheses far too often, the more so the larger q is, and nearly always
where a column varies in one cluster alone: its residuals there are zero by construction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.absorb import products
from ruralpanel.estimate.base.groups import compact, group_sums
from ruralpanel.estimate.base.model_json import LARGE_SIZE
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, Inference, IntArray
from ruralpanel.estimate.base.rows import Test
from ruralpanel.estimate.inference import cluster, covariance
from ruralpanel.estimate.inference.romano_wolf import is_least_squares
from ruralpanel.estimate.inference.size_kernels import LEVEL, Outcomes
from ruralpanel.project.breaks import MARK
from ruralpanel.project.notes import Note, note
from ruralpanel.project.settings import InferenceSpec

MOST_GROUPS = 600
"""Clusters up to which degrees of freedom are matched; with more they no longer matter."""

ELSEWHERE = 3.0
"""A column of one unit alone has 1/N of its variation elsewhere once period effects are removed, and a little more once
other terms are: counted as of one unit are those with less than this over N."""


@dataclass(frozen=True)
class Wald:
    """A Wald statistic of least squares whose variance is clustered CR2 (one row per cluster: HC2).

    Attributes
    ----------
    contrasts : (q, k), zero of the coefficients under the null. codes : (m,) clusters. rows : (m, q) such that the
        variance is the sum over clusters of the outer products of ``rows' residuals``. df : η, of the Wishart matrix
        that the variance is like.
    """

    contrasts: FloatArray
    codes: IntArray
    rows: FloatArray
    df: float

    def f(self, params: FloatArray, residuals: FloatArray) -> FloatArray:
        """F statistics (panels,) from coefficients (k, panels) and residuals (m, panels); NaN: not to be had."""
        q = len(self.contrasts)
        sums = np.array([group_sums(column[:, None] * residuals, self.codes) for column in self.rows.T])
        variances = np.einsum("agp,bgp->pab", sums, sums)
        b = (self.contrasts @ params).T[:, :, None]
        with np.errstate(all="ignore"):
            try:
                wald = np.squeeze(np.swapaxes(b, 1, 2) @ np.linalg.solve(variances, b), axis=(1, 2))
            except np.linalg.LinAlgError:
                return np.full(b.shape[0], np.nan)
        return np.asarray(wald * (self.df - q + 1.0) / (self.df * q))

    def p_value(self, f: FloatArray) -> FloatArray:
        """By F with q and η − q + 1 degrees of freedom."""
        q = len(self.contrasts)
        return np.asarray(special.fdtrc(q, self.df - q + 1.0, f))


def tested(fit: Fit, design: Design) -> tuple[IntArray, tuple[str, ...]]:
    """Places of the terms that joint tests are about, and the terms left out.

    Left out are steps of definition breaks, and whatever varies in one unit alone once the other terms are allowed for.
    """
    steps = set(design.extra.steps)
    lone = _lone(fit, design)
    left = tuple(
        term
        for j, term in enumerate(fit.terms)
        if j in lone or MARK in term or term in steps or term.partition(":")[2] in steps
    )
    places = [j for j, term in enumerate(fit.terms) if term not in left]
    return np.array(places, dtype=np.intp), left


def _lone(fit: Fit, design: Design) -> set[int]:
    codes = design.unit_codes[fit.rows]
    if fit.x is None or fit.x.shape[0] != codes.size or np.unique(codes).size == codes.size:
        return set()
    influence = fit.x @ fit.bread
    squares = group_sums(influence**2, compact(codes))
    share = squares.max(axis=0) / squares.sum(axis=0)
    return set(np.flatnonzero(share > 1.0 - ELSEWHERE / len(squares)).tolist())


def all_zero(fit: Fit, design: Design, setting: InferenceSpec, first: Inference) -> tuple[Test, Wald | None] | None:
    """Test that every term (`tested`) is zero, under the model's first setting; None: nothing to test.

    Least squares with errors by one cluster, or robust: CR2 or HC2 with the approximate Hotelling T² of Pustejovsky and
    Tipton (2018). Other covariance matrices: Hotelling's factor with their degrees of freedom; classical errors: F.
    """
    places, left = tested(fit, design)
    if not places.size or first.vcov is None or first.df is None or first.vcov.shape[0] != fit.params.size:
        return None
    beside = (note("terms_not_tested", terms=list(left)),) if left else ()
    codes = _codes(fit, design, setting)
    if codes is not None:
        wald = wald_of(fit, design, np.eye(fit.params.size)[places], codes)
        robust = setting.method == "hc"
        about = note("hotelling_hc2") if robust else note("hotelling_cr2", by=first.by)
        return test_of(wald, fit, about, *beside), wald
    return by_covariance(fit.params[places], first, places, setting.method == "classical", *beside), None


def wald_of(fit: Fit, design: Design, contrasts: FloatArray, codes: IntArray) -> Wald:
    """The test that `contrasts` (q, k) of a least-squares fit's coefficients are zero, errors clustered by `codes`.

    Contrasts of unlike size, as coefficients of unlike measures have, are brought to like ones. With more than
    `MOST_GROUPS` clusters neither leverages nor the matrix of all pairs of clusters is computed: CR0 and η = G − 1.
    """
    contrasts = contrasts / scaling.scales(np.sqrt(np.diag(contrasts @ fit.bread @ contrasts.T)))[:, None]
    assert fit.x is not None
    groups = int(codes.max()) + 1
    if groups > MOST_GROUPS:
        return Wald(contrasts, codes, fit.x @ fit.bread @ contrasts.T, groups - 1.0)
    rows = cluster.adjusted_rows(fit, design, codes, -0.5) @ fit.bread @ contrasts.T
    return Wald(contrasts, codes, rows, _degrees(fit, design, rows, codes))


def test_of(wald: Wald, fit: Fit, *about: Note) -> Test:
    """The test at the fit's own coefficients and residuals."""
    q = len(wald.contrasts)
    value = float(wald.f(fit.params[:, None], fit.residuals[:, None])[0]) if wald.df - q + 1.0 >= 1.0 else np.nan
    if not np.isfinite(value) or value < 0:
        return Test.none("more_terms_than_clusters_test", terms=q)
    return Test(value, (float(q), wald.df - q + 1.0), float(wald.p_value(np.array(value))), about)


def by_covariance(params: FloatArray, first: Inference, places: IntArray, exact: bool, *beside: Note) -> Test:
    """Wald test by a setting's covariance matrix: Hotelling's T² with its degrees of freedom, `exact`: F."""
    assert first.vcov is not None and first.df is not None
    vcov, q, df = first.vcov[np.ix_(places, places)], places.size, float(np.min(first.df[places]))
    scale, free = (1.0, df) if exact or not np.isfinite(df) else ((df - q + 1.0) / df, df - q + 1.0)
    if not np.isfinite(vcov).all() or free < 1.0 or scaling.rank(vcov) < q:
        return Test.none("more_terms_than_clusters_test", terms=q)
    wald = float(params @ scaling.solve(vcov, params))
    if not np.isfinite(df):
        return Test(wald, float(q), float(special.chdtrc(q, wald)), beside)
    value = wald * scale / q
    about = beside if exact else (note("hotelling"), *beside)
    return Test(value, (float(q), free), float(special.fdtrc(q, free, value)), about)


def with_size(test: Test, wald: Wald | None, outcomes: Outcomes | None) -> Test:
    """The test with its simulated size in panels without effects, which its note names where it is above 10 %."""
    if wald is None or outcomes is None or not np.isfinite(test.statistic):
        return test
    return sized(test, float(np.mean(wald.p_value(wald.f(outcomes.params, outcomes.residuals)) <= LEVEL)))


def sized(test: Test, size: float) -> Test:
    """The test with a simulated size, which its note names where it is above 10 %."""
    large = (note("large_size", share=size),) if size > LARGE_SIZE else ()
    return replace(test, note=(*test.note, *large), size=size)


def _codes(fit: Fit, design: Design, setting: InferenceSpec) -> IntArray | None:
    """Clusters of the rows, where the first setting is one-way or robust and the fit least squares; else None."""
    if not is_least_squares(fit) or setting.method not in ("cluster", "hc"):
        return None
    if setting.method == "hc":
        codes = np.arange(fit.rows.size, dtype=np.intp)
    else:
        names = setting.clusters
        if len(names) > 1:
            return None
        codes = cluster.cluster_codes(design, names[0], fit.rows)
    groups, largest = int(codes.max()) + 1, int(np.bincount(codes).max())
    return codes if groups <= MOST_GROUPS and largest <= cluster.LARGEST_CLUSTER else None


def _degrees(fit: Fit, design: Design, rows: FloatArray, codes: IntArray) -> float:
    """η: ``q (q + 1)`` over the summed variances of the standardised covariance matrix under independent equal errors.

    With ``K_gh`` (q, q) the covariances of the clusters' sums, in the metric in which the matrix has mean I, it is
    ``q (q + 1) / Σ_gh [tr(K_gh)² + tr(K_gh K_gh)]``.
    """
    assert fit.x is not None
    space, q = covariance.space_of(fit, design), rows.shape[1]
    sums = [group_sums(column[:, None] * fit.x, codes) for column in rows.T]
    columns = [np.ascontiguousarray(column) for column in rows.T]
    parts = [space.grouped(column, codes) for column in columns]
    k = np.empty((int(codes.max()) + 1, int(codes.max()) + 1, q, q))
    for s in range(q):
        for t in range(q):
            diagonal = np.diag(np.bincount(codes, weights=columns[s] * columns[t]))
            k[:, :, s, t] = diagonal - sums[s] @ fit.bread @ sums[t].T - products(parts[s], parts[t])
    mean = np.einsum("ggst->st", k)
    values, vectors = np.linalg.eigh(0.5 * (mean + mean.T))
    if values[0] <= 1e-12 * values[-1]:
        return 0.0
    half = (vectors / np.sqrt(values)) @ vectors.T
    k = half @ k @ half
    spread = np.sum(np.einsum("ghss->gh", k) ** 2) + np.einsum("ghst,ghts->", k, k)
    return float(q * (q + 1.0) / spread)
