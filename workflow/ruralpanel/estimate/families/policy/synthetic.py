"""Synthetic controls and synthetic difference in differences, with weights on a simplex."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import lapack

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.results import FloatArray, IntArray, times_of
from ruralpanel.estimate.families.common_effects.mean_group import BoolArray
from ruralpanel.estimate.families.policy.cohorts import Cohorts
from ruralpanel.project.problems import tracked

STEPS = 10_000

MANY = 60
"""Weights beyond which the active set is first looked for in blocks."""


def least_squares(a: FloatArray, b: FloatArray, ridge: float = 0.0, intercept: bool = False) -> FloatArray:
    """Weights w (k,) that minimise ``|a w + c − b|² / m + ridge |w|²`` over the simplex, c free where `intercept`.

    Parameters
    ----------
    a : (m, k). b : (m,). ridge : penalty; above zero it makes the weights unique.

    Exact active-set method: weights enter one at a time by the gradient and leave where a step would make them negative
    (Lawson and Hanson 1974, with the constraint on the sum), so that the result depends on no tolerance of convergence.
    """
    if intercept:
        a, b = a - a.mean(axis=0), b - b.mean()
    m, k = a.shape
    gram = a.T @ a / m + ridge * np.eye(k)
    target = a.T @ b / m
    size = scaling.scales(np.array([1.0, float(np.abs(gram).max()) or 1.0]))[1]
    gram, target = gram / size, target / size
    small = 1e-12 * max(float(np.abs(gram).max()), float(np.abs(target).max()))
    w = np.zeros(k)
    active = _by_blocks(gram, target, small) if k > MANY else []
    if active:
        w[active] = np.maximum(_on_face(gram, target, active)[0], 0.0)
    else:
        first = int(np.argmin(np.diag(gram) / 2.0 - target))
        w[first] = 1.0
        active = [first]
    for _ in range(STEPS):
        step, price = _on_face(gram, target, active)
        if np.all(step >= 0.0):
            w = np.zeros(k)
            w[active] = step
            gradient = gram @ w - target - price
            gradient[active] = 0.0
            entering = int(np.argmin(gradient))
            if gradient[entering] >= -small:
                return w
            active = sorted([*active, entering])
            continue
        present = w[active]
        falling = step < 0.0
        reach = np.min(present[falling] / (present[falling] - step[falling]))
        moved = present + reach * (step - present)
        w = np.zeros(k)
        w[active] = np.maximum(moved, 0.0)
        gone = falling & (moved <= 1e-15 + 1e-12 * float(present.max()))
        active = [j for j, out in zip(active, gone, strict=True) if not out]
    raise ArithmeticError("weights on the simplex did not settle")


def _by_blocks(gram: FloatArray, target: FloatArray, small: float) -> list[int]:
    """The active set, found by exchanging all weights on the wrong side at once; empty where that does not settle.

    Block principal pivoting (Portugal, Júdice and Vicente 1994): a few systems instead of one for each weight.
    """
    inside = np.ones(target.size, dtype=bool)
    for _ in range(50):
        active = np.flatnonzero(inside).tolist()
        step, price = _on_face(gram, target, active)
        w = np.zeros(target.size)
        w[active] = step
        leaving = inside & (w < 0.0)
        entering = ~inside & (gram @ w - target - price < -small)
        if not leaving.any() and not entering.any():
            return active
        inside = (inside & ~leaving) | entering
        if not inside.any():
            break
    return []


def _on_face(gram: FloatArray, target: FloatArray, active: list[int]) -> tuple[FloatArray, float]:
    """Minimum with the active weights free and summing to one, and the price of the constraint."""
    size, chosen = len(active), np.array(active, dtype=np.intp)
    system, right = np.ones((size + 1, size + 1)), np.ones(size + 1)
    system[:size, :size] = gram[chosen[:, None], chosen]
    system[size, size] = 0.0
    right[:size] = target[chosen]
    # as numpy.linalg.solve, of which most is not the solving for so few weights
    _, _, solution, singular = lapack.dgesv(system, right)
    if singular:
        solution = np.linalg.lstsq(system, right, rcond=None)[0]
    return np.asarray(solution[:size], dtype=np.float64), -float(solution[size])


FAINT = 1e-6
"""Ridge of period weights, and of the synthetic control's unit weights, in noise levels: makes them unique."""


@dataclass(frozen=True)
class Weights:
    """Weights of one cohort's comparison.

    Attributes
    ----------
    start : position of its first treated period. treated : its units. others : units never treated.
    units : (others,) sum to one. periods : (start,) of the periods before treatment, sum to one; zeros for the
        synthetic control, which compares levels.
    """

    start: int
    treated: IntArray
    others: IntArray
    units: FloatArray
    periods: FloatArray


