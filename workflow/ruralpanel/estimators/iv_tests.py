"""Tests beside an instrumented estimate: over-identification, endogeneity, and intervals by tF."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from ruralpanel.contracts.problems import UserError
from ruralpanel.contracts.specs import InferenceSpec
from ruralpanel.estimators import scaling
from ruralpanel.estimators.base import Design, Fit, FloatArray, Test
from ruralpanel.estimators.iv_errors import Errors
from ruralpanel.estimators.iv_system import System
from ruralpanel.inference.registry import infer

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


def tf(design: Design, fit: Fit, errors: Errors) -> dict[str, Any]:
    """The tF procedure of Lee et al. (2022): error and interval that are right for the strength of one instrument.

    F is the first stage's under the same errors; ``std_error`` is the model's error times the critical value over 1.96.
    With clusters the table's normal reference is that of many of them: a note says so below 50.
    """
    entry = (fit.first_stage or {})["endogenous"][0]
    f = float(entry["f"]["statistic"])
    try:
        error = _error(design, fit, errors)
    except UserError as failure:
        return {"not_available": "; ".join(problem.found for problem in failure.problems)}
    critical = tf_critical(f)
    estimate = float(fit.params[0])
    reach = critical * error
    found: dict[str, Any] = {"term": fit.terms[0], "f": f, "critical": critical if np.isfinite(critical) else None}
    open_ended = not np.isfinite(critical)
    found |= {
        "std_error": None if open_ended else error * critical / NORMAL,
        "ci_low": None if open_ended else estimate - reach,
        "ci_high": None if open_ended else estimate + reach,
        "rejects_zero": bool(abs(estimate) > reach),
        "source": "Lee, McCrary, Moreira and Porter (2022), table 3, interpolated",
    }
    if errors.kind == "cluster" and errors.clusters < 50:
        found["note"] = (
            f"the table is for many clusters; with {errors.clusters} the Anderson–Rubin set is the safer guide"
        )
    return found


def _error(design: Design, fit: Fit, errors: Errors) -> float:
    """The coefficient's error under the errors of the tests."""
    options: dict[str, Any] = {"by": errors.by.split(" and ")} if errors.kind == "cluster" else {}
    options |= {"cluster": {"small_sample": errors.small_sample}, "hc": {"kind": errors.small_sample}}.get(
        errors.kind, {}
    )
    found = infer(fit, design, InferenceSpec(errors.kind, options), 0).std_error
    assert found is not None
    return float(found[0])


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
    found = {
        "sargan": _chi2(system.n * projected / total, excess, "independent errors of one variance"),
        "basmann": _chi2(free * projected / (total - projected), excess, "independent errors of one variance"),
    }
    if errors.kind == "classical":
        return found
    if q.shape[1] > errors.most():
        note = f"{q.shape[1]} instruments are more than {errors.clusters} clusters can weight"
        return found | {"hansen_j": Test(float("nan"), None, float("nan"), note)}
    return found | {"hansen_j": _chi2(hansen(system, errors), excess, f"errors {errors.words}, no small-sample factor")}


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
        return Test(float("nan"), None, float("nan"), "more endogenous regressors than the clusters can test together")
    net = left - system.d_net @ scaling.least_squares(system.d_net, left)
    inverse = np.linalg.inv(net.T @ net)
    slopes = len(system.terms) + p
    vcov = inverse @ errors.cross(net, rest, rest, slopes) @ inverse
    b = params[p:]
    return errors.test(float(b @ np.linalg.solve(vcov, b)), p, slopes, f"errors {errors.words}")


def _chi2(value: float, df: int, note: str) -> Test:
    return Test(float(value), float(df), float(special.chdtrc(df, value)), note)
