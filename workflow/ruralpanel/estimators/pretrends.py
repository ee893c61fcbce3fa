"""Differences before treatment: joint test, and what it could have detected (Roth 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize, special

from ruralpanel.estimators.base import FloatArray, Test
from ruralpanel.inference.from_covariance import critical_values

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
    n_clusters : clusters behind `vcov`. df : degrees of freedom of t for each coefficient.
    """

    beta: FloatArray
    vcov: FloatArray
    times: FloatArray
    n_clusters: int
    df: float


def joint(leads: Leads) -> Test:
    """Wald test that all leads are zero, as F with (k, G − k) degrees of freedom.

    ``F = (G − k) / (k (G − 1)) · β' V⁻¹ β``: Hotelling's correction for a covariance matrix estimated from G clusters,
    without which the test rejects far too often when k is not small beside G (Pustejovsky and Tipton 2018).
    """
    k, g = leads.beta.size, leads.n_clusters
    if not k:
        return Test(float("nan"), None, float("nan"), "no period before the reference")
    if k >= g or np.linalg.matrix_rank(leads.vcov) < k:
        return Test(float("nan"), None, float("nan"), f"{k} leads are more than {g} clusters can test together")
    wald = float(leads.beta @ np.linalg.solve(leads.vcov, leads.beta))
    value = wald * (g - k) / (k * (g - 1.0))
    return Test(value, (float(k), float(g - k)), float(special.fdtrc(k, g - k, value)), f"{k} leads, G = {g}")


def power(leads: Leads, after: FloatArray, target: FloatArray) -> dict[str, Any]:
    """What the pre-trend tests could have found: the linear trend they detect with 50 and 80 % power.

    Parameters
    ----------
    after : (p,) distances of the periods under treatment from the reference, for the bias that such a trend leaves.
    target : (p,) weights of the effects after treatment.

    Returns
    -------
    For ``joint`` (noncentral F) and ``each`(some lead's t beyond its 5 % critical value): slopes per period at 50 and
    80 % power and the bias of the target under them. Roth (2022) uses the second.
    """
    if not leads.beta.size or leads.beta.size >= leads.n_clusters:
        return {}
    bias = float(target @ after)
    found: dict[str, Any] = {"slope_fitted": fitted_slope(leads)}
    for name, test in (("joint", joint_power(leads)), ("each", each_power(leads))):
        slopes = {share: _slope(test, share) for share in (0.5, 0.8)}
        found[name] = {f"slope_{round(100 * share)}": slope for share, slope in slopes.items()} | {
            f"bias_{round(100 * share)}": slope * bias for share, slope in slopes.items()
        }
    return found


def fitted_slope(leads: Leads) -> float:
    """Slope per period of the line through the reference that fits the leads best (least squares)."""
    return float(leads.times @ leads.beta / (leads.times @ leads.times))


def joint_power(leads: Leads) -> Any:
    """Power of `joint` as a function of the slope of a linear violation."""
    k, g = leads.beta.size, leads.n_clusters
    unit = float(leads.times @ np.linalg.solve(leads.vcov, leads.times))
    critical = float(special.fdtri(k, g - k, 0.95))
    return lambda slope: 1.0 - float(special.ncfdtr(k, g - k, slope**2 * unit, critical))


def each_power(leads: Leads, draws: int = SIMULATED) -> Any:
    """Power of looking at each lead alone, as a function of the slope: P(some |t| above its critical value)."""
    rng = np.random.default_rng(SEED)
    scale = np.sqrt(np.diag(leads.vcov))
    values, vectors = np.linalg.eigh(leads.vcov / np.outer(scale, scale))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    noise = rng.standard_normal((draws, leads.beta.size)) @ root.T
    critical = float(critical_values(np.array(leads.df)))
    return lambda slope: float(np.mean(np.any(np.abs(noise + slope * leads.times / scale) > critical, axis=1)))


def _slope(test: Any, share: float) -> float:
    """The positive slope at which `test` has power `share`."""
    high = 1e-12
    while test(high) < share:
        high *= 2.0
        if high > 1e12:
            return float("nan")
    return float(optimize.brentq(lambda slope: test(slope) - share, 0.0, high, xtol=1e-12 + 1e-9 * high))
