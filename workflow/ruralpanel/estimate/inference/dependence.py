"""Errors dependent over time and space: Driscoll and Kraay's, Conley's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from ruralpanel.estimate.base.groups import compact, group_sums
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, Inference, IntArray
from ruralpanel.estimate.base.rows import SettingOptions
from ruralpanel.estimate.inference import covariance, validity
from ruralpanel.estimate.inference.covariance import inference
from ruralpanel.estimate.places.weights import spatial_kernel
from ruralpanel.project.effects import involving
from ruralpanel.project.kinds.inference import Conley, DriscollKraay
from ruralpanel.project.notes import Note, note
from ruralpanel.project.settings import InferenceSpec

LARGEST = 3000
"""Units (rows, where a lag is given) up to which means and degrees of freedom of variances are computed."""


@dataclass(frozen=True)
class Pairs:
    """Which scores are taken as correlated, and how much each pair counts.

    Attributes
    ----------
    codes : (m,) group of each row of the fit, whose scores are summed: its unit, or the row itself.
    weights : (G, G) sparse, symmetric, one on the diagonal. units : N. share : mean spatial weight over all N² pairs.
    near : mean number of other units within the cut-off.
    """

    codes: IntArray
    weights: sparse.csr_array
    units: int
    share: float
    near: float


def infer_conley(fit: Fit, design: Design, setting: InferenceSpec, seed: int = 0) -> Inference:
    """Errors after Conley (1999), for panels of places.

    Without ``lag`` scores are summed by unit and a pair of units counts by its distance, over all periods: clustering
    by unit, extended to near units, for which periods need not be many. With ``lag`` (Hsiang 2010) pairs of rows count
    that are of one period and near, or of one unit and at most ``lag`` periods apart (Bartlett weights
    1 − |s| / (lag + 1)).

    Options: ``cutoff_km``, ``kernel`` (bartlett: 1 − km / cut-off, the default; uniform), ``lag``; ``small_sample``
    (unbiased: each variance over its mean under independent errors of equal variance, the default; CR1:
    N/(N−1)·(n−1)/(n−K) for N units; none), ``critical`` (satterthwaite: t with the degrees of freedom that match mean
    and variance of the variance under such errors, the default with unbiased; t: N − 1; normal).

    Raises
    ------
    UserError
        Too few units, a cut-off that nearly all of them lie within, a negative variance (neither kernel is positive
        definite on the globe), no positions, normal critical values with few units, ``lag: 0`` where unit effects
        correlate the periods, ``unbiased`` or ``satterthwaite`` where the estimator is not least squares.
    """
    options = setting.of(Conley)
    cutoff, kernel, lag, kind = options.cutoff_km, options.kernel, options.lag, options.small_sample
    critical = options.critical
    if design.extra.coordinates is None:
        found = "Conley errors without positions of the units"
        validity.stop(design, found, "boundaries or coordinates", "name them", reason=note("needs_positions"))
    validity.need_scores(fit, design, "Conley errors", whole_units=lag is None)
    pairs = pairs_of(design, fit.rows, cutoff, kernel, lag)
    warnings = _check(fit, design, pairs, cutoff, kind, critical, lag)
    vcov = conley_covariance(fit, pairs)
    negative = [term for term, value in zip(fit.terms, np.diag(vcov), strict=True) if value < 0]
    if negative:
        why = f"weights by distance need not be positive definite, and {kernel} ones make these negative"
        found = f"a negative variance of {', '.join(negative)}"
        fix = "another cutoff_km" if kernel == "bartlett" else "kernel: bartlett, or another cutoff_km"
        validity.stop(
            design, found, f"variances above zero: {why}", fix, reason=note("negative_variances", terms=negative)
        )
    df: FloatArray | float = float(pairs.units - 1)
    mean = None
    if kind == "unbiased" or critical == "satterthwaite":
        mean, df_matched = moments(fit, design, pairs)
        df = df_matched if critical == "satterthwaite" else df
    df = np.inf if critical == "normal" else df
    factor = covariance.Factor(1.0, note("no_factor"))
    if kind == "CR1":
        k = covariance.parameters(fit, design, [compact(design.unit_codes[fit.rows])])
        factor = covariance.cluster_factor("CR1", pairs.units, fit.rows.size, k)
        vcov = factor.value * vcov
    elif kind == "unbiased":
        assert mean is not None
        root = np.sqrt(np.diag(fit.bread) / mean)
        vcov = vcov * np.outer(root, root)
        factor = covariance.Factor(1.0, note("unbiased"))
    near = note("others_within", units=pairs.units, others=float(pairs.near), km=cutoff)
    notes = (near if pairs.near else note("none_within", km=cutoff),)
    return inference(
        fit,
        "conley",
        vcov,
        df,
        by="unit",
        small_sample=(factor.note,),
        notes=notes,
        overrides=warnings,
        options=SettingOptions(
            cutoff_km=cutoff,
            kernel=kernel,
            small_sample=kind,
            critical=critical,
            lag=lag,
            null=("lag",) if lag is None else (),
        ),
    )


def pairs_of(design: Design, rows: IntArray, cutoff_km: float, kernel: str, lag: int | None) -> Pairs:
    """Pairs of the rows' units by distance; with a `lag` pairs of rows, of one period or of one unit."""
    present, units = np.unique(design.unit_codes[rows], return_inverse=True)
    assert design.extra.coordinates is not None
    near = spatial_kernel(design.extra.coordinates[present], cutoff_km, kernel)
    n = present.size
    share, others = float(near.sum()) / n**2, float(near.nnz) / n - 1.0
    if lag is None:
        return Pairs(units.astype(np.intp), near, n, share, others)
    weights = _by_row(near, units.astype(np.intp), design.times[design.period_codes[rows]], lag)
    return Pairs(np.arange(rows.size), weights, n, share, others)


