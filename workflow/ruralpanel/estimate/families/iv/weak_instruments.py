"""How strong instruments are: first stages, robust and conditional F, the effective F with its critical values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import optimize, special, stats

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.parts import EffectiveF, FirstStage, FirstStageOf, InstrumentRow
from ruralpanel.estimate.base.results import FloatArray
from ruralpanel.estimate.base.rows import PartialTest, Test
from ruralpanel.estimate.families.iv.system import Errors, System
from ruralpanel.project.notes import note

TAU = 0.10
"""Worst bias of two-stage least squares, as a share of the benchmark, that the critical values guard against."""


def first_stage(system: System, errors: Errors) -> tuple[FirstStage, dict[str, Test]]:
    """First stages, and the test of strength that verdicts read (``effective_f``).

    With one endogenous regressor the effective F, with several of them each one's conditional F.
    """
    entries = []
    tests: dict[str, Test] = {}
    for j, name in enumerate(system.endogenous):
        entry = _regression(name, system, errors, system.d_net[:, j])
        if len(system.endogenous) > 1:
            conditional = conditional_f(system, errors, j)
            tests["sanderson_windmeijer"] = min(
                tests.get("sanderson_windmeijer", conditional), conditional, key=lambda test: test.statistic
            )
            entry = replace(entry, sanderson_windmeijer=PartialTest.of(conditional))
        else:
            strength = effective_f(system, errors)
            tests["effective_f"] = _strength(strength)
            entry = replace(entry, effective_f=strength)
        entries.append(entry)
    if "sanderson_windmeijer" in tests:
        weakest = replace(tests["sanderson_windmeijer"], note=(note("smallest_conditional_f"),))
        tests["sanderson_windmeijer"] = weakest
    return FirstStage(errors.note, tuple(entries)), tests


def _regression(name: str, system: System, errors: Errors, d: FloatArray) -> FirstStageOf:
    z = system.z_net
    slopes = system.w.shape[1] + z.shape[1]
    inverse = np.linalg.inv(z.T @ z)
    params = inverse @ (z.T @ d)
    left = d - z @ params
    vcov = inverse @ errors.cross(z, left, left, slopes) @ inverse
    error = np.sqrt(np.diag(vcov))
    wald = [errors.test(float((b / s) ** 2), 1, slopes) for b, s in zip(params, error, strict=True)]
    rows = tuple(
        InstrumentRow(term, float(b), float(s), float(b / s), test.p_value)
        for term, b, s, test in zip(system.instruments, params, error, wald, strict=True)
    )
    if z.shape[1] > errors.most():
        joint = Test.none("more_instruments_than_clusters_test")
    else:
        joint = errors.test(float(params @ np.linalg.solve(vcov, params)), z.shape[1], slopes)
    return FirstStageOf(name, rows, 1.0 - float(left @ left) / float(d @ d), PartialTest.of(joint))


def conditional_f(system: System, errors: Errors, j: int) -> Test:
    """F of the instruments for endogenous regressor j, the others allowed for (Sanderson and Windmeijer 2016).

    The regressor less its two-stage prediction from the other endogenous ones is regressed on the instruments; the
    numerator has as many degrees of freedom as there are instruments less the other endogenous regressors.
    """
    q = system.basis
    others = np.delete(system.d_net, j, axis=1)
    projected = q @ (q.T @ others)
    left = system.d_net[:, j] - others @ scaling.least_squares(projected, system.d_net[:, j])
    g = q.T @ left
    rest = left - q @ g
    slopes = system.w.shape[1] + q.shape[1]
    if q.shape[1] > errors.most():
        return Test.none("more_instruments_than_clusters_test")
    wald = float(g @ np.linalg.solve(errors.cross(q, rest, rest, slopes), g))
    return errors.test(wald, q.shape[1] - others.shape[1], slopes)


def effective_f(system: System, errors: Errors) -> EffectiveF:
    """The effective F of Montiel Olea and Pflueger (2013), with critical values of a 5 % test of a bias above 10 %.

    ``statistic`` is ``d' P d / tr(W2)`` with W2 the covariance of the orthonormal instruments' products with the first
    stage's errors. ``critical_simplified`` holds for the worst case whatever the outcome's errors, ``critical_2sls``
    for the bias of two-stage least squares under the estimated ones; ``k`` are their effective degrees of freedom.
    """
    w1, w12, w2 = covariances(system, errors)
    q, d = system.basis, system.d_net[:, 0]
    g = q.T @ d
    value = float(g @ g) / float(np.trace(w2))
    worst = largest_bias(w1, w12, w2)
    simplified, k_simplified = critical_value(w2, 1.0 / TAU)
    exact, k_exact = critical_value(w2, worst / TAU)
    return EffectiveF(
        statistic=value,
        tau=TAU,
        critical_2sls=exact,
        critical_simplified=simplified,
        k_2sls=k_exact,
        k_simplified=k_simplified,
        largest_bias=worst,
        p_value=float(stats.ncx2.sf(value * k_exact, k_exact, k_exact * worst / TAU)),
    )


def covariances(system: System, errors: Errors) -> tuple[FloatArray, FloatArray, FloatArray]:
    """W1, W12, W2 (q, q): covariances of the orthonormal instruments times reduced-form and first-stage residuals."""
    q = system.basis
    slopes = system.w.shape[1] + q.shape[1]
    left, right = (column - q @ (q.T @ column) for column in (system.y_net, system.d_net[:, 0]))
    return (
        errors.cross(q, left, left, slopes),
        errors.cross(q, left, right, slopes),
        errors.cross(q, right, right, slopes),
    )


def largest_bias(w1: FloatArray, w12: FloatArray, w2: FloatArray) -> float:
    """Largest Nagar bias of two-stage least squares over the benchmark, over all coefficients and first stages.

    ``max over b of max(|tr S12 - 2 l_min|, |tr S12 - 2 l_max|) / (tr S2 tr S1)^(1/2)`` with ``S12 = W12 - b W2``,
    ``S1 = W1 - b (W12 + W12') + b² W2``, l the extreme eigenvalues of S12's symmetric part. At most 1; exactly 1 with
    one instrument.
    """
    total = float(np.trace(w2))
    scale = float(np.sqrt(np.trace(w1) / total))

    def bias(angles: FloatArray) -> FloatArray:
        # all coefficients, infinity included, lie on half a circle
        one, b = np.cos(angles), np.sin(angles) * scale
        s12 = one[:, None, None] * w12 - b[:, None, None] * w2
        trace = one * np.trace(w12) - b * total
        benchmark = one**2 * np.trace(w1) - 2.0 * one * b * np.trace(w12) + b**2 * total
        # nothing but rounding is left where the outcome is this multiple of the regressor: the neighbours tell the bias
        left = benchmark > 1e-12 * (one**2 * np.trace(w1) + b**2 * total)
        benchmark = np.where(left, benchmark, np.inf)
        extremes = np.linalg.eigvalsh(0.5 * (s12 + s12.transpose(0, 2, 1)))[:, [0, -1]]
        return np.asarray(np.abs(trace[:, None] - 2.0 * extremes).max(axis=1) / np.sqrt(total * benchmark))

    if w2.shape[0] == 1:
        return 1.0
    grid = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 721)
    values = bias(grid)
    best = int(np.argmax(values))
    step = grid[1] - grid[0]
    optimum = optimize.minimize_scalar(
        lambda angle: -float(bias(np.array([angle]))[0]),
        bounds=(grid[best] - step, grid[best] + step),
        method="bounded",
    )
    return min(1.0, max(float(values[best]), -float(optimum.fun)))


def critical_value(w2: FloatArray, x: float) -> tuple[float, float]:
    """5 % critical value of the effective F and its degrees of freedom K (Patnaik's approximation).

    ``K = tr(W2)² (1 + 2x) / (tr(W2 W2) + 2 x tr(W2) max eig W2)``; the upper 5 % point of noncentral χ² with K degrees
    of freedom and noncentrality K x, over K.
    """
    total, largest = float(np.trace(w2)), float(np.linalg.eigvalsh(w2)[-1])
    k = total**2 * (1.0 + 2.0 * x) / (float(np.sum(w2 * w2)) + 2.0 * x * total * largest)
    return float(stats.ncx2.ppf(0.95, k, k * x) if x > 0 else special.chdtri(k, 0.05)) / k, k


def _strength(strength: EffectiveF) -> Test:
    critical, simplified = strength.critical_2sls, strength.critical_simplified
    about = note("effective_f", tau=TAU, critical=critical, simplified=simplified)
    return Test(strength.statistic, None, strength.p_value, (about,))
