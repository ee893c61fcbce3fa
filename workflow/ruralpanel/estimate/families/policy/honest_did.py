"""Bounds on a policy's effect when trends may differ (Rambachan and Roth 2023).

The difference in trends between treated and others, δ, is not assumed to be zero but to stay within a set:

relative magnitudes (M̄)
    its change from one period to the next after treatment is at most M̄ times the largest such change before treatment;
smoothness (M)
    its slope changes from one period to the next by at most M.

Changes and slopes are per unit of time, so that unevenly spaced periods are treated alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize, special

from ruralpanel.estimate.base.policy_parts import Bound, Bounds
from ruralpanel.estimate.base.results import FloatArray
from ruralpanel.project.notes import note
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError

LEVEL = 0.95
RELATIVE = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
"""Values of M̄ that are reported."""

SMOOTH = (0.0, 0.25, 0.5, 1.0)
"""Values of M that are reported, as shares of the largest change of slope before treatment."""

AUTOCORRELATION = np.concatenate([np.arange(0.0, 0.95, 0.05), [0.95, 0.97, 0.99]])
"""Values of ρ that are tried for the working covariance."""

LEAST_CHANGES = 2
"""Changes before treatment that bounds need: with one there is nothing to compare it with."""


@dataclass(frozen=True)
class EventStudy:
    """Coefficients of an event study in order of time, the last period before treatment as reference (zero, left out).

    Attributes
    ----------
    beta : (p + q,) p coefficients before treatment, then q after it. vcov : (p + q, p + q).
    times : (p + 1 + q,) dates of all periods, the reference's included, at position p.
    weights : (q,) the target: weights' @ effects after treatment.
    stretch : factor of the normal quantiles, for covariance matrices estimated from few clusters (1: none).
    working : (p + q, p + q) covariance that the weights of `smoothness` are chosen by; None: `vcov` itself. Weights
        that minimise a variance estimated from few clusters make it too small: see `autoregressive`.
    """

    beta: FloatArray
    vcov: FloatArray
    times: FloatArray
    weights: FloatArray
    stretch: float = 1.0
    working: FloatArray | None = None

    @property
    def before(self) -> int:
        """p, the number of coefficients before treatment."""
        return self.times.size - 1 - self.weights.size

    @property
    def estimate(self) -> float:
        """The target under parallel trends."""
        return float(self.weights @ self.beta[self.before :])

    @property
    def levels(self) -> FloatArray:
        """(p + 1 + q, p + q) maps the coefficients to all periods, the reference's zero included."""
        return np.insert(np.eye(self.beta.size), self.before, 0.0, axis=0)


def rebased(beta: FloatArray, vcov: FloatArray, position: int, last: int) -> tuple[FloatArray, FloatArray]:
    """Coefficients and covariance measured against another period.

    Parameters
    ----------
    position : where the present reference stands among all periods. last : where the wanted one does.
    """
    size = beta.size + 1
    full = np.insert(np.eye(beta.size), position, 0.0, axis=0)
    change = np.delete(full - full[last], last, axis=0)
    assert change.shape == (size - 1, size - 1)
    return change @ beta, change @ vcov @ change.T


def bounds(study: EventStudy, where: str) -> Bounds:
    """Both kinds of bounds on the target, over `RELATIVE` and `SMOOTH`, and the M̄ at which zero comes in.

    Raises
    ------
    UserError
        Fewer than two changes before treatment.
    """
    changes = study.before
    if changes < LEAST_CHANGES:
        raise UserError(
            Problem(
                CONFIGURATION,
                where,
                f"{changes} change{'s' if changes != 1 else ''} between periods before treatment",
                f"at least {LEAST_CHANGES} ({LEAST_CHANGES + 1} periods before treatment) for bounds on trends",
                f"a panel with {LEAST_CHANGES + 1} periods before treatment or more",
                note("needs_changes_before", changes=changes, least=LEAST_CHANGES, least_periods=LEAST_CHANGES + 1),
            )
        )
    largest = float(np.max(np.abs(_slope_changes(study))))
    smooth = [share * largest for share in SMOOTH]
    return Bounds(
        estimate=study.estimate,
        relative_magnitudes=tuple(Bound(m, *identified(study, m), *relative_magnitudes(study, m)) for m in RELATIVE),
        smoothness=tuple(Bound(m, None, None, *smoothness(study, m)) for m in smooth),
        breakdown=breakdown(study),
        largest_slope_change=largest,
    )


