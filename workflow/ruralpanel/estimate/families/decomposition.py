"""Gaps between groups of units decomposed, and what they would be with other levers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.absorb import Absorbed
from ruralpanel.estimate.base.effects import absorbed_space, demean
from ruralpanel.estimate.base.parts import OfUnit, Parts, Slope, Support
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, IntArray
from ruralpanel.estimate.inference.validity import generator
from ruralpanel.project.kinds.estimator_keys import Counterfactual, Decomposition, Gap
from ruralpanel.project.notes import Note, note
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError


@dataclass(frozen=True)
class Groups:
    """Group membership of n units: `codes` (n,) with `names`; the gap is `target` less `reference`."""

    codes: IntArray
    names: tuple[str, ...]
    target: int
    reference: int

    @property
    def dummies(self) -> FloatArray:
        """(n, g − 1) dummies of all groups but the reference; the target's is the first column."""
        others = [g for g in range(len(self.names)) if g not in (self.target, self.reference)]
        return np.column_stack([(self.codes == g).astype(float) for g in (self.target, *others)])


def gelbach(y: FloatArray, x: FloatArray, blocks: Sequence[IntArray], groups: Groups, counts: FloatArray) -> FloatArray:
    """Conditional decomposition of Gelbach (2016), whose parts do not depend on the order of the blocks.

    The part of a block is the sum of (coefficient with all blocks in) × (gap in the variable's group means).

    Parameters
    ----------
    y : (n,). x : (n, k). blocks : columns of `x` in each of the b blocks.
    counts : (d, n) how often each unit enters, d samples at once (ones: the sample itself).

    Returns
    -------
    (d, b + 2) : the blocks' parts, the unexplained part, the total. They add up exactly.
    """
    dummies = groups.dummies
    constant = np.ones((y.size, 1))
    base = np.column_stack([constant, dummies])
    gaps = _regress(base, np.column_stack([y, x]), counts)[:, 1, :]
    full = _regress(np.column_stack([base, x]), y[:, None], counts)[:, :, 0]
    slopes = full[:, base.shape[1] :]
    parts = [np.sum(slopes[:, block] * gaps[:, 1 + block], axis=1) for block in blocks]
    return np.column_stack([*parts, full[:, 1], gaps[:, 0]])


def shapley(y: FloatArray, x: FloatArray, blocks: Sequence[IntArray], groups: Groups, counts: FloatArray) -> FloatArray:
    """Average, over all orders in which blocks may enter, of the fall in the unexplained gap as a block enters.

    Parameters and result as in `gelbach`; Shapley (1953) as applied to regressions by Shorrocks (2013).
    """
    base = np.column_stack([np.ones(y.size), groups.dummies])
    number = len(blocks)
    left: dict[frozenset[int], FloatArray] = {}
    for size in range(number + 1):
        for chosen in itertools.combinations(range(number), size):
            columns = [x[:, blocks[b]] for b in chosen]
            left[frozenset(chosen)] = _regress(np.column_stack([base, *columns]), y[:, None], counts)[:, 1, 0]
    everything = frozenset(range(number))
    parts = []
    for b in range(number):
        part = np.zeros(counts.shape[0])
        for subset, gap in left.items():
            if b not in subset:
                weight = math.factorial(len(subset)) * math.factorial(number - len(subset) - 1) / math.factorial(number)
                part += weight * (gap - left[subset | {b}])
        parts.append(part)
    return np.column_stack([*parts, left[everything], left[frozenset()]])


def oaxaca(y: FloatArray, x: FloatArray, blocks: Sequence[IntArray], groups: Groups, counts: FloatArray) -> FloatArray:
    """Twofold decomposition of Oaxaca (1973) and Blinder (1973) at the coefficients of the reference group alone.

    Parameters and result as in `gelbach`.
    """
    base = np.column_stack([np.ones(y.size), groups.dummies])
    gaps = _regress(base, np.column_stack([y, x]), counts)[:, 1, :]
    inside = (groups.codes == groups.reference).astype(float)
    slopes = _regress(np.column_stack([np.ones(y.size), x]), y[:, None], counts * inside)[:, 1:, 0]
    parts = [np.sum(slopes[:, block] * gaps[:, 1 + block], axis=1) for block in blocks]
    return np.column_stack([*parts, gaps[:, 0] - np.sum(parts, axis=0), gaps[:, 0]])


METHODS = {"gelbach": gelbach, "shapley": shapley, "oaxaca": oaxaca}


