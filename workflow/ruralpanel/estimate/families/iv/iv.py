"""Instrumental variables: estimates by two stages, limited information or moments, and tests of the instruments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import linalg, special

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.parts import Parts, Tf
from ruralpanel.estimate.base.results import Design, Fit, FloatArray
from ruralpanel.estimate.base.rows import ConfidenceSet, NotAvailable, Test
from ruralpanel.estimate.families.iv import anderson_rubin, shift_share, weak_instruments
from ruralpanel.estimate.families.iv.system import Errors, System, errors_of, system_of
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.notes import Note, note
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError

TF_ROOTS = np.round(np.arange(2.0, 10.35, 0.1), 1)
TF_CRITICAL = np.array(
    [
        18.66, 9.74, 7.37, 6.18, 5.43, 4.92, 4.54, 4.25, 4.01, 3.82, 3.65, 3.51, 3.39, 3.29, 3.19, 3.11, 3.03, 2.97,
        2.91, 2.85, 2.80, 2.75, 2.71, 2.67, 2.63, 2.60, 2.57, 2.54, 2.51, 2.48, 2.46, 2.43, 2.41, 2.39, 2.37, 2.35,
        2.33, 2.32, 2.30, 2.29, 2.27, 2.26, 2.24, 2.23, 2.22, 2.21, 2.20, 2.19, 2.17, 2.16, 2.16, 2.15, 2.14, 2.13,
        2.12, 2.11, 2.10, 2.10, 2.09, 2.08, 2.08, 2.07, 2.06, 2.06, 2.05, 2.04, 2.04, 2.03, 2.03, 2.02, 2.02, 2.01,
        2.01, 2.00, 2.00, 1.99, 1.99, 1.99, 1.98, 1.98, 1.97, 1.97, 1.97, 1.96,
    ]
)  # fmt: skip
"""5 % critical values of |t| by the root of the first stage's F: Lee, McCrary, Moreira and Porter (2022), table 3."""

NORMAL = 1.959963984540054


def tf_critical(f: float) -> float:
    """Critical value of |t| at 5 % for a first-stage F, one instrument: the published table, linear between its roots.

    Infinite for F of 4 and less (the table ends there: no value of t would do), 1.96 from √F = 10.3 on.
    """
    root = float(np.sqrt(f))
    if not root > TF_ROOTS[0]:
        return float("inf")
    return NORMAL if root >= TF_ROOTS[-1] else float(np.interp(root, TF_ROOTS, TF_CRITICAL))


def tf(design: Design, fit: Fit, errors: Errors) -> Tf | NotAvailable:
    """The tF procedure of Lee et al. (2022): error and interval that are right for the strength of one instrument.

    F is the first stage's under the same errors; ``std_error`` is the model's error times the critical value over 1.96.
    With clusters the table's normal reference is that of many of them: a note says so below 50.
    """
    assert fit.first_stage is not None
    f = fit.first_stage.endogenous[0].f.statistic
    try:
        error = _error(design, fit, errors)
    except UserError as failure:
        return NotAvailable(failure.reason)
    critical = tf_critical(f)
    estimate = float(fit.params[0])
    reach = critical * error
    open_ended = not np.isfinite(critical)
    few = errors.kind == "cluster" and errors.clusters < 50
    return Tf(
        term=fit.terms[0],
        f=f,
        critical=None if open_ended else critical,
        std_error=None if open_ended else error * critical / NORMAL,
        ci_low=estimate - reach,
        ci_high=estimate + reach,
        rejects_zero=bool(abs(estimate) > reach),
        note=note("tf_few_clusters", clusters=errors.clusters) if few else None,
    )


def _error(design: Design, fit: Fit, errors: Errors) -> float:
    """The coefficient's error under the errors of the tests."""
    std_error = infer(fit, design, errors.setting, 0).std_error
    assert std_error is not None
    return float(std_error[0])


def overidentification(system: System, errors: Errors, residuals: FloatArray) -> dict[str, Test]:
    """Tests that the instruments agree, where there are more of them than endogenous regressors; else empty.

    ``sargan`` (n times R² of the residuals on the instruments) and ``basmann`` (the same with the residuals' part that
    the instruments leave) hold for independent errors of one variance, ``hansen_j`` (two-step GMM) for the model's.
    """
    q = system.basis
    excess = q.shape[1] - len(system.endogenous)
    if not excess:
        return {}
    projected = float(np.sum((q.T @ residuals) ** 2))
    total = float(residuals @ residuals)
    free = system.df(system.w.shape[1] + q.shape[1])
    tests = {
        "sargan": _chi2(system.n * projected / total, excess, note("independent_errors")),
        "basmann": _chi2(free * projected / (total - projected), excess, note("independent_errors")),
    }
    if errors.kind == "classical":
        return tests
    if q.shape[1] > errors.most():
        none = Test.none("more_instruments_than_clusters_weight", instruments=q.shape[1], clusters=errors.clusters)
        return tests | {"hansen_j": none}
    about = note("errors_without_factor", errors=errors.note)
    return tests | {"hansen_j": _chi2(hansen(system, errors), excess, about)}


def hansen(system: System, errors: Errors) -> float:
    """The minimum of the two-step GMM criterion, weights from two-stage residuals without a small-sample factor."""
    q = system.basis
    slopes = q.T @ system.d_net
    moments = q.T @ system.y_net
    first = scaling.least_squares(slopes, moments)
    residuals = system.y_net - system.d_net @ first
    terms = len(system.terms)
    weights = np.linalg.inv(errors.cross(q, residuals, residuals, terms) / errors.factor(terms))
    second = np.linalg.solve(slopes.T @ weights @ slopes, slopes.T @ weights @ moments)
    left = moments - slopes @ second
    return float(left @ weights @ left)


