"""Instrumental variables with effects: two-stage least squares, limited-information maximum likelihood, GMM."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import linalg

from ruralpanel.contracts.problems import CONFIGURATION, Problem, UserError
from ruralpanel.estimators import iv_engine, iv_strength, iv_tests, shift_share
from ruralpanel.estimators.base import Design, Fit, FloatArray
from ruralpanel.estimators.iv_errors import Errors, errors_of
from ruralpanel.estimators.iv_system import System, system_of
from ruralpanel.inference import anderson_rubin


@dataclass(frozen=True)
class Estimate:
    """Coefficients (k,) of endogenous, then exogenous regressors, and what their errors are made of.

    ``params - truth`` is ``bread @ regressors.T @ errors``. `fit` goes to the JSON.
    """

    params: FloatArray
    bread: FloatArray
    regressors: FloatArray
    fit: Mapping[str, float] = field(default_factory=dict)


def fit(design: Design) -> Fit:
    """Instrumental variables by `spec.method`: 2sls, liml or gmm (two steps, weights by the model's errors).

    Options: ``endogenous``, ``instruments``; or ``shares`` and ``shocks``, from which the instrument is made
    (`shift_share`). With the estimate come the first stages, the effective F statistic, the Anderson–Rubin test and
    set, with one instrument the tF interval, and tests of over-identification and endogeneity, all for the errors of
    the model's first setting. Estimates are ours, confirmed by linearmodels on the same demeaned data. The fit carries
    no transformed regressors: CR2, CR3 and permutations, which rest on residuals of least squares, are refused.

    Raises
    ------
    UserError
        Columns that the data cannot tell apart, too few instruments or rows, or GMM with as many instruments as
        clusters.
    """
    design = shift_share.with_instrument(design)
    system = system_of(design)
    errors = errors_of(design, system)
    method = design.spec.method or "2sls"
    found = METHODS[method](system, errors, design)
    confirmed = iv_engine.confirm(design, system, errors, method, found.params, found.bread)
    residuals = system.y - np.hstack([system.d, system.w]) @ found.params
    df = system.df(len(system.terms))
    first_stage, strength = iv_strength.first_stage(system, errors)
    draft = Fit(
        terms=system.terms,
        params=found.params,
        rows=system.rows,
        residuals=residuals,
        bread=found.bread,
        scores=found.regressors * residuals[:, None],
        df_resid=float(df),
        n_absorbed=system.space.rank,
        absorbed=system.absorbed,
        fit={"rmse": float(np.sqrt(residuals @ residuals / df)), **found.fit},
        tests={
            **strength,
            "anderson_rubin": anderson_rubin.test_zero(system, errors),
            **iv_tests.overidentification(system, errors, residuals),
            "endogeneity": iv_tests.endogeneity(system, errors),
        },
        first_stage=first_stage,
        notes=(*system.left_out, *shift_share.notes(design, system)),
        extra={"engine": confirmed, "instruments": list(system.instruments)},
        space=system.space,
    )
    robust = _robust(design, system, errors, draft)
    return replace(draft, extra={**draft.extra, **robust, **shift_share.report(design, system, errors)})


def two_stage(system: System, errors: Errors, design: Design) -> Estimate:
    """Two-stage least squares: least squares on the regressors' projections on instruments and exogenous regressors."""
    d_hat = system.d - system.d_net + system.basis @ (system.basis.T @ system.d_net)
    regressors = np.hstack([d_hat, system.w])
    q, r = np.linalg.qr(regressors)
    inverse = linalg.solve_triangular(r, np.eye(r.shape[0]))
    return Estimate(inverse @ (q.T @ system.y), np.asarray(inverse @ inverse.T), regressors)


def liml(system: System, errors: Errors, design: Design) -> Estimate:
    """Limited-information maximum likelihood; errors from the projected regressors, as ivreg2 and linearmodels do.

    `fit` holds ``kappa``, the smallest root of the k-class; it is 1 with as many instruments as endogenous regressors.
    """
    both = np.column_stack([system.y_net, system.d_net])
    left = both - system.basis @ (system.basis.T @ both)
    kappa = float(linalg.eigh(both.T @ both, left.T @ left, eigvals_only=True)[0])
    x = np.hstack([system.d, system.w])
    unexplained = np.hstack([left[:, 1:], np.zeros_like(system.w)])
    chosen = x - kappa * unexplained
    bread = np.asarray(np.linalg.inv(x.T @ chosen))
    return Estimate(bread @ (chosen.T @ system.y), bread, x - unexplained, {"kappa": kappa})


def gmm(system: System, errors: Errors, design: Design) -> Estimate:
    """Two-step GMM: moments weighted by their covariance at the two-stage residuals, under the model's errors.

    Exogenous regressors are partialled out of the moments, which changes neither step and asks for no more clusters
    than there are instruments. `regressors` are such that the estimate is least squares on them.
    """
    if system.basis.shape[1] > errors.most():
        raise UserError(
            Problem(
                CONFIGURATION,
                f"models.{design.spec.name}",
                f"two-step GMM with {system.basis.shape[1]} instruments and {errors.clusters} clusters",
                "more clusters than instruments: the weights are the inverse of the clusters' covariance matrix",
                f"use fewer instruments, a panel of {system.basis.shape[1] + 1} clusters or more, or method: 2sls",
            )
        )
    first = two_stage(system, errors, design)
    residuals = system.y - np.hstack([system.d, system.w]) @ first.params
    moments = np.hstack([system.basis, system.w])
    q = system.basis.shape[1]
    covariance = errors.cross(moments, residuals, residuals, len(system.terms))
    own, mixed = covariance[:q, :q], covariance[q:, :q]
    slopes = system.basis.T @ system.d_net
    weighted = np.linalg.solve(own, slopes)
    # the endogenous coefficients from the partialled moments, the exogenous ones from what these leave of theirs
    delta = np.linalg.solve(slopes.T @ weighted, np.column_stack([weighted.T, np.zeros((slopes.shape[1], len(mixed)))]))
    shift = np.linalg.solve(own, mixed.T).T
    plain = np.column_stack([-shift, np.eye(len(mixed))]) - (system.w.T @ system.d - shift @ slopes) @ delta
    linear = np.vstack([delta, np.linalg.solve(system.w.T @ system.w, plain)])
    weights = moments @ linear.T
    bread = weights.T @ weights
    return Estimate(linear @ (moments.T @ system.y), bread, np.asarray(np.linalg.solve(bread, weights.T).T))


METHODS: dict[str, Callable[[System, Errors, Design], Estimate]] = {"2sls": two_stage, "liml": liml, "gmm": gmm}


def _robust(design: Design, system: System, errors: Errors, draft: Fit) -> dict[str, Any]:
    """What holds with weak instruments: the Anderson–Rubin set, with one instrument tF."""
    if len(system.endogenous) != 1:
        reason = "sets are drawn for one endogenous regressor; the test of all at zero is among the tests"
        return {"anderson_rubin": {"not_available": reason}}
    if system.basis.shape[1] > errors.most():
        return {"anderson_rubin": {"not_available": draft.tests["anderson_rubin"].note}}
    slopes = system.w.shape[1] + system.basis.shape[1]
    critical = errors.critical(system.basis.shape[1], slopes, anderson_rubin.LEVEL)
    spread = float(np.sqrt(draft.bread[0, 0] * (draft.residuals @ draft.residuals) / draft.df_resid))
    intervals = anderson_rubin.confidence_set(
        anderson_rubin.statistic(system, errors), critical, float(draft.params[0]), spread
    )
    found: dict[str, Any] = {
        "anderson_rubin": {
            "term": system.endogenous[0],
            "level": anderson_rubin.LEVEL,
            "errors": errors.words,
            **anderson_rubin.described(intervals),
        }
    }
    if len(system.instruments) == 1:
        found["tf"] = iv_tests.tf(design, draft, errors)
    return found