def conley_covariance(fit: Fit, pairs: Pairs) -> FloatArray:
    """``B (sum over pairs of weight · score score') B`` (k, k), without any factor."""
    sums = group_sums(fit.scores, pairs.codes)
    meat = sums.T @ (pairs.weights @ sums)
    return np.asarray(fit.bread @ (0.5 * (meat + meat.T)) @ fit.bread)


def moments(fit: Fit, design: Design, pairs: Pairs) -> tuple[FloatArray, FloatArray]:
    """Mean (k,) of each variance when errors are independent with variance one, and matching degrees of freedom (k,).

    With the covariance Q of the summed influences and weights K the mean is tr(KQ), the variance 2 tr(KQKQ)
    (Bell and McCaffrey 2002, for weights other than those of clusters).
    """
    assert fit.x is not None
    space = covariance.space_of(fit, design)
    influence = fit.x @ fit.bread
    mean, df = np.empty(len(fit.terms)), np.empty(len(fit.terms))
    for j in range(mean.size):
        a = np.ascontiguousarray(influence[:, j])
        sums = group_sums(a[:, None] * fit.x, pairs.codes)
        q = np.diag(np.bincount(pairs.codes, weights=a * a)) - sums @ fit.bread @ sums.T
        q -= space.cross(a, pairs.codes, a, pairs.codes)
        product = pairs.weights @ q
        mean[j] = np.trace(product)
        df[j] = mean[j] ** 2 / np.sum(product * product.T)
    return mean, df


def _check(
    fit: Fit, design: Design, pairs: Pairs, cutoff: float, kind: str, critical: str, lag: int | None
) -> tuple[Note, ...]:
    warnings = validity.need_neighbourhoods(design, pairs.units, pairs.share, cutoff)
    if critical == "normal":
        why = "with fewer, t is needed"
        warnings += validity.need_clusters(design, "normal critical values", "normal", pairs.units, why)
    if lag == 0 and involving("unit", fit.absorbed) and np.bincount(design.unit_codes[fit.rows]).max() > 2:
        warnings += validity.need_no_unit_effects(design, "Conley errors with lag: 0", "leave lag out")
    if kind != "unbiased" and critical != "satterthwaite":
        return warnings
    chosen = Conley(cutoff_km=cutoff, lag=lag, small_sample="CR1", critical="t")
    others = (InferenceSpec("conley", chosen), validity.OWN, validity.UNIT_CLUSTERS)
    if fit.x is None:
        expected = "an estimator that is least squares"
        validity.stop(design, f"{kind}, {critical}", expected, instead=others, reason=note("needs_least_squares"))
    if pairs.weights.shape[0] > LARGEST:
        found = f"{kind}, {critical} with {pairs.weights.shape[0]} {'units' if lag is None else 'rows'}"
        reason = note("too_large", number=int(pairs.weights.shape[0]), most=LARGEST)
        validity.stop(design, found, f"at most {LARGEST}", instead=others, reason=reason)
    return warnings


