"""Clustered errors: CR0 to CR3, one-way and two-way, with Bell–McCaffrey degrees of freedom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ruralpanel.estimate.base.groups import Matrix, compact, group_sums
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, Inference, IntArray
from ruralpanel.estimate.base.rows import SettingOptions
from ruralpanel.estimate.inference import covariance, validity
from ruralpanel.estimate.inference.covariance import inference
from ruralpanel.project.kinds.inference import Cluster
from ruralpanel.project.notes import Note, note
from ruralpanel.project.problems import did_you_mean
from ruralpanel.project.settings import InferenceSpec

CELLS = 1_000_000
"""Numbers of clusters' matrices held at once."""

LARGEST_CLUSTER = 3000
"""Rows of a cluster whose block of the hat matrix is still inverted (CR2, CR3)."""

MOST_PAIRED = 2_000
"""Clusters up to which the matrix of all their pairs is made."""


def infer(fit: Fit, design: Design, setting: InferenceSpec, seed: int = 0) -> Inference:
    """Clustered errors of the fit.

    Options: ``by`` (unit, period, an attribute, or a list of two), ``small_sample`` (CR0, CR1, CR2, CR3; default CR1),
    ``critical`` (t: G − 1, for two-way clusters the smaller G − 1; satterthwaite; normal; default satterthwaite for
    CR2, else t), ``count`` (see `covariance.parameters`).

    Two-way clusters: sum of the two one-way matrices less that of their intersection, all three with the factor of
    the smaller number of clusters (Cameron, Gelbach and Miller 2011); a negative eigenvalue is set to zero and noted.

    Raises
    ------
    UserError
        Unknown cluster, too few clusters, or CR2/CR3 where the fit does not carry transformed regressors.
    """
    options = setting.of(Cluster)
    kind, critical, count, names = options.small_sample, options.critical, options.count, options.names
    groups = [cluster_codes(design, name, fit.rows) for name in names]
    clusters = min(int(codes.max()) + 1 for codes in groups)
    warnings = validity.need_clusters(
        design,
        f"{kind} errors by {' and '.join(names)}",
        kind,
        clusters,
        "with fewer it rejects true hypotheses too often",
    )
    if critical == "normal":
        warnings += validity.need_clusters(
            design,
            "normal critical values",
            "normal",
            clusters,
            "with fewer, t with G − 1 degrees of freedom is needed",
        )
    validity.need_scores(fit, design, f"errors clustered by {' and '.join(names)}", whole_units=names == ("unit",))
    adjusted = kind in ("CR2", "CR3") or critical == "satterthwaite"
    if adjusted and len(groups) > 1:
        validity.stop(
            design,
            f"{kind}, {critical} with two-way clusters",
            "CR0 or CR1 with critical: t",
            reason=note("needs_one_way_clusters", scheme=kind),
            instead=(_plain(names), validity.UNIT_CLUSTERS),
        )
    if adjusted and fit.x is None:
        validity.stop(
            design,
            f"{kind}, {critical}",
            "an estimator that is least squares",
            reason=note("needs_least_squares"),
            instead=(_plain(names), validity.OWN, validity.UNIT_CLUSTERS),
        )
    k = covariance.parameters(fit, design, groups, count)
    factor = covariance.cluster_factor(kind, clusters, fit.rows.size, k, count)
    notes: tuple[Note, ...] = ()
    if len(groups) == 1:
        meat, weights = _one_way(fit, design, groups[0], kind)
    else:
        meat, notes = _two_way(fit, groups)
        weights = None
    vcov = factor.value * fit.bread @ meat @ fit.bread
    df: FloatArray | float = float(clusters - 1)
    if critical == "normal":
        df = np.inf
    elif critical == "satterthwaite":
        assert fit.x is not None
        df = satterthwaite_df(fit, design, groups[0], fit.x @ fit.bread if weights is None else weights)
    if clusters == fit.rows.size:
        notes += (note("one_row_per_cluster", kind=kind),)
    if kind in ("CR0", "CR1") and clusters < validity.FEW_CLUSTERS:
        notes += (note("few_clusters", clusters=clusters),)
    return inference(
        fit,
        "cluster",
        vcov,
        df,
        by=", ".join(names),
        small_sample=(factor.note,),
        n_clusters=clusters,
        notes=notes,
        overrides=warnings,
        options=SettingOptions(small_sample=kind, critical=critical, count=count),
    )


def _plain(names: tuple[str, ...]) -> InferenceSpec:
    return InferenceSpec(
        "cluster", Cluster(by=names[0] if len(names) == 1 else names, small_sample="CR1", critical="t")
    )


def cluster_codes(design: Design, name: str, rows: IntArray) -> IntArray:
    """Codes of the clusters of `rows`, from 0 without gaps.

    Raises
    ------
    UserError
        The design has no such clusters.
    """
    known = {"unit": design.unit_codes, "period": design.period_codes, **design.clusters}
    if name not in known:
        validity.stop(design, f'by: "{name}"', "unit, period or an attribute of the units", did_you_mean(name, known))
    return compact(known[name][rows])


def crossing(groups: Sequence[IntArray]) -> IntArray:
    """Codes of the intersections of two dimensions, from 0 without gaps."""
    return compact(groups[0] * (int(groups[1].max()) + 1) + groups[1])