def resampled_counts(groups: Groups, draws: int, generator: np.random.Generator) -> FloatArray:
    """(draws, n) bootstrap counts: units drawn with replacement within each group, whose sizes are kept."""
    counts = np.zeros((draws, groups.codes.size))
    for g in range(len(groups.names)):
        members = np.flatnonzero(groups.codes == g)
        if members.size:
            counts[:, members] = generator.multinomial(members.size, np.full(members.size, 1 / members.size), draws)
    return counts


def _regress(x: FloatArray, y: FloatArray, counts: FloatArray) -> FloatArray:
    """(d, k, m) least-squares coefficients for each row of `counts`; NaN where a draw leaves columns collinear."""
    gram = np.einsum("dn,ni,nj->dij", counts, x, x, optimize=True)
    moment = np.einsum("dn,ni,nm->dim", counts, x, y, optimize=True)
    scale = np.sqrt(np.maximum(np.einsum("dii->di", gram), 1e-300))
    scaled = gram / scale[:, :, None] / scale[:, None, :]
    usable = np.linalg.cond(scaled) < 1e10
    coefficients = np.full(moment.shape, np.nan)
    coefficients[usable] = np.linalg.solve(scaled[usable], moment[usable] / scale[usable][:, :, None])
    return np.asarray(coefficients / scale[:, :, None])


NORMAL_LENGTH = 3.92
"""Length of a 95 % interval of normal draws, in standard deviations."""

HEAVY = 1.5
"""Draws whose standard deviation is beyond this many times what their interval tells have heavy tails."""


def decomposition(design: Design) -> Fit:
    """Split the gap in the outcome's group means into blocks of regressors.

    A panel is collapsed to the means of its units. Terms: each block; ``unexplained``; ``total``; each block's share of
    the total; and ``lead_<block>``, its part less the largest other block's, as a share of the total, which is above
    zero where the block explains most. Shares and leads are ratios of which draws have no variance to speak of, the
    total coming near zero in some: they have percentile intervals and p-values, and no standard error. Nor have parts
    whose draws have heavy tails because groups of few units leave slopes nearly undetermined in some (Oaxaca–Blinder).

    Options
    -------
    gap : ``{by: attribute, group: value, reference: value}``. blocks : name → regressors. draws : of the bootstrap.

    Raises
    ------
    UserError
        Fewer units in a group than a bootstrap within it needs, or fewer units than coefficients.
    """
    spec = design.spec
    options = spec.of(Decomposition)
    blocks, draws = options.blocks, options.draws
    y, x = unit_means(design, design.y), unit_means(design, design.x)
    groups = groups_of(design, options.gap)
    columns = [np.array([design.terms.index(name) for name in names], dtype=np.intp) for names in blocks.values()]
    _enough(design, groups, x)
    kernel = METHODS[spec.method]
    parts = kernel(y, x, columns, groups, np.ones((1, y.size)))[0]
    if not np.all(np.isfinite(parts)):
        raise UserError(
            Problem(
                CONFIGURATION,
                f"models.{spec.name}.blocks",
                "terms whose means by unit are too much alike to be told apart",
                "terms that differ between units",
                "leave one of them out",
            )
        )
    counts = resampled_counts(groups, draws, generator(design.seed, spec.name, "decomposition"))
    simulated = kernel(y, x, columns, groups, counts)
    kept = simulated[np.all(np.isfinite(simulated), axis=1)]
    estimate, drawn = _with_shares(parts[None, :], len(blocks))[0], _with_shares(kept, len(blocks))
    names = [*blocks, "unexplained", "total"]
    names += [f"share_{block}" for block in blocks] + [f"lead_{block}" for block in blocks]
    vcov = np.cov(drawn, rowvar=False)
    interval = np.percentile(drawn, [2.5, 97.5], axis=0)
    ratios = np.arange(len(names)) >= len(blocks) + 2
    unstated = ratios | heavy_tailed(drawn)
    vcov[unstated, :] = vcov[:, unstated] = np.nan
    return Fit(
        terms=tuple(names),
        params=estimate,
        rows=np.arange(design.y.size),
        residuals=np.zeros(design.y.size),
        bread=np.eye(len(names)),
        scores=np.zeros((0, len(names))),
        df_resid=float(y.size - x.shape[1] - len(groups.names)),
        vcov=vcov,
        vcov_type=(
            note("bootstrap_within_groups", usable=len(kept), draws=draws),
            note("percentiles"),
            note("no_ratios"),
        ),
        conf_int=interval.T,
        p_value=_percentile_p(drawn),
        fit={"gap": float(parts[-1]), "explained_share": float(1 - parts[-2] / parts[-1])},
        notes=(note("gap_all_units", group=groups.names[groups.target], reference=groups.names[groups.reference]),),
        extra=Parts(parts=(*blocks, "unexplained"), by_unit=_by_unit(design, y, x, columns, groups, blocks)),
    )


