"""How far a variable moves in a model's sample: over all rows, within units, and net of what the model removes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruralpanel.estimate.base.effects import absorbed_space, removed_effects
from ruralpanel.estimate.base.groups import compact, group_sums
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, IntArray
from ruralpanel.project.kinds.estimators import ESTIMATORS

TINY = 1e-9
"""Share of a standard deviation below which what effects leave of a variable is rounding."""


@dataclass(frozen=True)
class Spread:
    """Standard deviations (n − 1) of a variable in a model's sample; None where there are fewer than two rows.

    Attributes
    ----------
    sd : over all rows. sd_within : of deviations from unit means.
    sd_net : of what the model's effects, and the declared steps of the variable itself, leave of it; between units that
        of unit means. None also where they leave nothing.
    """

    sd: float | None = None
    sd_within: float | None = None
    sd_net: float | None = None


def spread_of(column: FloatArray, design: Design, fit: Fit, steps: FloatArray | None = None) -> Spread:
    """Spread of a column (n,) of the design.

    Parameters
    ----------
    steps : (n, q) columns that take up the definition breaks of the variable.
    """
    rows = rows_used(design, fit)
    values, codes = column[rows], compact(design.unit_codes[rows])
    if values.size < 2:
        return Spread()
    means = group_sums(values[:, None], codes)[:, 0] / np.bincount(codes)
    within = values - means[codes]
    sd = float(np.std(values, ddof=1))
    averaged = ESTIMATORS[design.spec.estimator].averages_units
    net = _of_means(means) if averaged else _net(values, design, fit, rows, steps)
    return Spread(
        sd=sd,
        sd_within=float(np.sqrt(np.sum(within**2) / (values.size - 1))),
        sd_net=None if net is None or net <= TINY * sd else net,
    )


def spread_of_term(term: str, design: Design, fit: Fit) -> Spread:
    """Spread of a regressor, net of the steps of its own breaks; empty where the design has no such column."""
    if term not in design.terms:
        return Spread()
    steps = list(design.steps_of(term).values())
    return spread_of(design.x[:, design.terms.index(term)], design, fit, np.column_stack(steps) if steps else None)


def moderators_of(design: Design, fit: Fit) -> dict[str, float]:
    """Standard deviations, over the rows used, of moderators that are no terms themselves, recovered from products."""
    deviations: dict[str, float] = {}
    rows = rows_used(design, fit)
    for j, term in enumerate(design.terms):
        lever, _, moderator = term.partition(":")
        if not moderator or ":" in moderator or moderator in design.terms or lever not in design.terms:
            continue
        levers = design.x[rows, design.terms.index(lever)]
        values = design.x[rows, j][levers != 0] / levers[levers != 0]
        if values.size > 1:
            deviations.setdefault(moderator, float(np.std(values, ddof=1)))
    return deviations


def net_sd(net: FloatArray, weights: FloatArray | None = None) -> FloatArray:
    """Standard deviations (n − 1) of columns (n, …) whose effects are removed, multiplied by the roots of `weights`."""
    n = net.shape[0]
    total = float(n) if weights is None else float(np.sum(weights))
    return np.asarray(np.sqrt(np.sum(net**2, axis=0) / total * (n / (n - 1))))


def rows_used(design: Design, fit: Fit) -> IntArray:
    """Rows of the design behind the fit: all of them where units are averaged, else the fit's own."""
    return np.arange(design.y.size, dtype=np.intp) if ESTIMATORS[design.spec.estimator].averages_units else fit.rows


def effects_of(design: Design) -> tuple[str, ...]:
    """Names of the effects that a model removes, differenced ones included."""
    kind, declared = ESTIMATORS[design.spec.estimator], removed_effects(design.spec)
    if kind.unit_effects == "none":
        return ()
    if kind.needs_effects == "both":
        return ("unit", "period")
    removed = kind.unit_effects in ("removed", "differenced")
    return tuple(dict.fromkeys(("unit", *declared))) if removed else declared


def _of_means(means: FloatArray) -> float | None:
    return float(np.std(means, ddof=1)) if means.size > 1 else None


def _net(values: FloatArray, design: Design, fit: Fit, rows: IntArray, steps: FloatArray | None) -> float | None:
    weights = None if design.weights is None else design.weights[rows]
    root = None if weights is None else np.sqrt(weights)
    effects = effects_of(design)
    space = fit.space if root is None and fit.absorbed == effects else None
    if space is None or space.n != rows.size or space.dense is not None or space.root is not None or not space.factors:
        space = absorbed_space(design, effects, rows, root)
    columns = values[:, None] if steps is None else np.column_stack([values, steps[rows]])
    net = space.residuals(columns if root is None else columns * root[:, None])
    column, others = net[:, 0], net[:, 1:]
    if others.shape[1]:
        column = column - others @ np.linalg.lstsq(others, column, rcond=None)[0]
    return float(net_sd(column, weights))