def adjusted_rows(
    fit: Fit, design: Design, codes: IntArray, power: float, columns: FloatArray | None = None
) -> FloatArray:
    """``A_g X_g`` stacked (m, k): each cluster's regressors (or `columns`) times a symmetric power of ``I - H_gg``.

    `power` −1/2 gives CR2 (Bell and McCaffrey 2002), −1 gives CR3. H is the hat matrix of the whole model, effects
    included; directions that the model fits exactly within a cluster are dropped (generalised inverse), as
    Pustejovsky and Tipton (2018) show to be right for absorbed effects.
    """
    assert fit.x is not None
    space = covariance.space_of(fit, design)
    columns = fit.x if columns is None else columns
    result = np.empty_like(columns)
    largest = int(np.bincount(codes).max())
    if largest > LARGEST_CLUSTER:
        found, reason = f"CR2 or CR3 with a cluster of {largest} rows", note("large_cluster", rows=largest)
        validity.stop(design, found, f"at most {LARGEST_CLUSTER}", "use CR1", reason=reason)
    for rows in _of_one_size(codes):
        x = fit.x[rows]
        annihilators = np.eye(rows.shape[1]) - space.blocks(rows) - x @ fit.bread @ x.swapaxes(1, 2)
        values, vectors = np.linalg.eigh(annihilators)
        powers = np.where(values > 1e-9, np.maximum(values, 1e-9) ** power, 0.0)
        result[rows] = (vectors * powers[:, None]) @ (vectors.swapaxes(1, 2) @ columns[rows])
    return result


def _of_one_size(codes: IntArray) -> Iterator[IntArray]:
    """Rows (clusters, size) of clusters of one size, as many at once as `CELLS` allows."""
    order, counts = np.argsort(codes, kind="stable"), np.bincount(codes)
    ends = np.cumsum(counts)
    for size in np.unique(counts).tolist():
        rows = order[(ends[counts == size] - size)[:, None] + np.arange(size)]
        step = max(1, CELLS // size**2)
        yield from (rows[start : start + step] for start in range(0, len(rows), step))


def satterthwaite_df(fit: Fit, design: Design, codes: IntArray, weights: FloatArray) -> FloatArray:
    """Degrees of freedom (k,) that match mean and variance of each error's square under independent equal errors.

    `weights` (m, k) holds ``A_g X_g B`` stacked: the estimated variance of coefficient j is the sum over clusters of
    (weights' residuals)². Bell and McCaffrey (2002); Imbens and Kolesár (2016).
    """
    assert fit.x is not None
    space = covariance.space_of(fit, design)
    values = np.empty(len(fit.terms))
    for j in range(values.size):
        a = np.ascontiguousarray(weights[:, j])
        sums = group_sums(a[:, None] * fit.x, codes)
        if len(sums) > MOST_PAIRED:
            values[j] = _df_by_factors(
                np.bincount(codes, a * a).astype(float), sums, fit.bread, *space.grouped(a, codes)
            )
            continue
        matrix = np.diag(np.bincount(codes, weights=a * a)) - sums @ fit.bread @ sums.T
        matrix -= space.cross(a, codes, a, codes)
        values[j] = np.trace(matrix) ** 2 / np.sum(matrix**2)
    return values


def _df_by_factors(
    diagonal: FloatArray, sums: FloatArray, bread: FloatArray, along: FloatArray, first: Matrix
) -> float:
    """``tr(M)² / tr(M²)`` of M = diag(`diagonal`) − S B S' − A A' − F F' (G, G) without any matrix of that size.

    Parameters
    ----------
    diagonal : (G,). sums : S (G, k). bread : B (k, k). along, first : A (G, r), F (G, levels), see `Absorbed.grouped`.
    """
    left = np.hstack([sums @ np.linalg.cholesky(bread), along])
    small = first @ first.T if first.shape[0] <= first.shape[1] else first.T @ first
    squares = np.sum(left**2, axis=1) + np.asarray((first * first).sum(axis=1)).ravel()
    trace = diagonal.sum() - squares.sum()
    whole = np.sum((left.T @ left) ** 2) + (small * small).sum() + 2.0 * np.sum((first.T @ left) ** 2)
    return float(trace**2 / (diagonal @ diagonal - 2.0 * (diagonal @ squares) + whole))


def _one_way(fit: Fit, design: Design, codes: IntArray, kind: str) -> tuple[FloatArray, FloatArray | None]:
    if kind in ("CR0", "CR1"):
        sums = group_sums(fit.scores, codes)
        return sums.T @ sums, None
    rows = adjusted_rows(fit, design, codes, -0.5 if kind == "CR2" else -1.0)
    sums = group_sums(rows * fit.residuals[:, None], codes)
    return sums.T @ sums, rows @ fit.bread


def _two_way(fit: Fit, groups: list[IntArray]) -> tuple[FloatArray, tuple[Note, ...]]:
    sums = [group_sums(fit.scores, codes) for codes in (*groups, crossing(groups))]
    meat = sums[0].T @ sums[0] + sums[1].T @ sums[1] - sums[2].T @ sums[2]
    values, vectors = np.linalg.eigh(meat)
    if values[0] >= 0:
        return meat, ()
    return (vectors * np.maximum(values, 0.0)) @ vectors.T, (note("negative_eigenvalue"),)
