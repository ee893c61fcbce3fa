"""Direct, indirect and total effects of a regressor, in its own unit and in all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from ruralpanel.estimators.base import FloatArray
from ruralpanel.estimators.spatial_filter import SpatialFilter

KINDS = ("direct", "indirect", "total")

DRAWS = 2000
"""Draws of simulated errors where the model does not say."""


@dataclass(frozen=True)
class Coefficients:
    """What effects are made from.

    Attributes
    ----------
    params, vcov : (k,), (k, k). own : positions of the regressors. lagged : position → that of its neighbours' mean.
    spatial : position of ρ; None without a lag of the outcome.
    df : degrees of freedom of t that go with the covariance; infinite: normal.
    """

    params: FloatArray
    vcov: FloatArray
    own: Sequence[int]
    lagged: Mapping[int, int]
    spatial: int | None
    df: float = np.inf


def effects(
    found: Coefficients, terms: Sequence[str], filter_: SpatialFilter, draws: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Effects of the regressors at `found.own`, with simulated errors.

    The outcome's response in unit i to the regressor in unit j is element ij of ``S = (I − ρW)⁻¹ (β I + θ W)``.
    Direct: the mean over i of S_ii, feedback through neighbours included. Total: the mean over i of the row sums, what
    the regressor does if it rises by one everywhere. Indirect: their difference, what comes from others (LeSage and
    Pace 2009, section 2.7). They are exact: S = β I + (ρ β + θ) W (I − ρW)⁻¹.

    Errors: `draws` from the normal distribution of the estimates; ``std_error`` is their standard deviation.
    Intervals: the 2.5 and 97.5 percentiles of draws from t instead, the same where `df` is infinite. ``p_value``:
    two-sided by t. Draws whose ρ leaves the interval on which the filter is invertible are left out and counted; where
    there are any, ρ comes so near its end that effects, whose denominator is 1 − ρ, have no variance: there is no
    ``std_error`` then, and ``p_value`` is twice the smaller tail of the draws, as the intervals are their percentiles.

    Returns
    -------
    ``rows``: term, kind and the figures; ``draws``; ``left_out``: normal draws outside the interval; ``df``.
    """
    point = _three(found.params[None, :], found, filter_)[0]
    moves = rng.multivariate_normal(np.zeros(found.params.size), found.vcov, size=draws, method="eigh")
    normal = _usable(found.params + moves, found, filter_)
    drawn = _three(normal, found, filter_)
    spread = drawn.std(axis=0, ddof=1)
    if np.isfinite(found.df):
        wide = moves * np.sqrt(found.df / rng.chisquare(found.df, size=(draws, 1)))
        drawn = _three(_usable(found.params + wide, found, filter_), found, filter_)
    heavy = found.spatial is not None and len(normal) < draws
    reach = np.percentile(drawn, [2.5, 97.5], axis=0)
    rows = []
    for i, j in enumerate(found.own):
        for k, kind in enumerate(KINDS):
            estimate, error = float(point[i, k]), float(spread[i, k])
            rows.append(
                {
                    "term": terms[j],
                    "kind": kind,
                    "estimate": estimate,
                    "std_error": None if heavy else error,
                    "ci_low": float(reach[0, i, k]),
                    "ci_high": float(reach[1, i, k]),
                    "p_value": _tail(drawn[:, i, k]) if heavy else _p_value(estimate, error, found.df),
                }
            )
    df = float(found.df) if np.isfinite(found.df) else None
    return {"rows": rows, "draws": draws, "left_out": draws - len(normal), "df": df}


def _tail(values: FloatArray) -> float:
    tail = min(int(np.sum(values <= 0)), int(np.sum(values >= 0)))
    return min(1.0, 2.0 * (tail + 1.0) / (values.size + 1.0))


def _usable(sample: FloatArray, found: Coefficients, filter_: SpatialFilter) -> FloatArray:
    """Draws whose ρ lies inside the interval."""
    if found.spatial is None:
        return sample
    low, high = filter_.interval
    return sample[(sample[:, found.spatial] > low) & (sample[:, found.spatial] < high)]


def _p_value(estimate: float, error: float, df: float) -> float | None:
    if error <= 0:
        return None
    size = -abs(estimate / error)
    return float(2.0 * (special.stdtr(df, size) if np.isfinite(df) else special.ndtr(size)))


def _three(params: FloatArray, found: Coefficients, filter_: SpatialFilter) -> FloatArray:
    """(draws, terms, 3): direct, indirect, total for each row of `params`."""
    rho = params[:, found.spatial] if found.spatial is not None else np.zeros(len(params))
    # without a lag of the outcome ρ is zero in all draws, and one evaluation serves them
    points = rho if found.spatial is not None else np.zeros(1)
    own = np.broadcast_to(filter_.trace(points) / filter_.n, rho.shape)
    every = np.broadcast_to(filter_.total(points), rho.shape)
    result = np.zeros((len(params), len(found.own), 3))
    for i, j in enumerate(found.own):
        beta = params[:, j]
        through = rho * beta + (params[:, found.lagged[j]] if j in found.lagged else 0.0)
        result[:, i, 0] = beta + through * own
        result[:, i, 2] = beta + through * every
        result[:, i, 1] = through * (every - own)
    return result