def heavy_tailed(drawn: FloatArray) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which columns of draws have a standard deviation far beyond what their 95 % interval tells."""
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    return np.asarray(np.std(drawn, axis=0, ddof=1) > HEAVY * (high - low) / NORMAL_LENGTH)


def unit_means(design: Design, values: FloatArray) -> FloatArray:
    """(units, …) means over the periods of each unit."""
    number = len(design.units)
    size = np.bincount(design.unit_codes, minlength=number).astype(float)
    if values.ndim == 1:
        return np.asarray(np.bincount(design.unit_codes, weights=values, minlength=number) / size)
    return np.column_stack([unit_means(design, column) for column in values.T])


def groups_of(design: Design, gap: Gap) -> Groups:
    """Groups of the design's units by the attribute that ``gap`` names.

    Raises
    ------
    UserError
        A group that no unit of the sample belongs to.
    """
    labels = design.extra.groups
    names = tuple(dict.fromkeys(labels[unit] for unit in design.units))
    problems = [
        Problem(CONFIGURATION, f"models.{design.spec.name}.gap.{key}", f'"{group}"', "one of " + ", ".join(names))
        for key, group in (("group", gap.group), ("reference", gap.reference))
        if group not in names
    ]
    if problems:
        raise UserError(problems)
    codes = np.array([names.index(labels[unit]) for unit in design.units], dtype=np.intp)
    return Groups(codes, names, names.index(gap.group), names.index(gap.reference))


def _with_shares(parts: FloatArray, number: int) -> FloatArray:
    """Append each block's share of the total and its lead over the largest other block, as a share of the total."""
    blocks, total = parts[:, :number], parts[:, -1:]
    shares = blocks / total
    leads = [shares[:, b] - np.max(np.delete(shares, b, axis=1), axis=1, initial=-np.inf) for b in range(number)]
    return np.column_stack([parts, shares, *leads])


def _percentile_p(drawn: FloatArray) -> FloatArray:
    """Two-sided p-values of zero that go with percentile intervals: twice the smaller tail, the sample counted."""
    below, above = np.sum(drawn <= 0, axis=0), np.sum(drawn >= 0, axis=0)
    return np.asarray(np.minimum(1.0, 2.0 * (np.minimum(below, above) + 1.0) / (len(drawn) + 1.0)))


def _by_unit(
    design: Design, y: FloatArray, x: FloatArray, columns: list[IntArray], groups: Groups, blocks: Iterable[str]
) -> tuple[OfUnit, ...]:
    """Each target unit's own distance to the reference mean, split at the coefficients of all units."""
    base = np.column_stack([np.ones(y.size), groups.dummies, x])
    slopes = scaling.least_squares(base, y)[-x.shape[1] :]
    inside = groups.codes == groups.reference
    rows = []
    for unit in np.flatnonzero(groups.codes == groups.target):
        distance = x[unit] - x[inside].mean(axis=0)
        parts = {name: float(slopes[c] @ distance[c]) for name, c in zip(blocks, columns, strict=True)}
        gap = float(y[unit] - y[inside].mean())
        rows.append(OfUnit(design.units[unit], {**parts, "unexplained": gap - sum(parts.values()), "total": gap}))
    return tuple(rows)


def _enough(design: Design, groups: Groups, x: FloatArray) -> None:
    where = f"models.{design.spec.name}"
    sizes = np.bincount(groups.codes, minlength=len(groups.names))
    small = [
        f"{groups.names[g]} with {sizes[g]} units"
        for g in (groups.target, groups.reference)
        if sizes[g] < x.shape[1] + 2
    ]
    if small:
        raise UserError(
            Problem(
                CONFIGURATION,
                where,
                ", ".join(small),
                f"at least {x.shape[1] + 2} units in either group for {x.shape[1]} regressors",
                "use fewer regressors or larger groups",
            )
        )


