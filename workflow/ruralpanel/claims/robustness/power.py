"""What a design could have found: power as a function of the effect, and the effect found with a given power."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import special

from ruralpanel.estimate.base.results import FloatArray
from ruralpanel.estimate.inference.covariance import critical_values
from ruralpanel.estimate.inference.detectable import smallest_detectable
from ruralpanel.estimate.simulated_power import SimulatedPower

LEVELS = (0.5, 0.8, 0.9)
NODES = 4000


def power(effect: FloatArray | float, std_error: float, df: float) -> FloatArray:
    """Probability that a two-sided 5 % test finds `effect`, its estimate having this error and t these `df`.

    Non-central t, as the mean of normal probabilities over the distribution of the estimated error (`NODES` quantiles
    of χ², exact to 2e-5; library functions fail for large effects); normal where `df` is infinite.
    """
    shift = np.abs(np.asarray(effect, dtype=float))[..., None] / std_error
    reach = float(critical_values(np.array(df))) * _error_quantiles(df)
    probability = special.ndtr(shift - reach) + special.ndtr(-shift - reach)
    return np.asarray(probability.mean(axis=-1))


@cache
def _error_quantiles(df: float) -> FloatArray:
    """Estimated over true error at equally likely quantiles."""
    if np.isinf(df):
        return np.ones(1)
    middle = (np.arange(NODES) + 0.5) / NODES
    return np.asarray(np.sqrt(2.0 * special.gammaincinv(df / 2.0, middle) / df))


@dataclass(frozen=True)
class Power:
    """Power of one test: `power` of effects (e,), and the effect `detectable` with a wanted power (None: none is)."""

    power: Callable[[FloatArray], FloatArray]
    detectable: Callable[[float], float | None]

    def curve(self, points: int = 31) -> tuple[FloatArray, FloatArray]:
        """Effects (p,) from zero to 1.75 times the one found with 80 % power, and the power (p,) of each."""
        most = self.detectable(0.8)
        effects = np.linspace(0.0, 1.75 * most, points) if most else np.zeros(0)
        return effects, self.power(effects)


def of_error(std_error: float, df: float) -> Power:
    """Power of a t test by its error; effects found by `inference.detectable.smallest_detectable`."""
    return Power(
        lambda effects: power(effects, std_error, df),
        lambda wanted: smallest_detectable(std_error, df, wanted),
    )


def of_simulation(simulated: SimulatedPower) -> Power:
    """Power of a bootstrap as simulated."""
    return Power(simulated.powers, simulated.detectable)


def exaggeration(effect: float, std_error: float, df: float) -> float:
    """How many times too large a significant estimate is on average, were this the effect (Gelman and Carlin 2014).

    By numerical integration over t with `df` degrees of freedom, shifted by the effect.
    """
    grid = (np.arange(20_000) + 0.5) / 20_000
    quantiles = special.ndtri(grid) if np.isinf(df) else special.stdtrit(df, grid)
    size = np.abs(abs(effect) / std_error + quantiles)
    significant = size > float(critical_values(np.array(df)))
    return float(np.mean(size[significant]) * std_error / abs(effect))
