"""What a design could have found: power as a function of the effect, and the effect found with a given power."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import special
from scipy.optimize import brentq

from ruralpanel.estimators.base import FloatArray
from ruralpanel.inference.from_covariance import critical_values

LEVELS = (0.5, 0.8, 0.9)
NODES = 4000


def power(effect: FloatArray | float, std_error: float, df: float) -> FloatArray:
    """Probability that a two-sided 5 % test finds `effect`, its estimate having this error and t these `df`.

    Non-central t, as the mean of normal probabilities over the distribution of the estimated error (`NODES` quantiles
    of χ², exact to 2e-5; library functions fail for large effects); normal where `df` is infinite.
    """
    shift = np.abs(np.asarray(effect, dtype=float))[..., None] / std_error
    reach = float(critical_values(np.array(df))) * _error_quantiles(df)
    found = special.ndtr(shift - reach) + special.ndtr(-shift - reach)
    return np.asarray(found.mean(axis=-1))


@cache
def _error_quantiles(df: float) -> FloatArray:
    """Estimated over true error at equally likely quantiles."""
    if np.isinf(df):
        return np.ones(1)
    middle = (np.arange(NODES) + 0.5) / NODES
    return np.asarray(np.sqrt(2.0 * special.gammaincinv(df / 2.0, middle) / df))


def detectable(std_error: float, df: float, wanted: float = 0.8) -> float:
    """Smallest effect that is found with the power `wanted`."""
    found = brentq(lambda size: float(power(size, 1.0, df)) - wanted, 0.0, 1000.0, xtol=1e-10)
    return float(found) * std_error


def power_curve(std_error: float, df: float, points: int = 31) -> tuple[FloatArray, FloatArray]:
    """Effects (p,) from zero to 1.75 times the one found with 80 % power, and the power (p,) of each."""
    effects = np.linspace(0.0, 1.75 * detectable(std_error, df), points)
    return effects, power(effects, std_error, df)


def exaggeration(effect: float, std_error: float, df: float) -> float:
    """How many times too large a significant estimate is on average, were this the effect (Gelman and Carlin 2014).

    By numerical integration over t with `df` degrees of freedom, shifted by the effect.
    """
    grid = (np.arange(20_000) + 0.5) / 20_000
    quantiles = special.ndtri(grid) if np.isinf(df) else special.stdtrit(df, grid)
    size = np.abs(abs(effect) / std_error + quantiles)
    significant = size > float(critical_values(np.array(df)))
    return float(np.mean(size[significant]) * std_error / abs(effect))
