"""Instrumented models in linearmodels: every estimate of ours is confirmed by it, or the run stops."""

from __future__ import annotations

from typing import Any

import numpy as np

from ruralpanel.estimators.base import Design, FloatArray
from ruralpanel.estimators.iv_errors import Errors
from ruralpanel.estimators.iv_system import System
from ruralpanel.estimators.linearmodels_engine import AGREEMENT, LARGEST


def confirm(design: Design, system: System, errors: Errors, method: str, params: FloatArray, bread: FloatArray) -> str:
    """Estimate the same model with linearmodels on the demeaned data and compare.

    Parameters
    ----------
    params : (k,) our estimates. bread : (k, k) their covariance up to a common factor.

    Returns
    -------
    ``linearmodels`` where it confirms the estimates; ``numpy`` with ``options: {engine: numpy}``, beyond `LARGEST`
    rows, or where it lacks the weights (two-way clusters; as many moments as clusters).

    Raises
    ------
    ArithmeticError
        The engines disagree.
    """
    lacks = method == "gmm" and (len(errors.groups) > 1 or system.z.shape[1] + system.w.shape[1] > errors.most())
    if lacks or system.n > LARGEST or design.spec.options.get("engine", "linearmodels") != "linearmodels":
        return "numpy"
    theirs = estimate(system, errors, method)
    spread = np.sqrt(np.diag(bread)) * np.std(design.y)
    if not np.all(np.abs(theirs - params) <= AGREEMENT * np.maximum(spread, np.abs(params)) + 1e-12):
        raise ArithmeticError(
            f"model {design.spec.name}: our estimates {params} differ from linearmodels' {theirs}; terms {system.terms}"
        )
    return "linearmodels"


def estimate(system: System, errors: Errors, method: str) -> FloatArray:
    """Coefficients (k,) of endogenous, then exogenous regressors by linearmodels."""
    return np.asarray(result(system, errors, method).params)[_order(system)]


def result(system: System, errors: Errors, method: str, **covariance: Any) -> Any:
    """linearmodels' results, every setting of the weights stated; `covariance` goes to its ``fit``."""
    from linearmodels.iv import IV2SLS, IVGMM, IVLIML

    exogenous = system.w if system.w.shape[1] else None
    data = (system.y, exogenous, system.d, system.z)
    if method == "gmm":
        weights: dict[str, Any] = {
            "weight_type": {"classical": "unadjusted", "hc": "robust"}.get(errors.kind, "clustered")
        }
        weights["center"] = False
        if errors.kind == "cluster":
            weights["clusters"] = errors.groups[0][1]
        return IVGMM(*data, **weights).fit(iter_limit=2, **(covariance or {"cov_type": "robust"}))
    model = IV2SLS(*data) if method == "2sls" else IVLIML(*data)
    return model.fit(**(covariance or {"cov_type": "unadjusted"}))


def _order(system: System) -> list[int]:
    """Places of our terms in linearmodels', which puts exogenous regressors first."""
    k, p = system.w.shape[1], system.d.shape[1]
    return [*range(k, k + p), *range(k)]
