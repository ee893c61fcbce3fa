"""Instrumented models in linearmodels, on the demeaned or quasi-demeaned data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.effects import effect_codes
from ruralpanel.estimate.base.results import Design, Fit
from ruralpanel.estimate.families.iv import hausman_taylor, iv, shift_share
from ruralpanel.estimate.families.iv.system import Errors, System, errors_of, system_of
from ruralpanel.estimate.families.second import Keywords, NotConfirmedError, Second, agreement, need_rows, root_factor
from ruralpanel.project.kinds.estimators import ESTIMATORS
from ruralpanel.project.settings import InferenceSpec


def again(design: Design, setting: InferenceSpec | None) -> Second:
    """The same model in linearmodels.

    Parameters
    ----------
    setting : of the errors to compute: classical, hc with HC0 or HC1, cluster with CR0 or CR1; None: estimates alone.

    Raises
    ------
    NotConfirmedError
        Weights of GMM by two-way clusters, as many moments as clusters, too many rows, or regressors or
        instruments too much alike.
    """
    system, fit = _ours(design)
    errors, method = errors_of(design, system), design.spec.method or "2sls"
    need_rows(system.n)
    if method == "gmm" and (len(errors.groups) > 1 or system.z.shape[1] + system.w.shape[1] > errors.most()):
        raise NotConfirmedError("one_dimension_of_clusters")
    spread = np.sqrt(np.diag(fit.bread))
    second = np.sqrt(np.linalg.cond(fit.bread / np.outer(spread, spread)))
    allowed = agreement(max(scaling.condition(np.hstack([system.w, system.z])), float(second)))
    parts = (system.w, system.d, system.z, system.y[:, None])
    powers = scaling.scales(np.concatenate([np.linalg.norm(part, axis=0) for part in parts]))
    w, d, z, y = np.split(powers, np.cumsum([part.shape[1] for part in parts])[:-1])
    measured = replace(system, w=system.w / w, d=system.d / d, z=system.z / z, y=system.y / y)
    theirs = result(measured, errors, method, **_covariance(design, system, setting))
    factor = y / np.concatenate([w, d])
    order = _order(system)
    std_error = None
    if setting is not None:
        degrees = np.sqrt(system.n / fit.df_resid) if setting.method == "classical" else 1.0
        std_error = np.asarray(theirs.std_errors * factor)[order] * root_factor(setting, fit, design) * degrees
    library = f"linearmodels {type(theirs.model).__name__}"
    return Second(library, fit.terms, np.asarray(theirs.params * factor)[order], std_error, allowed)


def _ours(design: Design) -> tuple[System, Fit]:
    """The columns whose two-stage least squares the model is, and our fit."""
    if not ESTIMATORS[design.spec.estimator].instruments:
        return hausman_taylor.system_of(design)[0], hausman_taylor.fit(design)
    design = shift_share.with_instrument(design)
    return system_of(design), iv.fit(design)


def result(system: System, errors: Errors, method: str, **covariance: Any) -> Any:
    """linearmodels' results, every setting of the weights stated; `covariance` goes to its ``fit``."""
    from linearmodels.iv import IV2SLS, IVGMM, IVLIML

    exogenous = system.w if system.w.shape[1] else None
    data = (system.y, exogenous, system.d, system.z)
    if method == "gmm":
        kind = {"classical": "unadjusted", "hc": "robust"}.get(errors.kind, "clustered")
        clusters = {"clusters": errors.groups[0][1]} if errors.kind == "cluster" else {}
        return IVGMM(*data, weight_type=kind, center=False, **clusters).fit(
            iter_limit=2, **(covariance or {"cov_type": "robust"})
        )
    other = IVLIML(*data) if method == "liml" else IV2SLS(*data)
    return other.fit(**(covariance or {"cov_type": "unadjusted"}))


def _covariance(design: Design, system: System, setting: InferenceSpec | None) -> Keywords:
    """Settings of the covariance matrix, without a factor for small samples."""
    if setting is None:
        return {}
    if setting.method == "classical":
        return {"cov_type": "unadjusted", "debiased": False}
    if setting.method == "hc":
        return {"cov_type": "robust", "debiased": False}
    codes = np.column_stack([effect_codes(design, name)[system.rows] for name in setting.clusters])
    return {"cov_type": "clustered", "clusters": codes, "debiased": False}


def _order(system: System) -> list[int]:
    """Places of our terms in linearmodels', which puts exogenous regressors first."""
    k, p = system.w.shape[1], system.d.shape[1]
    return [*range(k, k + p), *range(k)]