def identified(study: EventStudy, m: float) -> tuple[float, float]:
    """The target's smallest and largest value under relative magnitudes, sampling error left aside."""
    reach = m * _exposure(study) * float(np.max(np.abs(_slopes(study) @ study.beta)))
    return study.estimate - reach, study.estimate + reach


def relative_magnitudes(study: EventStudy, m: float) -> tuple[float, float]:
    """95 % interval under relative magnitudes.

    The set of δ is a union over the change s before treatment that is largest, and its sign. Within one of them the
    bias of the target lies in ± M̄ c Δ_s, with Δ_s the change and ``c = Σ_k h_k |Σ_{t ≥ k} w_t|`` (h_k the length of
    step k, w the target's weights): two moment inequalities in which no further parameter is left. Each is tested
    against the least favourable quantile of the larger of two correlated normals; the interval is the hull of what is
    not rejected, and covers with at least 95 % for any δ in the set. HonestDiD tests the same inequalities by the
    conditional hybrid method of Andrews, Roth and Pakes (2023), whose intervals are somewhat shorter.
    """
    reach = m * _exposure(study)
    target = np.concatenate([np.zeros(study.before), study.weights])
    low, high = np.inf, -np.inf
    for change in _slopes(study):
        for sign in (1.0, -1.0):
            shift = sign * reach * change
            ends = np.vstack([target - shift, -target - shift])
            covariance = ends @ study.vcov @ ends.T
            errors = np.sqrt(np.diag(covariance))
            critical = study.stretch * larger_of_two(float(covariance[0, 1] / (errors[0] * errors[1])))
            limits = ends @ study.beta - critical * errors
            if limits[0] <= -limits[1]:
                low, high = min(low, float(limits[0])), max(high, -float(limits[1]))
    return low, high


def smoothness(study: EventStudy, m: float) -> tuple[float, float]:
    """95 % fixed-length interval under smoothness, of the shortest worst-case length.

    The target is estimated by ``w' β_post + a' β_pre``; a linear δ must not bias it, and the largest bias of the
    others, ``M Σ_k |c_k(a)|``, is allowed for by the quantile of a folded normal (Rambachan and Roth 2023, section
    3.2). The weights a minimise the half-length, a convex problem.
    """
    weights = _shortest(study, m)
    error = study.stretch * float(np.sqrt(weights @ study.vcov @ weights))
    half = error * folded_normal(m * _worst_bias(study, weights) / error)
    centre = float(weights @ study.beta)
    return centre - half, centre + half


def breakdown(study: EventStudy) -> float:
    """The largest M̄ at which the interval under relative magnitudes excludes zero; 0 where it never does."""

    def excludes(m: float) -> bool:
        low, high = relative_magnitudes(study, m)
        return low > 0 or high < 0

    if not excludes(0.0):
        return 0.0
    inside, outside = 0.0, 1.0
    while excludes(outside):
        inside, outside = outside, 2.0 * outside
        if outside > 1e6:
            return float("inf")
    for _ in range(40):
        middle = 0.5 * (inside + outside)
        inside, outside = (middle, outside) if excludes(middle) else (inside, middle)
    return inside


