"""Removing fixed effects from the columns of a design, which columns remain, and the constant's coefficient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.linalg import solve_triangular

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.absorb import Absorbed
from ruralpanel.estimate.base.groups import compact
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, IntArray
from ruralpanel.project.effects import EXPECTED
from ruralpanel.project.kinds import estimators
from ruralpanel.project.notes import Reason, reason
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, did_you_mean
from ruralpanel.project.settings import ModelSpec

TINY = 1e-9
"""Share of a column's length, its mean aside, below which effects leave nothing of it."""

ALIKE = 1e-7
"""The same of a column net of effects, where earlier columns are taken out."""

ROUNDING = 1e-13
"""Share of a column's length, its mean included, that is rounding error."""


def removed_effects(spec: ModelSpec) -> tuple[str, ...]:
    """The effects that a model removes of those it declares: not the random ones."""
    return estimators.removed_effects(spec.estimator, spec.method, spec.effects)


def effect_codes(design: Design, effect: str) -> IntArray:
    """Codes (n,) of one effect: ``unit``, ``period`` or a further one of the design's groups (``region:period``).

    Raises
    ------
    UserError
        The design has no such effect.
    """
    if effect == "unit":
        return design.unit_codes
    if effect == "period":
        return design.period_codes
    if effect in design.clusters:
        return design.clusters[effect]
    known = ["unit", "period", *design.clusters]
    raise UserError(
        Problem(
            CONFIGURATION,
            f"models.{design.spec.name}.effects",
            f'"{effect}"',
            EXPECTED,
            did_you_mean(effect, known),
        )
    )


def absorbed_space(
    design: Design, effects: Sequence[str], rows: IntArray, root: FloatArray | None, constant: bool = True
) -> Absorbed:
    """The space of `effects` over `rows` of the design, in the metric of `root` (square roots of weights).

    Without effects the space is a constant's, or empty where `constant` is False.
    """
    factors = tuple(compact(effect_codes(design, effect)[rows]) for effect in effects)
    dense = None
    if not factors and constant:
        dense = np.ones((rows.size, 1)) if root is None else root[:, None]
    return Absorbed(rows.size, factors, dense, root)


def demean(design: Design, columns: FloatArray, effects: Sequence[str]) -> FloatArray:
    """Remove `effects` from `columns` by (weighted) least squares on their dummies.

    Parameters
    ----------
    design : Design
        Gives units, periods and weights; its `x` and `y` are not used.
    columns : (n,) or (n, m), rows as in the design.
    effects : names of effects; none: nothing is removed.

    Returns
    -------
    Array of the shape of `columns`: the residuals, not multiplied by the square roots of the weights.
    Exact for balanced and unbalanced panels: the effect with most levels is eliminated in closed form, the others
    by one small symmetric system (Abowd, Creecy and Kramarz 2002).
    """
    if not effects:
        return np.array(columns, dtype=float)
    root = None if design.weights is None else np.sqrt(design.weights)
    space = absorbed_space(design, effects, np.arange(design.y.size), root)
    if space.root is None:
        return space.residuals(columns)
    scale = space.root if np.ndim(columns) == 1 else space.root[:, None]
    return np.asarray(space.residuals(columns * scale) / scale)


def singletons(design: Design, effects: Sequence[str]) -> IntArray:
    """Rows (sorted) that alone make up a level of an effect, found repeatedly until none is left.

    Such a row is fitted exactly by its own effect: it says nothing about the slopes, but would count as an
    observation and as a cluster (Correia 2015).
    """
    kept = np.arange(design.y.size)
    while kept.size:
        alone = np.zeros(kept.size, dtype=bool)
        for effect in effects:
            codes = compact(effect_codes(design, effect)[kept])
            alone |= np.bincount(codes)[codes] == 1
        if not alone.any():
            break
        kept = kept[~alone]
    return np.delete(np.arange(design.y.size), kept)


