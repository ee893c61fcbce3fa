"""Inference for instrumented coefficients: the wild bootstrap, and errors by the sectors of a shift-share."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from ruralpanel.estimate.base.results import Design, Fit, FloatArray, Inference, IntArray
from ruralpanel.estimate.base.rows import ConfidenceSet, SettingOptions
from ruralpanel.estimate.families.iv import anderson_rubin, shift_share
from ruralpanel.estimate.families.iv.system import System, errors_of, system_of
from ruralpanel.estimate.inference import validity
from ruralpanel.estimate.inference.cluster import cluster_codes
from ruralpanel.estimate.inference.validity import generator
from ruralpanel.estimate.inference.wild_kernel import CELLS, CHUNK, OUTWARD, SMALL, TIE, draw_weights, score_map, signs
from ruralpanel.project.kinds.inference import WildCluster
from ruralpanel.project.notes import Note, note
from ruralpanel.project.settings import InferenceSpec

MOST_DRAWS = 9_999
"""Draws with several instruments, where each value of the coefficient costs one small system per draw."""

BISECTIONS = 26


@dataclass(frozen=True)
class Draws:
    """What the draws leave: sums (q, draws) and clusters' products (q, q, draws) as polynomials in b.

    The statistic at b is ``N' Q^-1 N`` with ``N = n0 - b n1`` and ``Q = q0 - b q1 + b² q2``; the first column of each
    is the sample itself. `random` says whether it has to be counted (drawn weights) or is one of the draws.
    """

    n0: FloatArray
    n1: FloatArray
    q0: FloatArray
    q1: FloatArray
    q2: FloatArray
    random: bool

    def statistics(self, b: float) -> FloatArray:
        """(draws,) Wald statistics at b; for infinite b their limit."""
        if np.isfinite(b):
            n, q = self.n0 - b * self.n1, self.q0 - b * self.q1 + b * b * self.q2
        else:
            n, q = self.n1, self.q2
        if n.shape[0] == 1:
            return np.asarray(n[0] ** 2 / q[0, 0])
        solved = np.linalg.solve(np.moveaxis(q, 2, 0), n.T[:, :, None])[:, :, 0]
        return np.asarray(np.einsum("ij,ji->i", solved, n))

    def p_value(self, b: float) -> float:
        """Share of draws, the sample included, whose statistic is at least the sample's."""
        values = self.statistics(b)
        count = int(np.count_nonzero(values[1:] >= values[0] * (1.0 - TIE)))
        return (count + 1) / values.size if self.random else count / (values.size - 1)


def infer_wild_iv(fit: Fit, design: Design, setting: InferenceSpec, seed: int) -> Inference:
    """Bootstrap p-value and confidence set of the one endogenous regressor; nothing for exogenous ones.

    Options: ``by``, ``draws``, ``weights``, ``interval`` as in `wild`. With several instruments at most 9,999 draws.
    The set may be two rays, everything or empty: ``anderson_rubin`` in the result's options says so; interval ends are
    the set's outermost ones.

    Raises
    ------
    UserError
        Several endogenous regressors, one row per cluster, two cluster dimensions, subclusters, or too few clusters for
        the weights or the instruments.
    """
    options = setting.of(WildCluster)
    system = system_of(shift_share.with_instrument(design))
    names, kind = options.names, options.weights
    codes = cluster_codes(design, names[0], system.rows)
    clusters = int(codes.max()) + 1
    warnings = _check(design, system, names, clusters, kind, options.subcluster)
    several = system.basis.shape[1] > 1
    draws = min(options.draws, MOST_DRAWS) if several else options.draws
    rng = generator(seed, design.spec.name, "wild_cluster", system.endogenous[0])
    result = draw(system, codes, kind, draws, rng)
    terms = len(fit.terms)
    p, low, high = np.full(terms, np.nan), np.full(terms, np.nan), np.full(terms, np.nan)
    p[0] = result.p_value(0.0)
    found: ConfidenceSet | None = None
    notes = [note("endogenous_alone_tested")]
    if system.components:
        notes.append(note("theta_fixed"))
    if options.interval:
        pieces = invert(result, design, system, float(fit.params[0]), float(np.sqrt(np.mean(fit.residuals**2))))
        found = anderson_rubin.described(pieces, term=system.endogenous[0], level=0.95)
        if pieces:
            low[0], high[0] = pieces[0][0], pieces[-1][1]
    how = [note("anderson_rubin_draws"), note("p_counts_sample")]
    if not result.random:
        how.append(note("all_signs", vectors=2**clusters))
    return Inference(
        method="wild_cluster",
        p_value=p,
        ci_low=low,
        ci_high=high,
        by=names[0],
        small_sample=tuple(how),
        n_clusters=clusters,
        notes=tuple(notes),
        overrides=warnings,
        options=SettingOptions(
            draws=draws if result.random else 2**clusters,
            weights=kind,
            interval=options.interval,
            enumerated=not result.random,
            seed=seed,
            anderson_rubin=found,
        ),
    )


