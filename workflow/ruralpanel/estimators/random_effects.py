"""Random effects by feasible generalised least squares (Swamy and Arora 1972; Baltagi and Chang 1994 unbalanced)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruralpanel.contracts.problems import CONFIGURATION, Problem, UserError
from ruralpanel.estimators import scaling
from ruralpanel.estimators.absorb import Absorbed, compact, group_sums
from ruralpanel.estimators.base import Design, Fit, FloatArray, IntArray
from ruralpanel.estimators.least_squares import solve


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
