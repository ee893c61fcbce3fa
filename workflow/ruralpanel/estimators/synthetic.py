"""Synthetic control and synthetic difference in differences (Arkhangelsky et al. 2021)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ruralpanel.estimators import simplex
from ruralpanel.estimators.base import FloatArray, IntArray, times_of
from ruralpanel.estimators.cohorts import Cohorts
from ruralpanel.estimators.panel_grid import BoolArray
from ruralpanel.progress import tracked

FAINT = 1e-6
"""Ridge of period weights, and of the synthetic control's unit weights, in noise levels: makes them unique."""


@dataclass(frozen=True)
class Weights:
    """Weights of one cohort's comparison.

    Attributes
    ----------
    start : position of its first treated period. own : treated units. others : units never treated.
    units : (others,) sum to one. periods : (start,) of the periods before treatment, sum to one; zeros for the
        synthetic control, which compares levels.
    """

    start: int
    own: IntArray
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
    found = []
    for start in cohorts.starts:
        own = np.flatnonzero(cohorts.start == start)
        found.append(fit_weights(y, start, own, others, difference, adjacent))
    sizes = np.array([w.own.size * (y.shape[1] - w.start) for w in found], dtype=float)
    shares = sizes / sizes.sum()
    return Synthetic(float(shares @ [effect(y, w) for w in found]), tuple(found), shares)


def fit_weights(
    y: FloatArray, start: int, own: IntArray, others: IntArray, difference: bool, adjacent: BoolArray | None = None
) -> Weights:
    """Unit and period weights of one cohort; `adjacent` (T − 1,): whether a period follows the last (None: all do)."""
    before, after = y[:, :start], y[:, start:]
    steps = np.diff(before[others], axis=1)
    steps = steps if adjacent is None else steps[:, adjacent[: start - 1]]
    noise = float(np.std(steps, ddof=1)) if steps.size > 1 else 0.0
    noise = noise or float(np.std(y)) or 1.0
    treated = before[own].mean(axis=0)
    if not difference:
        units = simplex.least_squares(before[others].T, treated, (FAINT * noise) ** 2)
        return Weights(start, own, others, units, np.zeros(start))
    ridge = np.sqrt(own.size * after.shape[1]) * noise**2
    units = simplex.least_squares(before[others].T, treated, float(ridge), intercept=True)
    periods = simplex.least_squares(before[others], after[others].mean(axis=1), (FAINT * noise) ** 2, intercept=True)
    return Weights(start, own, others, units, periods)


def gaps(y: FloatArray, weights: Weights) -> FloatArray:
    """(T,) treated mean less the weighted others, measured from the weighted periods before treatment."""
    gap = y[weights.own].mean(axis=0) - weights.units @ y[weights.others]
    return np.asarray(gap - weights.periods @ gap[: weights.start])


def effect(y: FloatArray, weights: Weights) -> float:
    """Mean gap after treatment."""
    return float(gaps(y, weights)[weights.start :].mean())


def jackknife(y: FloatArray, found: Synthetic) -> float:
    """Variance: each unit left out in turn, weights of the others kept and rescaled (algorithm 3 of the paper).

    NaN where a cohort has one treated unit, or one unit carries the whole comparison.
    """
    n, effects = y.shape[0], []
    for unit in range(n):
        parts = []
        for weights, share in zip(found.weights, found.shares, strict=True):
            own = weights.own[weights.own != unit]
            kept = weights.others != unit
            total = float(weights.units[kept].sum())
            if not own.size or total <= 1e-12:
                return float("nan")
            left = Weights(weights.start, own, weights.others[kept], weights.units[kept] / total, weights.periods)
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
    found = np.empty(draws)
    for draw in tracked(range(draws), draws, "placebos of synthetic weights"):
        order = rng.permutation(others)
        start = np.concatenate([dates, np.full(others.size - dates.size, cohorts.periods.size)])
        first = np.where(start < cohorts.periods.size, 0.0, np.inf)
        drawn = replace(cohorts, first=first, start=start.astype(np.intp))
        found[draw] = estimate(y[order], drawn, difference).estimate
    return found
