"""Wild cluster bootstrap with the null imposed on one coefficient at a time."""

from __future__ import annotations

import numpy as np

from ruralpanel.estimate.base.groups import compact
from ruralpanel.estimate.base.results import Design, Fit, Inference, IntArray
from ruralpanel.estimate.base.rows import SettingOptions
from ruralpanel.estimate.inference import validity
from ruralpanel.estimate.inference.cluster import cluster_codes, crossing
from ruralpanel.estimate.inference.validity import generator
from ruralpanel.estimate.inference.wild_kernel import Dimension, combination, invert
from ruralpanel.project.kinds.inference import Robust, WildCluster
from ruralpanel.project.notes import Note, note
from ruralpanel.project.settings import InferenceSpec


def infer(fit: Fit, design: Design, setting: InferenceSpec, seed: int) -> Inference:
    """Bootstrap p-value of every coefficient, each under its own null, and the interval by inversion.

    Options: ``by`` (unit, period or an attribute, or a list of two), ``draws`` (99,999), ``weights`` (rademacher,
    webb, mammen), ``interval`` (true), ``subcluster`` (row or an attribute: weights are drawn for these, errors stay
    clustered by ``by``; MacKinnon and Webb 2018), ``theta`` (fixed; random effects only). Rademacher weights are
    enumerated where there are no more vectors of signs than draws. The statistic is t with clustered errors; any
    factor cancels.

    Two-way clusters (MacKinnon, Nielsen and Webb 2021): the variance is two-way in the sample and in every draw,
    weights are drawn for the dimension with fewer clusters (`clusters_of`). So it allows for shocks of a year that
    units respond to unequally; docs/inference.md has its simulated size.

    Raises
    ------
    UserError
        The estimator is not least squares on rows, every cluster has one row (between estimator, cross-sections), a
        two-way variance that is not positive, or too few clusters for the weights.
    """
    options = setting.of(WildCluster)
    kind, draws, names, sub = options.weights, options.draws, options.names, options.subcluster
    _check_applies(fit, design)
    dimensions, drawn = clusters_of(fit, design, setting)
    codes = dimensions[0].codes
    clusters = min(int(dimension.codes.max()) + 1 for dimension in dimensions)
    if clusters == fit.rows.size:
        validity.stop(
            design,
            "the wild cluster bootstrap with one row per cluster",
            "several rows in each cluster",
            reason=note("needs_rows_in_clusters"),
            instead=(InferenceSpec("hc", Robust(kind="HC3")), validity.ROBUST, validity.UNIT_CLUSTERS),
        )
    number = int(drawn.max()) + 1
    smallest = {"rademacher": "2/2^G", "mammen": "about 2^-G", "webb": "6^-G"}[kind]
    warnings = validity.need_clusters(
        design, f"the wild cluster bootstrap with {kind} weights", kind, number, f"the smallest p-value is {smallest}"
    )
    k = len(fit.terms)
    p, low, high = np.empty(k), np.full(k, np.nan), np.full(k, np.nan)
    notes: list[Note] = []
    for j, term in enumerate(fit.terms):
        rng = generator(seed, design.spec.name, "wild_cluster", term)
        result = combination(fit, design, np.eye(k)[j], codes, drawn, kind, draws, rng, further=dimensions[1:])
        if result.denominator <= 0:
            validity.stop(
                design,
                f"a two-way variance of {term} that is not positive",
                "positive variances: that of the intersections is taken off, and few clusters make it the largest",
                reason=note("two_way_variance_not_positive", term=term),
                instead=(
                    InferenceSpec("wild_cluster", options.model_copy(update={"by": names[0]})),
                    validity.UNIT_CLUSTERS,
                ),
            )
        p[j] = result.p_value(float(fit.params[j]))
        if options.interval:
            low[j], high[j], whole = invert(result, float(fit.params[j]))
            if not whole:
                notes.append(note("not_one_interval", term=term))
            if not np.isfinite([low[j], high[j]]).all():
                notes.append(note("no_end", term=term))
    enumerated = kind == "rademacher" and 2**number <= draws
    how = [note("null_imposed"), note("t_clustered"), note("p_counts_sample")]
    if enumerated:
        how.append(note("all_signs", vectors=2**number))
    if len(names) > 1:
        shared = {"row": "intersections", None: "fewer"}.get(sub)
        shares = (
            note("weights_for", number=number, drawn=sub)
            if shared is None
            else note(f"weights_{shared}", number=number)
        )
        how += [note("two_way_variance"), shares]
    elif sub is not None:
        how.append(note("weights_subclusters", number=number, subcluster=sub))
    if "theta" in fit.fit:
        notes.append(note("theta_fixed"))
    return Inference(
        method="wild_cluster",
        p_value=p,
        ci_low=low,
        ci_high=high,
        by=", ".join(names),
        small_sample=tuple(how),
        n_clusters=clusters,
        notes=tuple(notes),
        overrides=warnings,
        options=SettingOptions(
            draws=2**number if enumerated else draws,
            weights=kind,
            interval=options.interval,
            enumerated=enumerated,
            subcluster=sub,
            seed=seed,
            null=("subcluster",) if sub is None else (),
        ),
    )


