"""Linear panel models: pooled, between, fixed effects, first differences, random effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.absorb import Absorbed, compact, group_sums, nested
from ruralpanel.estimate.base.effects import absorbed_space, effect_codes, root_weights, singletons, usable_columns
from ruralpanel.estimate.base.intercept import with_constant
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, IntArray
from ruralpanel.estimate.families import confirm_linear
from ruralpanel.project.effects import factors
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
    rows = np.setdiff1d(np.arange(design.y.size), alone)
    root = root_weights(design, rows)
    space = absorbed_space(design, effects, rows, root=root)
    extra = {"n_dropped": {"singletons": int(alone.size)}} if alone.size else {}
    return solve(
        design, _scaled(design.x[rows], root), _scaled(design.y[rows], root), rows, space, effects, extra=extra
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
    extra = {"n_dropped": {"without the period before": design.y.size - rows.size}}
    return solve(design, _scaled(x, root), _scaled(y, root), rows, space, effects, extra=extra)


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
    extra: Mapping[str, Any] | None = None,
    notes: tuple[str, ...] = (),
) -> Fit:
    """Least squares of `y` (m,) on `x` (m, k) net of `space`; both are already multiplied by the weights' roots.

    The result is compared with linearmodels' unless ``options: {engine: numpy}``.

    Raises
    ------
    UserError
        Terms that the effects absorb or that are collinear (all are named; with ``drop_absorbed`` they are left
        out instead), or too few observations.
    """
    x_net, y_net = space.residuals(x), space.residuals(y)
    constant = space.root if space.dense is None or not space.dense.size else space.dense[:, 0]
    kept, reasons = usable_columns(x, x_net, design.terms, absorbed, constant)
    drop = bool(design.spec.options.get("drop_absorbed", False))
    _need_rows(design, y.size, len(kept) if drop else len(design.terms), space.rank)
    refuse(design, reasons)
    terms = tuple(design.terms[j] for j in kept)
    df_resid = y.size - len(kept) - space.rank
    x_net = x_net[:, list(kept)]
    q, r = np.linalg.qr(x_net)
    params = solve_triangular(r, q.T @ y_net)
    inverse = solve_triangular(r, np.eye(len(kept)))
    residuals = y_net - x_net @ params
    engine = str(design.spec.options.get("engine", "linearmodels"))
    if engine == "linearmodels":
        spread = np.sqrt(np.sum(inverse**2, axis=1))
        engine = confirm_linear.confirm(design, rows, terms, params, spread, scaling.condition(x_net))
    left_out = tuple(f"{term} left out: {reason}" for term, reason in reasons.items())
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
        extra={"engine": engine, **({"left_out": reasons} if reasons else {}), **(extra or {})},
        space=space,
    )
    if not space.rank or not design.spec.options.get("constant"):
        return result
    return replace(result, intercept=with_constant(result, x[:, list(kept)], y))


def refuse(design: Design, reasons: Mapping[str, str]) -> None:
    """Stop with the `reasons` why terms cannot be told apart, unless the model asks to leave them out."""
    if not design.spec.options.get("drop_absorbed"):
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


@dataclass(frozen=True)
class VarianceComponents:
    """Variances of the idiosyncratic error and of the unit effect, and θ (units,) of the quasi-demeaning."""

    sigma2_e: float
    sigma2_u: float
    theta: FloatArray


def fit(design: Design) -> Fit:
    """Random unit effects, a constant, and period dummies where `spec.effects` names period.

    Each column is ``z[it] - theta[i] * mean(z[i])``; θ comes from the within and the between regression. Weights
    are refused: the variance components are not defined for them.
    """
    if design.weights is not None:
        raise UserError(
            Problem(
                CONFIGURATION,
                f"models.{design.spec.name}.weights",
                f'"{design.spec.weights}"',
                "no weights with random effects",
                "leave the weights out, or use estimator: fe",
            )
        )
    codes = compact(design.unit_codes)
    nuisance = _nuisance(design)
    parts = variance_components(design.y, np.hstack([nuisance, design.x]), codes, design.spec.name)
    everything = quasi_demean(np.column_stack([design.y, nuisance, design.x]), codes, parts.theta)
    split = 1 + nuisance.shape[1]
    space = Absorbed(design.y.size, (), everything[:, 1:split])
    theta = parts.theta
    values = {
        "theta": float(np.median(theta)),
        "theta_min": float(theta.min()),
        "theta_max": float(theta.max()),
        "sigma_e": float(np.sqrt(parts.sigma2_e)),
        "sigma_u": float(np.sqrt(parts.sigma2_u)),
    }
    absorbed = tuple(effect for effect in design.spec.effects if effect == "period")
    notes: tuple[str, ...] = ("variance components by Swamy and Arora; errors take θ as known",)
    if parts.sigma2_u == 0:
        notes += ("the variance of the unit effects is estimated as zero: the estimates are those of pooled",)
    return solve(
        design,
        everything[:, split:],
        everything[:, 0],
        np.arange(design.y.size),
        space,
        absorbed,
        fit=values,
        notes=notes,
    )


def variance_components(y: FloatArray, x: FloatArray, codes: IntArray, model: str) -> VarianceComponents:
    """Swamy–Arora components; with unequal numbers of periods Baltagi and Chang's unbiased variance of the effects.

    Parameters
    ----------
    y : (n,). x : (n, p) all regressors, constant and dummies included.
    codes : (n,) units from 0 without gaps.
    model : name, for the message.

    Raises
    ------
    UserError
        The within or the between regression has no residual degrees of freedom.
    """
    counts = np.bincount(codes).astype(float)
    n, units = y.size, counts.size
    means = group_sums(np.column_stack([y, x]), codes) / counts[:, None]
    y_within, x_within = y - means[codes, 0], x - means[codes, 1:]
    lengths = np.linalg.norm(x, axis=0)
    ssr_within, rank_within = _least_squares(x_within / np.where(lengths > 0, lengths, 1.0), y_within)
    y_between, x_between = means[:, 0], means[:, 1:] / scaling.scales(lengths)
    ssr_between, rank_between = _least_squares(x_between, y_between)
    df_within, df_between = n - units - rank_within, units - rank_between
    if df_within < 1 or df_between < 1:
        raise UserError(
            Problem(
                CONFIGURATION,
                f"models.{model}.estimator",
                f"re with {n} observations of {units} units for {x.shape[1]} coefficients",
                f"at least {rank_between + 1} units and {units + rank_within + 1} observations",
                "use more units or fewer terms",
            )
        )
    sigma2_e = ssr_within / df_within
    if np.ptp(counts) == 0:
        sigma2_u = max(0.0, ssr_between / df_between - sigma2_e / float(counts[0]))
    else:
        root = np.sqrt(counts)
        ssr, _ = _least_squares(root[:, None] * x_between, root * y_between)
        wide = x_between[codes]
        sums = x_between * counts[:, None]
        trace = float(np.trace(scaling.inverse(wide.T @ wide, 1e-15) @ (sums.T @ sums)))
        sigma2_u = max(0.0, (ssr - df_between * sigma2_e) / (n - trace))
    return VarianceComponents(sigma2_e, sigma2_u, 1.0 - np.sqrt(sigma2_e / (counts * sigma2_u + sigma2_e)))


def quasi_demean(columns: FloatArray, codes: IntArray, theta: FloatArray) -> FloatArray:
    """``z - theta[unit] * mean of z in the unit``, for the columns of a (n, m) array."""
    counts = np.bincount(codes).astype(float)
    means = group_sums(columns, codes) / counts[:, None]
    return np.asarray(columns - (theta[:, None] * means)[codes])


def _nuisance(design: Design) -> FloatArray:
    """The constant and, where named, dummies of all periods but the first."""
    one = np.ones((design.y.size, 1))
    if "period" not in design.spec.effects:
        return one
    periods = compact(design.period_codes)
    return np.hstack([one, (periods[:, None] == np.arange(1, periods.max() + 1)).astype(float)])


def _least_squares(x: FloatArray, y: FloatArray) -> tuple[float, int]:
    """Residual sum of squares and rank."""
    params, _, rank, _ = np.linalg.lstsq(x, y, rcond=None)
    return float(np.sum((y - x @ params) ** 2)), int(rank)