def counterfactual(design: Design) -> Fit:
    """Change of the outcome in each unit of the group if its levers stood at the reference group's mean.

    A unit that is ahead of the reference mean keeps its own level. Terms: ``share_closed`` (mean change over the gap
    in means, the gap taken as known), ``mean_change``, and each unit's change. All are linear in the coefficients, so
    that their errors follow from the coefficients' covariance: HC3 for a cross-section, CR1 by unit for a panel.

    Options
    -------
    gap : as in the decomposition. levers : regressors that are moved; the others stay. Effects as declared.

    Notes
    -----
    `support` counts counterfactual points whose leverage is above every observed one: a prediction there
    extrapolates.
    """
    spec = design.spec
    x, y = demean(design, design.x, spec.effects), demean(design, design.y, spec.effects)
    if not spec.effects:
        x, y = x - x.mean(axis=0), y - y.mean()
    bread = np.asarray(np.linalg.inv(x.T @ x), dtype=np.float64)
    slopes = bread @ x.T @ y
    residuals = y - x @ slopes
    number = len(design.units)
    space = absorbed_space(design, spec.effects, np.arange(len(y)), None)
    panel = design.y.size > number
    vcov, df, kind = _clustered(design, x, residuals, bread, space) if panel else _hc3(x, residuals, bread, space.rank)
    options = spec.of(Counterfactual)
    groups = groups_of(design, options.gap)
    means, outcome = unit_means(design, design.x), unit_means(design, design.y)
    inside, target = groups.codes == groups.reference, np.flatnonzero(groups.codes == groups.target)
    levers = np.array([design.terms.index(name) for name in options.levers], dtype=np.intp)
    moves = np.zeros((target.size, len(design.terms)))
    moves[:, levers] = np.maximum(means[inside][:, levers].mean(axis=0) - means[target][:, levers], 0.0)
    gap = float(outcome[inside].mean() - outcome[target].mean())
    contrasts = np.vstack([moves.mean(axis=0) / gap, moves.mean(axis=0), moves])
    estimate = contrasts @ slopes
    vcov_of_changes = contrasts @ vcov @ contrasts.T
    support = _support(means, means[target] + moves)
    terms = ("share_closed", "mean_change", *(design.units[unit] for unit in target))
    outside = [design.units[unit] for unit, beyond in zip(target, support, strict=True) if beyond]
    return Fit(
        terms=terms,
        params=estimate,
        rows=np.arange(design.y.size),
        residuals=residuals,
        bread=np.eye(len(terms)),
        scores=(x * residuals[:, None]) @ bread @ contrasts.T,
        df_resid=df,
        absorbed=spec.effects,
        n_slopes=x.shape[1],
        vcov=vcov_of_changes,
        vcov_type=(kind, note("gap_known")),
        df_t=df,
        fit={"gap": gap, "share_outside_support": float(np.mean(support))},
        notes=(
            note("gap_own_level", group=groups.names[groups.target], reference=groups.names[groups.reference], gap=gap),
            note("outside_support" if outside else "all_in_support", n=len(outside), points=target.size, units=outside),
        ),
        extra=Parts(
            slopes=tuple(
                Slope(term, float(b), float(s))
                for term, b, s in zip(design.terms, slopes, np.sqrt(np.diag(vcov)), strict=True)
            ),
            support=Support(tuple(outside), float(np.mean(support))),
        ),
    )


def _hc3(x: FloatArray, residuals: FloatArray, bread: FloatArray, absorbed: int) -> tuple[FloatArray, float, Note]:
    leverage = np.einsum("ij,jk,ik->i", x, bread, x) + 1 / len(x)
    scores = x * (residuals / (1 - leverage))[:, None]
    return bread @ scores.T @ scores @ bread, float(len(x) - x.shape[1] - absorbed), note("HC3_t")


def _clustered(
    design: Design, x: FloatArray, residuals: FloatArray, bread: FloatArray, space: Absorbed
) -> tuple[FloatArray, float, Note]:
    codes: IntArray = design.unit_codes
    scores = np.column_stack([np.bincount(codes, weights=column) for column in (x * residuals[:, None]).T])
    number, size = len(design.units), len(x)
    parameters = x.shape[1] + space.rank_outside((codes,))
    factor = number / (number - 1) * (size - 1) / (size - parameters)
    return factor * bread @ scores.T @ scores @ bread, float(number - 1), note("CR1_by_unit_t")


def _support(observed: FloatArray, points: FloatArray) -> list[bool]:
    centred = observed - observed.mean(axis=0)
    inverse = scaling.inverse(centred.T @ centred, 1e-15)

    def leverage(rows: FloatArray) -> FloatArray:
        return np.asarray(np.einsum("ij,jk,ik->i", rows, inverse, rows))

    return [bool(beyond) for beyond in leverage(points - observed.mean(axis=0)) > leverage(centred).max()]
