"""Differences before treatment: joint test, and what it could have detected (Roth 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize, special

from ruralpanel.estimate.base.policy_parts import TrendFound, TrendPower
from ruralpanel.estimate.base.results import FloatArray
from ruralpanel.estimate.base.rows import Test
from ruralpanel.estimate.inference.covariance import critical_values
from ruralpanel.project.notes import note

SIMULATED = 20_000
"""Draws behind the power of the test that looks at each coefficient alone."""

SEED = 2022
"""Of these draws: fixed, so that the power depends on the covariance matrix alone."""


@dataclass(frozen=True)
class Leads:
    """Coefficients before treatment, relative to the reference.

    Attributes
    ----------
    beta : (k,). vcov : (k, k). times : (k,) distance from the reference period, negative before it.
    nu : degrees of freedom of `vcov`: `degrees` of two groups, or clusters less one. df : those of one t statistic.
    """

    beta: FloatArray
    vcov: FloatArray
    times: FloatArray
    nu: float
    df: float


def joint(leads: Leads) -> Test:
    """Wald test that all leads are zero, as F with (k, ν − k + 1) degrees of freedom.

    ``F = (ν − k + 1) / (k ν) · β' V⁻¹ β``: Hotelling's correction for a covariance matrix estimated from few clusters,
    without which the test rejects far too often when k is not small beside their number.
    """
    k, nu = leads.beta.size, leads.nu
    if not k:
        return Test.none("no_leads")
    if nu - k + 1.0 < 1.0 or np.linalg.matrix_rank(leads.vcov) < k:
        return Test.none("too_many_leads", leads=k, df=nu)
    wald = float(leads.beta @ np.linalg.solve(leads.vcov, leads.beta))
    value, df = wald * (nu - k + 1.0) / (k * nu), (float(k), nu - k + 1.0)
    return Test(value, df, float(special.fdtrc(*df, value)), (note("leads", leads=k, df=nu),))


def degrees(scores: FloatArray, treated: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    """Degrees of freedom ν of a covariance matrix that treated and other units contribute to.

    Parameters
    ----------
    scores : (units, k), whose cross-products add up to the covariance matrix. treated : (units,).

    Multivariate Behrens–Fisher problem: ``ν = (k + k²) / Σ_g [tr((V_g V⁻¹)²) + tr(V_g V⁻¹)²] / (n_g − 1)`` with V_g the
    part of group g (Krishnamoorthy and Yu 2004).
    """
    k = scores.shape[1]
    inverse = np.linalg.pinv(scores.T @ scores)
    total = 0.0
    for group in (treated, ~treated):
        n = int(group.sum())
        if n < 2:
            continue
        share = scores[group].T @ scores[group] @ inverse
        total += (float(np.trace(share @ share)) + float(np.trace(share)) ** 2) / (n - 1)
    return (k + k**2) / total if total > 0 else 0.0


def power(leads: Leads, after: FloatArray, target: FloatArray) -> TrendPower:
    """What the pre-trend tests could have found: the linear trend they detect with 50 and 80 % power.

    Parameters
    ----------
    after : (p,) distances of the periods under treatment from the reference, for the bias that such a trend leaves.
    target : (p,) weights of the effects after treatment.

    Returns
    -------
    For the joint test (noncentral F) and for each lead (some t beyond its 5 % critical value) slopes per period and the
    bias of the target under them; NaN where no slope is found so, as for the joint test of more leads than the units
    can test. Roth (2022) uses the second.
    """
    if not leads.beta.size or leads.nu - leads.beta.size + 1.0 < 1.0:
        return TrendPower()
    together = np.linalg.matrix_rank(leads.vcov) == leads.beta.size
    typical = float(np.sqrt(np.diag(leads.vcov)).max())
    bias = float(target @ after)

    def found(test: Any) -> TrendFound:
        half, most = (float("nan") if test is None else _slope(test, share, typical) for share in (0.5, 0.8))
        return TrendFound(half, most, half * bias, most * bias)

    joint = found(joint_power(leads) if together else None)
    return TrendPower(fitted_slope(leads), joint, found(each_power(leads)))


def fitted_slope(leads: Leads) -> float:
    """Slope per period of the line through the reference that fits the leads best (least squares)."""
    return float(leads.times @ leads.beta / (leads.times @ leads.times))


def joint_power(leads: Leads) -> Any:
    """Power of `joint` as a function of the slope of a linear violation."""
    k = float(leads.beta.size)
    df = leads.nu - k + 1.0
    unit = float(leads.times @ np.linalg.solve(leads.vcov, leads.times))
    critical = float(special.fdtri(k, df, 0.95))
    return lambda slope: 1.0 - float(special.ncfdtr(k, df, slope**2 * unit, critical))


def each_power(leads: Leads, draws: int = SIMULATED) -> Any:
    """Power of looking at each lead alone, as a function of the slope: P(some |t| above its critical value)."""
    rng = np.random.default_rng(SEED)
    scale = np.sqrt(np.diag(leads.vcov))
    if not np.all(scale > 0):
        return lambda slope: float("nan")
    values, vectors = np.linalg.eigh(leads.vcov / np.outer(scale, scale))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    noise = rng.standard_normal((draws, leads.beta.size)) @ root.T
    critical = float(critical_values(np.array(leads.df)))
    # the slopes between which each draw's leads all stay below their critical values
    ends = (np.array([-critical, critical])[:, None, None] - noise) * (scale / leads.times)
    low, high = ends.min(axis=0).max(axis=1), ends.max(axis=0).min(axis=1)
    return lambda slope: float(np.mean((slope < low) | (slope > high)))


def _slope(test: Any, share: float, typical: float) -> float:
    """The positive slope at which `test` has power `share`, for coefficients with errors of a `typical` size."""
    high = least = 1e-12 * min(1.0, typical or 1.0)
    while not test(high) >= share:
        high *= 2.0
        if high > 1e12 * max(1.0, typical):
            return float("nan")
    return float(optimize.brentq(lambda slope: test(slope) - share, 0.0, high, xtol=least + 1e-9 * high))
