"""Linear panel models: pooled, between, fixed effects, first differences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy.linalg import solve_triangular

from ruralpanel.estimate.base.absorb import Absorbed
from ruralpanel.estimate.base.effects import (
    absorbed_space,
    effect_codes,
    root_weights,
    singletons,
    usable_columns,
    with_constant,
)
from ruralpanel.estimate.base.groups import compact, group_sums, nested
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, IntArray
from ruralpanel.project.effects import factors
from ruralpanel.project.kinds.estimator_keys import Linear
from ruralpanel.project.notes import Note, Reason, note
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, raise_any


def pooled(design: Design) -> Fit:
    """Ordinary (weighted) least squares with a constant, or effects of periods and groups that `spec.effects` names."""
    rows = np.arange(design.y.size)
    root = root_weights(design, rows)
    effects = _without_unit(design)
    space = absorbed_space(design, effects, rows, root=root)
    return solve(design, _scaled(design.x, root), _scaled(design.y, root), rows, space, effects)


def fe(design: Design) -> Fit:
    """Fixed effects: the effects of `spec.effects` (unit, period, attributes) are removed exactly.

    Rows that alone make up a level of an effect are left out and counted (``n_dropped``, singletons).
    """
    effects = design.spec.effects
    if not effects:
        raise UserError(
            Problem(
                CONFIGURATION,
                f"models.{design.spec.name}.effects",
                "none",
                "at least one of unit, period for fe",
                "name the effects, or use estimator: pooled",
            )
        )
    alone = singletons(design, effects)
    rows = np.delete(np.arange(design.y.size), alone)
    root = root_weights(design, rows)
    space = absorbed_space(design, effects, rows, root=root)
    dropped = {"singletons": int(alone.size)} if alone.size else {}
    return solve(
        design, _scaled(design.x[rows], root), _scaled(design.y[rows], root), rows, space, effects, n_dropped=dropped
    )


def between(design: Design) -> Fit:
    """Least squares with a constant on the means of the units, each unit counting once.

    With weights, means are weighted and a unit weighs the sum of its weights. `rows` of the fit are the units' first.
    """
    codes = compact(design.unit_codes)
    weights = np.ones(codes.size) if design.weights is None else design.weights
    total = np.bincount(codes, weights=weights)
    columns = np.column_stack([design.y, design.x])
    means = group_sums(columns * weights[:, None], codes) / total[:, None]
    rows = np.unique(codes, return_index=True)[1].astype(np.intp)
    root = None if design.weights is None else np.sqrt(total / total.mean())
    dense = np.ones((rows.size, 1)) if root is None else root[:, None]
    space = Absorbed(rows.size, (), dense, root)
    return solve(design, _scaled(means[:, 1:], root), _scaled(means[:, 0], root), rows, space, ())


def fd(design: Design) -> Fit:
    """First differences between adjacent periods, without a constant, less effects of periods (``region:period``).

    A row whose unit lacks the period before on the panel's calendar (`Design.earlier`) is not used and counted under
    ``n_dropped``: a gap is never bridged, be it of one unit or of all. With weights a difference weighs
    ``1 / (1 / w[t] + 1 / w[t - 1])``. `rows` of the fit is the later row of each difference.
    """
    earlier = design.earlier()
    rows = np.flatnonzero(earlier >= 0).astype(np.intp)
    before = earlier[rows]
    if not rows.size:
        periods = ", ".join(map(str, design.periods))
        raise UserError(
            Problem(
                CONFIGURATION,
                f"models.{design.spec.name}",
                f"no unit with two adjacent periods ({periods})",
                "at least two adjacent periods for fd",
                "use a longer panel, or estimator: fe"
                + ("" if design.calendar else f", or panels.{design.spec.panel}.by: observation"),
            )
        )
    root = None
    if design.weights is not None:
        weights = 1.0 / (1.0 / design.weights[rows] + 1.0 / design.weights[before])
        root = np.sqrt(weights / weights.mean())
    effects = _without_unit(design)
    _need_later_levels(design, effects, rows, before)
    space = absorbed_space(design, effects, rows, root=root, constant=False)
    y, x = design.y[rows] - design.y[before], design.x[rows] - design.x[before]
    dropped = {"without_period_before": design.y.size - rows.size}
    return solve(design, _scaled(x, root), _scaled(y, root), rows, space, effects, n_dropped=dropped)


def _need_later_levels(design: Design, effects: tuple[str, ...], rows: IntArray, before: IntArray) -> None:
    """Stop where differences leave no effect of the later period: groups without period, or that units change."""
    raise_any(
        Problem(
            CONFIGURATION,
            f"models.{design.spec.name}.effects",
            f"{effect}, of which differences leave "
            + ("movements between groups" if "period" in factors(effect) else "nothing"),
            "period or attribute:period with fd",
            "leave it out, or use estimator: fe",
        )
        for effect in effects
        if "period" not in factors(effect)
        or not nested(compact(effect_codes(design, effect)[rows]), effect_codes(design, effect)[before])
    )


def solve(
    design: Design,
    x: FloatArray,
    y: FloatArray,
    rows: IntArray,
    space: Absorbed,
    absorbed: tuple[str, ...],
    *,
    fit: Mapping[str, float] | None = None,
    n_dropped: Mapping[str, int] | None = None,
    notes: tuple[Note, ...] = (),
) -> Fit:
    """Least squares of `y` (m,) on `x` (m, k) net of `space`; both are already multiplied by the weights' roots.

    Raises
    ------
    UserError
        Terms that the effects absorb or that are collinear (all are named; with ``drop_absorbed`` they are left
        out instead), or too few observations.
    """
    x_net, y_net = space.residuals(x), space.residuals(y)
    constant = space.root if space.dense is None or not space.dense.size else space.dense[:, 0]
    kept, reasons = usable_columns(x, x_net, design.terms, absorbed, constant)
    drop = design.spec.drop_absorbed
    _need_rows(design, y.size, len(kept) if drop else len(design.terms), space.rank)
    refuse(design, reasons)
    terms = tuple(design.terms[j] for j in kept)
    df_resid = y.size - len(kept) - space.rank
    x_net = x_net[:, list(kept)]
    q, r = np.linalg.qr(x_net)
    params = solve_triangular(r, q.T @ y_net)
    inverse = solve_triangular(r, np.eye(len(kept)))
    residuals = y_net - x_net @ params
    left_out = tuple(note("left_out", term=term, reason=reason) for term, reason in reasons.items())
    result = Fit(
        terms=terms,
        params=params,
        rows=rows,
        residuals=residuals,
        bread=inverse @ inverse.T,
        scores=x_net * residuals[:, None],
        df_resid=float(df_resid),
        x=x_net,
        y=y_net,
        n_absorbed=space.rank,
        absorbed=tuple(absorbed),
        fit={**_goodness(y, y_net, residuals, space, df_resid), **(fit or {})},
        notes=(*notes, *left_out),
        left_out=reasons,
        n_dropped=n_dropped or {},
        space=space,
    )
    if not space.rank or not design.spec.of(Linear).constant:
        return result
    return replace(result, intercept=with_constant(result, x[:, list(kept)], y))


def refuse(design: Design, reasons: Mapping[str, Reason]) -> None:
    """Stop with the `reasons` why terms cannot be told apart, unless the model asks to leave them out."""
    if not design.spec.drop_absorbed:
        raise_any(
            Problem(
                CONFIGURATION,
                f"models.{design.spec.name}.regressors",
                f'"{term}", {reason}',
                "terms that the data can tell apart",
                f"leave {term} out, or set drop_absorbed: true",
            )
            for term, reason in reasons.items()
        )


def _need_rows(design: Design, n: int, terms: int, rank: int) -> None:
    """Stop without a term or without residual degrees of freedom."""
    if terms < 1 or n - terms - rank < 1:
        raise UserError(
            Problem(
                CONFIGURATION,
                f"models.{design.spec.name}",
                f"{n} observations for {terms} terms and {rank} effects and constants",
                f"at least {max(terms, 1) + rank + 1} observations and one term",
                "use a longer panel, a wider sample or fewer terms",
            )
        )


def _without_unit(design: Design) -> tuple[str, ...]:
    return tuple(effect for effect in design.spec.effects if effect != "unit")


def _scaled(columns: FloatArray, root: FloatArray | None) -> FloatArray:
    if root is None:
        return columns
    return columns * (root if columns.ndim == 1 else root[:, None])


def _goodness(
    y: FloatArray, y_net: FloatArray, residuals: FloatArray, space: Absorbed, df_resid: float
) -> dict[str, float]:
    """R² of the whole model (effects included) and net of effects, root mean square error with degrees of freedom."""
    one = np.ones(y.size) if space.root is None else space.root
    total = float(np.sum((y - one * (one @ y) / (one @ one)) ** 2)) if space.rank else float(y @ y)
    unexplained = float(residuals @ residuals)
    values = {"r2": _explained(unexplained, total), "rmse": float(np.sqrt(unexplained / df_resid))}
    if space.factors:
        values["r2_within"] = _explained(unexplained, float(y_net @ y_net))
    return values


def _explained(unexplained: float, total: float) -> float:
    return 1.0 - unexplained / total if total > 0 else float("nan")