def larger_of_two(correlation: float, level: float = LEVEL) -> float:
    """Quantile of the larger of two standard normals of the given correlation, by Owen's T function."""
    rho = float(np.clip(correlation, -1.0, 1.0))
    slope = np.inf if rho <= -1.0 + 1e-14 else float(np.sqrt((1.0 - rho) / (1.0 + rho)))

    def excess(c: float) -> float:
        return float(special.ndtr(c) - 2.0 * special.owens_t(c, slope)) - level

    return float(optimize.brentq(excess, 0.5, 4.0, xtol=1e-13))


def folded_normal(shift: float, level: float = LEVEL) -> float:
    """Quantile of |Z + shift|, Z standard normal."""
    t = abs(shift)
    if t > 6.0:
        return t + float(special.ndtri(level))
    return float(np.sqrt(special.chndtrix(level, 1.0, t * t)))


def autoregressive(vcov: FloatArray, times: FloatArray, before: int) -> FloatArray:
    """A covariance of few parameters near to `vcov`: differences of means with first-order autocorrelation.

    ``c D R(ρ) D'`` with ``R(ρ) = ρ^|s − t|`` over all periods and D the differences from the reference; c and ρ by
    least squares on the elements of `vcov`.
    """
    change = np.delete(np.eye(times.size), before, axis=0)
    change[:, before] = -1.0
    distance = np.abs(times[:, None] - times[None, :]) / float(np.min(np.diff(times)))
    best: tuple[float, FloatArray] | None = None
    for rho in AUTOCORRELATION:
        shape = change @ rho**distance @ change.T
        scale = float(np.sum(shape * vcov) / np.sum(shape * shape))
        misfit = float(np.sum((vcov - scale * shape) ** 2))
        if best is None or misfit < best[0]:
            best = misfit, scale * shape
    assert best is not None
    return best[1]


def _worst_bias(study: EventStudy, weights: FloatArray) -> float:
    """Largest bias under smoothness with M = 1 of weights that a linear δ does not bias."""
    return float(np.abs(_decomposition(study)[1].T @ weights).sum())


def _shortest(study: EventStudy, m: float) -> FloatArray:
    """Weights (p + q,) of the estimator whose interval is shortest by the working covariance."""
    if study.working is not None:
        study = replace(study, vcov=study.working, working=None)
    p = study.before
    slope, bends = _decomposition(study)
    free, fixed = bends[:p], study.weights @ bends[p:]
    trend_free, trend_fixed = slope[:p], float(study.weights @ slope[p:])
    scale = 1.0 / float(np.sqrt(study.weights @ study.vcov[p:, p:] @ study.weights))

    def spread(a: FloatArray) -> tuple[float, FloatArray]:
        full = np.concatenate([a, study.weights])
        moved = study.vcov @ full
        error = study.stretch * float(np.sqrt(full @ moved))
        return error, moved[:p] * study.stretch**2 / error

    def half(v: FloatArray) -> tuple[float, FloatArray]:
        """Half-length and its gradient in the weights and the bounds on the bends."""
        error, by_weight = spread(v[:p])
        bias = m * float(v[p:].sum())
        t = bias / error
        c = folded_normal(t)
        near, far = np.exp(-0.5 * (c - t) ** 2), np.exp(-0.5 * (c + t) ** 2)
        steep = (near - far) / (near + far)
        gradient = np.concatenate([(c - t * steep) * by_weight, np.full(v.size - p, m * steep)])
        return error * c * scale, gradient * scale

    start = _least_variance(study, trend_free, trend_fixed)
    if m == 0.0:
        return np.concatenate([start, study.weights])
    k = fixed.size
    rows = np.hstack([free.T, np.eye(k)]), np.hstack([-free.T, np.eye(k)])
    inequality = np.vstack(rows)
    offset = np.concatenate([fixed, -fixed])
    equality = np.concatenate([trend_free, np.zeros(k)])[None, :]
    best: tuple[float, FloatArray] | None = None
    for a in (start, _least_bends(study, free, fixed, trend_free, trend_fixed)):
        v = np.concatenate([a, np.abs(free.T @ a + fixed)])
        optimum = optimize.minimize(
            half,
            v,
            jac=True,
            method="SLSQP",
            constraints=[
                {"type": "eq", "fun": lambda v: equality @ v + trend_fixed, "jac": lambda v: equality},
                {"type": "ineq", "fun": lambda v: inequality @ v + offset, "jac": lambda v: inequality},
            ],
            options={"maxiter": 500, "ftol": 1e-12},
        )
        for candidate in (v[:p], optimum.x[:p]):
            value = half(np.concatenate([candidate, np.abs(free.T @ candidate + fixed)]))[0] / scale
            feasible = abs(float(trend_free @ candidate) + trend_fixed) < 1e-7
            if feasible and (best is None or value < best[0]):
                best = value, candidate
    assert best is not None
    return np.concatenate([best[1], study.weights])