@dataclass(frozen=True)
class Synthetic:
    """Estimate with the weights behind it; `shares` (cohorts,) are the cohorts' shares of treated unit-periods."""

    estimate: float
    weights: tuple[Weights, ...]
    shares: FloatArray


def estimate(y: FloatArray, cohorts: Cohorts, difference: bool = True) -> Synthetic:
    """Effect on the treated, cohort by cohort against the units that are never treated.

    Parameters
    ----------
    y : (N, T), nothing missing.
    difference : synthetic difference in differences: unit weights with an intercept and a ridge of
        ``(treated × periods after)^(1/2) σ²`` (σ: standard deviation of the others' first differences before
        treatment, between periods that follow each other on the panel's calendar), period weights with an intercept.
        Else synthetic control: unit weights alone, no intercept.
    """
    others = np.flatnonzero(~cohorts.treated)
    adjacent = np.diff(times_of(cohorts.periods.tolist(), cohorts.calendar)) == 1
    weights = []
    for start in cohorts.starts:
        treated = np.flatnonzero(cohorts.start == start)
        weights.append(fit_weights(y, start, treated, others, difference, adjacent))
    sizes = np.array([w.treated.size * (y.shape[1] - w.start) for w in weights], dtype=float)
    shares = sizes / sizes.sum()
    return Synthetic(float(shares @ [effect(y, w) for w in weights]), tuple(weights), shares)


def fit_weights(
    y: FloatArray, start: int, members: IntArray, others: IntArray, difference: bool, adjacent: BoolArray | None = None
) -> Weights:
    """Unit and period weights of one cohort; `adjacent` (T − 1,): whether a period follows the last (None: all do)."""
    before, after = y[:, :start], y[:, start:]
    steps = np.diff(before[others], axis=1)
    steps = steps if adjacent is None else steps[:, adjacent[: start - 1]]
    noise = float(np.std(steps, ddof=1)) if steps.size > 1 else 0.0
    noise = noise or float(np.std(y)) or 1.0
    treated = before[members].mean(axis=0)
    if not difference:
        units = least_squares(before[others].T, treated, (FAINT * noise) ** 2)
        return Weights(start, members, others, units, np.zeros(start))
    ridge = np.sqrt(members.size * after.shape[1]) * noise**2
    units = least_squares(before[others].T, treated, float(ridge), intercept=True)
    periods = least_squares(before[others], after[others].mean(axis=1), (FAINT * noise) ** 2, intercept=True)
    return Weights(start, members, others, units, periods)


def gaps(y: FloatArray, weights: Weights) -> FloatArray:
    """(T,) treated mean less the weighted others, measured from the weighted periods before treatment."""
    gap = y[weights.treated].mean(axis=0) - weights.units @ y[weights.others]
    return np.asarray(gap - weights.periods @ gap[: weights.start])


def effect(y: FloatArray, weights: Weights) -> float:
    """Mean gap after treatment."""
    return float(gaps(y, weights)[weights.start :].mean())


def jackknife(y: FloatArray, synthetic: Synthetic) -> float:
    """Variance: each unit left out in turn, weights of the others kept and rescaled (algorithm 3 of the paper).

    NaN where a cohort has one treated unit, or one unit carries the whole comparison.
    """
    n, effects = y.shape[0], []
    for unit in range(n):
        parts = []
        for weights, share in zip(synthetic.weights, synthetic.shares, strict=True):
            treated = weights.treated[weights.treated != unit]
            kept = weights.others != unit
            total = float(weights.units[kept].sum())
            if not treated.size or total <= 1e-12:
                return float("nan")
            left = Weights(weights.start, treated, weights.others[kept], weights.units[kept] / total, weights.periods)
            parts.append(share * effect(y, left))
        effects.append(sum(parts))
    deviations = np.array(effects) - np.mean(effects)
    return float((n - 1) / n * (deviations @ deviations))


def placebo(y: FloatArray, cohorts: Cohorts, difference: bool, draws: int, rng: np.random.Generator) -> FloatArray:
    """(draws,) estimates for units never treated that are given the treated units' dates (algorithm 4 of the paper).

    Needs more untreated than treated units; takes the noise of both to be alike.
    """
    others = np.flatnonzero(~cohorts.treated)
    dates = cohorts.start[cohorts.treated]
    estimates = np.empty(draws)
    for draw in tracked(range(draws), draws, "placebos of synthetic weights"):
        order = rng.permutation(others)
        start = np.concatenate([dates, np.full(others.size - dates.size, cohorts.periods.size)])
        first = np.where(start < cohorts.periods.size, 0.0, np.inf)
        drawn = replace(cohorts, first=first, start=start.astype(np.intp))
        estimates[draw] = estimate(y[order], drawn, difference).estimate
    return estimates