def endogeneity(system: System, errors: Errors) -> Test:
    """Test that the endogenous regressors need no instruments: the first stages' residuals added to the outcome's
    regression (Durbin, Wu, Hausman; robust as Wooldridge 2010, 6.3.1)."""
    left = system.d_net - system.basis @ (system.basis.T @ system.d_net)
    x = np.hstack([system.d_net, left])
    params = scaling.least_squares(x, system.y_net)
    rest = system.y_net - x @ params
    p = system.d_net.shape[1]
    if p > errors.most():
        return Test.none("more_endogenous_than_clusters_test")
    net = left - system.d_net @ scaling.least_squares(system.d_net, left)
    inverse = np.linalg.inv(net.T @ net)
    slopes = len(system.terms) + p
    vcov = inverse @ errors.cross(net, rest, rest, slopes) @ inverse
    b = params[p:]
    return errors.test(float(b @ np.linalg.solve(vcov, b)), p, slopes, note("errors_of_test", errors=errors.note))


def _chi2(value: float, df: int, about: Note) -> Test:
    return Test(float(value), float(df), float(special.chdtrc(df, value)), (about,))


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

    With random unit effects two-stage least squares on quasi-demeaned columns: g2sls (Balestra and
    Varadharajan-Krishnakumar 1987) or ec2sls (Baltagi 1981).

    Options: ``endogenous``, ``instruments``; or ``shares`` and ``shocks``, from which the instrument is made
    (`shift_share`). With the estimate come the first stages, the effective F statistic, the Anderson–Rubin test and
    set, with one instrument the tF interval, and tests of over-identification and endogeneity, all for the errors of
    the model's first setting. The fit carries no transformed regressors: CR2, CR3 and permutations, which rest on
    residuals of least squares, are refused.

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
    estimate = METHODS[method](system, errors, design)
    plain = fit_of(system, estimate)
    first_stage, strength = weak_instruments.first_stage(system, errors)
    draft = replace(
        plain,
        tests={
            **strength,
            "anderson_rubin": anderson_rubin.test_zero(system, errors),
            **overidentification(system, errors, plain.residuals),
            "endogeneity": endogeneity(system, errors),
        },
        first_stage=first_stage,
        notes=(*plain.notes, *shift_share.notes(design, system)),
        extra=Parts(instruments=system.instruments, shift_share=shift_share.report(design, system, errors)),
    )
    one = len(system.endogenous) == 1 == len(system.instruments) and system.basis.shape[1] <= errors.most()
    robust = replace(
        draft.extra,
        anderson_rubin=_anderson_rubin(system, errors, draft),
        tf=tf(design, draft, errors) if one else None,
    )
    return replace(draft, extra=robust)


def fit_of(system: System, estimate: Estimate) -> Fit:
    """The fit of an estimate, without tests."""
    residuals = system.y - np.hstack([system.d, system.w]) @ estimate.params
    df = system.df(len(system.terms))
    return Fit(
        terms=system.terms,
        params=estimate.params,
        rows=system.rows,
        residuals=residuals,
        bread=estimate.bread,
        scores=estimate.regressors * residuals[:, None],
        df_resid=float(df),
        n_absorbed=system.space.rank,
        absorbed=system.absorbed,
        fit={"rmse": float(np.sqrt(residuals @ residuals / df)), **estimate.fit, **system.components},
        notes=(*system.notes, *system.left_out),
        space=system.space,
    )


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
    covariance_z, mixed = covariance[:q, :q], covariance[q:, :q]
    slopes = system.basis.T @ system.d_net
    weighted = np.linalg.solve(covariance_z, slopes)
    # the endogenous coefficients from the partialled moments, the exogenous ones from what these leave of theirs
    delta = np.linalg.solve(slopes.T @ weighted, np.column_stack([weighted.T, np.zeros((slopes.shape[1], len(mixed)))]))
    shift = np.linalg.solve(covariance_z, mixed.T).T
    plain = np.column_stack([-shift, np.eye(len(mixed))]) - (system.w.T @ system.d - shift @ slopes) @ delta
    linear = np.vstack([delta, np.linalg.solve(system.w.T @ system.w, plain)])
    weights = moments @ linear.T
    bread = weights.T @ weights
    return Estimate(linear @ (moments.T @ system.y), bread, np.asarray(np.linalg.solve(bread, weights.T).T))


METHODS: dict[str, Callable[[System, Errors, Design], Estimate]] = {
    "2sls": two_stage,
    "liml": liml,
    "gmm": gmm,
    "g2sls": two_stage,
    "ec2sls": two_stage,
}


def _anderson_rubin(system: System, errors: Errors, draft: Fit) -> ConfidenceSet:
    """The set that holds with weak instruments."""
    if len(system.endogenous) != 1:
        return ConfidenceSet(not_available=note("sets_of_one_regressor"))
    if system.basis.shape[1] > errors.most():
        return ConfidenceSet(not_available=draft.tests["anderson_rubin"].note[0])
    slopes = system.w.shape[1] + system.basis.shape[1]
    critical = errors.critical(system.basis.shape[1], slopes, anderson_rubin.LEVEL)
    spread = float(np.sqrt(draft.bread[0, 0] * (draft.residuals @ draft.residuals) / draft.df_resid))
    intervals = anderson_rubin.confidence_set(
        anderson_rubin.statistic(system, errors), critical, float(draft.params[0]), spread
    )
    return anderson_rubin.described(intervals, system.endogenous[0], anderson_rubin.LEVEL, errors.note)