def _least_variance(study: EventStudy, trend: FloatArray, fixed: float) -> FloatArray:
    """Weights (p,) that remove a linear δ at the smallest variance."""
    p = study.before
    v, cross = study.vcov[:p, :p], study.vcov[:p, p:] @ study.weights
    base, turn = -np.linalg.solve(v, cross), np.linalg.solve(v, trend)
    return np.asarray(base + turn * (-fixed - trend @ base) / (trend @ turn))


def _least_bends(
    study: EventStudy, free: FloatArray, fixed: FloatArray, trend: FloatArray, trend_fixed: float
) -> FloatArray:
    """Weights (p,) that remove a linear δ and have the smallest worst-case bias: a linear programme."""
    p, k = study.before, fixed.size
    identity = np.eye(k)
    optimum = optimize.linprog(
        np.concatenate([np.zeros(p), np.ones(k)]),
        A_ub=np.vstack([np.hstack([free.T, -identity]), np.hstack([-free.T, -identity])]),
        b_ub=np.concatenate([-fixed, fixed]),
        A_eq=np.concatenate([trend, np.zeros(k)])[None, :],
        b_eq=[-trend_fixed],
        bounds=[(None, None)] * p + [(0, None)] * k,
    )
    return np.asarray(optimum.x[:p])


def _slopes(study: EventStudy) -> FloatArray:
    """(p, p + q) slopes of the coefficients over the steps before treatment."""
    p = study.before
    steps = np.diff(study.times[: p + 1])
    return np.asarray(np.diff(study.levels[: p + 1], axis=0) / steps[:, None])


def _slope_changes(study: EventStudy) -> FloatArray:
    """(p − 1,) changes of slope before treatment per unit of time."""
    steps = np.diff(study.times[: study.before + 1])
    return np.asarray(np.diff(_slopes(study) @ study.beta) / (0.5 * (steps[1:] + steps[:-1])))


def _exposure(study: EventStudy) -> float:
    """c: bias of the target for a change of one per unit of time in the worst direction at every step."""
    steps = np.diff(study.times[study.before :])
    tails = np.cumsum(study.weights[::-1])[::-1]
    return float(np.abs(tails) @ steps)


def _decomposition(study: EventStudy) -> tuple[FloatArray, FloatArray]:
    """δ of the p + q periods as slope of the step into the reference (p + q,) and changes of slope (p + q, K).

    A change of slope is counted per unit of time: half the sum of the two steps beside it.
    """
    p = study.before
    steps = np.diff(study.times)
    gaps = 0.5 * (steps[1:] + steps[:-1])
    size = steps.size
    # slope of step j relative to that of step p − 1, the step into the reference, by the changes between them
    relative = np.zeros((size, size - 1))
    for j in range(size):
        if j > p - 1:
            relative[j, p - 1 : j] = gaps[p - 1 : j]
        else:
            relative[j, j : p - 1] = -gaps[j : p - 1]
    path = np.vstack([np.zeros((1, size - 1)), np.cumsum(steps[:, None] * relative, axis=0)])
    path = np.delete(path - path[p], p, axis=0)
    line = np.delete(study.times - study.times[p], p)
    return line, path
