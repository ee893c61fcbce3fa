"""Instrumented models in linearmodels: every estimate of ours is confirmed by it, or the run stops."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.results import Design, FloatArray
from ruralpanel.estimate.families.confirm_linear import LARGEST, TOO_FEW, agreement
from ruralpanel.estimate.families.iv.system import Errors, System


def confirm(design: Design, system: System, errors: Errors, method: str, params: FloatArray, bread: FloatArray) -> str:
    """Estimate the same model with linearmodels on the demeaned data and compare.

    Parameters
    ----------
    params : (k,) our estimates. bread : (k, k) their covariance up to a common factor.

    Returns
    -------
    ``linearmodels`` where it confirms the estimates; ``numpy`` with ``options: {engine: numpy}``, beyond `LARGEST`
    rows, where it lacks the weights (two-way clusters; as many moments as clusters), or where regressors or
    instruments are too much alike for it.

    Raises
    ------
    ArithmeticError
        The engines disagree.
    """
    lacks = method == "gmm" and (len(errors.groups) > 1 or system.z.shape[1] + system.w.shape[1] > errors.most())
    if lacks or system.n > LARGEST or design.spec.options.get("engine", "linearmodels") != "linearmodels":
        return "numpy"
    spread = np.sqrt(np.diag(bread))
    second = np.sqrt(np.linalg.cond(bread / np.outer(spread, spread)))
    allowed = agreement(max(scaling.condition(np.hstack([system.w, system.z])), float(second)))
    if allowed >= TOO_FEW:
        return "numpy"
    theirs = estimate(system, errors, method)
    if not np.all(np.abs(theirs - params) <= allowed * np.maximum(spread * np.std(design.y), np.abs(params))):
        raise ArithmeticError(
            f"model {design.spec.name}: our estimates {params} differ from linearmodels' {theirs}; terms {system.terms}"
        )
    return "linearmodels"


def estimate(system: System, errors: Errors, method: str) -> FloatArray:
    """Coefficients (k,) of endogenous, then exogenous regressors by linearmodels."""
    parts = (system.w, system.d, system.z, system.y[:, None])
    powers = scaling.scales(np.concatenate([np.linalg.norm(part, axis=0) for part in parts]))
    w, d, z, y = np.split(powers, np.cumsum([part.shape[1] for part in parts])[:-1])
    measured = replace(system, w=system.w / w, d=system.d / d, z=system.z / z, y=system.y / y)
    params = np.asarray(result(measured, errors, method).params)
    return np.asarray(params * y / np.concatenate([w, d]))[_order(system)]


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
    model = IVLIML(*data) if method == "liml" else IV2SLS(*data)
    return model.fit(**(covariance or {"cov_type": "unadjusted"}))


def _order(system: System) -> list[int]:
    """Places of our terms in linearmodels', which puts exogenous regressors first."""
    k, p = system.w.shape[1], system.d.shape[1]
    return [*range(k, k + p), *range(k)]
