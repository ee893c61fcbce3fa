"""Difference in differences of two periods, with covariates by the doubly robust method (Sant'Anna and Zhao 2020)."""

from __future__ import annotations

import numpy as np

from ruralpanel.estimators import scaling
from ruralpanel.estimators.base import FloatArray

STEPS = 50
"""Newton steps of the logit; it converges in fewer than ten where treated and others overlap."""

OVERLAP = 0.995
"""Estimated probability of treatment above which an untreated unit is no comparison."""


class NoOverlapError(ValueError):
    """The covariates predict treatment without error, or too few untreated units are left to regress on them."""


def means(change: FloatArray, treated: FloatArray) -> tuple[float, FloatArray]:
    """Difference of the mean changes (n,) of treated (1) and others (0), and its influence function (n,).

    The estimate less the truth is approximately the mean of the influence function.
    """
    n = change.size
    inside, outside = treated.sum(), n - treated.sum()
    first = float(treated @ change / inside)
    second = float((1.0 - treated) @ change / outside)
    influence = treated * (change - first) / inside - (1.0 - treated) * (change - second) / outside
    return first - second, n * influence


def doubly_robust(change: FloatArray, treated: FloatArray, covariates: FloatArray) -> tuple[float, FloatArray]:
    """The same, given covariates (n, q) of the base period: logit of treatment, regression of the others' changes.

    Right where either the logit or the regression is. Influence function: Sant'Anna and Zhao (2020), theorem A.1, with
    estimated nuisance parameters.

    Raises
    ------
    NoOverlapError
        Treated and others cannot be compared at the same covariates.
    """
    n = change.size
    x = np.column_stack([np.ones(n), scaling.spanning(covariates)])
    others = 1.0 - treated
    if others.sum() <= x.shape[1]:
        raise NoOverlapError(f"{int(others.sum())} untreated units for {x.shape[1]} coefficients")
    score = _logit(x, treated)
    if np.any(score[others > 0] > OVERLAP):
        raise NoOverlapError("covariates that predict treatment without error")
    gram = (x * others[:, None]).T @ x / n
    if np.linalg.matrix_rank(gram) < x.shape[1]:
        raise NoOverlapError("covariates that do not vary among untreated units")
    beta = np.linalg.solve(gram, (x * others[:, None]).T @ change / n)
    left = change - x @ beta
    odds = score * others / (1.0 - score)
    at_treated = float(treated @ left / treated.sum())
    at_others = float(odds @ left / odds.sum())
    by_regression = np.linalg.solve(gram, (x * (others * left)[:, None]).T).T
    information = (x * (score * (1.0 - score))[:, None]).T @ x / n
    by_logit = np.linalg.solve(information, (x * (treated - score)[:, None]).T).T
    first = treated * (left - at_treated) - by_regression @ ((treated @ x) / n)
    second = (
        odds * (left - at_others) + by_logit @ ((odds * (left - at_others)) @ x / n) - by_regression @ ((odds @ x) / n)
    )
    return at_treated - at_others, first / treated.mean() - second / odds.mean()


def _logit(x: FloatArray, treated: FloatArray) -> FloatArray:
    """Fitted probabilities (n,)."""
    beta = np.zeros(x.shape[1])
    for _ in range(STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ beta, -35.0, 35.0)))
        weights = p * (1.0 - p)
        information = (x * weights[:, None]).T @ x
        if float(weights.max()) < 1e-8 or np.linalg.cond(information) > 1e13:
            raise NoOverlapError("covariates that predict treatment without error")
        step = np.linalg.solve(information, x.T @ (treated - p))
        beta = beta + step
        if float(np.max(np.abs(step))) < 1e-10 * (1.0 + float(np.max(np.abs(beta)))):
            break
    else:
        raise NoOverlapError("covariates that predict treatment of some units without error")
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x @ beta, -35.0, 35.0))))