def clusters_of(fit: Fit, design: Design, setting: InferenceSpec) -> tuple[tuple[Dimension, ...], IntArray]:
    """Clusters of the variance, and codes (m,) of what shares a weight.

    One dimension: the clusters themselves, or by ``subcluster`` their parts. Two: the variance is the sum of both less
    that of their intersections; weights are drawn for the dimension with fewer clusters, or for the one that
    ``subcluster`` names, or with row for the intersections.

    Raises
    ------
    UserError
        More than two dimensions, or a subcluster that is none of these.
    """
    options = setting.of(WildCluster)
    names, sub = options.names, options.subcluster
    groups = [cluster_codes(design, name, fit.rows) for name in names]
    if len(groups) == 1:
        return (Dimension(1.0, groups[0]),), drawn_codes(fit, design, setting, groups[0])
    if len(groups) > 2 or sub not in (None, "row", *names):
        found = f"subcluster: {sub}" if len(groups) == 2 else f"by: {', '.join(names)}"
        expected = f"row, {names[0]} or {names[1]}" if len(groups) == 2 else "one cluster or two"
        validity.stop(design, found, expected, f"write {expected}")
    both = crossing(groups)
    if sub == "row":
        drawn = both
    else:
        drawn = min(groups, key=lambda codes: int(codes.max())) if sub is None else groups[names.index(sub)]
    return (Dimension(1.0, groups[0]), Dimension(1.0, groups[1]), Dimension(-1.0, both)), drawn


def drawn_codes(fit: Fit, design: Design, setting: InferenceSpec, codes: IntArray) -> IntArray:
    """Codes (m,) of what shares a weight: the clusters, or by the option ``subcluster`` their parts."""
    name = setting.of(WildCluster).subcluster
    if name is None:
        return codes
    if name == "row":
        return np.arange(fit.rows.size, dtype=np.intp)
    other = cluster_codes(design, name, fit.rows)
    return compact(codes * (int(other.max()) + 1) + other)


def _check_applies(fit: Fit, design: Design) -> None:
    if fit.x is None or fit.y is None or fit.residuals.shape != fit.y.shape:
        validity.stop(
            design,
            f"the wild cluster bootstrap with estimator {design.spec.estimator}",
            "an estimator that is least squares on the panel's rows",
            reason=note("needs_least_squares_on_rows"),
            instead=(validity.OWN, validity.UNIT_CLUSTERS, validity.ROBUST),
        )
    gap = float(np.max(np.abs(fit.y - fit.x @ fit.params - fit.residuals), initial=0.0))
    if gap > 1e-8 * float(np.max(np.abs(fit.y), initial=0.0)):
        validity.stop(
            design,
            f"the wild cluster bootstrap with estimator {design.spec.estimator}",
            "an estimator whose residuals are those of least squares",
            reason=note("needs_residuals_of_least_squares"),
            instead=(validity.OWN, validity.UNIT_CLUSTERS, validity.ROBUST),
        )
