"""From estimates and a covariance matrix to t statistics, p-values and intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from ruralpanel.estimators.base import Fit, FloatArray, Inference

LEVEL = 0.95
"""Coverage of every interval."""


def p_values(statistic: FloatArray, df: FloatArray) -> FloatArray:
    """Two-sided p-values by t with `df` degrees of freedom; normal where `df` is infinite."""
    size = -np.abs(np.asarray(statistic, dtype=float))
    freedom = np.broadcast_to(np.asarray(df, dtype=float), size.shape)
    finite = np.isfinite(freedom)
    tails = np.where(finite, special.stdtr(np.where(finite, freedom, 1.0), size), special.ndtr(size))
    return np.asarray(2.0 * tails)


def critical_values(df: FloatArray, level: float = LEVEL) -> FloatArray:
    """Two-sided critical values of t with `df` degrees of freedom; normal where `df` is infinite."""
    return quantile(df, 0.5 + level / 2)


def quantile(df: FloatArray, probability: float) -> FloatArray:
    """Quantile of t with `df` degrees of freedom; normal where `df` is infinite."""
    freedom = np.asarray(df, dtype=float)
    finite = np.isfinite(freedom)
    t = special.stdtrit(np.where(finite, freedom, 1.0), probability)
    return np.asarray(np.where(finite, t, special.ndtri(probability)))


def inference(fit: Fit, method: str, vcov: FloatArray, df: FloatArray | float, **fields: Any) -> Inference:
    """`Inference` with t statistics and intervals; `df` is a number or one per term, `fields` go through."""
    freedom = np.broadcast_to(np.asarray(df, dtype=float), fit.params.shape).copy()
    error = np.sqrt(np.diag(vcov))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = fit.params / error
    reach = critical_values(freedom) * error
    return Inference(
        method=method,
        p_value=p_values(statistic, freedom),
        ci_low=fit.params - reach,
        ci_high=fit.params + reach,
        std_error=error,
        statistic=statistic,
        df=freedom,
        vcov=vcov,
        **fields,
    )