def usable_columns(
    raw: FloatArray,
    net: FloatArray,
    terms: tuple[str, ...],
    absorbed: tuple[str, ...],
    constant: FloatArray | None = None,
) -> tuple[tuple[int, ...], dict[str, Reason]]:
    """Columns of `net` that are neither absorbed nor collinear with earlier ones, and why the others are not.

    Parameters
    ----------
    raw, net : (n, k) columns before and after effects are removed, both multiplied by the weights' roots.
    constant : (n,) what such a transformation makes of a column of ones (None: ones). A column that is nearly a
        constant (a year, a large level) is judged by what varies.
    """
    kept: list[int] = []
    reasons: dict[str, Reason] = {}
    basis = np.zeros((net.shape[0], 0))
    if absorbed:
        gone = reason(f"absorbed by {' and '.join(absorbed)} effects", "absorbed", effects=list(absorbed))
    else:
        gone = reason("absorbed by the constant", "absorbed_by_constant")
    level = raw.mean(axis=0) if constant is None else np.outer(constant, constant @ raw / (constant @ constant))
    varying = np.linalg.norm(raw - level, axis=0)
    whole = np.linalg.norm(raw, axis=0)
    for j, term in enumerate(terms):
        length = float(np.linalg.norm(net[:, j]))
        if length <= TINY * varying[j] or length <= ROUNDING * whole[j]:
            reasons[term] = gone
            continue
        left = net[:, j] / length
        for _ in range(2):
            left = left - basis @ (basis.T @ left)
        if float(np.linalg.norm(left)) <= max(ALIKE, ROUNDING * whole[j] / length):
            weights = scaling.least_squares(net[:, kept], net[:, j]) * np.linalg.norm(net[:, kept], axis=0)
            involved = [terms[i] for i, weight in zip(kept, weights, strict=True) if abs(weight) > 1e-6 * length]
            reasons[term] = reason("collinear with " + ", ".join(involved), "collinear", terms=involved)
            continue
        kept.append(j)
        basis = np.column_stack([basis, left / np.linalg.norm(left)])
    return tuple(kept), reasons


def root_weights(design: Design, rows: IntArray) -> FloatArray | None:
    """Square roots of the weights of `rows`, scaled to a mean weight of one; None without weights."""
    if design.weights is None:
        return None
    weights = design.weights[rows]
    return np.asarray(np.sqrt(weights / weights.mean()))


NAME = "constant"
"""The term's name."""


def with_constant(fit: Fit, x: FloatArray, y: FloatArray) -> Fit:
    """The fit with the constant as its last term; slopes and residuals are the same.

    Without effects it is the regression's own intercept; beside dummies of periods (random effects) that of the first
    period. Where effects are removed, which alone would leave it undetermined, they add up to zero over the rows
    (weighted): the constant is their mean, as in Stata's ``xtreg, fe``.

    Parameters
    ----------
    fit : its `space` holds the constant: as its first dense column, or as the sum of its dummies.
    x : (m, k) regressors and y : (m,) outcome before the space is projected out, times the weights' roots.
    """
    space = fit.space
    assert space is not None
    if space.factors:
        beside = replace(space, without_constant=True)
        one = np.ones(y.size) if space.root is None else space.root
    else:
        assert space.dense is not None
        beside = Absorbed(space.n, (), space.dense[:, 1:], space.root)
        one = space.dense[:, 0]
    wide, outcome = beside.residuals(np.column_stack([x, one])), beside.residuals(y)
    q, r = np.linalg.qr(wide)
    inverse = solve_triangular(r, np.eye(wide.shape[1]))
    params = solve_triangular(r, q.T @ outcome)
    residuals = outcome - wide @ params
    return replace(
        fit,
        terms=(*fit.terms, NAME),
        params=params,
        residuals=residuals,
        bread=inverse @ inverse.T,
        scores=wide * residuals[:, None],
        x=wide,
        y=outcome,
        n_absorbed=beside.rank,
        space=beside,
    )
