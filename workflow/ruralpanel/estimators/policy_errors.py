"""The covariance matrix that event-study figures, pre-trend tests and bounds rest on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruralpanel.contracts.problems import UserError
from ruralpanel.contracts.specs import InferenceSpec
from ruralpanel.estimators.absorb import compact
from ruralpanel.estimators.base import Design, Fit, FloatArray
from ruralpanel.inference.from_covariance import critical_values, p_values
from ruralpanel.inference.registry import raw


@dataclass(frozen=True)
class Errors:
    """Covariance matrix (k, k) of a fit's terms, degrees of freedom (k,) of t, and what it is in words."""

    vcov: FloatArray
    df: FloatArray
    words: str
    n_clusters: int

    @property
    def least_df(self) -> float:
        """The smallest degrees of freedom."""
        return float(np.min(self.df))


def errors_of(fit: Fit, design: Design) -> Errors:
    """By the model's first setting that gives a covariance matrix, else clustered by unit (CR1, t with G − 1).

    Raises
    ------
    UserError
        Not even the latter applies: too few units.
    """
    for setting in design.spec.inference:
        if setting.method in ("wild_cluster", "permutation", "treatment", "own"):
            continue
        try:
            found = raw(fit, design, setting, 0)
        except UserError:
            continue
        if found.vcov is not None and found.df is not None:
            break
    else:
        found = raw(fit, design, InferenceSpec("cluster"), 0)
    assert found.vcov is not None and found.df is not None
    clusters = found.n_clusters or int(compact(design.unit_codes[fit.rows]).max()) + 1
    return Errors(found.vcov, found.df, f"{found.method} by {found.by}" if found.by else found.method, clusters)


def row(estimate: float, variance: float, df: float) -> dict[str, float]:
    """Estimate, error, p-value and 95 % interval as plain values."""
    error = float(np.sqrt(variance))
    reach = float(critical_values(np.array(df))) * error
    p = float(p_values(np.array(estimate / error), np.array(df))) if error > 0 else float("nan")
    return {
        "estimate": float(estimate),
        "std_error": error,
        "df": float(df),
        "p_value": p,
        "ci_low": float(estimate - reach),
        "ci_high": float(estimate + reach),
    }
