"""Long-run effects of a dynamic equation, with errors by the delta method."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ruralpanel.estimators.base import FloatArray
from ruralpanel.estimators.policy_errors import row

PREFIX = "long_run:"


def long_run(
    params: FloatArray, vcov: FloatArray, df: FloatArray | float, lags: int, members: Mapping[str, tuple[int, ...]]
) -> dict[str, dict[str, float]]:
    """Effect of a lasting unit change of each regressor once the outcome has settled.

    ``sum of the regressor's coefficients / (1 − sum of the lags' coefficients)``; the gradient is one over the
    denominator for the regressor's own coefficients and effect over denominator for those of the lags. Where the lags
    sum to one or more there is no long run: the numbers are NaN.

    Parameters
    ----------
    params : (K,), the outcome's `lags` first. vcov : (K, K). df : degrees of freedom of t, one or (K,).
    members : regressor → positions of it and its lags in `params`.

    Returns
    -------
    dict
        ``long_run:regressor`` → estimate, std_error, df, p_value, ci_low, ci_high.
    """
    rest = 1.0 - float(params[:lags].sum())
    freedom = float(np.min(df))
    found = {}
    for name, positions in members.items():
        own = list(positions)
        if rest <= 0:
            found[PREFIX + name] = row(float("nan"), float("nan"), freedom)
            continue
        effect = float(params[own].sum()) / rest
        gradient = np.zeros(params.size)
        gradient[own] = 1.0 / rest
        gradient[:lags] = effect / rest
        found[PREFIX + name] = row(effect, float(gradient @ vcov @ gradient), freedom)
    return found