def _by_row(near: sparse.csr_array, units: IntArray, periods: IntArray, lag: int) -> sparse.csr_array:
    """Weights (m, m): of one period by distance, of one unit by the periods between on the calendar."""
    m, n = units.size, near.shape[0]
    here = sparse.csr_array((np.ones(m), (np.arange(m), units)), shape=(m, n))
    parts: list[sparse.coo_array] = []
    for period in np.unique(periods):
        rows = np.flatnonzero(periods == period)
        block = sparse.coo_array(here[rows] @ near @ here[rows].T)
        parts.append(sparse.coo_array((block.data, (rows[block.row], rows[block.col])), shape=(m, m)))
    same = sparse.coo_array(here @ here.T)
    apart = np.abs(periods[same.row] - periods[same.col])
    kept = (apart > 0) & (apart <= lag)
    weight = 1.0 - apart[kept] / (lag + 1.0)
    parts.append(sparse.coo_array((weight, (same.row[kept], same.col[kept])), shape=(m, m)))
    rows, columns, values = (np.concatenate([getattr(part, name) for part in parts]) for name in ("row", "col", "data"))
    return sparse.csr_array((values, (rows, columns)), shape=(m, m))


def infer_driscoll_kraay(fit: Fit, design: Design, setting: InferenceSpec, seed: int = 0) -> Inference:
    """Driscoll and Kraay (1998) errors with Bartlett weights.

    Options: ``lag`` (default: the integer part of 4 (T/100)^(2/9)), ``small_sample`` (CR1: T/(T−1)·(N−1)/(N−K), the
    default; residual_df: N/(N−K); none). Critical values: t with T − 1 degrees of freedom.

    Raises
    ------
    UserError
        Fewer than 30 periods, unless the model allows ``few_periods``; a lag not below the number of periods.
    """
    warnings = validity.need_periods(
        design,
        "Driscoll–Kraay errors",
        validity.MIN_PERIODS_DRISCOLL_KRAAY,
        "they are right for long panels only and reject true hypotheses far too often in short ones",
    )
    periods = int(np.unique(design.period_codes[fit.rows]).size)
    options = setting.of(DriscollKraay)
    lag = int(np.floor(4 * (periods / 100) ** (2 / 9))) if options.lag is None else options.lag
    kind = options.small_sample
    if not 0 <= lag < periods:
        validity.stop(design, f"lag: {lag}", f"a lag from 0 to {periods - 1}", "choose a smaller lag")
    validity.need_scores(fit, design, "Driscoll–Kraay errors")
    vcov, factor = driscoll_kraay_covariance(fit, design, lag, kind)
    return inference(
        fit,
        "driscoll_kraay",
        vcov,
        float(periods - 1),
        by="period",
        small_sample=(note("bartlett_weights"), factor.note),
        n_clusters=periods,
        notes=(note("driscoll_kraay_size"),) if periods < validity.LONG_PERIODS else (),
        overrides=warnings,
        options=SettingOptions(lag=lag, small_sample=kind, critical="t"),
    )


def driscoll_kraay_covariance(fit: Fit, design: Design, lag: int, kind: str) -> tuple[FloatArray, covariance.Factor]:
    """Covariance matrix (k, k) and the factor in it; scores are summed by period, lags go by the panel's calendar."""
    codes = design.times[design.period_codes[fit.rows]]
    sums = group_sums(fit.scores, codes - codes.min())
    meat = sums.T @ sums
    for distance in range(1, lag + 1):
        product = sums[distance:].T @ sums[:-distance]
        meat += (1.0 - distance / (lag + 1)) * (product + product.T)
    periods = int(np.unique(codes).size)
    k = covariance.parameters(fit, design, [codes])
    factor = covariance.driscoll_kraay_factor(kind, periods, fit.rows.size, k, len(fit.terms) + fit.n_absorbed)
    return factor.value * fit.bread @ meat @ fit.bread, factor