def draw(system: System, codes: IntArray, kind: str, draws: int, rng: np.random.Generator) -> Draws:
    """All draws of the statistic; Rademacher weights are enumerated where no more vectors exist than draws."""
    x = np.hstack([system.basis, np.linalg.qr(system.w)[0]])
    bread = np.eye(x.shape[1])
    q = system.basis.shape[1]
    maps = [
        [score_map(x, bread, system.space, z, u, codes, codes) for z in system.basis.T]
        for u in (system.y_net, system.d_net[:, 0])
    ]
    sums = [np.array([np.asarray(m.scores.sum(axis=0)).ravel() for m in row]) for row in maps]
    clusters = int(codes.max()) + 1
    used = maps if clusters**2 > SMALL else [[m.dense() for m in row] for row in maps]
    chunk = max(1, min(CHUNK, CELLS // clusters))
    enumerated = kind == "rademacher" and 2**clusters <= draws
    total = 2 ** (clusters - 1) if enumerated else draws
    n0, n1 = np.empty((q, total + 1)), np.empty((q, total + 1))
    products = np.empty((3, q, q, total + 1))
    for start in (-1, *range(0, total, chunk)):
        size = 1 if start < 0 else min(chunk, total - start)
        if start < 0:
            v = np.ones((clusters, 1))
        else:
            v = signs(clusters, start, size) if enumerated else draw_weights(kind, clusters, size, rng)
        part = slice(start + 1, start + 1 + size)
        n0[:, part], n1[:, part] = sums[0] @ v, sums[1] @ v
        left, right = ([m @ v for m in row] for row in used)
        for i in range(q):
            for j in range(i + 1):
                values = (
                    np.einsum("gs,gs->s", left[i], left[j]),
                    np.einsum("gs,gs->s", left[i], right[j]) + np.einsum("gs,gs->s", right[i], left[j]),
                    np.einsum("gs,gs->s", right[i], right[j]),
                )
                for power, value in enumerate(values):
                    products[power, i, j, part] = products[power, j, i, part] = value
    return Draws(n0, n1, products[0], products[1], products[2], not enumerated)


def invert(
    result: Draws, design: Design, system: System, estimate: float, residual: float
) -> tuple[anderson_rubin.Interval, ...]:
    """Values that the bootstrap does not reject at 5 %, as disjoint intervals.

    Looked for between points outward from the estimate and around the ends of the set in closed form; ends are then
    bisected. Zero is among the points, so that set and p-value agree.
    """
    errors = errors_of(design, system)
    spread = residual / float(np.linalg.norm(system.basis.T @ system.d_net[:, 0]))
    points = {0.0, estimate}
    points |= {estimate + sign * spread * step for step in OUTWARD.tolist() for sign in (1.0, -1.0)}
    if system.basis.shape[1] <= errors.most():
        statistic = anderson_rubin.statistic(system, errors)
        slopes = system.w.shape[1] + system.basis.shape[1]
        for level in (0.90, 0.95, 0.99):
            critical = errors.critical(system.basis.shape[1], slopes, level)
            ends = np.ravel(anderson_rubin.confidence_set(statistic, critical, estimate, spread))
            points |= {float(end) for end in ends if np.isfinite(end)}
    grid = sorted(points)
    inside = [result.p_value(b) > 0.05 for b in grid]
    limit = result.p_value(np.inf) > 0.05
    pieces: list[anderson_rubin.Interval] = []
    low = -np.inf if limit else None
    known = [(-np.inf, limit), *zip(grid, inside, strict=True), (np.inf, limit)]
    for (left, before), (right, after) in itertools.pairwise(known):
        if before == after:
            continue
        end = _edge(result, left, right, before, spread)
        if after:
            low = end
        else:
            assert low is not None
            pieces.append((low, end))
            low = None
    if low is not None:
        pieces.append((low, np.inf))
    return tuple(pieces)


def _edge(result: Draws, left: float, right: float, left_inside: bool, spread: float) -> float:
    """Where the decision changes between `left` and `right`; an infinite side is approached in doubling steps."""
    if np.isinf(left) or np.isinf(right):
        near, sign = (right, -1.0) if np.isinf(left) else (left, 1.0)
        near_inside = left_inside if np.isinf(right) else not left_inside
        step = spread * OUTWARD[-1]
        for _ in range(60):
            if (result.p_value(near + sign * step) > 0.05) != near_inside:
                break
            step *= 2.0
        else:
            return sign * np.inf
        left, right = (near, near + step) if sign > 0 else (near - step, near)
    for _ in range(BISECTIONS):
        middle = 0.5 * (left + right)
        if (result.p_value(middle) > 0.05) == left_inside:
            left = middle
        else:
            right = middle
    return left if left_inside else right


def _check(
    design: Design, system: System, names: tuple[str, ...], clusters: int, kind: str, subcluster: object | None
) -> tuple[Note, ...]:
    if len(system.endogenous) != 1:
        found = f"the Anderson–Rubin bootstrap with {len(system.endogenous)} endogenous regressors"
        others = (validity.UNIT_CLUSTERS, validity.ROBUST)
        validity.stop(design, found, "one endogenous regressor", instead=others, reason=note("needs_one_endogenous"))
    if len(names) > 1:
        validity.stop(design, f"the wild cluster bootstrap by {' and '.join(names)}", "one cluster", "name one")
    if subcluster is not None:
        validity.stop(design, "subclusters with instruments", "weights for whole clusters", "remove subcluster")
    if clusters == system.n:
        validity.stop(
            design,
            "the wild cluster bootstrap with one row per cluster",
            "several rows in each cluster",
            "the Anderson–Rubin set comes with robust errors",
            (validity.ROBUST, validity.UNIT_CLUSTERS),
            reason=note("needs_rows_in_clusters"),
        )
    smallest = {"rademacher": "2/2^G", "mammen": "about 2^-G", "webb": "6^-G"}[kind]
    name = f"the wild cluster bootstrap with {kind} weights"
    warnings = validity.need_clusters(design, name, kind, clusters, f"the smallest p-value is {smallest}")
    if system.basis.shape[1] >= clusters:
        found = f"the Anderson–Rubin bootstrap with {system.basis.shape[1]} instruments and {clusters} clusters"
        instruments = system.basis.shape[1]
        reason = note("more_instruments_than_clusters", instruments=instruments, clusters=clusters)
        validity.stop(design, found, "more clusters than instruments", "use fewer instruments", reason=reason)
    return warnings


def infer_akm(fit: Fit, design: Design, setting: InferenceSpec, seed: int = 0) -> Inference:
    """AKM (``vcov: akm``), or AKM0, with the null imposed (``vcov: akm0``), of the one endogenous regressor (Adão,
    Kolesár and Morales 2019).

    Normal critical values. AKM0's set may be two rays or everything: ``set`` in the result's options says so, interval
    ends are its outermost ones. Exogenous regressors have no errors under this setting.

    Raises
    ------
    UserError
        The model has no shift-share instrument, or others beside it; fewer than 20 sectors (akm0: 5).
    """
    if shift_share.exposure_of(design) is None:
        validity.stop(
            design,
            f"vcov: {setting.method}",
            "a model with shares and shocks",
            reason=note("needs_shares_and_shocks"),
            instead=(validity.UNIT_CLUSTERS, validity.ROBUST),
        )
    system = system_of(shift_share.with_instrument(design))
    sectors = shift_share.sectors_of(design, system)
    least = shift_share.MIN_SECTORS[setting.method]
    warnings: tuple[Note, ...] = ()
    if sectors.y.size < least:
        found = f"vcov: {setting.method} with {sectors.y.size} sectors"
        expected = f"at least {least} sectors: with fewer it rejects true hypotheses too often"
        others = [InferenceSpec("akm0")] if setting.method == "akm" else []
        others += [InferenceSpec("wild_cluster", WildCluster(by="unit")), validity.UNIT_CLUSTERS, validity.ROBUST]
        reason = note("needs_sectors", sectors=sectors.y.size, least=least)
        warnings = validity.refuse(design, "few_sectors", found, expected, instead=tuple(others), reason=reason)
    terms = len(fit.terms)
    columns = {name: np.full(terms, np.nan) for name in ("std_error", "statistic", "p_value", "ci_low", "ci_high")}
    notes = [note("endogenous_alone")]
    resolved = SettingOptions(critical="normal", sectors=sectors.y.size)
    if setting.method == "akm":
        error = sectors.std_error()
        columns["std_error"][0], columns["statistic"][0] = error, sectors.estimate / error
        columns["p_value"][0] = 2.0 * special.ndtr(-abs(sectors.estimate / error))
        columns["ci_low"][0] = sectors.estimate - shift_share.NORMAL * error
        columns["ci_high"][0] = sectors.estimate + shift_share.NORMAL * error
    else:
        pieces = sectors.confidence_set()
        columns["p_value"][0] = special.chdtrc(1.0, sectors.statistic().at(0.0))
        columns["ci_low"][0], columns["ci_high"][0] = pieces[0][0], pieces[-1][1]
        shape = anderson_rubin.shape(pieces)
        resolved = replace(resolved, term=fit.terms[0], set=shape, intervals=pieces)
    return Inference(
        method=setting.method,
        p_value=columns["p_value"],
        ci_low=columns["ci_low"],
        ci_high=columns["ci_high"],
        std_error=columns["std_error"] if setting.method == "akm" else None,
        statistic=columns["statistic"] if setting.method == "akm" else None,
        df=np.full(terms, np.inf),
        by="sector",
        small_sample=(note(f"{setting.method}_sums"), note("no_factor")),
        n_clusters=sectors.y.size,
        notes=tuple(notes),
        overrides=warnings,
        options=resolved,
    )
