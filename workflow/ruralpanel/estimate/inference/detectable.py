"""The smallest effect that a t test finds, by the error or the interval that it rests on."""

from __future__ import annotations

import math

LEVEL = 0.95
"""Of every interval."""

POWER_SIMULATED = "power_simulated"
"""Code of the note on a power that was simulated."""

POWER = 0.80
"""At which the detectable effect is stated."""


def smallest_detectable(std_error: float, df: float, wanted: float = POWER) -> float:
    """Smallest effect that a two-sided 5 % test detects with the power `wanted`.

    ``(t(0.975, df) + t(wanted, df)) × std_error`` (Bloom 1995, Evaluation Review 19, 547–556; normal quantiles where
    `df` is infinite), in units of the coefficient.
    """
    return float((_quantile((1 + LEVEL) / 2, df) + _quantile(wanted, df)) * std_error)


def error_of_interval(low: float, high: float, df: float | None = None) -> float:
    """The error that an interval of this length stands for: half of it over the critical value (None: normal)."""
    return (high - low) / (2.0 * _quantile((1 + LEVEL) / 2, math.inf if df is None else df))


def _quantile(probability: float, df: float) -> float:
    from scipy.special import ndtri, stdtrit

    return float(ndtri(probability) if math.isinf(df) else stdtrit(df, probability))
